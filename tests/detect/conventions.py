"""Made outputs in the conventions of published exporters, all of the same two objects in an image of 64x64 pixels.

A person, left, top, right, bottom 12, 16, 20, 48, score 0.9, class 0, and a car, 40, 24, 56, 40, score 0.8, class 2.
Each convention is what a network would answer; ``docs/detectors.md`` says which heads are tried on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracker.detect.anchors import YOLOV3, YOLOV3_TINY, YOLOV4, YOLOV5_P6
from tracker.detect.grid import ANCHORS, STRIDES, STRIDES_P6, STRIDES_TINY, Grid, cell_count
from tracker.detect.heads.yolov4_raw import YOLOV4_TINY

SIZE = (64, 64)
CORNERS = np.array([[12.0, 16, 20, 48], [40, 24, 56, 40]])
CENTRES = np.array([[16.0, 32, 8, 32], [48, 32, 16, 16]])
SCORES = np.array([0.9, 0.8])
CLASSES = np.array([0, 2])
ONE_HOT = np.array([[0.9, 0.02, 0.01], [0.02, 0.01, 0.8]])
NAMES = "{0: 'person', 1: 'bicycle', 2: 'car'}"
BACKGROUND = 0.001
POINTS = np.arange(2 * 17 * 3, dtype=float).reshape(2, 17, 3) % 60 + 2
POINTS[..., 2] = 0.5

WITH_NAMES = {"names": NAMES, "stride": "32"}
ULTRALYTICS = {"names": NAMES, "stride": "32", "task": "detect"}


@dataclass(frozen=True)
class Convention:
    """A made network.

    what      who exports it, for the name of the test
    head      what is to read it
    arrays    its outputs, in their order
    names     of the outputs
    metadata  of the file
    choose    whether only --head settles it
    """

    what: str
    head: str
    arrays: Sequence[Any]
    names: Sequence[str] = ("output0", "output1", "output2", "output3", "output4", "output5", "output6", "output7")
    metadata: Mapping[str, str] = field(default_factory=dict)
    choose: bool = False
    classes: tuple[int, ...] = (0, 2)


def grid_rows(strides: Sequence[int] = STRIDES, columns: int = 7) -> np.ndarray:
    """Rows of small boxes in the cells, centre and size, with hardly any score."""
    grid = Grid.of(SIZE, strides)
    rows = np.full((len(grid.cells), columns), BACKGROUND)
    rows[:, :2], rows[:, 2:4] = (grid.cells + 0.5) * grid.strides, 6
    return rows


def v8(*more: np.ndarray, scores: np.ndarray = ONE_HOT, boxes: np.ndarray = CENTRES) -> np.ndarray:
    """YOLOv8's columns (1, 4 + C + more, A)."""
    answer = np.concatenate((boxes, scores, *more), axis=1)
    rows = grid_rows(columns=answer.shape[1])
    rows[:, 4 + scores.shape[1] :] = 0.5
    rows[[20, 40]] = answer
    return rows.T[None]


def v5(strides: Sequence[int] = STRIDES, *more: np.ndarray, scores: np.ndarray = ONE_HOT) -> np.ndarray:
    """YOLOv5's rows (1, 3 A, 5 + C + more)."""
    count = ANCHORS * cell_count(SIZE, strides)
    objectness = np.array([[0.95], [0.95]])
    answer = np.concatenate((CENTRES, objectness, scores / 0.95, *more), axis=1)
    rows = np.tile([32.0, 32, 8, 8] + [BACKGROUND] * (answer.shape[1] - 4), (count, 1))
    rows[[9, count - 2]] = answer
    return rows[None]


def dense(columns: np.ndarray, background: float | np.ndarray, strides: Sequence[int] = STRIDES) -> np.ndarray:
    """(1, A, K): two objects' columns among rows of background."""
    rows = np.broadcast_to(background, (cell_count(SIZE, strides), columns.shape[1])).copy()
    rows[[20, 40]] = columns
    return rows[None]


def corner_rows() -> np.ndarray:
    """Corner boxes (1, A, 4), small ones in the cells."""
    rows = grid_rows(columns=4)
    rows = np.concatenate((rows[:, :2] - 3, rows[:, :2] + 3), axis=1)
    rows[[20, 40]] = CORNERS
    return rows[None]


def nanodet(strides: Sequence[int], bins: int = 8) -> np.ndarray:
    """NanoDet's rows: the objects' distances are sums of two neighbouring bins."""
    grid = Grid.of(SIZE, strides)
    origin = 0.0 if len(strides) == 4 else 0.5
    rows = np.full((len(grid.cells), 3 + 4 * bins), -20.0)
    rows[:, :3] = BACKGROUND
    inside = (26, 38) if len(strides) == 4 else (25, 29)  # cells of stride 8
    for box, scores, at in zip(CORNERS, ONE_HOT, inside, strict=True):
        centre = (grid.cells[at] + origin) * grid.strides[at]
        distances = np.concatenate((centre - box[:2], box[2:] - centre)) / grid.strides[at]
        logits = np.full((4, bins), -40.0)
        for side, distance in enumerate(distances):
            low = int(distance)
            part = distance - low
            logits[side, low] = np.log(max(1 - part, 1e-12))
            logits[side, low + 1] = np.log(max(part, 1e-12))
        rows[at] = np.concatenate((scores, logits.ravel()))
    return rows[None]


def raw_maps(anchors: Any, strides: Sequence[int], kind: str, *, flat: bool) -> list[np.ndarray]:
    """Raw maps with the two objects in the grid of stride 16 at the anchor 1, as YOLOv5, 3 or 4 encode them."""
    maps = []
    for stride, sizes in zip(strides, anchors, strict=True):
        side = SIZE[0] // stride
        one = np.full((3, side, side, 8), -12.0)
        if stride == 16:
            for centre, scores in zip(CENTRES, ONE_HOT, strict=True):
                column, row = (centre[:2] // stride - 1 * (centre[:2] % stride == 0)).astype(int)  # not on a border
                inside = centre[:2] / stride - (column, row)
                if kind == "v5":
                    shares = np.concatenate(((inside + 0.5) / 2, np.sqrt(centre[2:] / sizes[1]) / 2))
                    box = np.log(shares / (1 - shares))
                else:
                    scale = {"v3": 1.0, "v4": 1.1, "v4-tiny": 1.05}[kind]
                    share = np.clip((inside + 0.5 * (scale - 1)) / scale, 1e-9, 1 - 1e-9)
                    box = np.concatenate((np.log(share / (1 - share)), np.log(centre[2:] / sizes[1])))
                logits = np.log(scores / (1 - scores))
                one[1, row, column] = np.concatenate((box, [30.0], logits))
        maps.append(one.transpose(0, 3, 1, 2).reshape(1, 24, side, side) if flat else one[None])
    return maps


def finished(order: Sequence[str], rows: int | None = None) -> np.ndarray:
    """Rows of finished boxes with the columns ``order``, filled up with empty ones to ``rows``."""
    parts = {"image": np.zeros((2, 1)), "box": CORNERS, "score": SCORES[:, None], "class": CLASSES[:, None] * 1.0}
    answer = np.concatenate([parts[name] for name in order], axis=1)
    if rows is None:
        return answer
    return np.concatenate((answer, np.zeros((rows - 2, answer.shape[1]))))


ONES = np.concatenate((CENTRES, np.ones((2, 1)), ONE_HOT), axis=1)
V6 = grid_rows(columns=8)
V6[:, 4] = 1
V6[[20, 40]] = ONES
X = grid_rows(columns=8)
X[:, 5:] = 0.15
X[[20, 40]] = np.concatenate((CENTRES, [[0.95], [0.95]], ONE_HOT / 0.95), axis=1)
PERSON = np.array([[0.9], [0.8]])
PADDLE = np.concatenate((corner_rows()[0], np.full((84, 3), BACKGROUND)), axis=1)
PADDLE[[20, 40], 4:] = ONE_HOT
ANGLES = np.array([[np.pi / 2], [0.0]])
TURNED = np.array([[16.0, 32, 32, 8], [48, 32, 16, 16]])  # the person lies on its side, and is turned upright
WIDE = ("pred_boxes", "pred_scores", "pred_classes")
NONE = np.array([[-1, 0.95, 1, 1, 9, 9]])  # PaddleDetection's row for no object
PARTS = np.tile(CORNERS, (126, 1))[None, :, None] / 64
PERSONS = {"classes": (0, 0)}
ROWS = finished(["box", "score", "class"], 10)[None]
ROWS[:, 2:] = (1, 1, 9, 9, 0.99, 1)  # beyond the count: left over from earlier
FOUR = ([[2]], ROWS[..., :4], ROWS[..., 4], ROWS[..., 5])

CONVENTIONS = [
    Convention("YOLOv5 with names", "yolov5", [v5()], metadata=WITH_NAMES),
    Convention("YOLOv5 without names, YOLOv7 --grid", "yolov5", [v5()]),
    Convention("YOLOv7 with its raw maps beside", "yolov5", [v5(), *(np.zeros((1, 3, s, s, 8)) for s in (8, 4, 2))]),
    Convention("YOLOv5 of one class", "yolov5", [v5(scores=PERSON)], **PERSONS),
    Convention("YOLOv5 of one class with names", "yolov5", [v5(scores=PERSON)], metadata={"names": "['p']"}, **PERSONS),
    Convention("YOLOv5-P6", "yolov5", [v5(STRIDES_P6)], metadata=WITH_NAMES),
    Convention("YOLOv3-tiny", "yolov5", [v5(STRIDES_TINY)], metadata=WITH_NAMES),
    Convention("YOLOv4-tiny without names", "yolov5", [v5(STRIDES_TINY)]),
    Convention(
        "YOLOv5-seg", "yolov5", [v5(STRIDES, np.full((2, 32), -9)), np.ones((1, 32, 16, 16))], metadata=WITH_NAMES
    ),
    Convention("YOLOv7-pose", "yolov5", [v5(STRIDES, POINTS.reshape(2, 51), scores=PERSON)], **PERSONS),
    Convention(
        "YOLOv4 of Tianxiaomo",
        "yolov4",
        [PARTS, np.where(np.arange(252)[:, None] < 2, np.tile(ONE_HOT, (126, 1)), 0)[None]],
    ),
    Convention("YOLOv6, Gold-YOLO", "yolov6", [V6[None]]),
    Convention("YOLOv6 with names", "yolov6", [V6[None]], metadata={"names": NAMES}),
    Convention("YOLOX decoded", "yolox", [X[None]]),
    Convention("YOLOv8, YOLO11", "yolov8", [v8()], metadata=ULTRALYTICS),
    Convention("YOLOv8 without names", "yolov8", [v8()]),
    Convention("YOLOv8 transposed", "yolov8", [v8().transpose(0, 2, 1)]),
    Convention("YOLOv8 transposed, with names", "yolov8", [v8().transpose(0, 2, 1)], metadata=ULTRALYTICS),
    Convention("YOLOv9, two branches", "yolov8", [v8(), v8()], metadata=WITH_NAMES),
    Convention(
        "YOLOv8-seg",
        "yolov8",
        [v8(np.full((2, 32), -9)), np.ones((1, 32, 16, 16))],
        metadata={**ULTRALYTICS, "task": "segment"},
    ),
    Convention(
        "YOLOv8-pose",
        "yolov8",
        [v8(POINTS.reshape(2, 51), scores=PERSON)],
        metadata={"names": "{0: 'person'}", "task": "pose", "kpt_shape": "[17, 3]"},
        **PERSONS,
    ),
    Convention("YOLOv8-pose without metadata", "yolov8", [v8(POINTS.reshape(2, 51), scores=PERSON)], **PERSONS),
    Convention("YOLOv8-obb", "yolov8", [v8(ANGLES, boxes=TURNED)], metadata={**ULTRALYTICS, "task": "obb"}),
    Convention("YOLOv10, YOLO26", "end-to-end", [finished(["box", "score", "class"], 300)[None]], metadata=ULTRALYTICS),
    Convention("YOLOv10 without names", "end-to-end", [finished(["box", "score", "class"], 300)[None]]),
    Convention(
        "YOLO26-obb",
        "end-to-end",
        [
            np.concatenate(
                (np.concatenate((TURNED, SCORES[:, None], CLASSES[:, None], ANGLES), 1), np.zeros((298, 7)))
            )[None]
        ],
        metadata={**ULTRALYTICS, "task": "obb"},
    ),
    Convention(
        "YOLO26-pose",
        "end-to-end",
        [
            np.concatenate(
                (
                    np.concatenate((finished(["box", "score", "class"]) * ([1] * 5 + [0]), POINTS.reshape(2, 51)), 1),
                    np.zeros((298, 57)),
                )
            )[None]
        ],
        metadata={"names": "{0: 'person'}", "task": "pose", "kpt_shape": "[17, 3]"},
        **PERSONS,
    ),
    Convention("YOLOv7 --end2end", "yolov7-end2end", [finished(["image", "box", "class", "score"])]),
    Convention("YOLO-NAS", "yolo-nas", [corner_rows(), dense(ONE_HOT, BACKGROUND)]),
    Convention(
        "YOLO-NAS with nms, flat",
        "yolo-nas-flat",
        [finished(["image", "box", "score", "class"])],
        names=("graph2_flat_predictions",),
    ),
    Convention(
        "YOLO-NAS with nms, batch", "num-dets", FOUR, names=("graph2_num_predictions", *(f"graph2_{n}" for n in WIDE))
    ),
    Convention("YOLO-World of mmyolo", "num-dets", FOUR, names=("num_dets", "boxes", "scores", "labels")),
    Convention("DAMO-YOLO", "damo-yolo", [dense(ONE_HOT, BACKGROUND), corner_rows()]),
    Convention(
        "DAMO-YOLO of 20 classes",
        "damo-yolo",
        [np.concatenate((dense(ONE_HOT, BACKGROUND), np.full((1, 84, 17), BACKGROUND)), axis=2), corner_rows()],
    ),
    Convention("NanoDet-Plus", "nanodet", [nanodet(STRIDES_P6)]),
    Convention("NanoDet-Plus with names", "nanodet", [nanodet(STRIDES_P6)], metadata={"names": NAMES}),
    Convention("NanoDet, one output", "nanodet", [nanodet(STRIDES)]),
    Convention("NanoDet-g, R = 10", "nanodet", [nanodet(STRIDES, 11)], metadata={"names": NAMES}),
    Convention(
        "NanoDet, six outputs",
        "nanodet",
        [
            nanodet(STRIDES)[:, rows, columns]
            for columns in (slice(3), slice(3, None))
            for rows in (slice(64), slice(64, 80), slice(80, 84))
        ],
        names=[f"{part}_pred_stride_{s}" for part in ("cls", "dis") for s in STRIDES],
    ),
    Convention(
        "RTMDet by mmdeploy",
        "rtmdet",
        [finished(["box", "score"], 100)[None], np.where(np.arange(100) < 2, [[0, 2] * 50], -1)],
        names=("dets", "labels"),
        choose=True,
    ),
    Convention(
        "Faster R-CNN by mmdeploy",
        "mmdet",
        [finished(["box", "score"])[None], CLASSES[None]],
        names=("dets", "labels"),
        choose=True,
    ),
    Convention(
        "YOLOX by mmdeploy",
        "mmdet-yolox",
        [finished(["box", "score"])[None], CLASSES[None]],
        names=("dets", "labels"),
        choose=True,
    ),
    *(
        Convention(f"{what}, {'flat' if flat else 'permuted'}", head, raw_maps(*given, flat=flat), choose=True)
        for what, head, *given, forms in (
            ("YOLOv5 raw", "yolov5-raw", YOLOV3, STRIDES, "v5", (True, False)),
            ("YOLOv7 raw", "yolov7-raw", YOLOV4, STRIDES, "v5", (True, False)),
            ("YOLOv3 of Darknet", "yolov3-raw", YOLOV3, STRIDES, "v3", (True,)),
            ("YOLOv4 of Darknet", "yolov4-raw", YOLOV4, STRIDES, "v4", (True,)),
            ("YOLOv3-tiny of Darknet", "yolov3-raw", YOLOV3_TINY, STRIDES_TINY, "v3", (True,)),
            ("YOLOv4-tiny of Darknet", "yolov4-raw", (YOLOV4_TINY, YOLOV3_TINY[1]), STRIDES_TINY, "v4-tiny", (True,)),
        )
        for flat in forms
    ),
    Convention("YOLOv5-P6 raw", "yolov5-raw", raw_maps(YOLOV5_P6, STRIDES_P6, "v5", flat=False)),
    Convention(
        "YOLOv5 raw, after the sigmoid",
        "yolov5-raw",
        [1 / (1 + np.exp(-one)) for one in raw_maps(YOLOV3, STRIDES, "v5", flat=True)],
        choose=True,
    ),
    *(
        convention
        for head in ("ppyoloe", "ppyoloe-plus")
        for convention in (
            Convention(
                f"{head} with nms",
                head,
                [np.concatenate((finished(["class", "score", "box"]), NONE, NONE)), [3]],
                choose=True,
            ),
            Convention(
                f"{head} without nms", head, [corner_rows(), dense(ONE_HOT, BACKGROUND).transpose(0, 2, 1)], choose=True
            ),
            Convention(f"{head} without post-processing", head, [PADDLE[None]], choose=True),
        )
    ),
]
