"""Tracks as plain values, a data frame, supervision's detections, a table in a notebook."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from tracker import Tracks

TRACKS = Tracks.of_boxes(
    [3, 8], [[1, 2, 11, 22], [5, 6, 15.5, 26]], frame=4, time=0.5, scores=[0.9, 0.25], missed=[0, 2], detections=[1, -1]
)


def test_plain_values_are_json() -> None:
    said = json.loads(json.dumps(TRACKS.to_dict(), allow_nan=False))
    assert (said["frame"], said["time"], said["ids"]) == (4, 0.5, [3, 8])
    assert said["boxes"][1] == [5, 6, 15.5, 26]
    assert said["detection_boxes"] == [[None] * 4] * 2
    assert said["confirmed"] == [True, True]


def test_a_data_frame() -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    frame = TRACKS.to_pandas()
    assert frame[["frame", "id", "right", "state", "detection"]].to_numpy().tolist() == [
        [4, 3, 11.0, "confirmed", 1],
        [4, 8, 15.5, "lost", -1],
    ]
    assert frame["time"].tolist() == [0.5, 0.5]
    assert len(TRACKS[:0].to_pandas()) == 0


def test_supervision(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("supervision")
    module.Detections = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "supervision", module)
    found = TRACKS.to_supervision()
    assert found.tracker_id.tolist() == [3, 8]
    assert found.xyxy.dtype == np.float32
    np.testing.assert_allclose(found.confidence, [0.9, 0.25])
    assert found.class_id.tolist() == [0, 0]
    found.tracker_id[0] = 99
    assert TRACKS.ids[0] == 3


def test_a_notebook_shows_a_table() -> None:
    html = TRACKS._repr_html_()
    assert "<p>Tracks of frame 4</p>" in html
    assert html.count("<tr>") == 3
    assert "<td>15.5</td>" in html
    assert "<td>lost</td>" in html
