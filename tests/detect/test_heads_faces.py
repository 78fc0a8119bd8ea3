"""Heads of faces by prior boxes and anchors: made outputs, and the real FaceBoxes and UltraLight on real frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from detect.made_onnx import answering

from tracker.boxes import iou_xyxy
from tracker.detect import ONNX, YuNet
from tracker.detect.grid import STRIDES, cell_count
from tracker.detect.heads import head
from tracker.detect.priors import boxes_of, grid_priors, points_of
from tracker.io.video import open_source

IMAGE = np.zeros((128, 256, 3), np.uint8)
CLIP = "data/video/intel_one_by_one_person_768x432.mp4"
FACE = 860  # the frame of CLIP in which a man shows his face: left of centre 696, 86


def frame(shared: Path, number: int) -> np.ndarray:
    with open_source(shared / CLIP) as video:
        return next(each.image for each in video if each.number == number and each.image is not None)


# -- priors ----------------------------------------------------------------------------------------


def test_priors_run_along_rows_and_an_uneven_input_has_one_cell_more() -> None:
    priors = grid_priors((40, 64), 32, (16, 32))
    assert priors.shape == (2 * 2 * 2, 4)
    np.testing.assert_array_equal(priors[:4], [[16, 16, 16, 16], [16, 16, 32, 32], [48, 16, 16, 16], [48, 16, 32, 32]])
    np.testing.assert_array_equal(priors[4], [16, 48, 16, 16])
    shared_out = grid_priors((40, 64), 32, (16,), whole=True)
    np.testing.assert_array_equal(shared_out[:, 1], [10, 10, 30, 30])


def test_densified_priors_begin_at_the_corner_of_their_cell() -> None:
    priors = grid_priors((32, 64), 32, (32, 64, 128), densities=(4, 2, 1))
    assert len(priors) == 2 * (16 + 4 + 1)
    np.testing.assert_array_equal(priors[:5, :2], [[0, 0], [8, 0], [16, 0], [24, 0], [0, 8]])
    np.testing.assert_array_equal(priors[16:21, :2], [[0, 0], [16, 0], [0, 16], [16, 16], [16, 16]])
    np.testing.assert_array_equal(priors[[0, 16, 20], 2], [32, 64, 128])
    np.testing.assert_array_equal(priors[21, :2], [32, 0])


def test_deltas_move_and_resize_priors() -> None:
    priors = np.array([[50.0, 40, 20, 10]])
    np.testing.assert_allclose(boxes_of(np.array([[5.0, -5, np.log(2) / 0.2, 0]]), priors), [[40, 30, 80, 40]])
    np.testing.assert_allclose(points_of(np.array([[5.0, -5, 0, 10]]), priors), [[[60, 35], [50, 50]]])
    assert boxes_of(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)


# -- made outputs ----------------------------------------------------------------------------------


def shares(count: int, *faces: tuple[int, float]) -> np.ndarray:
    values = np.tile([1.0, 0.0], (1, count, 1))
    for prior, share in faces:
        values[0, prior] = 1 - share, share
    return values


def test_faceboxes(tmp_path: Path) -> None:
    count = 2 * 4 * 21 + 1 * 2 + 1
    deltas = np.zeros((1, count, 4))
    deltas[0, 21 + 20] = (0.5, 0, 0, 0)  # the second cell's prior of 128 pixels, by 0.05 of that to the right
    given = {"output": deltas, "353": shares(count, (21 + 20, 0.9), (168, 0.8), (0, 0.4))}
    detector = ONNX(answering(tmp_path / "m.onnx", given, image=(1, 3, 64, 128)), iou=0.9)
    found = detector(IMAGE)
    assert (detector.head, dict(detector.class_names)) == ("faceboxes", {0: "face"})
    expected = [[48 + 6.4 - 64, 16 - 64, 48 + 6.4 + 64, 16 + 64], [32 - 128, 32 - 128, 32 + 128, 32 + 128]]
    np.testing.assert_allclose(found.boxes, np.array(expected) * 2, rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9, 0.8])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_retinaface(tmp_path: Path, order: tuple[int, ...]) -> None:
    count = 2 * cell_count((64, 128))
    deltas, marks = np.zeros((1, count, 4)), np.zeros((1, count, 10))
    marks[0, 3] = np.tile((5, -5), 5)
    middle, last = 2 * 8 * 16, count - 1  # the first prior of stride 16, 64 pixels, and the last, of 512
    faces = shares(count, (3, 0.9), (2, 0.4), (middle, 0.8), (last, 0.7))
    given = [("output", deltas), ("outputt", faces), ("outputtt", marks)]
    detector = ONNX(answering(tmp_path / "m.onnx", dict(given[k] for k in order), image=(1, 3, 64, 128)))
    found = detector(IMAGE)
    assert (detector.head, found.scores.round(6).tolist()) == ("retinaface", [0.9, 0.8, 0.7])
    priors = [(12, 4, 32), (8, 8, 64), (112, 48, 512)]
    expected = np.array([[x - side / 2, y - side / 2, x + side / 2, y + side / 2] for x, y, side in priors])
    np.testing.assert_allclose(found.boxes, expected * 2)
    np.testing.assert_allclose(found.payload[0], [[(12 + 16) * 2, (4 - 16) * 2]] * 5)


@pytest.mark.parametrize("raw", [False, True])
def test_ultralight(tmp_path: Path, raw: bool) -> None:
    priors = np.concatenate(
        [
            grid_priors((240, 320), stride, sides, whole=True)
            for stride, sides in {8: (10, 16, 24), 16: (32, 48), 32: (64, 96), 64: (128, 192, 256)}.items()
        ]
    )
    assert len(priors) == 4420
    deltas = np.zeros((1, 4420, 4))
    corners = np.concatenate((priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2), axis=1)
    boxes = deltas if raw else (corners / [320, 240, 320, 240])[None]
    given = {"scores": shares(4420, (4, 0.9), (4419, 0.8)), "boxes": boxes}
    detector = ONNX(answering(tmp_path / "m.onnx", given, image=(1, 3, 240, 320)))
    found = detector(np.zeros((240, 640, 3), np.uint8))  # not in proportion: stretched
    assert detector.head == "ultralight"
    # Side 16 in the second cell of stride 8; side 256 in the last of stride 64, whose 4 rows share 240 pixels.
    expected = [[12 - 8, 4 - 8, 12 + 8, 4 + 8], [288 - 128, 210 - 128, 288 + 128, 210 + 128]]
    np.testing.assert_allclose(found.boxes, np.array(expected) * (2, 1, 2, 1), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("landmarks", [False, True])
def test_scrfd(tmp_path: Path, batched: bool, landmarks: bool) -> None:
    size = (64, 128)
    given: dict[str, Any] = {}
    for part, width in {"score": 1, "bbox": 4, "kps": 10}.items():
        for stride in STRIDES:
            given[f"{part}_{stride}"] = np.zeros((2 * cell_count(size, [stride]), width))
    given["score_16"][2 * 9 + 1], given["score_8"][0] = 0.9, 0.4  # cell (1, 1) of stride 16, its second anchor
    given["bbox_16"][2 * 9 + 1], given["kps_16"][2 * 9 + 1] = (0.5, 1, 1.5, 2), np.tile((0.25, -0.5), 5)
    outputs = {
        name: array[None] if batched else array
        for name, array in given.items()
        if landmarks or not name.startswith("kps")
    }
    detector = ONNX(answering(tmp_path / "m.onnx", outputs, image=(1, 3, *size)))
    found = detector(IMAGE)
    assert (detector.head, found.scores.round(6).tolist()) == ("scrfd", [0.9])
    np.testing.assert_allclose(found.boxes, [[16, 0, 80, 96]])
    if landmarks:
        np.testing.assert_allclose(found.payload, [[[40, 16]] * 5])
    else:
        assert found.payload is None


def test_each_network_sees_what_it_was_trained_on() -> None:
    faceboxes, retinaface, ultralight, scrfd = (
        head(name).preprocessing for name in ("faceboxes", "retinaface", "ultralight", "scrfd")
    )
    assert (faceboxes.order, faceboxes.scale, faceboxes.mean) == ("BGR", 1, (104, 117, 123))
    assert retinaface == faceboxes
    assert (ultralight.order, ultralight.mean, ultralight.std) == ("RGB", (127,) * 3, (128,) * 3)
    assert (scrfd.order, scrfd.mean, scrfd.std) == ("RGB", (127.5,) * 3, (128,) * 3)
    assert [how.fit for how in (faceboxes, ultralight, scrfd)] == ["letterbox", "stretch", "letterbox"]


# -- real networks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["faceboxes", "ultraface_rfb_320", "ultraface_rfb_320_raw"])
def test_real_networks_find_the_face_that_yunet_finds(shared: Path, name: str, capfd: Any) -> None:
    image = frame(shared, FACE)
    expected = YuNet(shared / "data/models/yunet_2026may.onnx", conf=0.5)(image)
    found = ONNX(shared / f"data/models/{name}.onnx")(image)
    assert len(found) == len(expected) == 1
    assert found.scores[0] > 0.85
    assert iou_xyxy(found.boxes, expected.boxes)[0, 0] > 0.6
    assert capfd.readouterr() == ("", "")  # onnxruntime has hundreds of warnings for UltraLight


def test_ultralight_with_and_without_post_processing_agree(shared: Path) -> None:
    image = frame(shared, FACE)
    decoded, raw = (ONNX(shared / f"data/models/ultraface_rfb_320{end}.onnx", conf=0.1)(image) for end in ("", "_raw"))
    assert len(decoded) == len(raw) > 0
    np.testing.assert_allclose(decoded.boxes, raw.boxes, atol=0.01)


def test_faceboxes_finds_a_face_wherever_it_is(shared: Path) -> None:
    image = frame(shared, FACE)
    detector = ONNX(shared / "data/models/faceboxes.onnx")
    (box,) = detector(image).boxes
    for shift in (-40, 24):
        (moved,) = detector(np.roll(image, shift, axis=1)).boxes
        assert iou_xyxy(moved[None], (box + (shift, 0, shift, 0))[None])[0, 0] > 0.5
    large = detector(cv2.resize(image, None, fx=2, fy=2))
    np.testing.assert_allclose(large.boxes / 2, [box], atol=3)
