"""What a detection head is: what a network's image input expects, and how its outputs become boxes.

A head is one file in ``tracker/detect/heads`` with one subclass of ``Head``; ``tracker.detect.heads`` finds it by the
name of the file.
"""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import EmbeddingArray, FloatArray, IntArray
from tracker.detect.metadata import names_in as names_in


class HeadError(ValueError):
    """The file is a good ONNX model, but no head reads its outputs, or more than one. ``outputs`` holds their names."""

    def __init__(self, message: str, outputs: Sequence[str]) -> None:
        super().__init__(message)
        self.outputs = tuple(outputs)


@dataclass(frozen=True)
class Preprocessing:
    """How a BGR image 0..255 becomes the input of a network; a head declares it once, as data.

    order      order of the colour channels in the input
    scale      factor on the pixels 0..255
    mean, std  then (pixel * scale - mean) / std, per channel in the order of the input
    fit        "letterbox" keeps the aspect ratio and pads; "stretch" fills the input and does not keep it
    pad        where the padding of a letterbox goes: "end" (right and bottom, the image at the top left) or "around"
    pad_value  its pixels, 0..255, before ``scale``
    rounding   how the size of the resized image becomes whole pixels

    An input of type uint8 takes the pixels as they are, because such a network normalises inside.
    """

    order: Literal["BGR", "RGB"]
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: Literal["letterbox", "stretch"] = "letterbox"
    pad: Literal["end", "around"] = "end"
    pad_value: int = 114
    rounding: Literal["down", "nearest"] = "nearest"


@dataclass(frozen=True, eq=False)
class Outputs:
    """All outputs of one run of a network on one image.

    arrays       each output by its name, in the order of the file, with its batch axis of 1
    input_shape  of the image input: (1, 3, H, W) or (1, H, W, 3)
    input_dtype  of the image input: float32, float16 or uint8
    file         the model's, where it is known
    """

    arrays: Mapping[str, NDArray[Any]]
    input_shape: tuple[int, ...]
    input_dtype: np.dtype[Any]
    file: Path | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image input in pixels; grids and priors follow from it."""
        axis = 2 if self.input_shape[1] == 3 else 1
        return self.input_shape[axis], self.input_shape[axis + 1]

    @property
    def first(self) -> NDArray[Any]:
        """The first output, for heads that have one."""
        return next(iter(self.arrays.values()))

    def mentions(self, *words: str) -> bool:
        """Whether the file has one of these words: exporters keep the names of a network's layers."""
        if self.file is None or not self.file.stat().st_size:
            return False
        with self.file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(word.encode()) >= 0 for word in words)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a head read from the outputs of one run; row n of every array belongs to object n.

    boxes       (N, 4) left, top, right, bottom in pixels of the network's input, float64
    scores      (N,) 0..1, float64
    classes     (N,) integers from 0
    embeddings  (N, D) appearance vectors, or None
    payload     (N, ...) anything else per object (landmarks, keypoints, masks), or None
    """

    boxes: FloatArray
    scores: FloatArray
    classes: IntArray
    embeddings: EmbeddingArray | None = None
    payload: NDArray[Any] | None = None

    def __getitem__(self, which: Any) -> Decoded:
        """The rows that ``which`` (boolean mask, slice or index array) selects."""
        return Decoded(
            self.boxes[which],
            self.scores[which],
            self.classes[which],
            None if self.embeddings is None else self.embeddings[which],
            None if self.payload is None else self.payload[which],
        )


@dataclass(frozen=True)
class Fit:
    """Where an image lies in the input of a network: input = image * zoom + shift, per axis.

    shift  (2,) pixels of the input, x and y
    zoom   (2,) pixels of the input per pixel of the image, x and y
    image  (height, width) of the image
    input  (height, width) of the input
    """

    shift: FloatArray
    zoom: FloatArray
    image: tuple[int, int]
    input: tuple[int, int]

    def to_image(self, points: FloatArray) -> FloatArray:
        """Points (..., 2) of the input in pixels of the image; boxes (N, 4) are two points each."""
        pairs = points.reshape(*points.shape[:-1], points.shape[-1] // 2, 2)
        moved: FloatArray = ((pairs - self.shift) / self.zoom).reshape(points.shape)
        return moved


class Head(ABC):
    """One convention of outputs. An instance is a head as it fits one model: number of classes, layout, grids.

    name           how it is chosen: the name of its file, with "-" for "_"
    form           the outputs it reads, for errors and docs/detectors.md; "{cells}" becomes the number of cells of the
                   grids of strides 8, 16 and 32
    preprocessing  what the network's input expects
    suppress       whether boxes of one object are still to be thinned out (non-maximum suppression per class)
    embeds         whether ``decode`` gives embeddings, so that no embedder has to run
    labels         the names of the classes where the head itself knows them, or None
    classes        how many classes the model has
    likely         False where the shapes allow this head but nothing speaks for it: it then counts only when named
    """

    name: ClassVar[str]
    form: ClassVar[str]
    preprocessing: ClassVar[Preprocessing]
    suppress: bool = True
    embeds: ClassVar[bool] = False
    labels: ClassVar[tuple[str, ...] | None] = None
    classes: int
    likely: bool = True

    @classmethod
    @abstractmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> Head | None:
        """The head as it fits a model, or None where its outputs are no such head.

        outputs   of one run on plain grey (114 in every channel, of float inputs 114 / 255): names, shapes, values, and
                  the input's shape and type
        metadata  the map of texts in the ONNX file
        """

    @abstractmethod
    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The objects with a score of at least ``conf``, 0..1; only those need computing."""

    def with_names(self, count: int) -> Head:
        """The head now that ``count`` class names are known; overridden where the outputs leave the number open."""
        return self

    def complete(self, payload: NDArray[Any], outputs: Outputs) -> NDArray[Any]:
        """The payload of the objects that stay; overridden where it is too costly for all, such as masks."""
        return payload

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """A payload (N, ...) in pixels of the image; overridden where it holds coordinates."""
        return payload
