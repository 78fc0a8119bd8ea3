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
from tracker.detect.network import providers_of, size_of

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
        with pytest.raises(ValueError, match=f"head goes with MODEL.onnx or MODEL.xml, not with {spec}; leave it out"):
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


def test_what_a_file_does_not_say_is_said_by_options(constant_onnx, tmp_path):
    from detect.conventions import v8

    path = str(constant_onnx(v8(), input_shape=("b", 3, "h", "w")))
    (tmp_path / "names.txt").write_text("person\nbicycle\ncar\n")
    detector = open_detector(path, names=tmp_path / "names.txt", size=(64, 64), classes=["car"], providers=["CPU"])
    assert (detector.head, detector.size) == ("yolov8", (64, 64))
    assert (detector.device, detector.runtime) == ("cpu", "onnxruntime")
    assert detector(np.zeros((64, 64, 3), np.uint8)).classes.tolist() == [2]
    for given, words in (
        ({"size": (60, 64)}, r"size \(60, 64\) does not fit the grids; give multiples of 32 \(--imgsz\)"),
        ({"providers": ["cpuu"]}, r"provider 'cpuu' is not in this onnxruntime, did you mean 'cpu'\?; choose from"),
        ({"names": "gone.names"}, r"gone\.names: no such file"),
        ({"names": ["a"] * 4, "size": (64, 64)}, "class_names has 4 names, numbers up to 3; the model has 3 classes"),
    ):
        with pytest.raises(ValueError, match=words):
            open_detector(path, **given)
    for given, option in (
        ({"names": ["a"]}, "--names"),
        ({"size": (64, 64)}, "--imgsz"),
        ({"providers": ["cpu"]}, "--device"),
    ):
        with pytest.raises(ValueError, match=f"not with hog; leave it out .{option}"):
            open_detector("hog", **given)


@pytest.mark.parametrize(
    ("imgsz", "size"),
    [(None, None), (640, (640, 640)), ("640", (640, 640)), ("1280x736", (736, 1280)), ((96, 64), (96, 64))],
)
def test_input_sizes(imgsz, size):
    assert size_of(imgsz) == size


@pytest.mark.parametrize("imgsz", ["640,480", "x", "", 0, -64, (64,), 64.0, "64x"])
def test_other_input_sizes_are_refused(imgsz):
    with pytest.raises(ValueError, match="give pixels, as 640, or width x height, as 1280x736"):
        size_of(imgsz)


def test_devices():
    assert (providers_of(None), providers_of("cuda, cpu"), providers_of(["cpu"])) == (None, ["cuda", "cpu"], ["cpu"])
    with pytest.raises(ValueError, match="such as cuda,cpu"):
        providers_of("cuda,")
