"""Networks that answer the same to any image, with outputs of any type and inputs beside the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

KINDS = {"f": "FLOAT", "u": "UINT8", "i": "INT64"}


def answering(
    path: Path,
    outputs: Mapping[str, Any],
    *,
    image: Sequence[int | str] = (1, 3, 64, 64),
    image_type: str = "FLOAT",
    sizes: str | None = None,
    scaled: str | None = None,
    mask: Sequence[int | str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write the network to ``path``.

    outputs  by name, in this order; floats become float32, whole numbers int64
    image    shape of the input ``images``
    sizes    the name of a second input, int64 [1, 2], or None
    mask     shape of the input ``pixel_mask``, int64, by whose largest number ``scaled`` is multiplied, or None
    scaled   the output that is multiplied by that input twice over, as RT-DETR's boxes are
    """
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    helper, types = onnx.helper, onnx.TensorProto
    nodes, infos = [], []
    for name, value in outputs.items():
        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        inner = f"{name}_parts" if name == scaled else name
        nodes.append(helper.make_node("Constant", [], [inner], value=onnx.numpy_helper.from_array(array, inner)))
        infos.append(helper.make_tensor_value_info(name, getattr(types, KINDS[array.dtype.kind]), None))
    if mask is not None:
        nodes += [
            helper.make_node("ReduceMax", ["pixel_mask"], ["largest"], keepdims=0),
            helper.make_node("Cast", ["largest"], ["as_float"], to=types.FLOAT),
            helper.make_node("Mul", [f"{scaled}_parts", "as_float"], [scaled]),
        ]
    elif scaled is not None:
        nodes += [
            helper.make_node("Cast", [sizes], ["as_float"], to=types.FLOAT),
            helper.make_node("Concat", ["as_float", "as_float"], ["twice"], axis=1),
            helper.make_node("Mul", [f"{scaled}_parts", "twice"], [scaled]),
        ]
    inputs = [helper.make_tensor_value_info("images", getattr(types, image_type), list(image))]
    if mask is not None:
        inputs.append(helper.make_tensor_value_info("pixel_mask", types.INT64, list(mask)))
    if sizes is not None:
        inputs.append(helper.make_tensor_value_info(sizes, types.INT64, [1, 2]))
    model = helper.make_model(
        helper.make_graph(nodes, "made", inputs, infos), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    helper.set_model_props(model, dict(metadata or {}))
    path.write_bytes(model.SerializeToString())
    return path
