"""What a person may say about a network where its file does not: class names, input size, device."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

ClassNames = Mapping[int, str] | Sequence[str] | str | os.PathLike[str] | None  # a text is a path


def size_of(imgsz: int | str | tuple[int, int] | None) -> tuple[int, int] | None:
    """The (height, width) of 640, "640", "640x480" (width x height) or (height, width); None for None.

    Raises ValueError for anything else.
    """
    if imgsz is None:
        return None
    sides: Sequence[object] = imgsz if isinstance(imgsz, (tuple, list)) else (imgsz, imgsz)
    if isinstance(imgsz, str):
        found = re.fullmatch(r"(\d{1,5})(?:\s*[xX]\s*(\d{1,5}))?", imgsz.strip())
        sides = (int(found[2] or found[1]), int(found[1])) if found is not None else ()
    match sides:
        case (int(height), int(width)) if height > 0 and width > 0:
            return height, width
    raise ValueError(f"imgsz={imgsz!r}: give pixels, as 640, or width x height, as 1280x736 (--imgsz)")


def providers_of(device: str | Sequence[str] | None) -> list[str] | None:
    """The names in "cuda,cpu", or those of a list; None for None."""
    if device is None:
        return None
    names = [name.strip() for name in device.split(",")] if isinstance(device, str) else list(device)
    number = names[0].lower().removeprefix("cuda:") if names else ""
    if number.isdecimal() or number in ("gpu", "mps"):
        meant = "coreml,cpu" if number == "mps" else "cuda,cpu"
        raise ValueError(f"device={device!r}: devices are onnxruntime's providers; give {meant} (--device {meant})")
    if not names or "" in names:
        raise ValueError(f"device={device!r}: give onnxruntime's providers, such as cuda,cpu (--device)")
    return names
