"""Static int8 quantisation of an exported model, calibrated on real crops.

Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
(CVPR 2018), section 2; onnxruntime does the arithmetic. The uint8 pixels serve as the first quantised tensor (scale
1/64, zero point 128), so normalising them costs nothing at run time.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import CalibrationMethod
from onnxruntime.quantization.shape_inference import quant_pre_process

from reid.card import Card
from reid.errors import ReidError
from reid.export import export, write_card
from reid.models import ReidNet
from reid.models.net import MEAN, SCALE


class Reader(CalibrationDataReader):  # type: ignore[misc]
    """Gives onnxruntime the calibration crops (N, H, W, 3) one by one: its histograms need batches of one size."""

    def __init__(self, crops: npt.NDArray[np.uint8]) -> None:
        ready = ((crops.astype(np.float32) - MEAN) / SCALE).transpose(0, 3, 1, 2)
        self.batches = iter([np.ascontiguousarray(crop[None]) for crop in ready])

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self.batches, None)
        return None if batch is None else {"crops": batch}


def quantise(net: ReidNet, path: str | Path, card: Card, crops: npt.NDArray[np.uint8]) -> None:
    """Write ``net`` to ``path`` as int8 (weights per channel, activations uint8); it takes uint8 BGR (N, H, W, 3).

    ``crops`` (N, H, W, 3) uint8 calibrate the ranges of the activations; a hundred or two suffice. Ranges end at the
    99.99th percentile: ending at the extremes cost 0.3 to 2 mAP here. The embedding layer stays float.

    Raises:
        ReidError: no crops, crops of another size than ``card.size``, or the file cannot be written.
    """
    if len(crops) == 0 or crops.shape[1:3] != card.size:
        raise ReidError(f"calibration needs crops of {card.size[0]}x{card.size[1]} pixels, got {crops.shape}")
    target = Path(path)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # onnxruntime logs advice on pre-processing through the root logger
    try:
        # Redirected, because onnxruntime prints what it calibrates.
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            plain, shaped, small = (Path(folder) / f"{name}.onnx" for name in ("plain", "shaped", "small"))
            export(net, plain, replace(card, normalised=False))
            quant_pre_process(str(plain), str(shaped))
            dense = [node.name for node in onnx.load(str(shaped)).graph.node if node.op_type in {"Gemm", "MatMul"}]
            quantize_static(
                str(shaped), str(small), Reader(crops), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=dense,
                calibrate_method=CalibrationMethod.Percentile, extra_options={"CalibPercentile": 99.99},
            )  # fmt: skip
            take_pixels(small, card.size)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_card(small, target, replace(card, normalised=True, layout="NHWC", width=net.width))
    except OSError as error:
        raise ReidError(f"{target}: cannot be written ({error}); free some space or choose another place") from error
    finally:
        root.setLevel(level)


def take_pixels(path: Path, size: tuple[int, int]) -> None:
    """Replace the float input of the model at ``path`` and its quantisation by uint8 pixels (N, H, W, 3); ``size``
    (height, width).

    Raises:
        ReidError: a model that reads its input in more than one place.
    """
    model = onnx.load(str(path))
    graph = model.graph
    entry = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "crops")
    reader = next(
        node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] == entry.output[0]
    )
    if any("crops" in node.input for node in graph.node if node is not entry):
        raise ReidError("this model reads its input in two places, so it cannot take pixels; export it without int8")
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 / SCALE, dtype=np.float32), "pixel_scale"),
            numpy_helper.from_array(np.array(MEAN, dtype=np.uint8), "pixel_zero"),
        ]
    )
    reader.input[1], reader.input[2] = "pixel_scale", "pixel_zero"
    turned = helper.make_node("Transpose", ["crops"], [entry.output[0]], name="to_channels", perm=[0, 3, 1, 2])
    graph.node.remove(entry)
    graph.node.insert(0, turned)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("crops", TensorProto.UINT8, ["n", *size, 3]))
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
