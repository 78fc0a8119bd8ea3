"""Files of class names."""

from __future__ import annotations

import json

import pytest

from tracker.detect import ONNX
from tracker.detect.names_file import read_names

YAML = """# data of ultralytics
path: ../datasets/street  # root
train: images/train
{}
nc: 3
"""
EXPECTED = {0: "person", 1: "traffic light", 2: "car"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("coco.names", "person\ntraffic light\ncar\n\n"),
        ("crlf.txt", "person\r\ntraffic light\r\ncar"),
        ("bom.txt", "\ufeffperson\ntraffic light\ncar\n"),
        ("numbered.txt", "0 person\n2: car\n1, traffic light\n"),
        ("list.json", '["person", "traffic light", "car"]'),
        ("by_number.json", '{"0": "person", "2": "car", "1": "traffic light"}'),
        ("to_number.json", '{"person": 0, "car": 2, "traffic light": 1}'),
        ("member.json", json.dumps({"names": ["person", "traffic light", "car"]})),
        ("data.yaml", YAML.format("names:\n  0: person\n  1: traffic light  # red\n  2: 'car'")),
        ("block.yaml", YAML.format("names:\n- person\n- traffic light\n\n- car")),
        ("indented.yml", YAML.format('names:\n  - person\n  - "traffic light"\n  - car')),
        ("flow.yaml", YAML.format("names: [person, 'traffic light', car]  # three")),
        ("lines.yaml", YAML.format("names: [person,\n  traffic light,\n  car\n]")),
        ("map.yaml", YAML.format("names: {0: person, 1: traffic light, 2: car}")),
    ],
)
def test_names_are_read(tmp_path, file, text):
    (tmp_path / file).write_bytes(text.encode())
    assert read_names(tmp_path / file) == EXPECTED
    (tmp_path / file).write_bytes(text.lstrip("\ufeff").encode("utf-16"))
    assert read_names(tmp_path / file) == EXPECTED


def test_names_keep_what_looks_like_more(tmp_path):
    (tmp_path / "a.txt").write_text("2 wheeler\ncar # red\n")
    assert read_names(tmp_path / "a.txt") == {0: "2 wheeler", 1: "car # red"}
    (tmp_path / "a.yaml").write_text("names: ['a, b', \"c#d\", e#f]\n")
    assert read_names(tmp_path / "a.yaml") == {0: "a, b", 1: "c#d", 2: "e#f"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "has no class names that can be read"),
        (b"person\n\ncar\n", "line 2 is empty"),
        (b"names:\nnc: 2\n", "has no class names"),
        (b"names: 3\n", "has no class names"),
        (b"[1, 2", "has no class names"),
        (b"{}", "has no class names"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff", "is no text file"),
        (b"\xe9t\xe9\n", "is no text file"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content, words):
    path = tmp_path / "names.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_names(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_names_of_a_file_settle_the_head(constant_onnx, tmp_path):
    from detect.conventions import v8

    path = constant_onnx(v8().transpose(0, 2, 1) * ([1] * 4 + [0] * 3))  # no scores: YOLOv8 of 3, or YOLOX of 2 classes
    with pytest.raises(ValueError, match=r"yolov8 \(3 classes\) or yolox \(2 classes\)"):
        ONNX(path)
    for names, head in (("a\nb\nc\n", "yolov8"), ("a\nb\n", "yolox")):
        (tmp_path / "names.txt").write_text(names)
        detector = ONNX(path, class_names=tmp_path / "names.txt")
        assert (detector.head, list(detector.class_names.values())) == (head, names.split())
    (tmp_path / "names.txt").write_text("\n".join("abcdefg"))
    with pytest.raises(ValueError, match=r"yolov8 \(3 classes\) or yolox"):
        ONNX(path, class_names=tmp_path / "names.txt")
    with pytest.raises(ValueError, match="7 names, numbers up to 6; the model has 3 classes"):
        ONNX(path, class_names=str(tmp_path / "names.txt"), head="yolov8")
