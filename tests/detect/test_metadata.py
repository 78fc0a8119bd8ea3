"""Metadata of models written by others: read, or said in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tracker.detect import ONNX
from tracker.detect.head import HeadError
from tracker.detect.metadata import names_in, size_in, task_in, unread

FREE = ("batch", 3, "height", "width")


@pytest.mark.parametrize(
    "text",
    [
        "{0: 'person', 1: 'car'}",
        '{"0": "person", "1": "car"}',
        "['person', 'car']",
        '["person", "car"]',
        "('person', 'car')",
        "person,car",
        " person; car ",
        "person\ncar",
        "{'person': 0, 'car': 1}",
        "\ufeff['person', 'car']",
    ],
)
def test_names_are_read_however_they_are_written(text: str) -> None:
    assert names_in({"names": text}) == {0: "person", 1: "car"}
    assert unread({"names": text}, size=True) == []


@pytest.mark.parametrize(
    "text",
    ["{0: 'person', 1: ", "{'a': 'person'}", "7", "person", "{0.5: 'a'}", "{-1: 'a'}", "[['a'], ['b']]", "[" * 5000],
)
def test_names_that_cannot_be_read_are_said(text: str) -> None:
    assert names_in({"names": text}) is None
    (line,) = unread({"names": text}, size=True)
    assert line.startswith("class names in its metadata (")
    assert len(line) < 120


@pytest.mark.parametrize("text", ["", "[]", "{}", "None"])
def test_no_names_are_no_complaint(text: str) -> None:
    assert names_in({"names": text}) is None
    assert unread({"names": text}, size=True) == []


def test_control_characters_in_names_are_escaped() -> None:
    assert names_in({"names": str(["a\x1b[31m", "b\nc", "é"])}) == {0: "a\\x1b[31m", 1: "b\\nc", 2: "é"}
    (line,) = unread({"names": "\x1b[2J"}, size=True)
    assert "\\x1b[2J" in line


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64", (64, 64)),
        ("[64, 96]", (64, 96)),
        ("(64, 96)", (64, 96)),
        ("64,96", (64, 96)),
        ("64x96", (64, 96)),
        ("64 96", (64, 96)),
        ("[64]", (64, 64)),
        ("64.0", (64, 64)),
        ("'64'", (64, 64)),
        ("[64, 64, 64]", None),
        ("100", None),
        ("0", None),
        ("-64", None),
        ("1e9", None),
        ("nan", None),
        ("1e400", None),
        ("True", None),
        ("{broken", None),
        ("{'height': 64}", None),
        ("", None),
    ],
)
def test_sizes(text: str, size: tuple[int, int] | None) -> None:
    assert size_in({"imgsz": text}) == size
    assert len(unread({"imgsz": text}, size=True)) == (size is None)
    assert unread({"imgsz": text}, size=False) == []  # the file fixes its size


def test_tasks() -> None:
    assert (task_in({}), task_in({"task": ""}), task_in({"task": " 'OBB' "})) == (None, None, "obb")


def test_a_model_says_what_it_could_not_read(constant_onnx: Callable[..., Path]) -> None:
    answer = np.zeros((1, 6, 84))
    assert ONNX(constant_onnx(answer, input_shape=FREE, metadata={"imgsz": "64"})).size == (64, 64)
    detector = ONNX(constant_onnx(answer, metadata={"names": "{0: ", "imgsz": "broken", "stride": "[8,"}))
    assert detector.note == "model.onnx: class names in its metadata ({0: ) cannot be read and are left out"
    assert dict(detector.class_names) == {0: "0", 1: "1"}
    with pytest.raises(HeadError, match=r"no head known here.*; imgsz in its metadata \(100\) is no size in multiples"):
        ONNX(constant_onnx(answer, input_shape=FREE, metadata={"imgsz": "100"}))
    with pytest.raises(HeadError, match="its metadata names 3 classes, numbered up to 2, but the head yolov8 reads 2"):
        ONNX(constant_onnx(answer, metadata={"names": "a,b,c"}))


def test_metadata_that_is_no_text(constant_onnx: Callable[..., Path]) -> None:
    path = constant_onnx(np.zeros((1, 6, 84)), metadata={"author": "AAAA"})
    path.write_bytes(path.read_bytes().replace(b"AAAA", b"\xff\xfe\xff\xfe"))
    detector = ONNX(path)
    assert detector.head == "yolov8"
    assert "its metadata is not UTF-8 and is left out" in (detector.note or "")


def test_class_numbers_with_gaps(constant_onnx: Callable[..., Path]) -> None:
    names = {"names": str({0: "person", 2: "car", 9: "dog"})}
    detector = ONNX(constant_onnx(np.zeros((1, 14, 84)), metadata=names), classes=["dog"])
    assert dict(detector.class_names) == {0: "person", 2: "car", 9: "dog"}
    answer = np.full((1, 7, 84), 0.5)
    for size, words in (("[64, 64]", "numbered up to 9, but the head yolov8 reads 3"), ("", "640x640 was tried: give")):
        with pytest.raises(HeadError, match=words) as error:
            ONNX(constant_onnx(answer, input_shape=FREE, metadata={**names, "imgsz": size}))
        assert "\n" not in str(error.value)
