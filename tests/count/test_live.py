"""The sink counts what counting on the results counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made import write_video
from walks import rows_of, walk

import tracker
from tracker.commands.main import main
from tracker.count import Counter, Event, Line, Zone, count
from tracker.count.draw import LINE
from tracker.detections import Detections
from tracker.io.sinks import Step
from tracker.io.source import Frame
from tracker.rows import Rows
from tracker.tracks import Tracks

DOOR = Line("door", [[100, 200], [300, 200]])
HALL = Zone("hall", [[120, 120], [310, 100], [280, 260], [110, 250]])


def steps(rows: Rows, last: int | None = None) -> list[Step]:
    """The rows as the steps of a run; interpolated ones are tracks without a detection."""
    rows = rows.by_frame()
    out = []
    for frame in range(1, (last or rows.last_frame) + 1):
        now = rows.select(rows.at(frame))
        detections = np.where(now.interpolated, -1, np.arange(len(now)))
        tracks = Tracks.of_boxes(now.ids, now.boxes, frame=frame, classes=now.classes, detections=detections)
        out.append(Step(Frame(None, frame, (frame - 1) / 25), Detections.empty(), tracks))
    return out


def run(counter: Counter, rows: Rows) -> None:
    for step in steps(rows):
        counter.write(step)
    counter.close()


@pytest.mark.parametrize("seed", range(20))
def test_live_events_are_those_of_the_results(seed: int) -> None:
    random = np.random.default_rng(seed)
    paths = [np.cumsum(np.repeat(random.normal(0, 8, (5, 2)), 15, axis=0), axis=0) + (200, 190) for _ in range(3)]
    rows = rows_of(*paths, first=[1, 8, 20])
    rows = rows.select(random.random(len(rows)) < 0.9)
    counter = Counter([DOOR, HALL], merge_gap=None)
    run(counter, rows)
    counts = count(rows, [DOOR, HALL], frame_rate=25, merge_gap=None)
    assert counter.counts is not None
    assert counter.counts.events == counts.events
    assert counter.counts.visits == counts.visits
    assert counter.counts.people == 3


def test_an_event_is_told_once_the_foot_is_a_band_away() -> None:
    told: list[tuple[int, Event]] = []
    rows = rows_of(walk((200, 101), (200, 301)))
    counter = Counter([DOOR], told=lambda event: told.append((counter._frame, event)))
    run(counter, rows)
    ((frame, event),) = told
    assert (event.frame, event.direction) == (26, "in")
    assert frame == 28  # 4 pixels a frame, a band of 6


def test_an_id_that_changes_on_the_line_is_one_person() -> None:
    path = walk((200, 100), (200, 300))
    counter = Counter([DOOR], frame_rate=25)
    run(counter, rows_of(path[:24], path[27:], first=(1, 28)))
    assert counter.counts is not None
    (event,) = counter.events
    assert (event.id, event.direction, event.certainty, event.gap) == (1, "in", "bridged", 3)
    assert counter.counts.people == 1
    assert [(merge.kept, merge.merged) for merge in counter.counts.merges] == [(1, 2)]


def test_the_step_from_one_id_to_the_next_is_bridged_even_without_a_gap() -> None:
    path = walk((200, 100), (200, 300))
    counter = Counter([DOOR], frame_rate=25)
    run(counter, rows_of(path[:25], path[25:], first=(1, 26)))
    (event,) = counter.events
    assert (event.id, event.certainty, event.gap) == (1, "bridged", 0)


def test_a_predicted_box_is_no_evidence() -> None:
    rows = rows_of(walk((200, 101), (200, 301)))
    counter = Counter([DOOR])
    run(counter, replace(rows, interpolated=rows.frames >= 24))
    assert counter.events == []


def test_a_tentative_track_is_not_counted() -> None:
    counter = Counter([DOOR])
    for step in steps(rows_of(walk((200, 101), (200, 301)))):
        tracks = Tracks.of_boxes(step.tracks.ids, step.tracks.boxes, frame=step.tracks.frame, confirmed=[False])
        counter.write(Step(step.frame, step.detections, tracks))
    counter.close()
    assert counter.events == []


def test_who_is_inside_now() -> None:
    counter = Counter([HALL], frame_rate=25)
    inside = []
    for step in steps(rows_of(walk((200, 60), (200, 190), (200, 320))), last=120):
        counter.write(step)
        inside.append(counter.inside(HALL))
    assert inside[0] == 0
    assert inside[30] == 1  # at (200, 180)
    assert inside[-1] == 0


def test_a_run_without_a_frame_leaves_no_file(tmp_path: Path) -> None:
    counter = Counter([DOOR], path=tmp_path / "count.json")
    counter.close()
    assert not (tmp_path / "count.json").exists()
    run(Counter([DOOR], path=tmp_path / "count.json"), rows_of(walk((200, 101), (200, 301))))
    assert json.loads((tmp_path / "count.json").read_text())["lines"]["door"]["in"] == 1


def test_no_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no line and no zone"):
        Counter([])


def walker(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[list[float]]:
    """A detector that sees one person who walks down."""
    walker.y += 4  # type: ignore[attr-defined]
    return [[90, walker.y - 40, 110, walker.y]]  # type: ignore[attr-defined]


def test_a_sink_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 30)
    walker.y = 60  # type: ignore[attr-defined]
    counter = Counter([Line("door", [[0, 130], [640, 130]])])
    for _ in tracker.track("street.mp4", algo="sort", detector=walker, sinks=[counter]):
        pass
    assert [event.direction for event in counter.events] == ["in"]


def test_the_command_draws_and_writes_what_track_count_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 30)
    lines = [f"{frame},-1,90,{20 + 4 * frame},20,40,0.9,-1,-1,-1\n" for frame in range(1, 31)]
    (tmp_path / "det.txt").write_text("".join(lines))
    command = ["street.mp4", "--algo", "sort", "--detector", "det.txt", "--class-column", "-o", "out"]
    places = ["--line", "door=0,130 640,130", "--zone", "60,102 200,102 200,142 60,142"]
    assert main([*command, *places]) == 0
    said = capsys.readouterr().out
    assert "line door: in 1, out 0\n" in said
    assert "count: out/count.json" in said
    counted = json.loads((tmp_path / "out/count.json").read_text())
    assert counted["zones"]["zone1"]["enter"] == counted["zones"]["zone1"]["leave"] == 1
    assert main(["count", "out", *places, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    (event,), (same,) = (counts["lines"]["door"]["events"] for counts in (again, counted))
    assert event == pytest.approx(same, abs=0.02)  # tracks.txt has two decimals
    zone, same = (counts["zones"]["zone1"] for counts in (again, counted))
    assert zone["occupancy"] == same["occupancy"]
    assert zone["visits"] == [pytest.approx(visit, abs=0.02) for visit in same["visits"]]

    assert main([*command[:-1], "plain"]) == 0
    assert not (tmp_path / "plain/count.json").exists()
    images = [_middle_image(tmp_path / folder / "tracks.mp4") for folder in ("out", "plain")]
    assert np.abs(images[0].astype(int) - images[1])[110:150].max() > 60  # the line is drawn
    assert main([*command, "--overwrite"]) == 0
    assert not (tmp_path / "out/count.json").exists()  # it would tell of another run


def test_frames_between_detections_are_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 60)
    lines = [f"{frame},-1,90,{20 + 2 * frame},20,40,0.9,-1,-1,-1\n" for frame in range(1, 61)]
    (tmp_path / "det.txt").write_text("".join(lines))
    command = ["street.mp4", "--detector", "det.txt", "--no-video", "--every", "3", "-o", "out"]
    assert main([*command, "--line", "door=0,130 640,130"]) == 0
    counted = json.loads((tmp_path / "out/count.json").read_text())["lines"]["door"]
    assert (counted["in"], counted["bridged"]) == (1, 0)


def _middle_image(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    from tracker.io.video import open_source

    with open_source(path) as source:
        images = [frame.image for frame in source if frame.image is not None]
    return images[len(images) // 2]


def test_the_window_shows_the_lines_and_their_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":99")
    for name, does in {
        "namedWindow": lambda *a: None,
        "imshow": lambda _, image: shown.append(image),
        "waitKey": lambda _: -1,
        "getWindowProperty": lambda *a: 1.0,
        "destroyAllWindows": lambda: None,
    }.items():
        monkeypatch.setattr(cv2, name, does)
    said: list[list[int]] = []
    draw = Counter.draw

    def drawn(self: Counter, image: Any, occupied: object) -> None:
        said.append([totals.into for totals in self._totals])
        draw(self, image)

    monkeypatch.setattr(Counter, "draw", drawn)
    write_video(tmp_path / "street.mp4", 20)
    lines = [f"{frame},-1,60,{4 * frame},20,20,0.9,-1,-1,-1\n" for frame in range(1, 21)]
    (tmp_path / "det.txt").write_text("".join(lines))
    command = ["street.mp4", "--algo", "sort", "--detector", "det.txt", "--no-video", "--quiet", "--show"]
    assert main([*command, "--line", "door=10,60 150,60", "-o", "out"]) == 0
    assert len(shown) == 20
    assert all((image == LINE).all(axis=2).sum() > 50 for image in shown)
    assert (said[0], said[-1]) == ([0], [1])
