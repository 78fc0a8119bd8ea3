"""Rescale a model's cosine distances so that one in 10,000 pairs of different people is nearer than 0.2.

Trackers compare distances with a fixed threshold (DeepSORT's published one is 0.2), but each network has a scale of its
own. With galleries of up to 100 embeddings, one pair in 10,000 is at most one track in a hundred. A constant component
c appended to unit embeddings turns each distance d into d / (1 + c^2), which changes no ranking. It takes the place of
the direction in which the embeddings vary least, so their width stays.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from reid.card import write_model
from reid.data import Crops
from reid.embed import open_model
from reid.errors import ReidError
from reid.evaluate import unit


def calibrate(path: str | Path, crops: Crops, at: float = 0.2, rate: float = 1e-4) -> float:
    """Rewrite the model at ``path`` so that the share ``rate`` (0..1) of the pairs of different people in ``crops`` is
    nearer than the cosine distance ``at`` (0..1). Give people it was not trained on. Returns the constant squared.

    Raises:
        ReidError: fewer than two people, ``at`` or ``rate`` outside 0..1, ``at`` too large for the distances, or a
            model that is calibrated already.
    """
    if not (0 < at < 1 and 0 < rate < 1):
        raise ReidError(f"distance and rate must lie between 0 and 1, not {at} and {rate}")
    rows = unit(open_model(path, "onnxruntime").of_crops(crops.images))
    _, directions = np.linalg.eigh(rows.T @ rows)
    kept = directions[:, 1:]
    small = unit(rows @ kept)
    other = np.triu(crops.ids[:, None] != crops.ids[None, :])
    if not other.any():
        raise ReidError("calibration needs crops of at least two people")
    edge = float(np.quantile((1 - small @ small.T)[other], rate))
    square = edge / at - 1
    if square < 0:
        raise ReidError(
            f"{rate:g} of the pairs of different people are nearer than {edge:.2f}: calibrate at less than that"
        )
    append(Path(path), kept.astype(np.float32), float(np.sqrt(square)))
    return square


def append(path: Path, kept: npt.NDArray[np.float32], constant: float) -> None:
    """Make the model project its output on ``kept`` (D, D - 1), scale it to length 1 and append ``constant``."""
    model = onnx.load(str(path))
    graph = model.graph
    if any(tensor.name == "calibrate_kept" for tensor in graph.initializer):
        raise ReidError(f"{path}: is calibrated already; export it again to calibrate it anew")
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == "embeddings":
                    names[index] = "uncalibrated"
    graph.initializer.extend([
        numpy_helper.from_array(kept, "calibrate_kept"),
        numpy_helper.from_array(np.array([0, 0, 0, 1], dtype=np.int64), "calibrate_pads"),
        numpy_helper.from_array(np.array(constant, dtype=np.float32), "calibrate_constant"),
    ])  # fmt: skip
    graph.node.extend([
        helper.make_node("MatMul", ["uncalibrated", "calibrate_kept"], ["projected"]),
        helper.make_node("ReduceL2", ["projected"], ["length"], axes=[1], keepdims=1),
        helper.make_node("Div", ["projected", "length"], ["direction"]),
        helper.make_node("Pad", ["direction", "calibrate_pads", "calibrate_constant"], ["embeddings"]),
    ])  # fmt: skip
    del graph.value_info[:]
    onnx.checker.check_model(model)
    write_model(model, path)
