"""Appearance networks in ONNX files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.detect.session import TYPES, describe, device_of, image_input, open_session
from tracker.embed.crops import cut_crops
from tracker.embed.embedder import unit_rows
from tracker.embed.openvino import OpenVINO
from tracker.spelling import nearest

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LARGEST_BATCH = 32  # more crops at once are no faster on a CPU, and take the memory
RUNTIMES = ("onnxruntime", "openvino")
CARD = "reid.card"  # metadata key of models that describe themselves


class ONNXEmbedder:
    """A ReID network in an ONNX file: (N, D) float32 vectors of unit length.

    path       ONNX file: one input [N, 3, H, W] or [N, H, W, 3], float or uint8; vectors [N, D] as its first output
    order      colour order of the input, "RGB" or "BGR"
    scale      what pixels 0..255 are multiplied with first
    mean, std  then, per channel in the input's order: (pixel * scale - mean) / std
    size       (width, height) of a crop where the file leaves it open, 128x256 by default
    providers  onnxruntime's names, first choice first; the CPU by default
    runtime    "onnxruntime", or "openvino" where that is installed: on the CPU, and for the packaged model (int8) with
               embeddings that differ by up to 0.003
    threads    by default as many as this process may use; with 1 a pipeline embeds several frames of a file at once

    What is not given comes from the JSON in the file's metadata under ``reid.card`` (keys order, scale, mean, std),
    else: RGB with ImageNet's mean and std, as torchreid trains OSNet; for uint8 inputs BGR pixels as they are, because
    such a network normalises inside. Models of a fixed batch are fed in portions of it, others in up to 32 crops.

    Attributes: ``width`` D, ``size`` (width, height), ``device``, ``runtime``. Several threads may call an instance.
    Raises ValueError, in one line, for a missing or unreadable file, no ONNX model, an output that is not one vector
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
        runtime: str = "onnxruntime",
        threads: int | None = None,
    ) -> None:
        if runtime not in RUNTIMES:
            raise ValueError(
                f"unknown runtime {runtime!r}{nearest(runtime, RUNTIMES)}; there are {', '.join(RUNTIMES)}"
            )
        if runtime == "openvino" and providers is not None:
            raise ValueError("providers are onnxruntime's; leave them out with runtime='openvino'")
        self.name = os.path.basename(path)
        self.runtime = runtime
        self._session = open_session(path, providers=providers, threads=threads)
        self.device = device_of(self._session)
        self.concurrent = threads == 1
        source = image_input(path, self._session)
        self._feed, self._output = source.name, self._session.get_outputs()[0].name
        self._channels_last = source.shape[1] != 3
        self._dtype = TYPES[source.type]
        self._fixed = source.shape[0] if isinstance(source.shape[0], int) else None
        self.size = _crop_size(path, source.shape, size)

        given = {"order": order, "scale": scale, "mean": mean, "std": std}
        described = _card(path, self._session.get_modelmeta().custom_metadata_map)
        raw = self._dtype is np.uint8
        default = {
            "order": "BGR" if raw else "RGB",
            "scale": 1.0 if raw else 1 / 255,
            "mean": (0.0, 0.0, 0.0) if raw else IMAGENET_MEAN,
            "std": (1.0, 1.0, 1.0) if raw else IMAGENET_STD,
        }
        chosen = {key: _first(given[key], described.get(key), default[key]) for key in default}
        self._rgb, self._gain, self._bias = _normalisation(path, chosen)
        if raw and (self._bias.any() or (self._gain != 1).any()):
            raise ValueError(
                f"{path}: takes uint8 pixels, which cannot be normalised outside; leave scale, mean, std out"
            )
        self._openvino = None
        if runtime == "openvino":
            self._openvino = OpenVINO(path, fixed=self._fixed, threads=threads)
        self.width = self._probe(path)

    def __call__(self, image: NDArray[np.uint8], boxes: FloatArray) -> NDArray[np.float32]:
        """Vectors (N, D) of the boxes (N, 4) xyxy of a BGR uint8 picture (H, W, 3)."""
        return self.of_crops(cut_crops(image, boxes, self.size))

    def of_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors of BGR crops (N, height, width, 3) of the model's ``size``."""
        vectors = np.empty((len(crops), self.width), np.float32)
        largest = self._fixed or LARGEST_BATCH
        for start in range(0, len(crops), largest):
            part = crops[start : start + largest]
            answer = self._run(self._block(part))
            vectors[start : start + len(part)] = answer[: len(part)].reshape(len(part), -1)
        return unit_rows(vectors)

    def _block(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        """The crops (N, height, width, 3) as the network takes them; black ones follow where its batch is larger."""
        count, (width, height) = self._fixed or len(crops), self.size
        if self._dtype is np.uint8 and self._channels_last and not self._rgb and count == len(crops):
            return crops
        block = np.empty((count, height, width, 3) if self._channels_last else (count, 3, height, width), self._dtype)
        block[len(crops) :] = 0
        planes = block[: len(crops)].transpose(0, 3, 1, 2) if self._channels_last else block[: len(crops)]
        pixels = (crops[..., ::-1] if self._rgb else crops).transpose(0, 3, 1, 2)
        if self._dtype is np.uint8:
            np.copyto(planes, pixels)
        else:
            np.multiply(pixels, self._gain, out=planes, casting="same_kind")
            np.add(planes, self._bias, out=planes, casting="same_kind")
        return block

    def _run(self, block: NDArray[Any]) -> NDArray[Any]:
        if self._openvino is not None:
            return self._openvino(block)
        answer: NDArray[Any] = self._session.run([self._output], {self._feed: block})[0]
        return answer

    def _probe(self, path: str | os.PathLike[str]) -> int:
        """Run once, on black: the only sure way to know the width, and that the model runs."""
        count = self._fixed or 2  # two, so that an output without a batch axis cannot pass for one
        black = np.zeros((count, self.size[1], self.size[0], 3), np.uint8)
        try:
            answer = self._run(self._block(black))
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ValueError(f"{path}: does not run on {self.size[0]}x{self.size[1]} crops ({reason})") from None
        shape = np.shape(answer)
        if len(shape) not in (2, 4) or shape[0] != count or any(side != 1 for side in shape[2:]):
            raise ValueError(f"{path}: output {describe(shape)} is not one vector per crop; export embeddings [N, D]")
        return int(shape[1])


def _crop_size(path: str | os.PathLike[str], shape: Sequence[Any], asked: tuple[int, int] | None) -> tuple[int, int]:
    height, width = shape[2:4] if shape[1] == 3 else shape[1:3]
    if isinstance(height, int) and isinstance(width, int):
        if asked is not None and tuple(asked) != (width, height):
            raise ValueError(f"{path}: crops are fixed to {width}x{height}; leave size out")
        return width, height
    return asked or (128, 256)


def _card(path: str | os.PathLike[str], metadata: Mapping[str, str]) -> dict[str, Any]:
    if CARD not in metadata:
        return {}
    try:
        card = json.loads(metadata[CARD])
    except json.JSONDecodeError:
        card = None
    if not isinstance(card, dict):
        raise ValueError(f"{path}: metadata {CARD!r} is not a JSON object; export the model again")
    return card


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)


def _normalisation(
    path: str | os.PathLike[str], chosen: Mapping[str, Any]
) -> tuple[bool, NDArray[np.float32], NDArray[np.float32]]:
    """Whether the input is RGB, and (3, 1, 1) gain and bias with: input = pixel * gain + bias."""
    if chosen["order"] not in ("RGB", "BGR"):
        raise ValueError(f"{path}: order {chosen['order']!r} is unknown; use 'RGB' or 'BGR'")
    try:
        mean = np.asarray(chosen["mean"], dtype=np.float64).reshape(3, 1, 1)
        std = np.asarray(chosen["std"], dtype=np.float64).reshape(3, 1, 1)
        scale = float(chosen["scale"])
    except (TypeError, ValueError):
        raise ValueError(f"{path}: mean and std are three numbers each, and scale is one") from None
    if not (std > 0).all() or not np.isfinite(mean).all() or not np.isfinite(scale):
        raise ValueError(f"{path}: std must be positive, mean and scale finite")
    return chosen["order"] == "RGB", (scale / std).astype(np.float32), (-mean / std).astype(np.float32)
