"""A trained network as one ONNX file whose boxes are finished: decoding and suppression are inside."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from tracker.io.whole import whole
from tracker.learn.net import Anchors, SmallNet, decoded

OVERLAP = 0.5  # IoU of two boxes of a class that are one object
LEAST = 0.05  # scores below are no boxes
MOST = 200  # boxes of a class in an image
OPSET = 17


class _Decoding(nn.Module):
    """RGB 0..255 (1, 3, H, W) -> boxes (1, A, 4), corners in pixels, scores (1, C, A), and vectors (1, A, D) if any."""

    def __init__(self, net: SmallNet, anchors: Anchors, size: tuple[int, int]) -> None:
        super().__init__()
        self.net = net.deployed()
        self.register_buffer("laid", torch.from_numpy(anchors.boxes(size)).float())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        logits, offsets, vectors = self.net(x)
        laid = self.laid
        assert isinstance(laid, Tensor)
        found = (decoded(offsets, laid), torch.sigmoid(logits).permute(0, 2, 1))
        return found if vectors is None else (*found, vectors)


def export(
    net: SmallNet,
    anchors: Anchors,
    size: tuple[int, int],
    names: Sequence[str],
    path: Path,
    *,
    metadata: Mapping[str, str],
    calibration: NDArray[np.uint8] | None = None,
) -> None:
    """Write the network for inputs of ``size`` (height, width): uint8 RGB (1, H, W, 3) in, rows (1, K, 6) out.

    Where it learned vectors, "embeddings" (1, K, D) are a second output, of unit length.

    metadata     what the file says beside its class names
    calibration  (N, H, W, 3) images to quantise it to int8 by; None: float
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        sample = torch.zeros(1, 3, *size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch recommends its newer exporter, which needs one more dependency
            torch.onnx.export(
                _Decoding(net, anchors, size).eval(),
                (sample,),
                str(plain),
                input_names=["pixels"],
                output_names=["boxes", "scores", "vectors"][: 2 if net.identity is None else 3],
                opset_version=OPSET,
                dynamo=False,
            )
        if calibration is not None:
            plain = _quantised(plain, calibration)
        model = onnx.load(str(plain))
    _take_bytes(model, size)
    _suppress(model)
    said = {**metadata, "names": json.dumps(dict(enumerate(names))), "task": "detect"}
    for key, value in said.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    with whole(path) as part:
        part.write_bytes(model.SerializeToString())


def _take_bytes(model: Any, size: tuple[int, int]) -> None:
    """Make the input uint8 (1, H, W, 3), so that no image is turned into floats first.

    In an int8 file the bytes are what the quantised pixels would be, for which their scale becomes 1.
    """
    graph = model.graph
    planes = "bytes"
    quantised = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "pixels"]
    for node in quantised:
        values = {one.name: one for one in graph.initializer}
        scale, zero = (values[name] for name in node.input[1:3])
        scale.CopyFrom(numpy_helper.from_array(np.array(1, dtype=np.float32), scale.name))
        zero.CopyFrom(numpy_helper.from_array(np.array(0, dtype=np.uint8), zero.name))
        planes = node.output[0]
        graph.node.remove(node)
    laid = helper.make_node("Transpose", ["images"], [planes], perm=[0, 3, 1, 2])
    graph.node.insert(0, laid)
    if not quantised:
        graph.node.insert(1, helper.make_node("Cast", [planes], ["pixels"], to=TensorProto.FLOAT))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.UINT8, [1, *size, 3]))


def _suppress(model: Any) -> None:
    """Add what makes rows (1, K, 6) of the outputs "boxes" and "scores": left, top, right, bottom, score, class.

    Of the output "vectors", if there is one, those of the rows become "embeddings" (1, K, D).
    """
    graph = model.graph
    embedded = [output.name for output in graph.output if output.name == "vectors"]
    constants: dict[str, NDArray[Any]] = {
        "most": np.array([MOST], dtype=np.int64),
        "overlap": np.array([OVERLAP], dtype=np.float32),
        "least": np.array([LEAST], dtype=np.float32),
        "column_1": np.array([1], dtype=np.int64),
        "column_2": np.array([2], dtype=np.int64),
        "first": np.array([0], dtype=np.int64),
        "last": np.array([1], dtype=np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, f"nms_{name}") for name, value in constants.items())
    node = helper.make_node
    graph.node.extend(
        [
            node("NonMaxSuppression", ["boxes", "scores", "nms_most", "nms_overlap", "nms_least"], ["nms_kept"]),
            node("Gather", ["nms_kept", "nms_column_1"], ["nms_class"], axis=1),
            node("Gather", ["nms_kept", "nms_column_2"], ["nms_anchor"], axis=1),
            node("Squeeze", ["nms_anchor", "nms_last"], ["nms_places"]),
            node("Squeeze", ["boxes", "nms_first"], ["nms_boxes"]),
            node("Gather", ["nms_boxes", "nms_places"], ["nms_corners"], axis=0),
            node("Concat", ["nms_class", "nms_anchor"], ["nms_where"], axis=1),
            node("Squeeze", ["scores", "nms_first"], ["nms_scores"]),
            node("GatherND", ["nms_scores", "nms_where"], ["nms_score"]),
            node("Unsqueeze", ["nms_score", "nms_last"], ["nms_score_column"]),
            node("Cast", ["nms_class"], ["nms_class_column"], to=TensorProto.FLOAT),
            node("Concat", ["nms_corners", "nms_score_column", "nms_class_column"], ["nms_rows"], axis=1),
            node("Unsqueeze", ["nms_rows", "nms_first"], ["detections"]),
        ]
    )
    for name in embedded:
        graph.node.append(node("Gather", [name, "nms_places"], ["nms_vectors"], axis=1))
        graph.node.append(node("LpNormalization", ["nms_vectors"], ["embeddings"], axis=2, p=2))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("detections", TensorProto.FLOAT, [1, "k", 6]))
    if embedded:
        graph.output.append(helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, [1, "k", "d"]))


def _quantised(plain: Path, images: NDArray[np.uint8]) -> Path:
    """The convolutions in int8, calibrated on images (Jacob et al. 2018); what decodes stays float."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationMethod
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            image = next(self.left, None)
            if image is None:
                return None
            return {"pixels": image[None].transpose(0, 3, 1, 2).astype(np.float32)}

    shaped, small = plain.with_name("shaped.onnx"), plain.with_name("small.onnx")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # onnxruntime logs advice on pre-processing through the root logger
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it calibrates
            quant_pre_process(str(plain), str(shaped))
            quantize_static(
                str(shaped),
                str(small),
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                op_types_to_quantize=["Conv", "Relu", "Add", "Resize"],
                nodes_to_exclude=[
                    n.name
                    for n in onnx.load(str(shaped)).graph.node
                    if not n.name.startswith("/net/") or n.name.startswith("/net/head")
                ],
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": 99.99},
            )
    finally:
        root.setLevel(level)
    return small
