"""Every convention of ``conventions.py`` is read as its two objects, or refused with the options that settle it."""

from __future__ import annotations

import numpy as np
import pytest
from detect.conventions import CONVENTIONS, CORNERS, POINTS, SCORES, Convention

from tracker.detect import ONNX
from tracker.detect.head import HeadError

IMAGE = np.zeros((64, 64, 3), np.uint8)


def made(constant_onnx, convention: Convention):
    return constant_onnx(*convention.arrays, names=tuple(convention.names), metadata=convention.metadata)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda one: one.what)
def test_the_two_objects_are_read(constant_onnx, convention):
    path = made(constant_onnx, convention)
    if convention.choose:
        with pytest.raises(HeadError, match=r"it can be read as .* choose with --head") as error:
            ONNX(path)
        assert f"--head {convention.head}" in str(error.value)
        assert "\n" not in str(error.value)
    detector = ONNX(path, head=convention.head if convention.choose else None)
    assert detector.head == convention.head
    found = detector(IMAGE)
    order = np.argsort(-found.scores)
    np.testing.assert_allclose(found.boxes[order], CORNERS, atol=1e-3)
    np.testing.assert_allclose(found.scores[order], SCORES, atol=1e-5)
    assert found.classes[order].tolist() == list(convention.classes)
    if "-pose" in convention.what:
        np.testing.assert_allclose(found.payload[order], POINTS, atol=1e-5)
    assert detector.note is None


def test_keypoints_come_back_to_the_image(constant_onnx):
    (pose,) = (one for one in CONVENTIONS if one.what == "YOLOv8-pose")
    found = ONNX(made(constant_onnx, pose))(np.zeros((128, 128, 3), np.uint8))
    np.testing.assert_allclose(found.payload, POINTS * (2, 2, 1), atol=1e-4)


def test_the_corners_of_a_rotated_box_are_its_payload(constant_onnx):
    (rotated,) = (one for one in CONVENTIONS if one.what == "YOLOv8-obb")
    found = ONNX(made(constant_onnx, rotated))(IMAGE)
    np.testing.assert_allclose(found.payload[0], [[20, 16], [20, 48], [12, 48], [12, 16]], atol=1e-4)
    np.testing.assert_allclose(found.payload[1], [[40, 24], [56, 24], [56, 40], [40, 40]], atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "head"),
    [
        ("bbox_head.rtm_cls.0.weight", "rtmdet"),
        ("bbox_head.multi_level_conv_cls.0.weight", "mmdet-yolox"),
        ("roi_head.bbox_head.fc_cls.weight", "mmdet"),
    ],
)
def test_names_of_layers_tell_what_mmdeploy_exported(constant_onnx, layer, head):
    (given,) = (one for one in CONVENTIONS if one.what == "RTMDet by mmdeploy")
    assert ONNX(constant_onnx(*given.arrays, names=tuple(given.names), metadata={"layer": layer})).head == head
