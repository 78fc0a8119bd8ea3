"""The programs in examples/ run, and do what their first line says."""

from __future__ import annotations

import importlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from made import write_video

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NUMBER = 60


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))


def load(name: str) -> Any:
    sys.modules.pop(name, None)
    return importlib.import_module(name)


def test_every_program_is_in_the_list_and_has_a_test() -> None:
    programs = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb")}
    text = (EXAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in text for name in programs)
    mine = Path(__file__).read_text()
    assert all(f'"{Path(name).stem}"' in mine or f'"{name}"' in mine for name in programs)


def test_the_service_tracks_each_camera_on_its_own() -> None:
    testing = pytest.importorskip("fastapi.testclient", reason="needs fastapi and httpx")
    client = testing.TestClient(load("service").app)

    def post(camera: str, frame: dict[str, Any]) -> Any:
        return client.post(f"/cameras/{camera}/frames", json=frame)

    for n in range(5):
        frame = {"time": n / 10, "boxes": [[10 + n, 20, 60 + n, 180]], "scores": [0.9]}
        door = post("door", frame).json()
        hall = post("hall", {**frame, "boxes": [*frame["boxes"], [300, 20, 350, 180]], "scores": [0.9, 0.9]}).json()
    assert door["frame"] == hall["frame"] == 5
    assert [track["id"] for track in door["tracks"]] == [1]
    assert [track["id"] for track in hall["tracks"]] == [1, 2]
    bad = post("door", {"boxes": [[60, 20, 10, 180]], "time": 1.0})
    assert bad.status_code == 422
    assert "box" in bad.json()["detail"]
    client.delete("/cameras/door")
    assert post("door", {"boxes": []}).json()["frame"] == 1


def test_people_are_counted_at_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    write_video(Path("street.mp4"), 240)
    totals = load("people_counter").main("street.mp4", "post=320,345 320,470", "motion")
    lines = [line for line in capsys.readouterr().out.splitlines() if "post:" in line]
    assert sum(totals.values()) >= 1
    assert sum(totals.values()) == len([line for line in lines if line.endswith((": in", ": out"))])


def test_ctrl_c_ends_the_count_with_its_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(Path("street.mp4"), 240)
    counter = load("people_counter")

    def told(event: Any) -> None:
        if event.certainty != "undecided":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(counter, "told", told)
    assert sum(counter.main("street.mp4", "post=320,345 320,470", "motion").values()) >= 1


def test_the_notebook_runs_from_top_to_bottom() -> None:
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text())["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "notebook.ipynb", "exec"), names)
    assert names["run"].counts["frames"] == NUMBER
    assert names["rows"]
    assert Path("paths.png").stat().st_size > 1000


@pytest.mark.slow
def test_a_batch_of_videos() -> None:
    for name in ("a", "b"):
        write_video(Path(f"{name}.mp4"), 20)
    batch = load("batch")
    assert batch.main("out", "a.mp4", "b.mp4", detector="motion", workers=2) == 0
    assert batch.main("out", "a.mp4", "missing.mp4", detector="motion", workers=1) == 1
    assert json.loads(Path("out/a/run.json").read_text())["state"] == "complete"


def test_supervision_in_and_out() -> None:
    sv = pytest.importorskip("supervision", reason="needs the extra peers")
    import numpy as np

    frames = [
        sv.Detections(np.array([[10.0 + n, 20, 60 + n, 180]]), confidence=np.array([0.9]), class_id=np.array([0]))
        for n in range(5)
    ]
    *_, last = load("with_supervision").tracked(frames)
    assert last.tracker_id.tolist() == [1]
    assert last.xyxy.shape == (1, 4)


def test_an_own_tracker_keeps_its_own_rule() -> None:
    own = load("own_tracker").Gradual()
    for n in range(4):
        tracks = own.update([[10 + n, 20, 60 + n, 180, 0.9]])
    assert tracks.ids.tolist() == [1]
    assert own.update([[0, 20, 70, 200, 0.9]]).ids.tolist() == []  # much larger at once: somebody else
    assert load("own_tracker").Gradual(growth=3).growth == 3
