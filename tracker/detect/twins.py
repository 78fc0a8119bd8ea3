"""One object, one box: boxes of different classes on one object become one, and the other class stays as evidence.

A network scores every class by itself, so a van is a car and a truck at once. Which classes these are is data. The
limits were chosen on ``yolox_nano.onnx`` at confidence .1 and .5, on a plaza, a motorway and a dashcam
(docs/measurements.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import iou_pairs_xyxy
from tracker.detect.coco import COCO

# Boxes of two classes that overlap by more than this are one object,
KNOWN = 0.7  # where both classes are known;
TOGETHER = 0.8  # where objects of the two classes do lie on each other, by COMPANIONS;
UNKNOWN = 0.85  # where a class is not known: a helmet and a head are two.

# Names of people and road users beside COCO's: VisDrone, BDD100K, MOT17, KITTI, UA-DETRAC.
ALSO_KNOWN = (
    "pedestrian", "people", "rider", "cyclist", "man", "woman", "child",
    "van", "pickup", "suv", "minibus", "lorry", "trailer", "tram", "tricycle", "awning-tricycle", "motor", "motorbike",
    "scooter", "bike", "vehicle",
)  # fmt: skip

PEOPLE = ("person", "pedestrian", "people", "rider", "cyclist", "man", "woman", "child")
CARRIERS = (
    "bicycle", "bike", "motorcycle", "motorbike", "motor", "scooter", "tricycle", "horse", "elephant", "boat",
    "skateboard", "surfboard", "snowboard", "skis", "bench", "chair", "couch", "bed", "toilet", "umbrella",
)  # fmt: skip
DISHES = ("bowl", "cup", "wine glass", "dining table", "oven", "vase")
CONTENTS = (
    "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "potted plant",
)  # fmt: skip
COMPANIONS = ((PEOPLE, CARRIERS), (DISHES, CONTENTS))


@dataclass(frozen=True, eq=False)
class Kept:
    """What stays of N boxes.

    mask     (N,) the boxes that stay
    classes  (N,) class of the best box that each one replaces, -1 for none
    scores   (N,) its score, 0 for none
    """

    mask: BoolArray
    classes: IntArray
    scores: FloatArray


class Twins:
    """Finds the twins among the boxes of one image, by the names of their classes.

    names  the name of each class number; a number without a name counts as an unknown class
    count  how many classes there are
    """

    def __init__(self, names: Mapping[int, str], count: int) -> None:
        known = {*COCO, *ALSO_KNOWN}
        called = [names.get(number, "").strip().lower() for number in range(count)]
        # One more, for class numbers beyond the names.
        self._known = np.array([*(name in known for name in called), False])
        self._sides = [
            tuple(np.array([*(name in side for name in called), False]) for side in pair) for pair in COMPANIONS
        ]

    def limits(self, a: IntArray, b: IntArray) -> FloatArray:
        """The IoU (K,) above which boxes of the classes a (K,) and b (K,) are one object; 1 within a class."""
        last = len(self._known) - 1
        a_place, b_place = np.minimum(a, last), np.minimum(b, last)
        limits = np.where(self._known[a_place] & self._known[b_place], KNOWN, UNKNOWN)
        for one, other in self._sides:
            limits[(one[a_place] & other[b_place]) | (other[a_place] & one[b_place])] = TOGETHER
        limits[a == b] = 1.0
        return limits

    def __call__(self, boxes: FloatArray, scores: FloatArray, classes: IntArray) -> Kept | None:
        """What stays of boxes (N, 4) xyxy with scores (N,) and classes (N,); None where all do.

        Greedy, best score first: a box goes where a better one of another class stays and overlaps it by more than
        their limit. Of equal scores the first is the better one.
        """
        if len(classes) < 2 or (classes == classes[0]).all():
            return None
        better, worse, iou = iou_pairs_xyxy(boxes, boxes, KNOWN)
        rank = np.empty(len(scores), dtype=np.int64)
        rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
        close = (rank[better] < rank[worse]) & (iou > self.limits(classes[better], classes[worse]))
        if not close.any():
            return None
        better, worse = better[close], worse[close]
        order = np.lexsort((rank[worse], rank[better]))
        kept = Kept(np.ones(len(scores), dtype=bool), np.full(len(scores), -1), np.zeros(len(scores)))
        for stays, goes in zip(better[order].tolist(), worse[order].tolist(), strict=True):
            if not (kept.mask[stays] and kept.mask[goes]):
                continue
            kept.mask[goes] = False
            if kept.classes[stays] < 0:
                kept.classes[stays], kept.scores[stays] = classes[goes], scores[goes]
        return kept
