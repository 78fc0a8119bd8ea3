"""Tracks as plain values, a data frame, supervision's detections, a table in a notebook."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
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


def columns_of(tracks: Tracks) -> dict[str, object]:
    """Every column as text, NaN included."""
    return {name: np.asarray(value, dtype=object).tolist().__repr__() for name, value in vars(tracks).items()}


FULL = Tracks.of_boxes(
    [3, 8],
    [[1, 2, 11, 22], [5, 6, 15.5, 26]],
    frame=4,
    time=0.5,
    scores=[0.9, 0.25],
    classes=[2, 0],
    detection_classes=[3, 0],
    confirmed=[True, False],
    ages=[9, 2],
    hits=[7, 2],
    missed=[2, 0],
    velocities=[[1.5, -2], [0, 0.25]],
    detections=[-1, 5],
    detection_boxes=[[np.nan] * 4, [5, 6, 15, 26]],
)


@pytest.mark.parametrize("tracks", [FULL, FULL[:0], TRACKS], ids=["all columns", "none", "few"])
def test_plain_values_give_the_same_tracks_back(tracks: Tracks) -> None:
    assert columns_of(Tracks.from_dict(tracks.to_dict())) == columns_of(tracks)
    assert columns_of(Tracks.from_dict(json.loads(json.dumps(tracks.to_dict())))) == columns_of(tracks)


@pytest.mark.parametrize("tracks", [FULL, TRACKS], ids=["all columns", "few"])
def test_a_data_frame_gives_the_same_tracks_back(tracks: Tracks) -> None:
    pytest.importorskip("pandas", reason="needs pandas")
    assert columns_of(Tracks.from_pandas(tracks.to_pandas())) == columns_of(tracks)


def test_a_data_frame_of_boxes_alone_is_enough() -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    table = pandas.DataFrame({"id": [4], "left": [1], "top": [2], "right": [3], "bottom": [4.5]})
    tracks = Tracks.from_pandas(table)
    assert (tracks.ids.tolist(), tracks.boxes.tolist(), tracks.frame, tracks.time) == ([4], [[1, 2, 3, 4.5]], 0, None)
    with pytest.raises(ValueError, match="tracks DataFrame has no column 'bottom'"):
        Tracks.from_pandas(table.drop(columns="bottom"))
    two = pandas.concat([FULL.to_pandas(), TRACKS.to_pandas().assign(frame=5)])
    with pytest.raises(ValueError, match="holds 2 values of 'frame'; give the rows of one frame"):
        Tracks.from_pandas(two)
    assert len(Tracks.from_pandas(FULL[:0].to_pandas())) == 0


def test_supervision_gives_tracks_back() -> None:
    found = SimpleNamespace(
        xyxy=np.array([[1.0, 2, 3, 4]]), confidence=np.array([0.5]), class_id=np.array([2]), tracker_id=np.array([7])
    )
    tracks = Tracks.from_supervision(found, frame=3)
    assert (tracks.ids.tolist(), tracks.classes.tolist(), tracks.scores.tolist(), tracks.frame) == ([7], [2], [0.5], 3)
    found.confidence = found.class_id = None
    assert Tracks.from_supervision(found).scores.tolist() == [1]
    found.tracker_id = None
    with pytest.raises(ValueError, match="tracks of supervision have no tracker_id"):
        Tracks.from_supervision(found)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ids": [3, 3]}, "ids hold 3 twice"),
        ({"boxes": [[1, 2, 3]]}, "tracks boxes have shape (1, 3); expected (2, 4)"),
        ({"boxes": [[1, 2, 3, 4], [1]]}, "tracks boxes are not numbers in a regular list"),
        ({"scores": ["a", "b"]}, "tracks scores are not numbers"),
        ({"colour": [1, 2]}, "tracks have no column 'colour'"),
        ({"ids": None}, "tracks ids"),
    ],
)
def test_plain_values_that_do_not_fit_are_refused_in_one_line(change: dict[str, object], error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)) as raised:
        Tracks.from_dict({**FULL.to_dict(), **change})
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match="tracks have no 'boxes'"):
        Tracks.from_dict({"ids": [1]})


@pytest.mark.slow
def test_type_checkers_see_what_update_takes(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api", reason="needs mypy")
    (tmp_path / "user.py").write_text(
        "import numpy as np\n"
        "from tracker import SORT, Detections\n"
        "class Boxes:\n"
        "    @property\n"
        "    def xyxy(self) -> object: ...\n"
        "    conf = cls = 0\n"
        "class Results:\n"
        "    boxes: Boxes\n"
        "sort = SORT()\n"
        "sort.update(Detections.empty()), sort.update(np.zeros((0, 5))), sort.update({'boxes': []}), sort.update([])\n"
        "sort.update(Results())\n"
        "sort.update(Boxes())\n"
        "sort.update(3)\n"
        "sort.update(object())\n"
    )
    said, _, _ = mypy.run([str(tmp_path / "user.py"), "--cache-dir", str(tmp_path), "--follow-imports", "silent"])
    lines = [line.partition("user.py:")[2] for line in said.splitlines() if "user.py:" in line and "error" in line]
    assert [line.split(":")[0] for line in lines] == ["13", "14"], said
