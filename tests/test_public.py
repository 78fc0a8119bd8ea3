"""The public API is this list."""

from __future__ import annotations

import inspect

import pytest

import tracker

PUBLIC = [
    "BoTSORT",
    "ByteTrack",
    "CameraEstimate",
    "CameraFile",
    "Compensated",
    "DeepSORT",
    "Detections",
    "Edits",
    "FilterpyMotion",
    "Log",
    "OCSORT",
    "Rows",
    "SORT",
    "Steady",
    "StrongSORT",
    "Track",
    "Tracker",
    "Tracks",
    "XYAH",
    "XYSR",
    "XYWH",
    "as_detections",
    "as_rows",
    "explain",
    "load_state",
    "open_detector",
    "open_embedder",
    "save_state",
    "track",
]


def test_the_list() -> None:
    assert sorted(tracker.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(tracker))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(tracker, name)
    assert value.__name__.rpartition(".")[2] == name  # of a package its full name
    assert value.__module__.startswith("tracker.")
    assert inspect.getdoc(value)
    if inspect.isclass(value):
        methods = [m for key, m in inspect.getmembers(value, inspect.isfunction) if key in ("update", "reset")]
        if name in ("SORT", "DeepSORT"):
            assert all(inspect.getdoc(method) for method in methods)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'tracker' has no attribute 'Sort'"):
        tracker.Sort  # noqa: B018
