"""Run a ReID model on crops of a frame: numpy, opencv and onnxruntime; OpenVINO is used where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from reid.card import Card, read_card
from reid.errors import ReidError

Pixels = npt.NDArray[np.uint8]
Run = Callable[[Pixels], npt.NDArray[np.float32]]
BATCH = 32  # beyond it a network's intermediate maps leave the cache, and the rate falls


def default_model() -> Path:
    """The packaged model file.

    Raises:
        ReidError: this installation has none.
    """
    path = Path(str(files("reid") / "weights" / "repvgg_medium_128x64.onnx"))
    if not path.is_file():
        raise ReidError(f"{path}: the packaged model is missing; reinstall, or give a model file")
    return path


class Embedder:
    """``Embedder()(frame, boxes)``: unit-length embeddings (N, width) float32 of boxes in a frame.

    ``model``: an ONNX file written by ``track reid export`` (default: the packaged one). ``runtime``: ``onnxruntime``,
    ``openvino`` or ``auto`` (OpenVINO where it is installed and can run the model). ``threads``: 0 lets the runtime
    choose. Attributes: ``card`` (the model's own card), ``runtime`` (what was chosen).

    Raises:
        ReidError: no such file, not a model with a card, or a runtime that is not installed.
    """

    def __init__(self, model: str | Path | None = None, runtime: str = "auto", threads: int = 0) -> None:
        path = Path(model) if model is not None else default_model()
        self.card: Card = read_card(path)
        if runtime not in {"auto", "onnxruntime", "openvino"}:
            raise ReidError(f"unknown runtime {runtime!r}: choose auto, onnxruntime or openvino")
        present = importlib.util.find_spec("openvino") is not None
        if runtime == "openvino" and not present:
            raise ReidError("openvino is not installed: pip install openvino, or use onnxruntime")
        self.runtime = ("openvino" if present else "onnxruntime") if runtime == "auto" else runtime
        self._run: Run
        try:
            self._run = (with_openvino if self.runtime == "openvino" else with_onnxruntime)(path, threads)
        except ReidError:
            if runtime != "auto" or self.runtime != "openvino":
                raise
            self.runtime, self._run = "onnxruntime", with_onnxruntime(path, threads)
        height, width = self.card.size
        self._batch: Pixels = np.zeros((BATCH, height, width, 3), dtype=np.uint8)

    def __call__(self, frame: Pixels, boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """``frame`` (H, W, 3) uint8 BGR; ``boxes`` (N, 4) float, corners x1, y1, x2, y2 in pixels. A box is clipped to
        the frame; one wholly outside is embedded as a black crop.

        Raises:
            ReidError: a frame or boxes of another shape, a box with NaN or infinity.
        """
        boxes = np.asarray(boxes, dtype=np.float64)
        if boxes.size == 0:
            return np.empty((0, self.card.width), dtype=np.float32)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ReidError(f"a frame must be uint8 BGR of shape (H, W, 3), not {frame.dtype} {frame.shape}")
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ReidError(f"boxes must have shape (N, 4), not {boxes.shape}")
        if not np.isfinite(boxes).all():
            raise ReidError(f"box {int(np.flatnonzero(~np.isfinite(boxes).all(1))[0])} holds NaN or infinity")
        height, width = frame.shape[:2]
        corners = np.empty(boxes.shape, dtype=np.int64)
        corners[:, :2] = np.clip(np.floor(boxes[:, :2]), 0, (width, height))
        corners[:, 2:] = np.clip(np.ceil(boxes[:, 2:]), 0, (width, height))
        size = self.card.size[1], self.card.size[0]
        rows: list[npt.NDArray[np.float32]] = []
        for start in range(0, len(boxes), BATCH):
            part = corners[start : start + BATCH].tolist()
            for target, (x1, y1, x2, y2) in zip(self._batch, part, strict=False):
                if x2 > x1 and y2 > y1:
                    cv2.resize(frame[y1:y2, x1:x2], size, dst=target)
                else:
                    target[:] = 0
            rows.append(self._forward(self._batch[: len(part)]))
        return np.concatenate(rows)

    def crops(self, images: Pixels) -> npt.NDArray[np.float32]:
        """Unit-length embeddings (N, width) of crops (N, H, W, 3) uint8 BGR, resized where their size differs."""
        size = self.card.size[1], self.card.size[0]
        rows = []
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            if part.shape[1:3] != self.card.size:
                for target, image in zip(self._batch, part, strict=False):
                    cv2.resize(image, size, dst=target)
                part = self._batch[: len(part)]
            rows.append(self._forward(np.ascontiguousarray(part)))
        return np.concatenate(rows) if rows else np.empty((0, self.card.width), dtype=np.float32)

    def _forward(self, batch: Pixels) -> npt.NDArray[np.float32]:
        ready = batch
        if not self.card.normalised:
            ready = (batch.astype(np.float32) - 128) / 64  # type: ignore[assignment]
        if self.card.layout == "NCHW":
            ready = np.ascontiguousarray(ready.transpose(0, 3, 1, 2))
        rows = self._run(ready)
        length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
        out: npt.NDArray[np.float32] = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
        return out


def with_onnxruntime(path: Path, threads: int) -> Run:
    """A function from input batch to embeddings, by onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: Pixels) -> npt.NDArray[np.float32]:
        rows: npt.NDArray[np.float32] = session.run(None, {name: batch})[0]
        return rows

    return run


def with_openvino(path: Path, threads: int) -> Run:
    """The same by OpenVINO. Batches are padded to a power of two, since it compiles once per shape."""
    import openvino

    try:
        core = openvino.Core()
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        compiled: dict[int, openvino.CompiledModel] = {}

        def model_for(size: int) -> openvino.CompiledModel:
            if size not in compiled:
                model = core.read_model(str(path))
                model.reshape([size, *list(model.input(0).partial_shape)[1:]])
                compiled[size] = core.compile_model(model, "CPU", settings)
            return compiled[size]

        model_for(1)
    except RuntimeError as error:
        raise ReidError(
            f"{path}: OpenVINO cannot run it ({str(error).strip().splitlines()[-1]}); use onnxruntime"
        ) from error

    def run(batch: Pixels) -> npt.NDArray[np.float32]:
        count = len(batch)
        size = 1 << (count - 1).bit_length()
        if size != count:
            batch = np.concatenate([batch, np.zeros((size - count, *batch.shape[1:]), dtype=batch.dtype)])
        rows: npt.NDArray[np.float32] = model_for(size)(batch)[0][:count].copy()
        return rows

    return run
