"""Signs of a camera that sends, and sees nothing: the same image again and again, black, another size."""

from __future__ import annotations

import numpy as np

from tracker.arrays import Image

STRIDE = 8  # every so many rows and columns are looked at
DARK = 16  # of 255: video black, with its noise


class Signs:
    """``look`` at each image; what it finds is said once, and again only after it was over.

    patience  seconds for which it must last
    frozen, black  whether it does now
    """

    def __init__(self, patience: float) -> None:
        self.frozen = self.black = False
        self._patience = patience
        self._last: Image | None = None
        self._size: tuple[int, int] | None = None
        self._same_since: float | None = None
        self._black_since: float | None = None

    def look(self, image: Image, now: float) -> list[str]:
        """What is new of an image (H, W, 3) that came at ``now`` seconds, a line each."""
        said = []
        size = (image.shape[1], image.shape[0])
        if self._size is not None and size != self._size:
            said.append("the image size changed from {}x{} to {}x{}".format(*self._size, *size))
        self._size = size
        part = image[::STRIDE, ::STRIDE].copy()
        dark = int(part.max(initial=0)) <= DARK
        same = self._last is not None and part.shape == self._last.shape and np.array_equal(part, self._last)
        self._last = part
        self._black_since = (self._black_since if self._black_since is not None else now) if dark else None
        self._same_since = (self._same_since if self._same_since is not None else now) if same and not dark else None
        black, frozen = self._lasts(self._black_since, now), self._lasts(self._same_since, now)
        if black and not self.black:
            said.append(f"the image has been black for {self._patience:g} s (lens covered, or no light?)")
        if frozen and not self.frozen:
            said.append(f"the image has not changed for {self._patience:g} s (a frozen camera?)")
        self.black, self.frozen = black, frozen
        return said

    def _lasts(self, since: float | None, now: float) -> bool:
        return since is not None and now - since >= self._patience
