"""The page as a file: what it holds, how large it is, and what is refused or said in one line."""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
import pytest

from tests.report import made as scene
from tracker.commands.main import main
from tracker.explain.explanation import Event, Explanation, explain
from tracker.io.mot import read_results, write_results
from tracker.io.video import open_source
from tracker.report import write_report
from tracker.report.compare import differences
from tracker.report.entries import entries_of
from tracker.report.pack import packed
from tracker.report.pictures import cut, uneven
from tracker.rows import as_rows


def data_of(page: Path) -> dict[str, Any]:
    """The document of a page."""
    text = page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return dict(json.loads(found))


def more_of(run: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(zlib.decompress(base64.b64decode(run["more"]))))


def unpacked(pack: Any) -> dict[str, list[int]]:
    """What page/pack.js makes of packed columns."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(pack["data"])), np.uint8).astype(np.int64)
    out, at = {}, 0
    for name, count, width in pack["columns"]:
        folded = sum((data[at + k * count : at + (k + 1) * count] << 8 * k for k in range(width)), np.zeros(count, int))
        at += width * count
        out[name] = np.cumsum(np.where(folded % 2, -(folded + 1) // 2, folded // 2)).tolist()
    assert at == len(data)
    return out


def test_packed_numbers_come_out_again() -> None:
    columns = {
        "none": np.empty(0, np.int64),
        "zeros": np.zeros(5, np.int64),
        "large": np.array([2**30 - 1, -(2**30 - 1), 0, 7, -7]),
        "steps": np.arange(300) * 3 - 40,
    }
    assert unpacked(packed(columns)) == {name: column.tolist() for name, column in columns.items()}
    with pytest.raises(ValueError, match="large: holds 1073741824"):
        packed({"large": np.array([2**30])})


def test_two_pages_of_one_run_are_equal_byte_for_byte(made: Path, tmp_path: Path) -> None:
    one, two = (write_report(made, tmp_path / name, gt=made.parent / "gt.txt") for name in ("a.html", "b.html"))
    assert one.read_bytes() == two.read_bytes()


def test_the_page_has_what_explain_says(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    found = explain(made, made.parent / "gt.txt")
    run = data_of(write_report(made, tmp_path / "page.html", gt=made.parent / "gt.txt"))["runs"][0]
    entries = more_of(run)["entries"]
    switches = [entry for entry in entries if entry["kind"] == "switch"]
    assert sorted(entry["sentence"] for entry in switches) == sorted(one.sentence for one in found.of_kind("switch"))
    assert [entry["sentence"] for entry in entries[:2]] == [entry["sentence"] for entry in switches]
    tables = switches[0]["tables"]
    assert [one["verdict"] for one in tables[0]["candidates"]] == ["matched", "outbid"]
    assert [(one["id"], one["by"]) for one in tables[0]["candidates"]] == [(4, []), (3, [4])]
    assert sum(e["last"] - e["frame"] + 1 for e in entries if e["kind"] == "miss") == found.counts["miss"] == 22
    assert more_of(run)["scores"]["IDSW"] == 2
    assert (tmp_path / run["video"]).resolve() == (made.parent / "street.mp4").resolve()
    assert len(run["crops"]) > 10


def test_stretches_of_wrong_rows_are_one_entry_each() -> None:
    def event(frame: int, cause: str, truth: int) -> Event:
        return Event(frame, 0.0, "miss", None, None, truth, cause, sentence=f"missed at frame {frame}.")

    events = [*(event(f, "weak", 1) for f in (3, 4, 5)), event(7, "weak", 1), event(4, "weak", 2), event(6, "lost", 2)]
    rows = as_rows([1], [1], [[0, 0, 9, 9]])
    entries = entries_of(Explanation("x", events, {}, {}), rows, rows)
    assert [(e.event.truth_id, e.event.frame, e.last, e.weight) for e in entries] == [
        (1, 3, 5, 3.0),
        (2, 4, 4, 1.0),
        (2, 6, 6, 1.0),
        (1, 7, 7, 1.0),
    ]


def test_a_switch_that_lasts_comes_before_one_that_is_soon_undone() -> None:
    def event(frame: int, before: int, after: int, truth: int) -> Event:
        return Event(frame, 0.0, "switch", after, before, truth, "outbid", sentence="")

    frames = np.tile(np.arange(1, 101), 4)
    ids = np.repeat([1, 2, 3, 4], 100)
    rows = as_rows(frames, ids, np.tile([0.0, 0, 9, 9], (400, 1)))
    events = [event(50, 1, 2, 1), event(52, 2, 1, 1), event(80, 3, 4, 2)]
    entries = entries_of(Explanation("x", events, {}, {}), rows, rows)
    assert [(e.event.frame, e.weight) for e in entries] == [(80, 21.0), (50, 2.0), (52, 2.0)]


def test_only_the_worst_are_listed_unless_all_are_wanted(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.report.write.WORST", 3)
    few = more_of(data_of(write_report(made, tmp_path / "a.html", gt=made.parent / "gt.txt"))["runs"][0])
    every = more_of(data_of(write_report(made, tmp_path / "b.html", gt=made.parent / "gt.txt", every=True))["runs"][0])
    assert [e["kind"] for e in few["entries"]] == ["switch", "switch", "miss"]
    assert few["left_out"] == {"miss": 2, "fragment": 2}
    assert len(every["entries"]) == 7
    assert every["left_out"] == {}


def test_the_first_crops_are_kept_where_not_all_have_room(made: Path) -> None:
    found = entries_of(explain(made, made.parent / "gt.txt"), read_results(made / "tracks.txt").by_track(), None)
    looks = [look for entry in found for pair in entry.looks for look in pair if look is not None]
    with open_source(made.parent / "street.mp4") as source:
        every = cut(source, looks, [], scene.SIZE)
        room = sum(map(len, every.crops[:2]))
        few = cut(source, looks, [], scene.SIZE, most=room)
    assert few.crops == every.crops[:2]
    assert set(few.place) == set(looks[:2])


def test_times_are_stored_where_the_rate_does_not_say_them() -> None:
    assert not uneven({1: 0.0, 2: 0.1, 3: 0.202}, 10.0)
    assert uneven({1: 0.0, 2: 0.1, 3: 0.24}, 10.0)


def test_a_small_copy_of_the_video_is_put_into_the_page(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    page = write_report(made, tmp_path / "page.html", embed=True)
    assert data_of(page)["runs"][0]["video"].startswith("data:video/mp4;base64,")


def test_a_copy_that_is_too_large_is_refused(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    monkeypatch.setattr("tracker.report.pictures.EMBEDDED", 100)
    with pytest.raises(ValueError, match=r"^--embed: street.mp4 takes 0 MB, more than a report holds; [^\n]*$"):
        write_report(made, tmp_path / "page.html", embed=True)
    assert list(tmp_path.iterdir()) == []


def test_differences_of_two_runs() -> None:
    frames, box = np.arange(1, 41), [0.0, 0, 9, 20]
    one = as_rows(frames, np.full(40, 1), np.tile(box, (40, 1)))
    parts = as_rows(frames, np.where(frames > 25, 8, 7), np.tile(box, (40, 1)))
    (found,) = differences(one, parts)
    assert isinstance(found, dict)
    assert (found["ids"], found["frame"], found["rows"]) == ([[1], [7, 8]], 26, 15)
    (back,) = differences(parts, one)
    assert isinstance(back, dict)
    assert back["ids"] == [[7, 8], [1]]
    assert back["sentences"] == found["sentences"][::-1]
    assert differences(one, one) == []
    (gone,) = differences(one, as_rows([], [], np.empty((0, 4))))
    assert isinstance(gone, dict)
    assert gone["ids"] == [[1], []]


# What is missing is said, and the page is written all the same.


def notes(page: Path) -> str:
    return "\n".join(data_of(page)["runs"][0]["notes"])


def test_a_run_without_a_log_or_a_video_says_so(made: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").write_bytes((made / "tracks.txt").read_bytes())
    page = write_report(tmp_path, tmp_path / "page.html")
    assert "There is no log" in notes(page)
    assert "The video is not known; name it with --video" in notes(page)
    assert "frame rate is not known" in notes(page)
    assert len(unpacked(data_of(page)["runs"][0]["rows"])["frame"]) == len(read_results(made / "tracks.txt"))


def test_a_run_whose_video_was_moved_says_so(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("tracks.txt", "log.sqlite"):
        (run / name).write_bytes((made / name).read_bytes())
    facts = json.loads((made / "run.json").read_text())
    facts["call"] = {"source": str(tmp_path / "gone" / "street.mp4")}
    (run / "run.json").write_text(json.dumps(facts))
    page = write_report(run, tmp_path / "page.html")
    assert "street.mp4 is not where the run found it; name it with --video. Boxes are shown without it." in notes(page)
    assert data_of(page)["runs"][0]["video"] == ""
    found = write_report(run, tmp_path / "found.html", video=made.parent / "street.mp4")
    assert data_of(found)["runs"][0]["video"].endswith("street.mp4")
    assert notes(found) == ""


def test_a_video_that_browsers_do_not_play_says_so(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    film = tmp_path / "street.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter_fourcc(*"MJPG"), 10, scene.SIZE)
    for number, detections in enumerate(scene.found(), start=1):
        writer.write(scene.image(number, detections))
    writer.release()
    page = write_report(made, tmp_path / "page.html", video=film)
    assert "street.avi is in a format that browsers do not play; --embed puts a copy into the page" in notes(page)
    assert "This is tracks.mp4, with boxes drawn in." in notes(page)
    assert data_of(page)["runs"][0]["video"].endswith("run-sort/tracks.mp4")


def test_a_video_that_is_not_the_one_that_was_tracked_is_said(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    video = tmp_path / "street.mp4"
    video.write_bytes((made.parent / "street.mp4").read_bytes() + b"\0" * 8)
    assert "street.mp4 is not the file that was tracked" in notes(write_report(made, tmp_path / "a.html", video=video))
    assert notes(write_report(made, tmp_path / "b.html")) == ""


def test_a_run_that_hid_who_is_in_the_images_shows_its_own_video(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("tracks.txt", "log.sqlite", "tracks.mp4"):
        (run / name).write_bytes((made / name).read_bytes())
    facts = json.loads((made / "run.json").read_text())
    facts["command"] = ["track", str(made.parent / "street.mp4"), "--anonymise", "head"]
    (run / "run.json").write_text(json.dumps(facts))
    page = write_report(run, tmp_path / "page.html")
    assert "The run hid who is in the images (--anonymise), so pictures are those of tracks.mp4." in notes(page)
    assert data_of(page)["runs"][0]["video"] == "run/tracks.mp4"
    (run / "tracks.mp4").unlink()
    bare = data_of(write_report(run, tmp_path / "bare.html"))["runs"][0]
    assert (bare["video"], bare["crops"], bare["scene"]) == ("", [], "")


def test_a_sequence_without_images_says_so(made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    folder = tmp_path / "street"
    (folder / "det").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=street\nimDir=img1\nframeRate=10\nseqLength=60\nimWidth=720\nimHeight=240\nimExt=.jpg\n"
    )
    (folder / "det" / "det.txt").write_text((made.parent / "det.txt").read_text())
    page = write_report(made, tmp_path / "page.html", video=folder)
    assert "street has no images. This is tracks.mp4, with boxes drawn in." in notes(page)
    assert data_of(page)["runs"][0]["crops"] == []


@pytest.mark.parametrize("name", ["a b#c?.mp4", "ä%20.mp4", "x:y.mp4"])
def test_a_linked_path_is_a_url(name: str, made: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    video = tmp_path / name
    video.write_bytes((made.parent / "street.mp4").read_bytes())
    src = data_of(write_report(made, tmp_path / "page.html", video=video))["runs"][0]["video"]
    parts = urlsplit(src)
    assert (parts.scheme, parts.query, parts.fragment) == ("", "", "")
    assert unquote(parts.path).removeprefix("./") == name


def test_a_name_ends_no_script(made: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").write_bytes((made / "tracks.txt").read_bytes())
    (tmp_path / "run.json").write_text(json.dumps({"source": {"name": "</script><!--<script>"}}))
    text = write_report(tmp_path, tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("</script>") == text.count("<script") == 3
    assert "<!--" not in text
    assert data_of(tmp_path / "page.html")["title"] == "</script><!--<script>"


def test_no_tracks_and_no_rows_give_a_page(tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").write_text("")
    assert "The run has no tracks." in notes(write_report(tmp_path, tmp_path / "page.html"))


# What is refused, in one line.


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main(["report", *map(str, words)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


def test_what_cannot_be_shown_is_refused_in_one_line(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert "no such file or folder" in refused(capsys, tmp_path / "none", "-o", page)
    assert "give a name that ends in .html" in refused(capsys, made, "-o", tmp_path / "page.txt")
    assert "no such folder" in refused(capsys, made, "-o", tmp_path / "none" / "page.html")
    assert "has neither log.sqlite nor tracks.txt" in refused(capsys, tmp_path, "-o", page)
    assert "none.mp4" in refused(capsys, made, "-o", page, "--video", tmp_path / "none.mp4")
    assert not page.exists()
    page.write_text("mine")
    assert "exists" in refused(capsys, made, "-o", page)
    assert page.read_text() == "mine"


def test_runs_of_two_videos_are_refused(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tracks.txt").write_bytes((made / "tracks.txt").read_bytes())
    facts = json.loads((made / "run.json").read_text())
    facts["source"]["size"] = [64, 48]
    (tmp_path / "run.json").write_text(json.dumps(facts))
    said = refused(capsys, made, tmp_path, "-o", tmp_path / "page.html")
    assert "its images are 64x48, those of street.mp4 720x240; give two runs of one video" in said


def test_more_rows_than_a_page_holds_are_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.report.write.MOST_ROWS", 100)
    assert "a report holds 100" in refused(capsys, made, "-o", tmp_path / "page.html")


def test_frame_numbers_that_are_times_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = as_rows([1_700_000_000, 1_700_000_001], [1, 1], [[0, 0, 9, 9]] * 2)
    write_results(tmp_path / "tracks.txt", rows)
    assert "are times; a report counts frames" in refused(capsys, tmp_path, "-o", tmp_path / "page.html")


def test_a_full_disk_leaves_no_part_of_a_page(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *_: object, **__: object) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    said = refused(capsys, made, "-o", tmp_path / "page.html")
    assert "page.html: cannot be written (No space left on device)" in said
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_beside_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = scene.write_run(tmp_path / "made")
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").is_file()
    assert "report.html (0." in capsys.readouterr().out
