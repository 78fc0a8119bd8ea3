"""Text as antialiased patches, each drawn once and kept.

The typeface is Aileron (CC0), which Pillow brings; it has ASCII only, so other text is set in DejaVu Sans where that is
installed.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tracker.arrays import Image
from tracker.draw.palette import Colour
from tracker.spelling import shown

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

DARK, LIGHT = (20, 20, 20), (255, 255, 255)
BRIGHT = 128  # luma from which a colour goes with dark text


def ink_on(colour: Colour) -> Colour:
    """Dark or light, whichever is read more easily on a BGR colour."""
    blue, green, red = colour
    return DARK if 0.114 * blue + 0.587 * green + 0.299 * red >= BRIGHT else LIGHT


@lru_cache(maxsize=64)
def edge_of(colour: Colour) -> Colour:
    """Half way from a BGR colour to the ink on it: sets a line off from an image that is like it."""
    blue, green, red = ((one + ink) // 2 for one, ink in zip(colour, ink_on(colour), strict=True))
    return blue, green, red


def size_for(height: int, width: int) -> int:
    """The size of text in pixels, for an image of so many."""
    return max(11, round(6 + min(height, width) / 70))


@lru_cache(maxsize=4096)
def chip(text: str, size: int, ground: Colour, ink: Colour) -> Image:
    """(h, w, 3) BGR: one line of text of ``size`` pixels on a ground, with a margin. Do not write on it.

    Control characters are escaped.
    """
    from PIL import Image as Pillow
    from PIL import ImageDraw

    text = shown(text)
    font = _font(size, text.isascii())
    left, _, right, _ = font.getbbox(text)
    pad = max(2, size // 5)
    # Capitals and digits span 0.72 of the size; what hangs below the line has the margin.
    top, _, bottom = (font.getbbox("0")[k] for k in (1, 2, 3))
    below = max(pad, font.getbbox(text)[3] - bottom + 1)
    wide, high = int(right - left) + 2 * pad, int(bottom - top) + pad + int(below)
    patch = Pillow.new("L", (max(wide, high), high), 0)
    start = (patch.width - (right - left)) / 2 - left
    ImageDraw.Draw(patch).text((round(start), pad - top), text, fill=255, font=font)
    share = np.asarray(patch, dtype=np.float32)[:, :, None] / 255
    out: Image = np.rint(share * np.array(ink) + (1 - share) * np.array(ground)).astype(np.uint8)
    out.setflags(write=False)
    return out


@lru_cache(maxsize=32)
def _font(size: int, ascii_only: bool) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    if not ascii_only:
        plots = find_spec("matplotlib")
        beside = [] if plots is None or plots.origin is None else [Path(plots.origin).parent]
        for file in ("DejaVuSans.ttf", *(str(at / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf") for at in beside)):
            try:
                return ImageFont.truetype(file, size)
            except OSError:
                continue
    return ImageFont.load_default(size)


def put(image: Image, patch: Image, left: int, top: int) -> None:
    """Copy a patch into an image, in place; what lies outside is cut off."""
    height, width = image.shape[:2]
    high, wide = patch.shape[:2]
    x, y = max(left, 0), max(top, 0)
    right, bottom = min(left + wide, width), min(top + high, height)
    if x < right and y < bottom:
        image[y:bottom, x:right] = patch[y - top : bottom - top, x - left : right - left]
