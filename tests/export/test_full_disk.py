"""A disk that fills up: every format says so in one line and leaves the old file and no part of a new one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made import write_video

from tracker.commands.main import main
from tracker.detections import Detections
from tracker.export import FORMATS, export, table_of
from tracker.export.crops import CropSink
from tracker.io.sinks import Step
from tracker.io.source import Frame
from tracker.rows import as_rows
from tracker.tracks import Tracks

COUNT = 40_000  # rows, more than a megabyte in any format


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if shutil.which("mount") is None:
        pytest.skip("needs mount")
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format(small: Path, form: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow")
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(0, 600, (COUNT, 2, 2)), axis=1).reshape(-1, 4)
    ids = np.arange(COUNT) if form == "summary" else np.arange(COUNT) % 50
    rows = as_rows(np.arange(COUNT) // 50 + 1, ids, boxes, rng.random(COUNT), np.zeros(COUNT))
    table = table_of(rows, names={0: "person"}, size=(640, 640), frame_rate=25.0)
    path = small / FORMATS[form].name
    if not FORMATS[form].folder:
        path.write_text("old")
    (small / "other").write_bytes(bytes(200_000))
    if form == "mot-zip":
        (small / "other").write_bytes(bytes(900_000))
    with pytest.raises(ValueError, match="cannot be written") as raised:
        export(table, form, path)
    assert str(raised.value).startswith(str(path))
    assert "No space left on device" in str(raised.value)
    assert "\n" not in str(raised.value)
    if not FORMATS[form].folder:
        assert path.read_text() == "old"
        assert sorted(one.name for one in small.iterdir()) == sorted(["other", path.name])


def test_crops(small: Path) -> None:
    pytest.importorskip("cv2")
    (small / "other").write_bytes(bytes(1024 * 1024 - 2 * 4096))
    image = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    tracks = Tracks.of_boxes([7], [[0, 0, 200, 200]], frame=1)
    sink = CropSink(small / "crops")
    sink.write(Step(Frame(image, 1, 0.0), Detections.empty(), tracks))
    with pytest.raises(ValueError, match=r"00007/000001.jpg: cannot be written \(No space left on device\); make room"):
        sink.close()


def test_a_run(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "street.mp4", 10)
    lines = [f"{frame},-1,20,20,100,100,0.9,-1,-1,-1\n" for frame in range(1, 11)]
    (tmp_path / "det.txt").write_text("".join(lines))
    (small / "other").write_bytes(bytes(1024 * 1024 - 4096))
    command = ["street.mp4", "--algo", "sort", "--set", "min_hits=1", "--detector", "det.txt", "--no-video"]
    assert main([*command, "--save", "csv,crops", "-o", str(small / "out"), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert "Traceback" not in error
