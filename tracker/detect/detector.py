"""What a detector is: any callable from a picture to something ``as_detections`` understands."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from tracker.arrays import Image


class Detector(Protocol):
    """Any callable: BGR picture, uint8 (H, W, 3) -> Detections, or what ``tracker.detections.as_detections`` accepts.

    A function will do. A detector may also have these attributes, which the command reads:

    name         str, what to print
    class_names  Mapping[int, str], the name of each class number, for labels and files
    device       str, where it runs ("cpu", "cuda")
    reset        callable without arguments: forget what was learned from earlier pictures (a new video begins)
    concurrent   True where several threads may call it at once and no call depends on another: the frames of a file are
                 then given to as many threads as there are processors. Such a detector best uses one thread itself
    """

    def __call__(self, image: Image, /) -> Any: ...


def check_image(image: Any) -> Image:
    """The picture itself; ValueError unless it is a uint8 array (H, W, 3) with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"
        raise ValueError(f"picture is {found}; expected a BGR uint8 array (H, W, 3), as OpenCV reads it")
    if image.size == 0:
        raise ValueError(f"picture has shape {image.shape}; it needs at least one pixel")
    return image


def check_fraction(name: str, value: float) -> float:
    """``value`` as a float; ValueError unless it lies in 0..1."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name}={value:g} is outside 0..1; give a number such as 0.5")
    return float(value)
