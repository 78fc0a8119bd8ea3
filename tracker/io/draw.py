"""Draws tracks on images: a box, a label, a shape at the foot and a trail per track, in a colour that stays with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from tracker.arrays import BoolArray, Image, IntArray
from tracker.draw import lines, text
from tracker.draw.palette import COLOURS, SHAPES, Mark, Palette, colour_of
from tracker.draw.places import Occupied, Place, heads_of, places_of
from tracker.draw.trails import Trails
from tracker.tracks import Tracks

__all__ = ["LABELS", "Annotator", "Trails", "colour_of", "draw_tracks", "parse_labels"]

LABELS = ("id", "class", "score", "none")  # what ``labels`` may hold

ClassNames = Mapping[int, str] | Sequence[str]


def draw_tracks(
    image: Image, tracks: Tracks, *, trails: Trails | None = None, class_names: ClassNames | None = None
) -> Image:
    """A copy of a (H, W, 3) uint8 BGR image with the tracks on it; ``image`` is not modified.

    trails       gets the tracks of this frame, and is drawn
    class_names  names by class number, for labels where the tracks are of several classes

    For a video use one ``Annotator``, which gives a track the same colour in every frame. Raises ValueError for an
    image of another shape or type.
    """
    return Annotator(class_names=class_names, trails=trails).draw(image, tracks)


def parse_labels(given: Collection[str]) -> tuple[str, ...]:
    """What labels show, in the order given; () for "none". Raises ValueError for another word."""
    for word in given:
        if word not in LABELS:
            raise ValueError(f"--labels: {word!r} is none of {', '.join(LABELS)}")
    if not given or ("none" in given and len(given) > 1):
        raise ValueError("--labels: give id, class and score, or none alone")
    return tuple(word for word in given if word != "none")


class Annotator:
    """Draws the tracks of one video, frame by frame.

    class_names  names by class number
    labels       what a label shows: "id", "class", "score"; () for no labels. None: the id, and the class of tracks
                 that are not of the commonest one so far
    trails       where the tracks came from; None draws none

    A label stands beside its box, where it covers no other's head and as little else as can be; where there is no such
    place it is left out. Boxes of lost tracks are dashed, of tentative ones there are the corners. Boxes may lie
    anywhere; nothing is drawn outside the image.
    """

    def __init__(
        self,
        *,
        class_names: ClassNames | None = None,
        labels: Collection[str] | None = None,
        trails: Trails | None = None,
    ) -> None:
        self.class_names = class_names
        self.labels = None if labels is None else tuple(labels)
        self.trails = trails
        self.palette = Palette()
        self._classes: Counter[int] = Counter()
        self._usual = 0  # the commonest class so far
        self._places: dict[int, int] = {}  # where the labels of the last frame were
        self.occupied = Occupied(np.empty((4, 0)), [])  # of the last image: what an overlay should not cover

    def draw(self, image: Image, tracks: Tracks) -> Image:
        """A copy of a (H, W, 3) uint8 BGR image with the tracks on it. Raises ValueError for another array."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(f"image of shape {image.shape} {image.dtype}: expected (H, W, 3) uint8")
        out: Image = np.array(image, order="C")
        if self.trails is not None:
            self.trails.update(tracks)
        # By id, so that the order of the rows does not show and older tracks place their labels first.
        tracks = tracks[np.argsort(tracks.ids)]
        self._classes.update(tracks.classes.tolist())
        self._usual = max(self._classes, key=lambda known: (self._classes[known], -known), default=0)
        marks = self.palette.update(tracks.ids, tracks.boxes)
        self._lines(out, tracks, marks)
        return out

    def _lines(self, out: Image, tracks: Tracks, marks: list[Mark]) -> None:
        """Trails, then boxes, then the shapes at their feet, then labels: no box crosses a label."""
        height, width = out.shape[:2]
        thick = lines.width_for(height, width)
        if self.trails is not None:
            trails = self.trails.smooth(tracks.ids, 2.0 * max(height, width), 2**lines.SUBPIXELS)
            for points, mark in zip(trails, marks, strict=True):
                lines.trail(out, points, COLOURS[mark.colour], thick)
        drawn, corners = _visible(tracks, width, height, 4 * thick)
        confirmed, missed = tracks.confirmed.tolist(), tracks.missed.tolist()
        for k, box in zip(drawn, corners.tolist(), strict=True):
            colour = COLOURS[marks[k].colour]
            if not confirmed[k]:
                lines.brackets(out, box, colour, thick)
            elif missed[k] > 0:
                lines.dashed(out, box, colour, thick)
            else:
                lines.box(out, box, colour, thick)
        for k, (left, _, right, bottom) in zip(drawn, corners.tolist(), strict=True):
            mark = marks[k]
            radius = 1.5 + 1.5 * thick
            lines.shape(out, SHAPES[mark.shape], (left + right) // 2, bottom, radius, COLOURS[mark.colour])
        labels = [] if self.labels == () else self._label(out, tracks, marks, drawn, corners)
        self.occupied = Occupied(heads_of(corners), labels)

    def _label(self, out: Image, tracks: Tracks, marks: list[Mark], drawn: list[int], corners: IntArray) -> list[Place]:
        """Draw the labels; returns their places."""
        height, width = out.shape[:2]
        size = text.size_for(height, width)
        ids, scores, classes = tracks.ids.tolist(), tracks.scores.tolist(), tracks.classes.tolist()
        patches = []
        for k in drawn:
            colour = COLOURS[marks[k].colour]
            patches.append(text.chip(self._text(ids[k], classes[k], scores[k]), size, colour, text.ink_on(colour)))
        sizes = np.array([patch.shape[1::-1] for patch in patches], dtype=np.int64).reshape(-1, 2)
        last = [self._places.get(ids[k], -1) for k in drawn]
        places, which = places_of(corners, sizes, (width, height), last, [])
        self._places = dict(zip([ids[k] for k in drawn], which, strict=True))
        for patch, place in zip(patches, places, strict=True):
            if place is not None:
                text.put(out, patch, place[0], place[1])
        return [place for place in places if place is not None]

    def _text(self, id: int, class_id: int, score: float) -> str:
        wanted = self.labels
        if wanted is None:
            wanted = ("id",) if self.class_names is None or class_id == self._usual else ("id", "class")
        return " ".join(self._said(word, id, class_id, score) for word in wanted)

    def _said(self, word: str, id: int, class_id: int, score: float) -> str:
        if word == "id":
            return str(id)
        return self._name(class_id) if word == "class" else f"{score:.2f}"

    def _name(self, class_id: int) -> str:
        names = self.class_names
        if names is None:
            return str(class_id)
        if isinstance(names, Mapping):
            return str(names.get(class_id, class_id))
        return str(names[class_id]) if 0 <= class_id < len(names) else str(class_id)


def _visible(tracks: Tracks, width: int, height: int, margin: int) -> tuple[list[int], IntArray]:
    """The rows of the tracks that reach into the image, and their corners (n, 4) as whole pixels.

    Boxes are clipped just outside the image: edges beyond it stay invisible, and OpenCV gets small numbers.
    """
    inside: BoolArray = np.all(np.isfinite(tracks.boxes), axis=1)
    inside &= np.all(tracks.boxes[:, :2] < (width, height), axis=1) & np.all(tracks.boxes[:, 2:] > 0, axis=1)
    drawn = np.flatnonzero(inside)
    high = np.array([width, height] * 2) + margin
    corners: IntArray = np.rint(np.clip(tracks.boxes[drawn], -margin, high)).astype(np.int64)
    return drawn.tolist(), corners
