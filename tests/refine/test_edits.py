"""Corrections made by hand in a report: what each does, and that what does not fit is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.commands.main import main
from tracker.io.mot import read_results, write_results
from tracker.refine import apply_edits, read_edits
from tracker.rows import Rows, as_rows

# id 1 in frames 1 to 4, id 2 in 3 to 6, id 3 in 5 to 8; each at a place of its own
FRAMES = {1: range(1, 5), 2: range(3, 7), 3: range(5, 9)}


def rows() -> Rows:
    pairs = [(frame, id) for id, frames in FRAMES.items() for frame in frames]
    frames, ids = np.array(pairs).T
    boxes = np.column_stack([ids * 100.0, frames, ids * 100.0 + 40, frames + 80.0])
    return as_rows(frames, ids, boxes, np.full(len(ids), 0.5), classes=ids, interpolated=frames == 6)


def place(id: int, frame: int, shift: float = 0.0) -> dict[str, Any]:
    left = id * 100.0 + shift
    return {"id": id, "frame": frame, "box": [left, float(frame), left + 40, frame + 80.0]}


def placed(edit: dict[str, Any]) -> dict[str, Any]:
    """The edit with where its tracks are, unless it says so itself."""
    named = [edit[name] for name in ("id", "into", "other") if name in edit]
    return {"where": [place(id, FRAMES.get(id, [1])[0]) for id in named], **edit}


def file(folder: Path, *edits: dict[str, Any], **more: Any) -> Path:
    path = folder / "edits.json"
    path.write_text(json.dumps({"version": 1, "edits": [placed(edit) for edit in edits], **more}))
    return path


def after(folder: Path, *edits: dict[str, Any]) -> dict[int, list[int]]:
    """Frames by id after the edits."""
    done = apply_edits(rows(), read_edits(file(folder, *edits)).edits)
    return {id: done.frames[done.ids == id].tolist() for id in np.unique(done.ids).tolist()}


def test_each_edit_does_what_it_says(tmp_path: Path) -> None:
    merge = {"op": "merge", "id": 3, "into": 1, "where": [place(3, 5), place(1, 4)]}
    assert after(tmp_path, merge) == {1: [1, 2, 3, 4, 5, 6, 7, 8], 2: [3, 4, 5, 6]}
    swap = {"op": "swap", "id": 2, "other": 3, "frame": 6, "where": [place(2, 6), place(3, 6)]}
    assert after(tmp_path, swap) == {1: [1, 2, 3, 4], 2: [3, 4, 5, 6, 7, 8], 3: [5, 6]}
    assert after(tmp_path, {"op": "split", "id": 2, "frame": 5, "to": 9})[9] == [5, 6]
    assert after(tmp_path, {"op": "rename", "id": 2, "to": 9})[9] == [3, 4, 5, 6]
    delete = {"op": "delete", "id": 2, "first": 4, "last": 5}
    assert after(tmp_path, delete)[2] == [3, 6]


def test_edits_are_done_in_their_order_and_rows_keep_what_they_are(tmp_path: Path) -> None:
    edits = [
        {"op": "rename", "id": 2, "to": 9},
        {"op": "merge", "id": 3, "into": 1},
        {"op": "rename", "id": 9, "to": 3, "where": [place(2, 3) | {"id": 9}]},
    ]
    done = apply_edits(rows(), read_edits(file(tmp_path, *edits)).edits)
    assert np.unique(done.ids).tolist() == [1, 3]
    assert done.classes[done.ids == 3].tolist() == [2] * 4
    assert done.interpolated.sum() == rows().interpolated.sum()
    assert done.boxes[done.ids == 3, 0].tolist() == [200.0] * 4


BAD = [
    ({"op": "merge", "id": 2, "into": 1}, "edit 1 (merge 2 into 1): both are in frame 3"),
    ({"op": "merge", "id": 2, "into": 2}, "the two are one id"),
    ({"op": "merge", "id": 2, "into": 7}, "there is no id 7"),
    ({"op": "rename", "id": 8, "to": 9}, "there is no id 8"),
    ({"op": "rename", "id": 2, "to": 3}, "there is an id 3 already"),
    ({"op": "split", "id": 2, "frame": 3, "to": 9}, "id 2 has no rows before frame 3"),
    ({"op": "split", "id": 2, "frame": 7, "to": 9}, "id 2 has no rows from frame 7 on"),
    ({"op": "swap", "id": 1, "other": 2, "frame": 7}, "neither has rows from frame 7 on"),
    ({"op": "delete", "id": 2, "first": 7, "last": 99}, "id 2 has no rows there"),
    ({"op": "rename", "id": 2, "to": 9, "where": [place(2, 8)]}, "id 2 is not in frame 8, where the edit saw it"),
    (
        {"op": "rename", "id": 2, "to": 9, "where": [place(2, 4, 30.0)]},
        "id 2 is elsewhere in frame 4 than the edit saw it",
    ),
    ({"op": "melt", "id": 2}, 'edit 1: op is "melt"; give one of merge, swap, split, rename, delete'),
    ({"op": "rename", "id": 2, "to": -1}, "edit 1: to is -1; give a whole number from 0"),
    ({"op": "rename", "id": True, "to": 9}, "edit 1: id is true"),
    (
        {"op": "rename", "id": 2, "to": 9, "where": [{"id": 2, "frame": 4, "box": [1, 2, None, 4]}]},
        "edit 1: box is [1, 2",
    ),
    ({"op": "rename", "id": 2, "to": 9, "where": 3}, "edit 1: where is no list"),
    ({"op": "merge", "id": 3, "into": 1, "where": [place(3, 5)]}, "edit 1: where lacks id 1"),
]


@pytest.mark.parametrize(("edit", "why"), BAD)
def test_what_does_not_fit_is_refused_in_one_line(edit: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        after(tmp_path, edit)
    assert why in str(caught.value)


def test_a_box_that_moved_a_little_still_fits(tmp_path: Path) -> None:
    assert after(tmp_path, {"op": "rename", "id": 2, "to": 9, "where": [place(2, 4, 10.0)]})[9] == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not json", "is no JSON"),
        ("[]", "has no list of edits"),
        ('{"version": 1, "edits": {}}', "has no list of edits"),
        ('{"version": 7, "edits": []}', "edits of version 7"),
        ('{"version": 1, "edits": [3]}', "edit 1: is no object"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^[^\n]*edits.json: [^\n]*$") as caught:
        read_edits(path)
    assert why in str(caught.value)


def run(folder: Path, name: str = "street.mp4") -> Path:
    folder.mkdir()
    write_results(folder / "tracks.txt", rows())
    (folder / "run.json").write_text(json.dumps({"source": {"name": name, "size": [640, 480], "frame_rate": 10.0}}))
    return folder


def test_the_command_replays_a_file_beside_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edits = file(tmp_path, {"op": "merge", "id": 3, "into": 1}, source="street.mp4", size=[640, 480])
    source = run(tmp_path / "run")
    before = (source / "tracks.txt").read_bytes()
    assert main(["refine", str(source), "--edits", str(edits)]) == 0
    assert "1 edit replayed, 12 rows of 2 tracks" in capsys.readouterr().out
    assert np.unique(read_results(tmp_path / "run-refined" / "tracks.txt").ids).tolist() == [1, 2]
    assert (source / "tracks.txt").read_bytes() == before
    assert main(["refine", str(source), "--edits", str(edits)]) == 2
    assert "exists" in capsys.readouterr().err
    assert (
        main(["refine", str(source / "tracks.txt"), "--edits", str(edits), "-o", str(tmp_path / "a.txt"), "--json"])
        == 0
    )
    (done,) = json.loads(capsys.readouterr().out)["results"]
    assert done["edits"] == ["merge 3 into 1"]
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "run-refined" / "tracks.txt").read_bytes()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--max-gap", "5"], "--max-gap: --edits replays edits and does nothing else"),
        (["--no-merge"], "--no-merge: --edits replays edits"),
        ([], "the edits are of other.mp4, the results of street.mp4"),
    ],
)
def test_other_repairs_and_other_runs_are_refused(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = file(tmp_path, {"op": "merge", "id": 3, "into": 1}, source="other.mp4")
    assert main(["refine", str(run(tmp_path / "run")), "--edits", str(edits), *words]) == 2
    said = capsys.readouterr().err
    assert why in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run-refined").exists()


def test_edits_of_images_of_another_size_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edits = file(tmp_path, {"op": "merge", "id": 3, "into": 1}, source="street.mp4", size=[1920, 1080])
    assert main(["refine", str(run(tmp_path / "run")), "--edits", str(edits)]) == 2
    assert "the edits are of 1920x1080 images, the results of 640x480 ones" in capsys.readouterr().err
