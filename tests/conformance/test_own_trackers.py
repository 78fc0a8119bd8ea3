"""A tracker of one's own counts: the conformance suite takes it, and sees a fault in it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tracker.algorithms import algorithm, build
from tracker.settings import settings_of

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "own_trackers.py"


def suite(*names: str, only: str = "") -> subprocess.CompletedProcess[str]:
    """The conformance suite on these trackers; only: the tests whose names hold this."""
    words = [word for name in names for word in ("--tracker", name if ":" in name else f"{OWN}:{name}")]
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance/test_every_algorithm.py"]
    return subprocess.run([*run, "-k", only, *words], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_trackers_of_ones_own_pass(tmp_path: Path) -> None:
    shown = re.findall(r"```python\n(# mine.py\n.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)
    (tmp_path / "mine.py").write_text(shown[0], encoding="utf-8")
    done = suite("Nearest", "Short", f"{tmp_path / 'mine.py'}:Mine")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passed" in done.stdout or "100%" in done.stdout


def test_a_fault_in_one_is_seen() -> None:
    done = suite("Reuses", only="copies")
    assert done.returncode == 1
    assert "test_outputs_are_copies" in done.stdout


def test_one_is_found_by_its_file_and_by_its_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine_of_mine.py").write_text(OWN.read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("mine_of_mine:Nearest", "./mine_of_mine.py:Nearest", f"{OWN}:Nearest"):
        tracker = build(name, {"least": "0.5"}, frame_rate=12)
        assert (type(tracker).__name__, vars(tracker)["least"]) == ("Nearest", 0.5)
        assert list(settings_of(algorithm(name))) == ["least", "patience"]
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    (tmp_path / "raises_it.py").write_text("raise RuntimeError('two\\nlines')\n")
    (tmp_path / "leaves_it.py").write_text("import sys; sys.exit(3)\n")
    (tmp_path / "half.py").write_text(
        "from tracker import Tracker\nclass NoStep(Tracker): pass\nclass Few:\n    def update(self, detections): pass\n"
    )
    for name, message in {
        "mine_of_mine:Nearst": "mine_of_mine has no class 'Nearst', did you mean 'Nearest'\\?",
        "mine_of_mine:np": "mine_of_mine has no class 'np'",
        "mine_of_mine:Age": "Age has no method update",
        "none_of_mine:Nearest": "none_of_mine cannot be imported",
        "./none.py:Nearest": "none.py: no such file",
        "./broken.py:Nearest": "broken.py cannot be imported \\(No module named 'nothing_of_that_name'\\)",
        "./raises_it.py:Nearest": "raises_it.py cannot be imported \\(RuntimeError: two lines\\)",
        "raises_it:Nearest": "raises_it cannot be imported \\(RuntimeError: two lines\\)",
        "./leaves_it.py:Nearest": "leaves_it.py cannot be imported \\(SystemExit: 3\\)",
        "leaves_it:Nearest": "leaves_it cannot be imported \\(SystemExit: 3\\)",
        "half:NoStep": "NoStep has no method step",
        "half:Few": "Few has no method update",
        ":Nearest": "the module cannot be imported",
    }.items():
        with pytest.raises(ValueError, match=rf"^algorithm '{name}': {message}[^\n]*$"):
            algorithm(name)
