"""CVAT for video: sparse key frames, `outside`, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.io.cvat import key_frames, read_cvat, write_cvat
from tracker.rows import Rows, as_rows


def track(id: int, frames: list[int], speed: float = 2.0) -> Rows:
    f = np.array(frames)
    boxes = np.column_stack((10 + speed * f, 20 + 0 * f, 40 + speed * f, 80 + 0 * f))
    return as_rows(f, np.full(len(f), id), boxes, classes=np.zeros(len(f)))


def write(path: Path, rows: Rows, n_frames: int | None = None) -> list[ElementTree.Element]:
    """Write rows of one class; returns the boxes of the first track."""
    write_cvat(path, rows, ["person & dog"], np.zeros(len(rows), int), size=(640, 480), n_frames=n_frames)
    found = ElementTree.parse(path).getroot().find("track")
    assert found is not None
    assert found.get("label") == "person & dog"
    return found.findall("box")


def test_a_straight_walk_has_two_key_frames_and_ends(tmp_path: Path) -> None:
    boxes = write(tmp_path / "a.xml", track(3, list(range(1, 51))), n_frames=100)
    assert [(b.get("frame"), b.get("outside"), b.get("keyframe")) for b in boxes] == [
        ("0", "0", "1"),
        ("49", "0", "1"),
        ("50", "1", "1"),
    ]


def test_at_the_end_of_the_video_nothing_is_outside(tmp_path: Path) -> None:
    assert [b.get("outside") for b in write(tmp_path / "a.xml", track(3, [1, 2, 3]), n_frames=3)] == ["0", "0"]


def test_a_gap_is_outside_and_a_prediction_occluded(tmp_path: Path) -> None:
    rows = track(3, [1, 2, 3, 4, 9, 10])
    boxes = write(tmp_path / "a.xml", replace(rows, interpolated=rows.frames == 3), n_frames=10)
    assert [(b.get("frame"), b.get("outside"), b.get("occluded")) for b in boxes] == [
        ("0", "0", "0"),
        ("1", "0", "0"),
        ("2", "0", "1"),
        ("3", "0", "0"),
        ("4", "1", "0"),
        ("8", "0", "0"),
        ("9", "0", "0"),
    ]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 2.0]))
def test_every_row_left_out_lies_within_the_tolerance(seed: int, tolerance: float) -> None:
    random = np.random.default_rng(seed)
    frames = np.cumsum(random.integers(1, 3, 40))
    boxes = np.cumsum(random.normal(0, 1.5, (40, 4)), axis=0)
    kept = key_frames(frames, boxes, tolerance)
    assert {0, 39} <= set(kept.tolist())
    drawn = np.column_stack([np.interp(frames, frames[kept], edge) for edge in boxes[kept].T])
    assert np.abs(drawn - boxes).max() <= tolerance + 1e-9
    assert len(key_frames(frames, np.outer(frames, np.ones(4)), 1e-6)) == 2


@given(st.integers(0, 2**32 - 1))
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = []
    for id in (1, 5):
        frames = np.flatnonzero(random.random(60) < 0.8) + 1
        corners = np.cumsum(random.normal(0, 2, (61, 2)), axis=0)[frames] + 200
        boxes = np.column_stack((corners, corners + (20, 50)))
        parts.append((frames, np.full(len(frames), id), boxes, np.full(len(frames), id % 2)))
    rows = as_rows(*(np.concatenate([part[k] for part in parts]) for k in range(3)), classes=None)
    rows = replace(rows, interpolated=random.random(len(rows)) < 0.2)
    path = tmp_path_factory.mktemp("cvat") / "a.xml"
    labels = np.where(rows.ids == 5, 1, 0)
    write_cvat(path, rows, ["person", "car"], labels, n_frames=60, tolerance=0.5)
    back, names = read_cvat(path)
    back = back.by_track()
    assert names == {0: "person", 1: "car"}
    np.testing.assert_array_equal(back.frames, rows.frames)
    np.testing.assert_array_equal(back.ids, rows.ids)
    np.testing.assert_array_equal(back.interpolated, rows.interpolated)
    np.testing.assert_array_equal(back.classes, labels)
    np.testing.assert_allclose(back.boxes, rows.boxes, atol=0.51)


def test_files_of_cvat_itself_are_read(tmp_path: Path) -> None:
    """Written by hand after CVAT's documentation: attributes, no meta, a last box that stays, boxes out of order."""
    (tmp_path / "a.xml").write_text(
        """<annotations><version>1.1</version>
        <meta><task><stop_frame>9</stop_frame><labels><label><name>cat</name></label><label><name>dog</name></label>
        </labels></task></meta>
        <track id="0" label="dog" source="manual">
          <box frame="6" outside="0" occluded="1" keyframe="1" xtl="10" ytl="0" xbr="20" ybr="10" z_order="0">
            <attribute name="age">3</attribute></box>
          <box frame="2" outside="0" occluded="0" keyframe="1" xtl="2" ytl="0" xbr="12" ybr="10" z_order="0"></box>
        </track>
        <track id="1" label="cat">
          <box frame="0" outside="0" xtl="0" ytl="0" xbr="1" ybr="1"/>
          <box frame="3" outside="1" xtl="9" ytl="9" xbr="10" ybr="10"/>
        </track></annotations>"""
    )
    rows, names = read_cvat(tmp_path / "a.xml")
    assert names == {0: "cat", 1: "dog"}
    dog = rows.select(rows.ids == 0)
    assert dog.frames.tolist() == list(range(3, 11))  # until the task's last frame
    assert dog.boxes[:, 0].tolist() == [2, 4, 6, 8, 10, 10, 10, 10]
    cat = rows.select(rows.ids == 1)
    assert cat.frames.tolist() == [1, 2, 3]
    assert cat.boxes[:, 0].tolist() == [0, 0, 0]  # it does not move towards the box that says it is away


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3\n",
        "<a",
        '<annotations><track id="0" label="a"><box frame="x"/></track></annotations>',
        '<annotations><track id="0"><box frame="1" xtl="0" ytl="0" xbr="1" ybr="1"/>'
        '<box frame="1000000000000" xtl="0" ytl="0" xbr="1" ybr="1"/></track></annotations>',
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match=r"a\.xml: is no XML of CVAT for video 1\.1") as error:
        read_cvat(tmp_path / "a.xml")
    assert "\n" not in str(error.value)
