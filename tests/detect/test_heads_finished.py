"""Heads whose boxes are thinned out inside: SSD, TensorFlow's API, torchvision; and SSD before that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detect.made_onnx import answering

from tracker.detect import ONNX
from tracker.detect.head import HeadError

IMAGE = np.zeros((96, 128, 3), np.uint8)
PARTS = np.array([[0.375, 0.25, 0.625, 0.75], [0.1875, 0.125, 0.3125, 0.375]])  # left, top, right, bottom
STRETCHED = PARTS * (128, 96, 128, 96)
PIXELS = PARTS * 64  # of the input; twice that in the image, whose aspect ratio is kept
PERSON, CAR = 0, 2

# -- SSD -------------------------------------------------------------------------------------------


def priors(count: int = 50) -> np.ndarray:
    boxes = np.tile([0.4, 0.4, 0.6, 0.6], (1, count, 1))
    boxes[0, :2] = PARTS
    boxes[0, 2] = PARTS[0] + 0.01  # of the same object as the first
    return boxes


def shares(classes: int, *objects: tuple[int, int, float], count: int = 50) -> np.ndarray:
    """(1, A, 1 + classes) with (prior, class, share), the rest background."""
    values = np.zeros((1, count, 1 + classes))
    values[0, :, 0] = 1
    for prior, kind, share in objects:
        values[0, prior, [0, 1 + kind]] = 1 - share, share
    return values


@pytest.mark.parametrize("order", [("scores", "boxes"), ("boxes", "scores"), ("a", "b")])
def test_ssd(tmp_path: Path, order: tuple[str, str]) -> None:
    scores = shares(20, (0, 14, 0.9), (1, 6, 0.7), (2, 14, 0.8), (3, 2, 0.3))
    given = {"boxes": priors(), "scores": scores}
    outputs = (
        {name: given[name] for name in order} if "boxes" in order else dict(zip(order, given.values(), strict=True))
    )
    detector = ONNX(answering(tmp_path / "m.onnx", outputs))
    found = detector(IMAGE)
    assert (detector.head, len(detector.class_names), found.classes.tolist()) == ("ssd", 20, [14, 6])
    np.testing.assert_allclose(found.boxes, STRETCHED)
    np.testing.assert_allclose(found.scores, [0.9, 0.7], rtol=1e-6)


def test_ssd_of_three_classes_has_two_arrays_of_four_columns(tmp_path: Path) -> None:
    scores = shares(3, (0, 2, 0.9))
    path = answering(tmp_path / "m.onnx", {"scores": scores, "boxes": priors()})
    assert ONNX(path, class_names=["a", "b", "c"])(IMAGE).classes.tolist() == [2]


@pytest.mark.parametrize("names", [["a", "b", "c"], ["BACKGROUND", "a", "b", "c"]])
def test_names_of_ssd_may_begin_with_the_background(tmp_path: Path, names: list[str]) -> None:
    path = answering(tmp_path / "m.onnx", {"scores": shares(3, (0, 2, 0.9)), "boxes": priors()})
    detector = ONNX(path, class_names=names)
    assert [detector.class_names[kind] for kind in detector(IMAGE).classes] == ["c"]
    assert len(ONNX(path, class_names=names, classes=["c"])(IMAGE)) == 1
    assert len(ONNX(path, class_names=names, classes=["b"])(IMAGE)) == 0


def test_scores_that_are_no_shares_are_no_ssd(tmp_path: Path) -> None:
    path = answering(tmp_path / "m.onnx", {"boxes": priors(), "scores": shares(20) * 0.5})
    with pytest.raises(HeadError):
        ONNX(path)


@pytest.mark.parametrize("names", [None, ["car", "van", "person"]])
def test_ssd_finished(tmp_path: Path, names: list[str] | None) -> None:
    given = {"bboxes": PARTS[None][:, [0, 1, 1]], "labels": [[1, 3, 0]], "scores": [[0.9, 0.6, 0.95]]}
    detector = ONNX(answering(tmp_path / "m.onnx", given), class_names=names)
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("ssd-finished", [0, 2])  # the background is none
    np.testing.assert_allclose(found.boxes, STRETCHED)
    np.testing.assert_allclose(found.scores, [0.9, 0.6])


# -- TensorFlow ------------------------------------------------------------------------------------


def tensorflow(labels: list[int], scores: list[float], *, ending: str = "", counted: int = 3) -> dict[str, Any]:
    boxes = np.concatenate((PARTS[:, [1, 0, 3, 2]], np.zeros((1, 4))))[None]
    return {
        f"detection_boxes{ending}": boxes,
        f"detection_classes{ending}": np.array([labels], float),
        f"detection_multiclass_scores{ending}": np.zeros((1, 3, 91)),
        f"detection_scores{ending}": np.array([scores]),
        f"num_detections{ending}": np.array([counted], float),
        f"raw_detection_boxes{ending}": np.zeros((1, 51, 4)),
    }


@pytest.mark.parametrize("ending", ["", ":0"])
def test_tensorflow(tmp_path: Path, ending: str) -> None:
    given = tensorflow([1, 3, 12], [0.9, 0.6, 0.8], ending=ending)
    detector = ONNX(answering(tmp_path / "m.onnx", given, image=(1, 64, 64, 3), image_type="UINT8"))
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("tensorflow", [PERSON, CAR])  # COCO has no 12
    assert [detector.class_names[kind] for kind in found.classes] == ["person", "car"]
    np.testing.assert_allclose(found.boxes, PIXELS * 2)
    np.testing.assert_allclose(found.scores, [0.9, 0.6])


def test_tensorflow_rows_beyond_the_count_do_not_count(tmp_path: Path) -> None:
    given = tensorflow([1, 3, 1], [0.9, 0.6, 0.8], counted=1)
    path = answering(tmp_path / "m.onnx", given, image=(1, "height", "width", 3), image_type="UINT8")
    detector = ONNX(path, size=(64, 64))
    assert detector(IMAGE).classes.tolist() == [PERSON]


def test_tensorflow_of_ones_own_label_map(tmp_path: Path) -> None:
    path = answering(tmp_path / "m.onnx", tensorflow([1, 2, 0], [0.9, 0.6, 0.8]), image=(1, 64, 64, 3))
    found = ONNX(path, class_names=["cat", "dog"])(IMAGE)
    assert found.classes.tolist() == [0, 1]
    assert ONNX(path, class_names=["cat", "dog"], classes=["dog"])(IMAGE).classes.tolist() == [1]


# -- torchvision -----------------------------------------------------------------------------------

ORDERS = {"Faster R-CNN": ("boxes", "labels", "scores"), "RetinaNet": ("boxes", "scores", "labels")}


def torchvision(labels: list[int], scores: list[float]) -> dict[str, Any]:
    boxes = np.concatenate((PIXELS, PIXELS[:1] + 4))[: len(labels)]
    return {"boxes": boxes.reshape(-1, 4), "labels": np.array(labels, int), "scores": np.array(scores, float)}


@pytest.mark.parametrize("kind", ORDERS)
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("image", [(1, 3, 64, 64), (3, 64, 64)])
def test_torchvision(tmp_path: Path, kind: str, named: bool, image: tuple[int, ...]) -> None:
    columns = torchvision([1, 3, 91], [0.9, 0.6, 0.8])
    given = {name if named else str(2500 + k): columns[name] for k, name in enumerate(ORDERS[kind])}
    detector = ONNX(answering(tmp_path / "m.onnx", given, image=image))
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("torchvision", [PERSON, CAR])
    np.testing.assert_allclose(found.boxes, PIXELS * 2)
    np.testing.assert_allclose(found.scores, [0.9, 0.6])


def test_torchvision_that_sees_nothing_is_recognised(tmp_path: Path) -> None:
    detector = ONNX(answering(tmp_path / "m.onnx", torchvision([], [])))
    assert (detector.head, len(detector(IMAGE))) == ("torchvision", 0)


@pytest.mark.parametrize("names", [["cat", "dog"], {0: "cat", 1: "dog"}])
def test_torchvision_of_ones_own_classes_counts_from_1(tmp_path: Path, names: Any) -> None:
    path = answering(tmp_path / "m.onnx", torchvision([1, 2, 0], [0.9, 0.6, 0.8]))
    found = ONNX(path, class_names=names)(IMAGE)
    assert found.classes.tolist() == [0, 1]


def test_torchvision_with_the_91_names_of_its_own_list(tmp_path: Path) -> None:
    names = ["__background__", "person", "bicycle", "car", *(f"class {k}" for k in range(4, 91))]
    detector = ONNX(answering(tmp_path / "m.onnx", torchvision([1, 3], [0.9, 0.6])), class_names=names)
    found = detector(IMAGE)
    assert [detector.class_names[kind] for kind in found.classes] == ["person", "car"]


def test_masks_are_cut_to_the_rows_that_stay(tmp_path: Path) -> None:
    masks = np.zeros((3, 1, 64, 64))
    masks[0, 0, 16:48, 24:40] = masks[2, 0, 8:24, 12:20] = 1
    columns = {**torchvision([1, 3, 3], [0.9, 0.3, 0.6]), "masks": masks}
    columns["boxes"] = PIXELS[[0, 0, 1]]
    found = ONNX(answering(tmp_path / "m.onnx", columns))(IMAGE)
    assert found.payload is not None
    assert (found.payload.shape, found.payload.dtype) == ((2, 96, 128), bool)
    for mask, (left, top, right, bottom) in zip(found.payload, PIXELS * 2, strict=True):
        assert mask.sum() == (right - left) * (bottom - top)
        assert mask[int(top) : int(bottom), int(left) : int(right)].all()


def test_each_network_sees_what_it_was_trained_on() -> None:
    from tracker.detect.heads import head

    hows = {name: head(name).preprocessing for name in ("ssd", "ssd-finished", "tensorflow", "torchvision")}
    assert {how.order for how in hows.values()} == {"RGB"}
    assert (hows["ssd"].scale, hows["ssd"].mean, hows["ssd"].std) == (1, (127, 127, 127), (128, 128, 128))
    assert hows["ssd-finished"].mean == (0.485, 0.456, 0.406)
    assert (hows["torchvision"].scale, hows["torchvision"].mean) == (1 / 255, (0, 0, 0))
    assert [how.fit for how in hows.values()] == ["stretch", "stretch", "letterbox", "letterbox"]
