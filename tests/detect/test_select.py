from __future__ import annotations

import numpy as np
import pytest

from tracker.detect import (
    HOG,
    ONNX,
    Detector,
    Motion,
    Recorded,
    RecordedDetector,
    YuNet,
    detector_help,
    open_detector,
)
from tracker.detect.heads import heads

NEED_NO_FILE = ("hog", "motion")


def test_words_and_files(shared, tmp_path):
    models = shared / "data/models"
    (tmp_path / "det.txt").write_text("1,-1,0,0,10,20,0.5\n")
    np.savez(tmp_path / "dets.npz", frame=[1], xyxy=[[0, 0, 10, 20]])
    for spec, kind in (
        ("hog", HOG),
        ("motion", Motion),
        (f"yunet:{models}/yunet_2026may.onnx", YuNet),
        (f"{models}/yunet_2026may.onnx", YuNet),
        (f"{models}/yolox_nano.onnx", ONNX),
        (f"{tmp_path}/det.txt", Recorded),
        (f"{tmp_path}/dets.npz", Recorded),
    ):
        detector = open_detector(spec)
        assert type(detector) is kind
        assert isinstance(detector.name, str)
        assert isinstance(detector.device, str)
        assert isinstance(detector, RecordedDetector if kind is Recorded else Detector)
        assert [str(file) for file in detector.model_files] == ([] if spec in NEED_NO_FILE else [spec.split(":")[-1]])


def test_conf_and_classes_are_passed_on(shared, tmp_path):
    model = str(shared / "data/models/yolox_nano.onnx")
    assert (open_detector(model).conf, open_detector(model, conf=0.25).conf) == (0.5, 0.25)
    assert open_detector("hog", conf=0.6, classes=["Person"]).conf == 0.6
    (tmp_path / "det.txt").write_text("1,-1,0,0,10,20,0.5\n1,-1,0,0,10,20,nan\n")
    assert open_detector(f"{tmp_path}/det.txt", conf=0.4, invalid="drop").dropped == 1


@pytest.mark.parametrize(
    ("spec", "classes", "words"),
    [
        ("hogg", None, r"unknown detector 'hogg', did you mean 'hog'\?; give auto, hog, motion"),
        ("yolo", None, "unknown detector 'yolo'"),
        ("yunet", None, "pass yunet:"),
        ("yunet:gone.onnx", None, "gone.onnx: no such file"),
        ("gone.onnx", None, "gone.onnx: no such file"),
        ("gone.txt", None, "gone.txt: no such file"),
        ("hog", ["car"], "detector hog has no class 'car'; choose from person"),
        ("motion", ["person"], "detector motion has no class 'person'; choose from moving"),
        ("dets.npz", ["person"], "no class names to choose from"),
        ("", None, "unknown detector ''"),
    ],
)
def test_what_cannot_be_opened(spec, classes, words):
    with pytest.raises(ValueError, match=words) as error:
        open_detector(spec, classes=classes)
    assert "\n" not in str(error.value)


def test_a_head_by_name(constant_onnx):
    rows = np.zeros((1, 84, 7), np.float32)
    path = str(constant_onnx(rows))
    assert (open_detector(path).head, open_detector(path, head="yolov8").head) == ("yolox", "yolov8")
    with pytest.raises(ValueError, match="no head 'yolo8', did you mean 'yolov8'"):
        open_detector(path, head="yolo8")
    for spec in ("hog", "det.txt", "yunet:gone.onnx"):
        with pytest.raises(ValueError, match=f"detector {spec} has no heads to choose from; leave head out"):
            open_detector(spec, head="yolox")


def test_the_help_and_the_error_name_every_form():
    for form in ("hog", "motion", "yunet:MODEL.onnx", "MODEL.onnx", "DETECTIONS.txt", "DETECTIONS.npz"):
        assert f"{form}: " in detector_help()
        with pytest.raises(ValueError, match=f" {form}"):
            open_detector("nothing")
    assert ", ".join(heads()) in detector_help()
    assert "%" not in detector_help()  # argparse would format it


def test_other_files_and_embedders_are_told_apart(shared, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    with pytest.raises(ValueError, match=r"model\.pt: is a PyTorch checkpoint; export it to ONNX"):
        open_detector(f"{tmp_path}/model.pt")
    with pytest.raises(ValueError, match="if it is an embedder"):
        open_detector(str(shared / "data/models/osnet_x0_25_msmt17.onnx"))
