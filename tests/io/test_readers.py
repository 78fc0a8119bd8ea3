"""One scene in the format of each data set gives the same rows through the one entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sets import LENGTH, NUMBERS, REGION, RESULTS, TRUTH, dump, write_bdd, write_coco, write_visdrone

from tracker.export import export, table_of
from tracker.io.mot import MotFormatError
from tracker.io.readers import form_of, names_in, read_found, read_tracks, read_truth, role_of, videos_of
from tracker.io.run_folder import read_run
from tracker.rows import Rows, as_rows


def plain(rows: Rows, set_: str, *, ids: bool = True) -> list[tuple[Any, ...]]:
    """Rows of known classes as the scene lists them."""
    names = {number: name for name, number in NUMBERS[set_].items()}
    return sorted(
        (frame, *((id,) if ids else ()), names[number], *box[:2], box[2] - box[0], box[3] - box[1])
        for frame, id, number, box in zip(
            rows.frames.tolist(), rows.ids.tolist(), rows.classes.tolist(), rows.boxes.tolist(), strict=True
        )
        if number in names
    )


FILES = {
    "coco": (write_coco, "truth.json", "results.json", "detections.json"),
    "bdd100k": (write_bdd, "truth/street.json", "results/street.json", "detections/street.json"),
    "visdrone": (write_visdrone, "annotations/street.txt", "results/street.txt", "detections/street.txt"),
}


@pytest.mark.parametrize("set_", FILES)
def test_each_format_reads_the_same_scene(tmp_path: Path, set_: str) -> None:
    write, truth, results, detections = FILES[set_]
    write(tmp_path)
    form: Any = "visdrone" if set_ == "visdrone" else None
    gt = read_truth(tmp_path / truth, form=form, video="street")
    assert plain(gt, set_) == sorted(TRUTH)
    assert gt.layout == set_
    region = gt.select(~np.isin(gt.classes, list(NUMBERS[set_].values())))
    assert region.scores.tolist() == [0] * LENGTH
    assert (region.boxes[0, 2:] - region.boxes[0, :2]).tolist() == list(REGION[2:])
    found = read_tracks(tmp_path / results, video="street", truth=tmp_path / truth)
    assert plain(found, set_) == sorted(RESULTS)
    assert set(found.scores.tolist()) == {0.9}
    bare = read_found(tmp_path / detections, form=form, video="street", truth=tmp_path / truth)
    assert plain(bare, set_, ids=False) == sorted((f, c, *box) for f, _, c, *box in TRUTH)
    assert set(bare.ids.tolist()) == {-1}
    if set_ != "visdrone":
        assert [role_of(tmp_path / file) for file in (truth, results, detections)] == ["gt", "results", "detections"]


@pytest.mark.parametrize(
    ("fields", "first"),
    [(("frame_id", "track_id"), 1), (("frame_id", "instance_id"), 0), (("frame_index", "track_id"), 0)],
)
def test_names_of_fields_that_coco_s_relatives_use(tmp_path: Path, fields: tuple[str, str], first: int) -> None:
    write_coco(tmp_path, fields=fields, first=first)
    assert plain(read_truth(tmp_path / "truth.json", video="street"), "coco") == sorted(TRUTH)
    videos = videos_of(tmp_path / "truth.json")
    assert [(video.name, video.length, video.width) for video in videos] == [("street", 3, 640), ("empty", 3, 640)]
    assert len(read_truth(tmp_path / "truth.json", video="empty")) == 0


def test_images_without_numbers_are_taken_in_the_order_of_their_ids(tmp_path: Path) -> None:
    write_coco(tmp_path)
    content = json.loads((tmp_path / "truth.json").read_text())
    for image in content["images"]:
        del image["frame_id"]
    content["images"].reverse()
    dump(tmp_path / "truth.json", content)
    rows = read_truth(tmp_path / "truth.json", video="street")
    assert plain(rows, "coco") == sorted(TRUTH)
    assert "numbered in the order" in rows.notes[0]


def test_bdd_files_of_all_videos_and_of_earlier_releases(tmp_path: Path) -> None:
    write_bdd(tmp_path)
    frames = json.loads((tmp_path / "truth/street.json").read_text())
    for frame in frames:
        frame["index"], frame["video_name"] = frame.pop("frameIndex"), frame.pop("videoName")
        for label in frame["labels"]:
            label["category"] = {"pedestrian": "person"}.get(label["category"], label["category"])
            label["attributes"] = {"Crowd": label.get("attributes", {}).get("crowd", False)}
    other = [{"name": "a.jpg", "video_name": "lane", "index": 4, "labels": None}]
    dump(tmp_path / "all.json", {"frames": frames + other})
    assert [(video.name, video.length) for video in videos_of(tmp_path / "all.json")] == [("street", 3), ("lane", 5)]
    rows = read_truth(tmp_path / "all.json", video="street")
    assert plain(rows, "bdd100k") == sorted(TRUTH)
    assert (rows.scores == 0).sum() == LENGTH
    assert len(read_truth(tmp_path / "all.json", video="lane")) == 0


def test_our_own_exports_are_read_back(tmp_path: Path) -> None:
    rows = as_rows(
        [1, 2, 2],
        [3, 3, 5],
        [[0, 0, 9, 9], [1, 0, 10, 9], [5, 5, 20, 30]],
        [0.5, 0.25, 1],
        [0, 0, 2],
        [False, True, False],
    )
    table = table_of(rows, names={0: "person", 2: "car"}, size=(64, 36), frame_rate=10.0, n_frames=4, source="a.mp4")
    export(table, "coco", tmp_path / "coco.json")
    run = read_run(tmp_path / "coco.json")
    assert (run.frame_rate, run.size, run.source, run.frames) == (10.0, (64, 36), "a", 4)
    for name in ("frames", "ids", "boxes", "scores", "interpolated"):
        np.testing.assert_array_equal(getattr(run.rows, name), getattr(rows.by_frame(), name))
    assert [run.names[number] for number in run.rows.classes.tolist()] == ["person", "person", "car"]
    export(table, "cvat", tmp_path / "cvat.xml")
    assert form_of(tmp_path / "cvat.xml") == "cvat"
    assert names_in(tmp_path / "cvat.xml") == {0: "person", 1: "car"}
    assert read_truth(tmp_path / "cvat.xml").layout == "cvat"


def changed(write: Any, name: str, change: Any) -> Any:
    def made(folder: Path) -> Path:
        write(folder)
        content = json.loads((folder / name).read_text())
        change(content)
        dump(folder / name, content)
        return folder / name

    return made


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (
            changed(write_coco, "truth.json", lambda c: c["annotations"][1].pop("track_id")),
            "annotation 2: has no track_id",
        ),
        (
            changed(write_coco, "truth.json", lambda c: c["annotations"][0].update(bbox=[1, 2])),
            "annotation 1: bbox is not",
        ),
        (
            changed(write_coco, "truth.json", lambda c: c["annotations"][0].update(bbox=[1, 2, None, 4])),
            "annotation 1: bbox is not a number",
        ),
        (changed(write_coco, "truth.json", lambda c: c["annotations"][2].update(image_id=9)), "image_id 9 is no image"),
        (changed(write_coco, "truth.json", lambda c: c["images"].clear()), "has no images"),
        (
            changed(write_coco, "truth.json", lambda c: c["annotations"].append(c["annotations"][0])),
            "two rows; an id names",
        ),
        (changed(write_bdd, "truth/street.json", lambda c: c[0]["labels"][0].pop("id")), "frame 0, label 1: has no id"),
        (
            changed(write_bdd, "truth/street.json", lambda c: c[1]["labels"][0]["box2d"].pop("x2")),
            "frame 1, label 5: x2 is not a number",
        ),
        (changed(write_bdd, "truth/street.json", lambda c: c[1].pop("frameIndex")), "its frame has no frameIndex"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path: Path, make: Any, error: str) -> None:
    path = make(tmp_path)
    with pytest.raises(MotFormatError, match=error) as raised:
        read_truth(path, video="street")
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_files_that_are_none_of_these_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "b.json").write_text("{")
    (tmp_path / "c.txt").write_text("0 3 Car 0 0 -1.5 10 20 60 70 1 1 1 1 1 1 1\n")
    with pytest.raises(MotFormatError, match=r"a.json: is neither COCO's JSON"):
        form_of(tmp_path / "a.json")
    with pytest.raises(MotFormatError, match=r"b.json: is not JSON"):
        form_of(tmp_path / "b.json")
    with pytest.raises(MotFormatError, match=r"c.txt: KITTI's labels are scored for one kind .* kitti-car"):
        read_truth(tmp_path / "c.txt")
    write_coco(tmp_path)
    with pytest.raises(MotFormatError, match=r"results.json: a list of results names images by image_id"):
        read_tracks(tmp_path / "results.json", truth=tmp_path / "c.txt")
    with pytest.raises(MotFormatError, match=r"has no video 'stret', did you mean 'street'\?"):
        read_truth(tmp_path / "truth.json", video="stret")
    with pytest.raises(MotFormatError, match=r"holds 2 videos \(street, empty, ...\); name one"):
        read_truth(tmp_path / "truth.json")
