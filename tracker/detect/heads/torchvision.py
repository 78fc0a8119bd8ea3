"""torchvision's Faster R-CNN, Mask R-CNN, RetinaNet, FCOS and SSD: boxes (K, 4), labels (K,), scores (K,), masks.

Boxes are left, top, right, bottom in pixels of the input, labels count from 1, with 0 for the background, by COCO's
numbers or those of one's own data. Masks (K, 1, H, W) are probabilities in the pixels of the input. No output has an
axis for the batch; they are known by shape and type, since many files do not name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.coco import COCO
from tracker.detect.head import Decoded, Fit, Head, Outputs, Preprocessing
from tracker.detect.masks import masks_of
from tracker.detect.metadata import class_count_in
from tracker.detect.numbering import Numbering


@dataclass(frozen=True, eq=False)
class Torchvision(Head):
    """Finished boxes; with Mask R-CNN the payload holds masks, (H, W) bool of the image.

    order  the names of the outputs that are boxes, labels, scores and, where there are any, masks

    The outputs do not tell the number of classes: COCO's, unless names are known.
    """

    name = "torchvision"
    form = "boxes [N, 4], labels [N], scores [N], also masks [N, 1, H, W], torchvision"
    preprocessing = Preprocessing(order="RGB", scale=1 / 255, pad_value=0)  # the network normalises inside
    suppress = False

    order: tuple[str, ...]
    classes: int = len(COCO)
    numbering: Numbering = field(default_factory=Numbering)

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> Torchvision | None:
        """By the shapes: one (K, 4), two (K,) of which one has whole numbers, and at most one (K, 1, H, W)."""
        count = len(outputs.first)
        by_shape: dict[str, list[str]] = {"boxes": [], "labels": [], "scores": [], "masks": []}
        for name, array in outputs.arrays.items():
            kind = _kind(name, array, outputs.size)
            if kind is None or len(array) != count:
                return None
            by_shape[kind].append(name)
        if [len(names) for names in by_shape.values()] not in ([1, 1, 1, 0], [1, 1, 1, 1]):
            return None
        found = cls(tuple(name for names in by_shape.values() for name in names))
        names = class_count_in(metadata)
        return found if names is None else found.with_names(names)

    def with_names(self, count: int) -> Torchvision:
        """There are ``count`` classes, the first with the number 1."""
        numbering = self.numbering.named(count)
        return replace(self, classes=numbering.classes, numbering=numbering)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows that have a class."""
        boxes, labels, scores, *masks = (outputs[name] for name in self.order)
        classes = self.numbering(labels)
        kept = (scores >= conf) & (classes >= 0)
        payload = masks[0][kept, 0] if masks else None
        return Decoded(boxes[kept].astype(np.float64), scores[kept].astype(np.float64), classes[kept], payload=payload)

    def to_image(self, payload: NDArray[Any], fit: Fit) -> NDArray[Any]:
        """A pixel belongs to an object where that is more likely than not."""
        return masks_of(payload, fit, above=0.5)


def _kind(name: str, array: NDArray[Any], size: tuple[int, int]) -> str | None:
    """Which output an array of this shape and type is, or None."""
    if array.ndim == 2 and array.shape[1] == 4:
        return "boxes"
    if array.ndim == 4 and array.shape[1:] == (1, *size):
        return "masks"
    if array.ndim != 1:
        return None
    return "labels" if array.dtype.kind in "iu" or name == "labels" else "scores"
