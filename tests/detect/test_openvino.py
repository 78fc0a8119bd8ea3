"""Detectors in OpenVINO's own format are read by the same heads."""

from __future__ import annotations

import re

import numpy as np
import pytest
from detect.conventions import CONVENTIONS, CORNERS
from detect.pets import frames

from tracker.detect import ONNX, open_detector
from tracker.install import installing


@pytest.fixture
def as_xml(constant_onnx, tmp_path):
    openvino = pytest.importorskip("openvino", reason="needs the extra openvino")

    def make(what: str):
        (given,) = (one for one in CONVENTIONS if one.what == what)
        path = constant_onnx(*given.arrays, names=tuple(given.names))
        openvino.save_model(openvino.convert_model(path), tmp_path / "model.xml", False)
        return tmp_path / "model.xml"

    return make


@pytest.mark.parametrize("what", ["YOLOv8 without names", "YOLO-NAS", "YOLOv7 with its raw maps beside"])
def test_made_networks(as_xml, what):
    detector = open_detector(str(as_xml(what)))
    assert isinstance(detector, ONNX)
    assert (detector.runtime, detector.device) == ("openvino", "cpu")
    assert [file.name for file in detector.model_files] == ["model.xml", "model.bin"]
    found = detector(np.zeros((64, 64, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, CORNERS, atol=1e-3)


def test_what_ultralytics_writes_beside_it(as_xml):
    path = as_xml("YOLOv8 transposed")
    lines = "description: a model\ntask: detect\nimgsz:\n- 64\n- 64\nnames:\n  0: person\n  1: bicycle\n  2: car\n"
    (path.parent / "metadata.yaml").write_text(lines)
    detector = ONNX(path, classes=["car"])
    assert (detector.head, detector.class_names[2]) == ("yolov8", "car")
    assert len(detector(np.zeros((64, 64, 3), np.uint8))) == 1


def test_yolox_finds_the_same_in_both_runtimes(shared, tmp_path):
    openvino = pytest.importorskip("openvino", reason="needs the extra openvino")
    path = shared / "data/models/yolox_nano.onnx"
    openvino.save_model(openvino.convert_model(path), tmp_path / "yolox.xml", False)
    ((_, image),) = frames(shared, 1, 1, 1)
    ours, theirs = ONNX(path)(image), ONNX(tmp_path / "yolox.xml", threads=1)(image)
    assert len(ours) == len(theirs) > 0
    np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=0.05)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-3)


def test_an_onnx_file_by_openvino(constant_onnx, monkeypatch):
    (given,) = (one for one in CONVENTIONS if one.what == "YOLOv8 without names")
    path = constant_onnx(*given.arrays, names=tuple(given.names), metadata={"names": "{0: 'person', 1: 'b', 2: 'c'}"})
    wrong = r"unknown runtime 'openvin', did you mean 'openvino'\?; choose .* \(--detector-runtime\)"
    with pytest.raises(ValueError, match=wrong):
        ONNX(path, runtime="openvin")
    with pytest.raises(ValueError, match=r"OpenVINO runs it on the CPU; leave the providers out"):
        ONNX(path, runtime="openvino", providers=["cpu"])
    assert ONNX(path).runtime == ONNX(path, runtime="auto", providers=["cpu"]).runtime == "onnxruntime"
    with monkeypatch.context() as patch:
        patch.setattr("tracker.detect.openvino.find_spec", lambda name: None)
        patch.setattr("tracker.detect.runtime.find_spec", lambda name: None)
        assert ONNX(path, runtime="auto").runtime == "onnxruntime"
        with pytest.raises(ValueError, match="; or use --detector-runtime onnxruntime"):
            ONNX(path, runtime="openvino")
    pytest.importorskip("openvino", reason="needs the extra openvino")
    assert ONNX(path, runtime="auto").runtime == "openvino"
    detector = open_detector(str(path), runtime="openvino", threads=1)
    assert (detector.runtime, detector.class_names[0]) == ("openvino", "person"), "the file's metadata counts"
    np.testing.assert_allclose(detector(np.zeros((64, 64, 3), np.uint8)).boxes, CORNERS, atol=1e-3)


def test_openvino_computes_in_float32(shared):
    """By itself it takes bfloat16 where the processor has it, which moves boxes by up to 2.5 in the raw outputs."""
    pytest.importorskip("openvino", reason="needs the extra openvino")
    path = shared / "data/models/yolox_nano.onnx"
    ((_, image),) = frames(shared, 1, 1, 1)
    ours, theirs = ONNX(path, threads=1), ONNX(path, threads=1, runtime="openvino")
    block, _ = ours._own.letterbox(image)
    np.testing.assert_allclose(ours._run(block).first, theirs._run(block).first, atol=1e-2)
    np.testing.assert_allclose(ours(image).boxes, theirs(image).boxes, atol=1e-3)


def test_bad_files_give_one_line(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"gone\.xml: no such file"):
        ONNX(tmp_path / "gone.xml")
    (tmp_path / "a.xml").write_text("<net/>")
    with pytest.raises(ValueError, match=r"a\.bin: no such file beside a\.xml"):
        ONNX(tmp_path / "a.xml")
    with pytest.raises(ValueError, match=r"OpenVINO runs it on the CPU; leave the providers out"):
        ONNX(tmp_path / "a.xml", providers=["cuda"])
    with pytest.raises(ValueError, match=r"onnxruntime cannot run OpenVINO's own format; leave --detector-runtime out"):
        ONNX(tmp_path / "a.xml", runtime="onnxruntime")
    (tmp_path / "a.bin").touch()
    monkeypatch.setattr("tracker.detect.openvino.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=re.escape(installing("openvino")) + r"; .*a\.xml needs it"):
        ONNX(tmp_path / "a.xml")
    monkeypatch.undo()
    pytest.importorskip("openvino", reason="needs the extra openvino")
    with pytest.raises(ValueError, match=r"a\.xml: OpenVINO cannot run it \(.*\); convert it again") as error:
        ONNX(tmp_path / "a.xml")
    assert "\n" not in str(error.value)
