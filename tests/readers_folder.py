"""What lies in a reader's folder before the first command of a page: drawn videos, small data sets, real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from made import write_video
from sets import write_coco, write_visdrone

from tests.report import made as run_made
from tracker.detect.auto import STORE
from tracker.detect.catalogue import CATALOGUE
from tracker.io.cvat import write_cvat
from tracker.io.digest import sha256_of
from tracker.io.mot import write_results
from tracker.rows import as_rows

SEQUENCES = ("MOT17-02", "MOT17-05", "MOT17-09")  # MOT17-04 is as large as the others together


@dataclass(frozen=True)
class Given:
    """What is laid out where ``name`` occurs in the text; ``real`` needs ../shared."""

    name: str
    make: Callable[[Path, Path], None]
    real: bool = False


def lay_out(given: tuple[Given, ...], text: str, folder: Path, request: pytest.FixtureRequest) -> None:
    """Lay out what the text names, into the folder."""
    for one in given:
        if one.name in text:
            shared = request.getfixturevalue("shared") if one.real else folder
            one.make(folder, shared)


def _street(folder: Path, _: Path) -> None:
    write_video(folder / "street.mp4", 8)


def _scene(folder: Path, _: Path) -> None:
    run_made.write_run(folder)  # street.mp4, det.txt and gt.txt


def _edits(folder: Path, _: Path) -> None:
    (folder / "edits.json").write_text(json.dumps({"version": 1, "edits": []}))


def _sets(folder: Path, _: Path) -> None:
    write_coco(folder)
    write_visdrone(folder)
    rows = as_rows([1, 2], [1, 1], [[0, 0, 9, 9], [0, 0, 9, 9]])
    write_cvat(folder / "cvat.xml", rows, ["person"], rows.classes + 1)


def _clips(folder: Path, _: Path) -> None:
    (folder / "clips").mkdir()
    for name in "ab":
        write_video(folder / f"clips/{name}.mp4", 6)


def _list(folder: Path, _: Path) -> None:
    for name in ("hall", "door"):
        write_video(folder / f"{name}.mp4", 6)
    (folder / "list.txt").write_text("hall.mp4\ndoor.mp4\tfront\n")
    (folder / "dets").mkdir()
    for name in ("hall", "front"):
        boxes = np.array([[10 + k, 20, 60 + k, 180] for k in range(6)], float)
        np.savez(folder / f"dets/{name}.npz", frame=np.arange(1, 7), xyxy=boxes, score=np.full(6, 0.9))


def _long(folder: Path, _: Path) -> None:
    write_video(folder / "long.mp4", 40)


def _mot17(folder: Path, shared: Path) -> None:
    (folder / "MOT17/train").mkdir(parents=True)
    for sequence in SEQUENCES:
        (folder / "MOT17/train" / sequence).symlink_to(shared / "data/MOT17/train" / sequence)


def _results(name: str) -> Callable[[Path, Path], None]:
    def make(folder: Path, shared: Path) -> None:
        (folder / name).mkdir()
        for sequence in SEQUENCES:
            rows = np.load(shared / f"reference/bytetrack/{sequence}.npz")
            part = rows["frame"] <= 200
            few = as_rows(rows["frame"][part], rows["id"][part], rows["xyxy"][part])
            write_results(folder / name / f"{sequence}.txt", few)

    return make


def _model(name: str) -> Given:
    return Given(name, lambda folder, shared: (folder / name).symlink_to(shared / "data/models" / name), real=True)


STREET = Given("street.mp4", _street)
MOT17 = Given("MOT17/train", _mot17, real=True)
HAS = {
    "README.md": (STREET, MOT17, _model("osnet_x0_25_msmt17.onnx")),
    "docs/camera.md": (STREET,),
    "docs/count.md": (STREET,),
    "docs/detectors.md": (STREET, _model("ultraface_rfb_320.onnx")),
    "docs/formats.md": (Given("truth.json", _sets),),
    "docs/guide.md": (STREET, MOT17, Given("results", _results("results"), real=True)),
    "docs/index.md": (STREET,),
    "docs/live.md": (STREET,),
    "docs/report.md": (Given("street.mp4", _scene), Given("edits.json", _edits)),
    "docs/scale.md": (Given("clips/", _clips), Given("list.txt", _list), Given("long.mp4", _long)),
    "docs/scoring.md": (MOT17, *(Given(name, _results(name), real=True) for name in ("results", "sort", "steady"))),
    "reid/README.md": (),
    "docs/why.md": (Given("street.mp4", _scene), MOT17),
}


def put_into_the_cache(model: Path, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
    """Put a model into an empty cache as yolox-nano: another export of the same weights."""
    patch.setenv("TRACKWHY_CACHE", str(tmp_path / "cache"))
    sha256 = sha256_of([model])
    patch.setitem(CATALOGUE, "yolox-nano", replace(CATALOGUE["yolox-nano"], size=model.stat().st_size, sha256=sha256))
    STORE.add((model,), "yolox-nano")
