"""ReID networks in model files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import EmbeddingArray, FloatArray, Image
from tracker.detect.files import IR, files_of
from tracker.detect.metadata import task_in
from tracker.detect.session import describe
from tracker.embed.crops import cut_crops, resized
from tracker.embed.embedder import unit_rows
from tracker.embed.preprocess import preprocessing
from tracker.embed.runner import open_runner
from tracker.io.digest import sha256_of

LARGEST_BATCH = 32  # more crops at once are no faster on a CPU, and take the memory


class ONNXEmbedder:
    """A ReID network in an ONNX file, or in OpenVINO's own format: (N, D) float32 embeddings of unit length.

    path       ONNX file, or OpenVINO's ``.xml`` with its ``.bin`` beside it: one input [N, 3, H, W] or [N, H, W, 3],
               float or uint8; embeddings [N, D] as its first output
    order      colour order of the input, "RGB" or "BGR"
    scale      what pixels 0..255 are multiplied with first
    mean, std  then, per channel in the input's order: (pixel * scale - mean) / std
    size       (width, height) of a crop where the file leaves it open, 128x256 by default
    providers  onnxruntime's names, first choice first; the CPU by default
    runtime    "onnxruntime", the default for ONNX files, or "openvino" where that is installed: on the CPU, and for the
               packaged model (int8) with embeddings that differ by up to 0.003
    threads    by default as many as this process may use; with 1 a pipeline embeds several frames of a file at once

    What is not given comes from the JSON in the file's metadata under ``reid.card`` (keys order, scale, mean, std),
    else: RGB with ImageNet's mean and std, as torchreid trains OSNet; for uint8 inputs and ``.xml`` files BGR pixels as
    they are, because such a network normalises inside. Models of a fixed batch are fed in portions of it, others in up
    to 32 crops.

    Attributes: ``width`` D, ``size`` (width, height), and those of ``Embedder``; the fingerprint is the SHA-256 of the
    file (of an ``.xml`` and its ``.bin`` one after the other, likewise with ONNX weights in files of their own),
    followed by what of order, scale, mean, std and size was given. Several threads may call an instance.
    Raises ValueError, in one line, for a missing or unreadable file, no such model, an output that is not one vector
    per crop, a runtime that is not installed, or parameters that do not fit.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        order: Literal["RGB", "BGR"] | None = None,
        scale: float | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        size: tuple[int, int] | None = None,
        providers: Sequence[str] | None = None,
        runtime: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._runner = open_runner(path, runtime=runtime, providers=providers, threads=threads)
        given = {"order": order, "scale": scale, "mean": mean, "std": std}
        by_hand = {**given, "size": size}
        said = "".join(f" {key}={value}" for key, value in by_hand.items() if value is not None)
        self.fingerprint = sha256_of(files_of(path)) + said
        self.name = os.path.basename(path)
        self.runtime = self._runner.runtime
        self.device = self._runner.device
        self.concurrent = threads == 1
        shape = self._runner.shape
        channels_last = shape[1] != 3
        self.size = _crop_size(path, shape[1:3] if channels_last else shape[2:4], size)
        self._preprocessing = preprocessing(
            path,
            given,
            self._runner.metadata,
            self._runner.dtype,
            channels_last,
            plain=Path(path).suffix.lower() == IR,
        )
        if task_in(self._runner.metadata) == "classify":
            raise ValueError(f"{path}: is a classifier (task classify), no embedder (--reid); export embeddings")
        self.width = self._probe(path)

    def __call__(self, image: Image, boxes: FloatArray) -> EmbeddingArray:
        """Embeddings (N, D) of the boxes (N, 4) xyxy of a BGR uint8 image (H, W, 3)."""
        return self.of_crops(cut_crops(image, boxes, self.size))

    def of_crops(self, crops: NDArray[np.uint8]) -> EmbeddingArray:
        """Embeddings (N, D) of BGR crops (N, H, W, 3), resized where they do not have the model's ``size``."""
        vectors = np.empty((len(crops), self.width), np.float32)
        largest = self._runner.fixed or LARGEST_BATCH
        for start in range(0, len(crops), largest):
            part = resized(crops[start : start + largest], self.size)
            answer = self._runner(self._preprocessing.block(part, self._runner.fixed or len(part)))
            vectors[start : start + len(part)] = answer[: len(part)].reshape(len(part), -1)
        return unit_rows(vectors)

    def _probe(self, path: str | os.PathLike[str]) -> int:
        """Run once, on black: the only sure way to know the width, and that the model runs."""
        count = self._runner.fixed or 2  # two, so that an output without a batch axis cannot pass for one
        black = np.zeros((count, self.size[1], self.size[0], 3), np.uint8)
        try:
            answer = self._runner(self._preprocessing.block(black, count))
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ValueError(f"{path}: does not run on {self.size[0]}x{self.size[1]} crops ({reason})") from None
        shape = np.shape(answer)
        if len(shape) not in (2, 4) or shape[0] != count or any(side != 1 for side in shape[2:]):
            detector = "; if it is a detector, pass it as --detector" if len(shape) == 3 else ""
            raise ValueError(
                f"{path}: output {describe(shape)} is not one vector per crop; export embeddings [N, D]{detector}"
            )
        return int(shape[1])


def _crop_size(
    path: str | os.PathLike[str], sides: Sequence[int | str | None], asked: tuple[int, int] | None
) -> tuple[int, int]:
    """(width, height) of the crops, from the input's height and width, which the file may leave open."""
    height, width = sides
    if isinstance(height, int) and isinstance(width, int):
        if asked is not None and tuple(asked) != (width, height):
            raise ValueError(f"{path}: crops are fixed to {width}x{height}; leave size out")
        return width, height
    return asked or (128, 256)
