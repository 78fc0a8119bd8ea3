"""Raw maps of networks with three anchors in each cell (YOLOv3, 4, 5 and 7), decoded outside the file.

A map is (1, 3, h, w, 5 + C) or (1, 3 * (5 + C), h, w): for each anchor and cell the logits of centre x, y, width,
height, objectness and classes. The anchors themselves are not in the file: each head states those of its publishers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray
from tracker.boxes import xywh_to_xyxy
from tracker.detect.grid import ANCHORS, STRIDES, STRIDES_P6, STRIDES_TINY
from tracker.detect.head import Decoded, Head, Outputs, Preprocessing
from tracker.detect.layout import are_scores
from tracker.detect.metadata import class_count_in
from tracker.detect.scores import best_product

# Width and height in pixels of the three anchors of each grid, finest first.
YOLOV3 = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)
YOLOV3_TINY = (((10, 14), (23, 27), (37, 58)), ((81, 82), (135, 169), (344, 319)))
YOLOV4 = (
    ((12, 16), (19, 36), (40, 28)),
    ((36, 75), (76, 55), (72, 146)),
    ((142, 110), (192, 243), (459, 401)),
)
YOLOV5_P6 = (
    ((19, 27), (44, 40), (38, 94)),
    ((96, 68), (86, 152), (180, 137)),
    ((140, 301), (303, 264), (238, 542)),
    ((436, 615), (739, 380), (925, 792)),
)

Known = Mapping[tuple[int, ...], Sequence[Sequence[tuple[int, int]]]]  # anchors by the strides of the grids


class RawMaps(Head):
    """A head over raw maps.

    anchors    what is known: by the strides of the grids
    darknet    whether the publisher writes (1, 3 * (5 + C), h, w) only; the other form then speaks for another head
    activated  whether the file has applied the sigmoid already, as exports for accelerators do
    """

    preprocessing: ClassVar[Preprocessing] = Preprocessing(order="RGB", scale=1 / 255, pad="around", rounding="nearest")
    anchors: ClassVar[Known]
    darknet: ClassVar[bool] = False

    def __init__(self, classes: int, strides: tuple[int, ...], *, activated: bool = False, likely: bool = True) -> None:
        self.classes, self.strides, self.activated, self.likely = classes, strides, activated, likely

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> RawMaps | None:
        """By one map per grid, all of the same number of columns."""
        for strides in (STRIDES, STRIDES_P6, STRIDES_TINY):
            maps = maps_of(outputs, strides)
            if maps is None or strides not in cls.anchors:
                continue
            columns = {one.shape[-1] for one in maps}
            names = class_count_in(metadata)
            if len(columns) != 1 or min(columns) < 6 or (names is not None and min(columns) != 5 + names):
                return None
            activated = not cls.darknet and all(are_scores(one) for one in maps)
            likely = not cls.darknet or all(one.ndim == 4 for one in outputs.arrays.values())
            return cls(min(columns) - 5, strides, activated=activated, likely=likely)
        return None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """The score is objectness times class score."""
        maps = maps_of(outputs, self.strides)
        if maps is None:
            raise ValueError("the maps do not fit the grids")
        parts = [
            self._decode_map(one, stride, np.array(sizes, dtype=np.float64), conf)
            for one, stride, sizes in zip(maps, self.strides, self.anchors[self.strides], strict=True)
        ]
        boxes, scores, classes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Decoded(xywh_to_xyxy(boxes), scores, classes)

    def _decode_map(
        self, logits: NDArray[Any], stride: int, sizes: FloatArray, conf: float
    ) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
        """Boxes xywh (N, 4), scores and classes of one map (3, h, w, 5 + C)."""
        height, width = logits.shape[1:3]
        rows = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
        if self.activated:
            with np.errstate(divide="ignore", invalid="ignore"):  # 0 and 1 come back from the infinities
                rows = np.log(rows) - np.log1p(-rows)
        picked, scores, classes = best_product(sigmoid(rows[:, 4]), sigmoid(rows[:, 5:]), conf)
        anchor, cell = np.divmod(picked, height * width)
        cells = np.stack((cell % width, cell // width), axis=1)
        with np.errstate(over="ignore"):  # an infinite size is dropped as a bad row
            centres, extents = self.box(rows[picked, :4], cells, stride, sizes[anchor])
        return np.concatenate((centres, extents), axis=1), scores, classes

    def box(
        self, logits: FloatArray, cells: NDArray[np.int64], stride: int, sizes: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Centres and sizes (N, 2) in pixels, as YOLOv5 and 7 define them.

        logits  (N, 4) of x, y, width, height
        cells   (N, 2) column and row
        sizes   (N, 2) of the anchors
        """
        shares = sigmoid(logits)
        return (shares[:, :2] * 2 - 0.5 + cells) * stride, (shares[:, 2:] * 2) ** 2 * sizes


def maps_of(outputs: Outputs, strides: Sequence[int]) -> list[NDArray[Any]] | None:
    """The maps as (3, h, w, 5 + C), finest first; None unless there is just one per stride and no other output."""
    height, width = outputs.size
    if len(outputs.arrays) != len(strides):
        return None
    found = []
    for stride in strides:
        grid = (-(-height // stride), -(-width // stride))
        fitting = [_by_anchor(array, grid) for array in outputs.arrays.values()]
        maps = [one for one in fitting if one is not None]
        if len(maps) != 1:
            return None
        found.append(maps[0])
    return found


def sigmoid(logits: NDArray[Any]) -> FloatArray:
    """1 / (1 + exp(-x)) without overflow."""
    result: FloatArray = 0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))
    return result


def _by_anchor(array: NDArray[Any], grid: tuple[int, int]) -> NDArray[Any] | None:
    """A map (1, 3, h, w, K) or (1, 3 K, h, w) as (3, h, w, K), where it is one of this grid."""
    found: NDArray[Any] | None = None
    if array.ndim == 5 and array.shape[:2] == (1, ANCHORS) and array.shape[2:4] == grid:
        found = array[0]
    if array.ndim == 4 and array.shape[0] == 1 and array.shape[2:] == grid and array.shape[1] % ANCHORS == 0:
        found = array[0].reshape(ANCHORS, -1, *grid).transpose(0, 2, 3, 1)
    return found
