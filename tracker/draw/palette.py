"""Colours and shapes that tell the tracks on screen apart, for people with and without colour vision deficiency.

Any two of the eight colours differ by a CIEDE2000 dE of 25 or more, as seen with normal sight and as a deuteranope sees
them (Machado 2009, severity 1), and by 15 or more for a protanope. No list of nine was found that does: a deuteranope
sees a plane of colours, not a space. Beyond eight tracks a colour comes again, far from its other owners, with another
shape.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray, IntArray

Colour = tuple[int, int, int]

# BGR: orange, cyan, blue, cream, magenta, teal, plum, dark red; each far from the two before it.
COLOURS: tuple[Colour, ...] = (
    (0, 75, 255),
    (255, 255, 135),
    (255, 0, 0),
    (180, 255, 240),
    (255, 75, 225),
    (135, 165, 45),
    (90, 30, 135),
    (0, 0, 150),
)
SHAPES = ("disc", "square", "triangle", "diamond")

REMEMBERED = 4096  # tracks whose colour is known; those unseen for longest are forgotten first


def colour_of(id: int) -> Colour:
    """The BGR colour that an id has where it is free. Eight successive ids have eight colours."""
    return COLOURS[(id - 1) % len(COLOURS)]


@dataclass(frozen=True)
class Mark:
    """How a track is drawn: numbers in ``COLOURS`` and ``SHAPES``."""

    colour: int
    shape: int


class Palette:
    """Gives the tracks on screen their marks.

    A track keeps its mark while it stays on screen. A new one gets the colour of its id (``colour_of``), or the next
    that nobody on screen has; where all are taken, the one whose owners are farthest away. One that comes back has its
    old colour where that is free. The same tracks in the same order of frames get the same marks.
    """

    def __init__(self) -> None:
        self._marks: OrderedDict[int, Mark] = OrderedDict()
        self._on_screen: set[int] = set()

    def update(self, ids: IntArray, boxes: FloatArray) -> list[Mark]:
        """The marks of the tracks on screen now; ids (N,), boxes (N, 4) in pixels, each N in the same order."""
        names: list[int] = ids.tolist()
        staying = self._on_screen.intersection(names)
        where = {id: k for k, id in enumerate(names)}
        settled = sorted(staying)
        for id in sorted(set(names) - staying):
            self._marks[id] = self._choose(id, settled, where, boxes)
            settled.append(id)
        for id in names:
            self._marks.move_to_end(id)
        self._on_screen = set(names)
        while len(self._marks) > max(REMEMBERED, len(names)):
            self._marks.popitem(last=False)
        return [self._marks[id] for id in names]

    def _choose(self, id: int, others: list[int], where: dict[int, int], boxes: FloatArray) -> Mark:
        """The mark of a track that comes on screen, where ``others`` have theirs."""
        n = len(COLOURS)
        known = self._marks.get(id)
        wanted = (id - 1) % n if known is None else known.colour
        owners: list[list[int]] = [[] for _ in COLOURS]
        for other in others:
            owners[self._marks[other].colour].append(other)
        order = [(wanted + k) % n for k in range(n)]
        free = [colour for colour in order if not owners[colour]]
        if free:
            return Mark(free[0], free[0] % len(SHAPES))
        centre = _centre(boxes[where[id]])
        away = [min(float(np.hypot(*(_centre(boxes[where[o]]) - centre))) for o in owners[c]) for c in order]
        colour = order[int(np.argmax(np.nan_to_num(away)))]
        taken = {self._marks[other].shape for other in owners[colour]}
        shapes = [(colour + len(owners[colour]) + k) % len(SHAPES) for k in range(len(SHAPES))]
        return Mark(colour, next((shape for shape in shapes if shape not in taken), shapes[0]))


def _centre(box: FloatArray) -> FloatArray:
    return (box[:2] + box[2:]) / 2
