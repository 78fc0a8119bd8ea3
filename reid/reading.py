"""What crops a model takes that does not say so itself: ``--size`` and ``--normalise``, for models from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reid.errors import ReidError
from tracker.spelling import nearest

Triple = tuple[float, float, float]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NAMES: dict[str, tuple[float, Triple, Triple]] = {
    "imagenet": (1 / 255, MEAN, STD),
    "unit": (1 / 255, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "symmetric": (1 / 255, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "pixels": (1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
BGR = "bgr-"
HELP = (
    "what a model without a card takes: imagenet (RGB, ImageNet's mean and std; default of .onnx), unit (0..1), "
    "symmetric (-1..1) or pixels (0..255); bgr- in front for BGR"
)


@dataclass(frozen=True)
class Reading:
    """(pixel * scale - mean) / std in colour ``order``, and the ``size`` (width, height) of a crop in pixels; None
    leaves it to the file."""

    order: Literal["RGB", "BGR"] | None = None
    scale: float | None = None
    mean: Triple | None = None
    std: Triple | None = None
    size: tuple[int, int] | None = None


def reading(size: tuple[int, int] | None, normalise: str | None, prefix: str = "--") -> Reading:
    """What the options say; ``size`` is (height, width). ``prefix``: of the options' names, for errors.

    Raises:
        ReidError: an unknown name; the nearest is suggested.
    """
    crop = None if size is None else (size[1], size[0])
    if normalise is None:
        return Reading(size=crop)
    name = normalise.removeprefix(BGR)
    if name not in NAMES:
        raise ReidError(
            f"{prefix}normalise {normalise!r} is unknown{nearest(name, NAMES)}; choose {', '.join(NAMES)}, "
            f"or one of them after {BGR}"
        )
    scale, mean, std = NAMES[name]
    return Reading("BGR" if normalise.startswith(BGR) else "RGB", scale, mean, std, crop)
