"""Each format, read back by what reads it: csv, json, pyarrow, the official kit, our own reader of CVAT."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.export import FORMATS, Table, export, summary, table_of
from tracker.io.mot import read_ground_truth, read_results
from tracker.rows import as_rows

NAMES = {0: "person", 2: "car"}


def made(**known: Any) -> Table:
    """Two tracks, a person who is out of detection in frame 3 and a car; given in an order of its own."""
    rows = as_rows(
        [1, 2, 3, 4, 2, 3],
        [7, 7, 7, 7, 9, 9],
        [[10 + 2 * f, 20, 30 + 2 * f, 80] for f in range(4)] + [[100, 50, 160, 90.5], [110, 50, 170, 90.5]],
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.25],
        [0, 0, 0, 0, 2, 2],
        [False, False, True, False, False, False],
    )
    given = {"frame_rate": 10.0, "names": NAMES, "size": (200, 100), "n_frames": 5, "source": "a.mp4", **known}
    return table_of(rows, **given)


def written(tmp_path: Path, form: str, table: Table | None = None) -> Path:
    path = tmp_path / FORMATS[form].name
    export(made() if table is None else table, form, path)
    return path


def test_csv(tmp_path: Path) -> None:
    with written(tmp_path, "csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert rows[1] == {
        "frame": "2",
        "time": "0.1",
        "id": "7",
        "class_id": "0",
        "class": "person",
        "left": "12.0",
        "top": "20.0",
        "right": "32.0",
        "bottom": "80.0",
        "score": "0.8",
        "observed": "1",
    }
    assert [row["observed"] for row in rows] == ["1", "1", "1", "0", "1", "1"]
    assert [row["class"] for row in rows] == ["person", "person", "car", "person", "car", "person"]


def test_csv_of_a_run_has_the_detection_and_both_boxes(tmp_path: Path) -> None:
    boxes = np.arange(24, dtype=float).reshape(6, 4)
    boxes[3] = np.nan
    table = replace(made(), detections=np.array([0, 0, 1, -1, 0, 1]), detection_boxes=boxes)
    with written(tmp_path, "csv", table).open() as file:
        rows = list(csv.DictReader(file))
    assert (rows[2]["detection"], rows[2]["detection_left"], rows[2]["detection_bottom"]) == ("1", "8.0", "11.0")
    assert (rows[3]["detection"], rows[3]["detection_left"], rows[3]["detection_bottom"]) == ("", "", "")


def test_rows_in_any_order_keep_their_detections() -> None:
    rows = made().rows.by_track()
    table = table_of(rows, detections=rows.frames * 10 + rows.ids, detection_boxes=rows.boxes + 1)
    assert table.rows.frames.tolist() == [1, 2, 2, 3, 3, 4]
    assert table.detections is not None
    assert table.detections.tolist() == (table.rows.frames * 10 + table.rows.ids).tolist()
    np.testing.assert_array_equal(table.detection_boxes, table.rows.boxes + 1)


def test_what_is_unknown_is_empty(tmp_path: Path) -> None:
    table = made(frame_rate=None, names={})
    (row, *_) = csv.DictReader(written(tmp_path, "csv", table).read_text().splitlines())
    assert (row["time"], row["class"]) == ("", "")
    first = json.loads(written(tmp_path, "jsonl", table).read_text().splitlines()[0])
    assert (first["time"], first["class"], first["class_id"]) == (None, None, 0)


def test_a_class_that_a_spreadsheet_would_run_is_quoted(tmp_path: Path) -> None:
    table = made(names={0: "=1+1", 2: "car"})
    assert "'=1+1" in written(tmp_path, "csv", table).read_text()


def test_jsonl(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in written(tmp_path, "jsonl").read_text().splitlines()]
    assert rows[3] | {"score": None} == {
        "frame": 3,
        "time": 0.2,
        "id": 7,
        "class_id": 0,
        "class": "person",
        "left": 14.0,
        "top": 20.0,
        "right": 34.0,
        "bottom": 80.0,
        "score": None,
        "observed": False,
    }


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    found = parquet.read_table(written(tmp_path, "parquet"))
    assert found.column_names == list(made().columns())
    assert found["class"].to_pylist() == ["person", "person", "car", "person", "car", "person"]
    assert found["time"].to_pylist() == pytest.approx([0, 0.1, 0.1, 0.2, 0.2, 0.3])
    assert found["observed"].to_pylist()[3] is False
    assert found.schema.metadata[b"frame_rate"] == b"10.0"
    bare = parquet.read_table(written(tmp_path, "parquet", made(frame_rate=None, names={})))
    assert bare["time"].null_count == bare["class"].null_count == 6


def test_parquet_without_pyarrow_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.export.parquet.find_spec", lambda name: None)
    said = r"parquet needs pyarrow, which is not installed: pip install .*\[parquet\]', or write csv"
    with pytest.raises(ValueError, match=said):
        written(tmp_path, "parquet")
    assert list(tmp_path.iterdir()) == []


def test_coco(tmp_path: Path) -> None:
    data = json.loads(written(tmp_path, "coco").read_text())
    assert data["categories"] == [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    assert [image["file_name"] for image in data["images"]] == [f"00000{k}.jpg" for k in range(1, 6)]
    car = [a for a in data["annotations"] if a["category_id"] == 2]
    assert [(a["image_id"], a["track_id"], a["bbox"], a["area"]) for a in car] == [
        (2, 9, [100, 50, 60, 40.5], 2430),
        (3, 9, [110, 50, 60, 40.5], 2430),
    ]
    assert [a["id"] for a in data["annotations"]] == [1, 2, 3, 4, 5, 6]


def test_coco_as_ours_reads_with_pycocotools_rules(tmp_path: Path) -> None:
    """Ids are unique, and every annotation names an image and a category that are there."""
    data = json.loads(written(tmp_path, "coco").read_text())
    for kind in ("images", "annotations", "categories", "videos"):
        assert len({one["id"] for one in data[kind]}) == len(data[kind])
    images, categories = ({one["id"] for one in data[kind]} for kind in ("images", "categories"))
    assert all(a["image_id"] in images and a["category_id"] in categories for a in data["annotations"])


def test_yolo(tmp_path: Path) -> None:
    folder = written(tmp_path, "yolo")
    assert (folder / "classes.txt").read_text() == "person\ncar\n"
    assert sorted(path.name for path in (folder / "labels").iterdir()) == [f"00000{k}.txt" for k in range(1, 5)]
    second = np.loadtxt(folder / "labels/000002.txt")
    np.testing.assert_allclose(second[1], [1, 130 / 200, 70.25 / 100, 60 / 200, 40.5 / 100, 9])
    moved = replace(made().rows, boxes=made().rows.boxes + [150, 0, 150, 0])  # the car is outside, the person cut
    folder = written(tmp_path / "b", "yolo", table_of(moved, names=NAMES, size=(200, 100)))
    cut = np.loadtxt(folder / "labels/000002.txt", ndmin=2)
    np.testing.assert_allclose(cut, [[0, (162 + 182) / 400, 0.5, 0.1, 0.6, 7]], atol=1e-6)


def test_mot_zip(tmp_path: Path) -> None:
    path = written(tmp_path, "mot-zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}  # the same rows give the same bytes
    assert (tmp_path / "gt/labels.txt").read_text() == "person\ncar\n"
    rows = read_ground_truth(tmp_path / "gt/gt.txt")
    np.testing.assert_allclose(rows.boxes, made().rows.boxes)
    assert rows.classes.tolist() == [1, 1, 2, 1, 2, 1]


def test_fiftyone(tmp_path: Path) -> None:
    frames = json.loads(written(tmp_path, "fiftyone").read_text())["frames"]
    assert list(frames) == ["1", "2", "3", "4"]
    first, car = frames["2"]["objects"]["objects"]
    assert (first["label"], first["index"], car["label"], car["index"]) == ("person", 7, "car", 9)
    assert car["bounding_box"] == {"top_left": {"x": 0.5, "y": 0.5}, "bottom_right": {"x": 0.8, "y": 0.905}}


def test_trackeval(tmp_path: Path) -> None:
    rows = read_results(written(tmp_path, "trackeval") / "data/a.txt")
    np.testing.assert_allclose(rows.boxes, made().rows.boxes)
    assert not rows.has_classes
    assert not rows.interpolated.any()  # the kit refuses marks


def test_summary() -> None:
    columns = summary(made())
    assert columns["id"].tolist() == [7, 9]
    assert columns["class"].tolist() == ["person", "car"]
    assert columns["first_frame"].tolist() == [1, 2]
    assert columns["last_frame"].tolist() == [4, 3]
    np.testing.assert_allclose(columns["seconds"], [0.3, 0.1])
    assert columns["rows"].tolist() == [4, 2]
    assert columns["observed"].tolist() == [3, 2]
    np.testing.assert_allclose(columns["path"], [6, 10])
    np.testing.assert_allclose(columns["displacement"], [6, 10])
    np.testing.assert_allclose(columns["mean_score"], [(0.9 + 0.8 + 0.6) / 3, 0.375])


@pytest.mark.parametrize("form", FORMATS)
def test_no_rows_are_written_too(tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra parquet")
    table = made()
    assert written(tmp_path, form, table_of(table.rows.select(slice(0, 0)), size=(20, 10))).exists()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra parquet")
    for part in "ab":
        (tmp_path / part).mkdir()
    paths = [written(tmp_path / part, form) for part in "ab"]
    files = [sorted(p for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file()) for path in paths]
    assert [a.read_bytes() for a in files[0]] == [b.read_bytes() for b in files[1]]


def test_what_a_format_lacks_is_said(tmp_path: Path) -> None:
    for form in ("coco", "yolo", "cvat", "mot-zip", "fiftyone"):
        with pytest.raises(ValueError, match=f"class 0 has no name, and {form} needs one; give --names"):
            written(tmp_path, form, made(names={}))
    for form in ("coco", "yolo", "fiftyone"):
        with pytest.raises(ValueError, match=f"the size of the images is unknown, and {form} needs it; give --video"):
            written(tmp_path, form, made(size=None))
    with pytest.raises(ValueError, match=r"format 'coc' is unknown, did you mean 'coco'\?"):
        export(made(), "coc", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_rows_without_a_class_are_objects(tmp_path: Path) -> None:
    table = made(names={})
    bare = replace(table, rows=replace(table.rows, classes=np.full(6, -1)))
    assert json.loads(written(tmp_path, "coco", bare).read_text())["categories"] == [{"id": 1, "name": "object"}]


def test_parquet_of_many_row_groups_is_one_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    whole = pq.read_table(written(tmp_path, "parquet"))
    monkeypatch.setattr("tracker.export.parquet.CHUNK", 4)
    path = written(tmp_path, "parquet")
    assert pq.ParquetFile(path).num_row_groups == 2
    assert pq.read_table(path).equals(whole)
    assert pq.read_table(path).schema.metadata == whole.schema.metadata
    empty = made()
    assert (
        pq.read_table(
            written(tmp_path, "parquet", replace(empty, rows=empty.rows.select(slice(0, 0)), times=empty.times[:0]))
        ).num_rows
        == 0
    )


def test_a_long_table_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {form: written(tmp_path, form).read_bytes() for form in ("csv", "jsonl")}
    monkeypatch.setattr("tracker.export.text.CHUNK", 4)
    assert {form: written(tmp_path, form).read_bytes() for form in whole} == whole
