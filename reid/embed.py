"""Run a ReID model on crops. ``tracker.embed`` does the work; here a model has its card, and errors are ReidError."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reid.card import Card, check_model, read_card
from reid.errors import ReidError
from reid.reading import Reading
from tracker.embed import ONNXEmbedder
from tracker.embed.runner import RUNTIMES
from tracker.embed.select import packaged_model
from tracker.spelling import nearest

Pixels = npt.NDArray[np.uint8]
AUTO = "auto"


def default_model() -> Path:
    """The packaged model file.

    Raises:
        ReidError: this installation has none.
    """
    try:
        return packaged_model()
    except ValueError as error:
        raise ReidError(str(error)) from error


def open_model(model: str | Path, runtime: str = AUTO, threads: int = 0, given: Reading | None = None) -> ONNXEmbedder:
    """The embedder of any model that ``track --reid`` takes: ONNX with or without a card, or OpenVINO's ``.xml``.

    ``model``: a file, or ``default`` for the packaged one. ``runtime``: ``onnxruntime``, ``openvino`` or ``auto``
    (OpenVINO where it is installed and can run the model). ``threads``: 0 for as many as this process may use.
    ``given``: how it wants its crops, before what its card or its kind of file says.

    Raises:
        ReidError: no such file, not such a model, or a runtime that is not installed.
    """
    given = given or Reading()
    path = default_model() if model == "default" else Path(model)
    check_model(path)
    known = (AUTO, *RUNTIMES)
    if runtime not in known:
        raise ReidError(f"unknown runtime {runtime!r}{nearest(runtime, known)}; choose {', '.join(known)}")
    if runtime == AUTO and find_spec("openvino") is not None:
        with suppress(ValueError):
            return opened(path, "openvino", threads, given)
    try:
        return opened(path, None if runtime == AUTO else runtime, threads, given)
    except ValueError as error:
        raise ReidError(str(error)) from error


def opened(path: Path, runtime: str | None, threads: int, given: Reading) -> ONNXEmbedder:
    """The embedder; ``ONNXEmbedder`` says what it raises."""
    return ONNXEmbedder(
        path, order=given.order, scale=given.scale, mean=given.mean, std=given.std, size=given.size,
        runtime=runtime, threads=threads or None,
    )  # fmt: skip


class Embedder:
    """``Embedder()(frame, boxes)``: unit-length embeddings (N, width) float32 of the boxes in a frame.

    ``model``: an ONNX file written by ``track reid export`` (default: the packaged one). ``runtime`` and ``threads``:
    as for ``open_model``. Attributes: ``card`` (what the model says about itself), ``runtime`` (which one runs it).

    Raises:
        ReidError: no such file, not a model with a card, or a runtime that is not installed.
    """

    def __init__(self, model: str | Path | None = None, runtime: str = AUTO, threads: int = 0) -> None:
        path = Path(model) if model is not None else default_model()
        self.card: Card = read_card(path)
        self._embedder = open_model(path, runtime, threads)
        self.runtime: str = self._embedder.runtime

    def __call__(self, frame: Pixels, boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """``frame`` (H, W, 3) uint8 BGR; ``boxes`` (N, 4) float, corners x1, y1, x2, y2 in pixels. A box is cut at the
        frame's border; one wholly outside is embedded as a black crop.

        Raises:
            ReidError: a frame or boxes of another shape, a box with NaN or infinity.
        """
        try:
            return self._embedder(frame, np.asarray(boxes, dtype=np.float64))
        except ValueError as error:
            raise ReidError(str(error)) from error

    def crops(self, images: Pixels) -> npt.NDArray[np.float32]:
        """Unit-length embeddings (N, width) of crops (N, H, W, 3) uint8 BGR, resized where their size differs."""
        return self._embedder.of_crops(images)
