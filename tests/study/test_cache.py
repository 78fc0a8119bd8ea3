"""Caches tell the truth: what changes a result changes its key, and nothing else does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.algorithms import algorithms
from tracker.arrays import EmbeddingArray, FloatArray, Image
from tracker.embed import select
from tracker.study import cache
from tracker.study.bench import bench
from tracker.study.cache import code_key, images_key
from tracker.study.imports import LIBRARY

FRAMES = 4


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy") / "tracker"
    shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def unchanged(library: Path) -> dict[str, str]:
    found = keys(library)
    assert len(set(found.values())) == len(found)
    return found


def keys(library: Path) -> dict[str, str]:
    return {algo: code_key(["tracker.study.job"], algo, library) for algo in algorithms()}


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("io/mot.py", algorithms()),
        ("assign.py", algorithms()),
        ("study/job.py", algorithms()),
        ("detect/recorded.py", algorithms()),  # the reader of det.npz
        ("algorithms/__init__.py", algorithms()),
        ("algorithms/steady.py", ["steady"]),
        ("algorithms/deepsort.py", ["deepsort"]),
        ("commands/words.py", []),
        ("commands/report.py", []),
        ("commands/bench.py", []),
        ("study/bench.py", []),
        ("evaluate/hota.py", []),  # scores are not kept
        ("io/draw.py", []),
        ("__init__.py", []),
    ],
)
def test_results_are_forgotten_when_code_that_makes_them_changes(
    library: Path, unchanged: dict[str, str], file: str, changed: list[str]
) -> None:
    path = library / file
    text = path.read_bytes()
    path.write_bytes(text + b"\n# changed\n")
    try:
        after = keys(library)
    finally:
        path.write_bytes(text)
    assert [algo for algo in unchanged if unchanged[algo] != after[algo]] == changed


def test_what_changed_and_is_put_back_has_its_key_again(library: Path, unchanged: dict[str, str]) -> None:
    assert keys(library) == unchanged


def test_trials_are_forgotten_when_scoring_changes(library: Path) -> None:
    def key() -> str:
        return code_key(["tracker.study.fold", "tracker.study.job"], "sort", library)

    before, path = key(), library / "evaluate" / "hota.py"
    path.write_text(path.read_text() + "\n# changed\n")
    assert key() != before


@pytest.mark.parametrize("package", ["numpy", "scipy"])
def test_another_version_of_what_computes_is_other_code(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, real = code_key([], "sort"), cache.version
    monkeypatch.setattr(cache, "version", lambda name: "0.1" if name == package else real(name))
    assert code_key([], "sort") != before


def test_a_class_of_ones_own_and_what_it_imports(mine: Path, library: Path) -> None:
    """In fresh files each time: a module that is loaded is not loaded again."""

    def key() -> str:
        return code_key(["tracker.study.job"], "./mine.py:Mine", library)

    (helper,) = mine.glob("helper_*.py")
    before = key()
    (mine / "unrelated.py").write_text("")
    assert key() == before
    for path in (mine / "mine.py", helper, library / "boxes.py"):
        text = path.read_text()
        path.write_text(text + "# changed\n")
        assert key() != before
        path.write_text(text)
    assert key() == before


def test_images_count_by_their_bytes_names_and_order(tmp_path: Path) -> None:
    folder = tmp_path / "img1"
    folder.mkdir()
    for k in range(3):
        (folder / f"{k}.png").write_bytes(bytes([k]) * 100)
    (folder / "Thumbs.db").write_bytes(b"no image")
    before, times = images_key(folder), (folder / "1.png").stat()
    (folder / "Thumbs.db").write_bytes(b"another")
    assert images_key(folder) == before
    (folder / "1.png").write_bytes(bytes([1]) * 99 + b"x")  # of the same size, and made to look as old
    os.utime(folder / "1.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    changed = images_key(folder)
    assert changed != before
    (folder / "2.png").rename(folder / "3.png")  # in the same order still
    assert images_key(folder) not in (before, changed)
    video = tmp_path / "video.mp4"
    video.write_bytes(b"one")
    one = images_key(video)
    video.write_bytes(b"two")
    assert images_key(video) != one


class Fake:
    """An embedder whose embeddings are ``width`` wide."""

    runtime = None

    def __init__(self, fingerprint: str, width: int) -> None:
        self.fingerprint, self.width = fingerprint, width
        self.calls = 0

    def __call__(self, image: Image, boxes: FloatArray) -> EmbeddingArray:
        self.calls += 1
        return np.eye(len(boxes), self.width, dtype=np.float32) + image[0, 0, 0]


@pytest.fixture
def shown(tree: Path) -> Path:
    """One sequence with images."""
    cv2 = pytest.importorskip("cv2")
    (tree / "a" / "img1").mkdir()
    for frame in range(1, 42):
        cv2.imwrite(str(tree / "a" / "img1" / f"{frame:06}.png"), np.full((200, 400, 3), frame, np.uint8))
    return tree


@pytest.fixture
def embed(shown: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Fake], tuple[int, Path]]:
    """Benches DeepSORT with an embedder: the number of calls, and the file of embeddings that the job used."""

    def run(fake: Fake) -> tuple[int, Path]:
        monkeypatch.setattr("tracker.embed.open_embedder", lambda spec: fake)
        (run,), _ = bench(shown, ["deepsort"], out=shown / "out", sequences=["a"], workers=1, reid="default")
        record = json.loads((shown / "out/full" / run.label / "a.json").read_text())
        return fake.calls, Path(record["embeddings"])

    return run


def width_of(file: Path) -> Any:
    with np.load(file) as archive:
        return archive["embedding"].shape[1]


def test_another_model_behind_the_same_name_makes_its_own_embeddings(
    embed: Callable[[Fake], tuple[int, Path]],
) -> None:
    calls, file = embed(Fake("one", 4))
    assert (calls, width_of(file)) == (41, 4)
    assert embed(Fake("one", 4)) == (0, file)
    calls, other = embed(Fake("two", 8))
    assert (calls, width_of(other)) == (41, 8)
    assert embed(Fake("one", 4)) == (0, file)  # kept still


def test_changed_images_and_detections_are_embedded_again(
    shown: Path, embed: Callable[[Fake], tuple[int, Path]]
) -> None:
    cv2 = pytest.importorskip("cv2")
    _, file = embed(Fake("one", 4))
    image = shown / "a" / "img1" / "000007.png"
    times = image.stat()
    cv2.imwrite(str(image), np.full((200, 400, 3), 250, np.uint8))
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    calls, second = embed(Fake("one", 4))
    assert calls == 41
    assert second != file
    det = shown / "a" / "det" / "det.txt"
    det.write_text(det.read_text().replace("1,-1,101", "1,-1,102", 1))
    calls, third = embed(Fake("one", 4))
    assert calls == 41
    assert third not in (file, second)


def test_the_packaged_model_counts_by_its_content(
    shown: Path, tmp_path: Path, constant_onnx: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user met it: the default model was replaced, and the old vectors came back."""
    monkeypatch.setattr(select, "packaged_model", lambda: tmp_path / "model.onnx")
    widths = []
    for width in (4, 8):
        constant_onnx(np.eye(4, width), input_shape=(4, 3, 64, 32))
        (run,), _ = bench(shown, ["deepsort"], out=shown / "out", sequences=["a"], workers=1, reid="default")
        assert run.cached == 0
        record = json.loads((shown / "out/full" / run.label / "a.json").read_text())
        widths.append(width_of(Path(record["embeddings"])))
    assert widths == [4, 8]
