"""Heads of one box per query: DETR and its kin, RT-DETR, D-FINE and DEIM in each export, RF-DETR."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detect.made_onnx import answering

from tracker.detect import ONNX
from tracker.detect.coco import COCO, COCO_NUMBERS
from tracker.detect.head import Head
from tracker.detect.heads import head

IMAGE = np.zeros((96, 128, 3), np.uint8)  # 4:3, the input is 64x64
STRETCHED = np.array([2, 1.5, 2, 1.5])  # pixels of the image per pixel of the input
PERSON, CAR = 0, 2  # COCO's, in this library; 1 and 3 in COCO's files
PARTS = [(0.5, 0.5, 0.25, 0.5), (0.25, 0.25, 0.125, 0.25)]  # of two objects
PIXELS = np.array([[24.0, 16, 40, 48], [12, 8, 20, 24]])  # in the input


def queries(count: int = 20) -> np.ndarray:
    """Boxes (1, Q, 4) as parts of the input, the first two of objects."""
    boxes = np.full((1, count, 4), 0.5)
    boxes[0, :2] = PARTS
    return boxes


def logits(width: int, *objects: tuple[int, int, float], background: float = -5.0, count: int = 20) -> np.ndarray:
    """Logits (1, Q, width) with (query, column, logit) of objects."""
    values = np.full((1, count, width), background)
    for query, column, value in objects:
        values[0, query, column] = value
    return values


def no_object(width: int, *objects: tuple[int, int, float]) -> np.ndarray:
    """The same with a last column that says "no object" in all other queries."""
    values = logits(width, *objects, background=-1.0)
    values[0, :, -1] = 8.0
    for query, _, _ in objects:
        values[0, query, -1] = 0.0
    return values


def test_the_numbers_of_coco_have_gaps() -> None:
    assert len(COCO_NUMBERS) == len(COCO) == 80
    named = dict(zip(COCO_NUMBERS, COCO, strict=True))
    assert (named[1], named[11], named[13], named[44], named[62], named[70]) == (
        "person",
        "fire hydrant",
        "stop sign",
        "bottle",
        "chair",
        "toilet",
    )
    assert (named[90], named[67], named[84]) == ("toothbrush", "dining table", "book")


@pytest.mark.parametrize("names", [("logits", "pred_boxes"), ("pred_logits", "pred_boxes"), ("a", "b")])
def test_detr(tmp_path: Path, names: tuple[str, str]) -> None:
    given = no_object(92, (0, 1, 10.0), (1, 3, 9.0), (2, 91, 12.0))
    detector = ONNX(answering(tmp_path / "m.onnx", {names[0]: given, names[1]: queries()}))
    assert detector.head == "detr"
    assert detector.class_names[CAR] == "car"
    square = np.zeros((128, 128, 3), np.uint8)
    found = detector(square)
    np.testing.assert_allclose(found.boxes, PIXELS * 2)
    assert found.classes.tolist() == [PERSON, CAR]
    powers = np.exp(given[0, :2])
    shares = powers[[0, 1], [1, 3]] / powers.sum(axis=1)
    np.testing.assert_allclose(found.scores, shares, rtol=1e-6)


def test_detr_keeps_the_aspect_ratio(tmp_path: Path) -> None:
    path = answering(tmp_path / "m.onnx", {"logits": no_object(92, (0, 1, 10.0)), "pred_boxes": queries()})
    np.testing.assert_allclose(ONNX(path)(IMAGE).boxes, PIXELS[:1] * 2)


@pytest.mark.parametrize("mask", [(1, 64, 64), ("batch", "height", "width")])
def test_detr_with_a_mask_of_pixels_beside_the_image(tmp_path: Path, mask: tuple[int | str, ...]) -> None:
    given = {"logits": no_object(92, (0, 1, 10.0)), "pred_boxes": queries()}
    path = answering(tmp_path / "m.onnx", given, mask=mask, scaled="pred_boxes")
    np.testing.assert_allclose(ONNX(path)(IMAGE).boxes, PIXELS[:1] * 2)


def test_detr_of_ones_own_classes(tmp_path: Path) -> None:
    given = {"logits": no_object(3, (0, 0, 10.0), (1, 1, 9.0)), "pred_boxes": queries()}
    path = answering(tmp_path / "m.onnx", given)
    for names in (None, ["cat", "dog"]):  # the values tell, and so do the names
        detector = ONNX(path, class_names=names)
        assert (detector.head, list(detector.class_names.values())) == ("detr", names or ["0", "1"])
        assert detector(IMAGE).classes.tolist() == [0, 1]
    only = ONNX(path, class_names=["cat", "dog"], classes=["dog"])(IMAGE)
    assert only.classes.tolist() == [1]


def test_deformable_detr_has_coco_columns_and_no_no_object(tmp_path: Path) -> None:
    given = {"logits": logits(91, (0, 1, 2.0), (1, 3, 1.0), (2, 12, 5.0)), "pred_boxes": queries()}
    detector = ONNX(answering(tmp_path / "m.onnx", given))
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("detr", [PERSON, CAR])  # nothing is called 12
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp([-2.0, -1])), rtol=1e-6)


@pytest.mark.parametrize("names", [("logits", "pred_boxes"), ("pred_logits", "pred_boxes"), ("a", "b")])
def test_rtdetr_without_post_processing(tmp_path: Path, names: tuple[str, str]) -> None:
    given = {names[0]: logits(80, (0, PERSON, 2.0), (1, CAR, 1.0), (2, 5, -0.5)), names[1]: queries()}
    detector = ONNX(answering(tmp_path / "m.onnx", given, image=(1, 3, 64, 128)))  # width and height differ
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("rtdetr-raw", [PERSON, CAR])
    np.testing.assert_allclose(found.boxes, PIXELS * STRETCHED)
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp([-2.0, -1])), rtol=1e-6)
    assert ONNX(answering(tmp_path / "one.onnx", {**given, names[0]: logits(1)})).head == "rtdetr-raw"


@pytest.mark.parametrize("names", [None, {"names": "{0: 'cat', 1: 'dog', 2: 'cow'}"}])
def test_two_queries_of_one_object_are_two_answers(tmp_path: Path, names: dict[str, str] | None) -> None:
    boxes = queries()
    boxes[0, 1] = boxes[0, 0]
    given = {"logits": logits(3, (0, 1, 2.0), (1, 1, 1.0)), "pred_boxes": boxes}
    found = ONNX(answering(tmp_path / "m.onnx", given, metadata=names))(IMAGE)
    assert found.classes.tolist() == [1, 1]  # end-to-end: nothing is thinned out


@pytest.mark.parametrize("kind", ["RT-DETR", "D-FINE"])
def test_rtdetr_scales_its_boxes_by_the_second_input(tmp_path: Path, kind: str) -> None:
    corners = np.array([[[0.375, 0.25, 0.625, 0.75], [0.1875, 0.125, 0.3125, 0.375], [0, 0, 1, 1]]])
    given = {"labels": [[PERSON, CAR, 5]], "boxes": corners, "scores": [[0.9, 0.6, 0.3]]}
    shape = (1, 3, 64, 128)  # width and height are not to be exchanged
    path = answering(tmp_path / "m.onnx", given, image=shape, sizes="orig_target_sizes", scaled="boxes")
    detector = ONNX(path)
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("rtdetr", [PERSON, CAR])
    np.testing.assert_allclose(found.boxes, corners[0, :2] * (128, 96, 128, 96))
    np.testing.assert_allclose(found.scores, [0.9, 0.6])
    assert ONNX(path, class_names=["a", "b", "c", "d", "e", "f"], conf=0.2)(IMAGE).classes.tolist() == [0, 2, 5]


@pytest.mark.parametrize("metadata", [{}, {"names": str([f"class {k}" for k in range(80)]), "task": "detect"}])
def test_rtdetr_of_ultralytics(tmp_path: Path, metadata: dict[str, str]) -> None:
    rows = np.concatenate((queries(300), np.full((1, 300, 80), 0.01)), axis=2)
    rows[0, 0, 4 + PERSON], rows[0, 1, 4 + CAR] = 0.9, 0.6
    detector = ONNX(answering(tmp_path / "m.onnx", {"output0": rows}, image=(1, 3, 128, 128), metadata=metadata))
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("rtdetr-ultralytics", [PERSON, CAR])
    np.testing.assert_allclose(found.boxes, PIXELS * STRETCHED)
    np.testing.assert_allclose(found.scores, [0.9, 0.6], rtol=1e-6)


@pytest.mark.parametrize("names", [["cat", "dog"], ["cat"]])
def test_rtdetr_of_ultralytics_with_few_classes(tmp_path: Path, names: list[str]) -> None:
    rows = np.concatenate((queries(300), np.full((1, 300, len(names)), 0.01)), axis=2)
    rows[0, 0, -1] = 0.9
    path = answering(tmp_path / "m.onnx", {"output0": rows}, metadata={"names": str(names)})
    found = ONNX(path, head="rtdetr-ultralytics")(IMAGE)
    assert found.classes.tolist() == [len(names) - 1]
    assert ONNX(path).head == "rtdetr-ultralytics"  # [1, 300, 6] of two classes is not end-to-end


def test_rfdetr(tmp_path: Path) -> None:
    given = {"dets": queries(), "labels": logits(91, (0, 1, 2.0), (1, 3, 1.0), (2, 0, 9.0))}
    detector = ONNX(answering(tmp_path / "m.onnx", given))
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("rfdetr", [PERSON, CAR])
    np.testing.assert_allclose(found.boxes, PIXELS * STRETCHED)
    np.testing.assert_allclose(found.scores, 1 / (1 + np.exp([-2.0, -1])), rtol=1e-6)


@pytest.mark.parametrize(("width", "columns"), [(2, (0, 1)), (3, (1, 2))])
def test_rfdetr_of_ones_own_classes(tmp_path: Path, width: int, columns: tuple[int, int]) -> None:
    given = {"dets": queries(), "labels": logits(width, (0, columns[0], 2.0), (1, columns[1], 1.0))}
    detector = ONNX(answering(tmp_path / "m.onnx", given), class_names=["cat", "dog"])
    assert detector(IMAGE).classes.tolist() == [0, 1]


def test_masks_of_rfdetr_come_back_to_the_image(tmp_path: Path) -> None:
    maps = np.full((1, 20, 16, 16), -3.0)
    maps[0, 0, 4:12, 6:10] = 3.0  # rows 16 to 48, columns 24 to 40 of the input
    maps[0, 1, 2:6, 3:5] = 3.0
    given = {"dets": queries(), "labels": logits(91, (0, 1, 2.0), (1, 3, 1.0)), "masks": maps}
    found = ONNX(answering(tmp_path / "m.onnx", given))(IMAGE)
    assert found.payload is not None
    assert (found.payload.shape, found.payload.dtype) == ((2, 96, 128), bool)
    expected = np.zeros((2, 96, 128), bool)
    expected[0, 24:72, 48:80] = expected[1, 12:36, 24:40] = True
    for mask, true, box in zip(found.payload, expected, found.boxes, strict=True):
        assert (mask & true).sum() / (mask | true).sum() > 0.9
        rows, columns = np.nonzero(mask)
        np.testing.assert_allclose([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], box, atol=2)


def seen_by(cls: type[Head]) -> tuple[str, tuple[float, ...], tuple[float, ...], str]:
    how = cls.preprocessing
    return how.order, how.mean, how.std, how.fit


def test_each_network_sees_what_it_was_trained_on() -> None:
    imagenet = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    plain = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    assert seen_by(head("detr")) == ("RGB", *imagenet, "letterbox")
    assert seen_by(head("rfdetr")) == ("RGB", *imagenet, "stretch")
    for name in ("rtdetr", "rtdetr-raw", "rtdetr-ultralytics"):
        assert seen_by(head(name)) == ("RGB", *plain, "stretch")
