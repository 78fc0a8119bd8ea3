from __future__ import annotations

import cv2
import numpy as np
import pytest

from tracker.detect import YuNet, open_detector
from tracker.io.video import open_source


def frame(path, number):
    with open_source(path) as video:
        return next(frame.image for frame in video if frame.number == number + 1)


def test_faces_on_a_real_frame(shared):
    street = frame(shared / "data/video/vtest_480x360.mp4", 480)
    large = cv2.resize(street, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    detector = YuNet(shared / "data/models/yunet_2026may.onnx")
    found = detector(large)
    np.testing.assert_allclose(found.boxes / 3, [[300, 152, 305, 159], [371, 158, 376, 164]], atol=2)
    assert found.scores.min() >= 0.8
    assert found.scores.max() <= 1
    assert found.payload.shape == (2, 5, 2)
    centres = (found.boxes[:, None, :2] + found.boxes[:, None, 2:]) / 2
    assert (np.abs(found.payload - centres) < 15).all()
    right_eye, left_eye, mouth = found.payload[:, 0], found.payload[:, 1], found.payload[:, 3]
    assert (right_eye[:, 0] < left_eye[:, 0]).all()
    assert (right_eye[:, 1] < mouth[:, 1]).all()

    # a head seen from behind is none, and an image of another size in between changes nothing
    assert len(detector(frame(shared / "data/video/intel_one_by_one_person_768x432.mp4", 270))) == 0
    np.testing.assert_array_equal(detector(large).boxes, found.boxes)


def test_tiny_images_have_no_faces(shared):
    detector = YuNet(shared / "data/models/yunet_2026may.onnx")
    for shape in ((1, 1), (31, 400), (20, 700), (400, 31), (32, 32)):
        assert len(detector(np.full((320, 320, 3), 255, np.uint8))) == 0
        assert len(detector(np.zeros((*shape, 3), np.uint8))) == 0


def test_the_file_may_have_any_name(shared, tmp_path):
    copy = tmp_path / "Gesichter für München.ONNX"
    copy.write_bytes((shared / "data/models/yunet_2026may.onnx").read_bytes())
    assert isinstance(open_detector(str(copy)), YuNet)


def test_other_files(shared, tmp_path, capfd):
    with pytest.raises(ValueError, match="no such file"):
        YuNet(tmp_path / "gone.onnx")
    (tmp_path / "junk.onnx").write_bytes(b"no model")
    for path in (tmp_path / "junk.onnx", shared / "data/models/yolox_nano.onnx"):
        with pytest.raises(ValueError, match="is no YuNet face model") as error:
            YuNet(path)
        assert "\n" not in str(error.value)
