"""Results of other libraries, read by their attributes; small classes of the same attributes stand for them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tracker
from tracker.detect import as_detector
from tracker.detections import Detections, as_detections

BOXES = np.array([[10.0, 20, 30, 60], [5, 5, 25, 45], [40, 10, 60, 30]])
SIZES = np.array([[10.0, 20, 20, 40], [5, 5, 20, 40], [40, 10, 20, 20]])  # left, top, width, height
SCORES = [0.9, 0.8, 0.7]
CLASSES = [2, 0, 2]
WORDS = ["car", "Person", "car"]
MASKS = np.arange(3 * 4).reshape(3, 2, 2) > 5
ROWS = np.column_stack((BOXES, SCORES))


class Tensor:
    """Like a torch tensor on a GPU: only detach().cpu().numpy() gives the numbers, and it has no len."""

    def __init__(self, value: Any, at: str = "gpu") -> None:
        self.value, self.at = value, at

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return Tensor(self.value, "cpu")

    def numpy(self) -> np.ndarray:
        assert self.at == "cpu"
        return np.array(self.value)


class Instances:
    """detectron2's."""

    def __init__(self, **fields: Any) -> None:
        self.pred_boxes = SimpleNamespace(tensor=Tensor(BOXES))
        self.scores, self.pred_classes = Tensor(SCORES), Tensor(CLASSES)
        self.__dict__.update(fields)


class Frame:
    """A DataFrame of polars."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.series = {name: Tensor(values, "cpu") for name, values in columns.items()}
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return SimpleNamespace(to_numpy=self.series[name].numpy)

    def to_numpy(self) -> Any:
        raise AssertionError("columns are read one by one")


def piped(label: Any, box: Any, score: float) -> dict[str, Any]:
    """One object of a pipeline of Hugging Face."""
    return {"score": score, "label": label, "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))}


def norfair(points: Any, score: float, label: Any = None, embedding: Any = None) -> Any:
    return SimpleNamespace(points=points, scores=np.full(len(points), score), label=label, embedding=embedding)


def data(**more: Any) -> Any:
    """mmdet's ``InstanceData``."""
    return SimpleNamespace(bboxes=Tensor(BOXES), scores=Tensor(SCORES), labels=Tensor(CLASSES), **more)


def ultralytics(**more: Any) -> Any:
    boxes = SimpleNamespace(xyxy=Tensor(BOXES), conf=Tensor(SCORES), cls=Tensor(CLASSES))
    return SimpleNamespace(**{"boxes": boxes, "names": {}, "masks": None, "keypoints": None, **more})


SIX = np.column_stack((ROWS, CLASSES))
SIDES = dict(zip(("xmin", "ymin", "xmax", "ymax"), BOXES.T, strict=True))
SOURCES = {
    "detectron2": Instances(),
    "detectron2 dict": {"instances": Instances()},
    "mmdet 3": SimpleNamespace(pred_instances=data()),
    "mmdet 3 list": [SimpleNamespace(pred_instances=data())],
    "mmdet 3 instances": data(),
    "mmdet 2 rows in order of class": [ROWS[[1]], np.empty((0, 5)), ROWS[[0, 2]]],
    "yolov5": SimpleNamespace(xyxy=[Tensor(SIX)], names={0: "person"}),
    "ultralytics": ultralytics(),
    "ultralytics boxes": ultralytics().boxes,
    "ultralytics rotated": ultralytics(boxes=None, obb=ultralytics().boxes),
    "hugging face pipeline": [piped(*row) for row in zip(CLASSES, BOXES.tolist(), SCORES, strict=True)],
    "hugging face post_process": [{"boxes": Tensor(BOXES), "scores": Tensor(SCORES), "labels": Tensor(CLASSES)}],
    "deep-sort tuples": list(zip(SIZES.tolist(), SCORES, CLASSES, strict=True)),
    "deep-sort arrays": [[box, score, kind] for box, score, kind in zip(SIZES, SCORES, CLASSES, strict=True)],
    "norfair": [norfair(box.reshape(2, 2), s, k) for box, s, k in zip(BOXES, SCORES, CLASSES, strict=True)],
    "norfair, other corners": [
        norfair(np.array([[box[2], box[1]], [box[0], box[3]]]), s, k)
        for box, s, k in zip(BOXES, SCORES, CLASSES, strict=True)
    ],
    "table": Frame({"frame": [7, 7, 7], **SIDES, "confidence": SCORES, "class": CLASSES, "name": WORDS}),
    "table with sizes": Frame(
        {"score": SCORES, "class_id": CLASSES, **dict(zip(("left", "top", "width", "height"), SIZES.T, strict=True))}
    ),
    "table of MOTChallenge": Frame(
        {**{f"bb_{name}": column for name, column in zip(("left", "top", "width", "height"), SIZES.T, strict=True)},
         "Conf": SCORES, "category_id": CLASSES}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_what_other_libraries_give(name: str) -> None:
    found = as_detections(SOURCES[name])
    order = [1, 0, 2] if "order of class" in name else [0, 1, 2]
    np.testing.assert_allclose(found.boxes, BOXES[order])
    np.testing.assert_allclose(found.scores, np.array(SCORES)[order])
    assert found.classes.tolist() == np.array(CLASSES)[order].tolist()
    assert found.rows.tolist() == [0, 1, 2]
    assert found.payload is None


def test_a_real_table_of_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is an extra")
    table = pandas.DataFrame({**SIDES, "confidence": SCORES, "class": CLASSES, "name": WORDS})
    found = as_detections(table)
    np.testing.assert_allclose(found.boxes, BOXES)
    assert found.classes.tolist() == CLASSES
    assert len(as_detections(table[table["confidence"] > 0.95])) == 0


MASKED = {
    "torchvision": {"boxes": BOXES, "scores": SCORES, "labels": CLASSES, "masks": Tensor(MASKS)},
    "detectron2": Instances(pred_masks=Tensor(MASKS)),
    "mmdet 3": SimpleNamespace(pred_instances=data(masks=Tensor(MASKS))),
    "mmdet 2": ([ROWS], [list(MASKS)]),
    "ultralytics": ultralytics(masks=SimpleNamespace(data=Tensor(MASKS))),
    "ultralytics keypoints": ultralytics(keypoints=SimpleNamespace(data=Tensor(MASKS))),
    "hugging face": [{**piped(0, box, 0.9), "mask": mask} for box, mask in zip(BOXES, MASKS, strict=True)],
}


@pytest.mark.parametrize("name", MASKED)
def test_masks_follow_their_boxes_to_the_tracks(name: str) -> None:
    value = MASKED[name]
    found = as_detections(value)
    sort = tracker.SORT(min_hits=1)
    sort.update(value)
    tracks = sort.update(found[[2, 0]])
    assert tracks.detections.tolist() == [1, 0]  # the tracks of boxes 0 and 2, in the order of their births
    masks = found[[2, 0]].payload
    assert masks is not None
    for mask, expected in zip(masks[tracks.detections], MASKS[[0, 2]], strict=True):
        np.testing.assert_array_equal(mask, expected)


def test_embeddings_of_norfair_are_kept() -> None:
    given = [norfair(box.reshape(2, 2), 0.9, "person", vector) for box, vector in zip(BOXES, np.eye(3), strict=True)]
    found = as_detections(given)
    np.testing.assert_array_equal(found.embeddings, np.eye(3))


# -- classes in words ------------------------------------------------------------------------------

WORDED = {
    "hugging face": [piped(*row) for row in zip(WORDS, BOXES.tolist(), SCORES, strict=True)],
    "deep-sort": list(zip(SIZES.tolist(), SCORES, WORDS, strict=True)),
    "norfair": [norfair(box.reshape(2, 2), s, w) for box, s, w in zip(BOXES, SCORES, WORDS, strict=True)],
    "table": Frame({**SIDES, "confidence": SCORES, "label": np.array(WORDS, dtype=object)}),
}


@pytest.mark.parametrize("name", WORDED)
def test_words_become_the_numbers_of_names(name: str) -> None:
    value = WORDED[name]
    for names in (["Person", "bike", "Car"], {2: "car", 0: "person"}):
        found = as_detections(value, names=names)
        assert found.classes.tolist() == CLASSES
        assert found.payload is not None
        assert found.payload.tolist() == WORDS


def test_a_word_without_a_number_has_the_same_in_every_frame() -> None:
    first, second = as_detections(WORDED["deep-sort"]), as_detections(WORDED["deep-sort"][:1])
    assert first.classes[0] == first.classes[2] == second.classes[0] != first.classes[1]
    assert as_detections([piped("LABEL_3", BOXES[0], 0.5), piped("7", BOXES[1], 0.5)]).classes.tolist() == [3, 7]


def test_a_detector_numbers_words_by_its_own_names_else_by_coco() -> None:
    def look(image: np.ndarray) -> Any:
        return WORDED["hugging face"]

    image = np.zeros((100, 100, 3), np.uint8)
    assert as_detector(look, invalid="raise")(image).classes.tolist() == [2, 0, 2]  # type: ignore[operator]
    look.class_names = {5: "person", 6: "car"}  # type: ignore[attr-defined]
    assert as_detector(look, invalid="raise")(image).classes.tolist() == [6, 5, 6]  # type: ignore[operator]


# -- what is not understood ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (SimpleNamespace(xyxy=[SIX, SIX], names={}), "list holds the output for 2 images; give that of one"),
        ([Instances(), Instances()], "list holds the output for 2 images"),
        ([piped("car", BOXES[0], 0.5), {"boxes": BOXES}], "list holds the output for 2 images"),
        ([{"score": 0.5, "label": "car", "box": {"xmin": 1}}], "dict has a box without 'ymin'; expected xmin, ymin"),
        ({"instances": SimpleNamespace(gt_boxes=1)}, "of detectron2 have no pred_boxes"),
        ([norfair(np.zeros((1, 2)), 0.5)], r"of norfair have points \(1, 2\); give two corners"),
        (Frame({"x": [1], "y": [1], "w": [1], "h": [1]}), "DataFrame has the columns x, y, w, h; name its boxes xmin"),
        (Frame({"frame": [1, 1, 2], **SIDES}), "DataFrame holds 2 frames; give the rows of one"),
        ([("car", 0.5)], "of type list are not understood; give Detections"),
        ([([1, 2, 3], 0.5, "car")], "of type list are not understood"),
        (ultralytics(boxes=None), "of type SimpleNamespace are not understood"),
        ([object()], "of type list are not understood"),
        ([([5, 5, -1, 5], 0.5, "car")], "row 0: box .* has no positive width"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^detections {message}[^\n]*$"):
        as_detections(value)


@pytest.mark.parametrize(
    "nothing",
    [
        [np.empty((0, 5))] * 3,
        SimpleNamespace(xyxy=[np.empty((0, 6))], names={}),
        Frame({**{side: [] for side in SIDES}, "class": []}),
        {"boxes": np.empty((0, 4)), "scores": [], "labels": []},
        ([np.empty((0, 5))], [[]]),
    ],
)
def test_nothing_seen(nothing: Any) -> None:
    assert len(as_detections(nothing)) == 0


def test_bad_rows_are_dropped_on_request() -> None:
    given = [(SIZES[0].tolist(), 0.9, "a"), ([1, 1, 0, 5], 0.8, "b"), (SIZES[2].tolist(), 0.7, "c")]
    found = as_detections(given, invalid="drop")
    assert isinstance(found, Detections)
    assert (found.dropped, found.rows.tolist()) == (1, [0, 2])
    assert found.payload is not None
    assert found.payload.tolist() == ["a", "c"]
