"""Imports point down: a file imports only from lower floors, and ``import tracker`` loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = [
    [
        "arrays",
        "boxes",
        "detections",
        "results",
        "tracks",
        "protocol",
        "rows",
        "settings",
        "spelling",
        "progress",
        "install",
        "kinds",
        "scores",
        "processors",
    ],
    ["motion", "assign", "appearance", "camera", "camera_glance", "camera_pairs", "state", "log", "identity", "levels"],
    ["tracker", "draw"],
    ["algorithms", "detect", "models", "embed", "io", "evaluate", "refine", "count", "export", "workers", "live"],
    ["scene", "run", "explain"],
    ["study", "many", "report", "learn"],
    ["commands", "__main__"],
]
# Packages of one floor that may read another: files of boxes, and the ONNX session that embedders share with detectors.
BESIDE = {
    "count": {"io", "refine"},
    "export": {"io"},
    "detect": {"io", "models"},
    "models": {"io"},
    "evaluate": {"io"},
    "refine": {"io"},
    "live": {"io"},
    "embed": {"io", "detect"},
}
ROOMS_OF_REID = {"io", "embed", "boxes", "arrays", "spelling", "install"}
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}
FILES = sorted(path for path in (ROOT / "tracker").rglob("*.py") if path != ROOT / "tracker" / "__init__.py")
HEAVY = {"cv2", "torch", "matplotlib", "pandas", "filterpy", "motmetrics", "onnxruntime", "openvino", "av", "optuna"}


def imported(path: Path) -> set[str]:
    """Every module named by an import anywhere in a file, those inside functions too."""
    out: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            out |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            out |= {f"{node.module}.{alias.name}" for alias in node.names}
    return out


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_down(path: Path) -> None:
    here = path.relative_to(ROOT).with_suffix("").parts[1:]
    for module in imported(path):
        parts = module.split(".")
        assert parts[0] != "reid", "tracker imports nothing of reid"
        if parts[0] != "tracker" or parts[1] == "__version__":
            continue
        assert {parts[1], here[0]} <= FLOOR.keys(), f"{'.'.join(here)} imports {module}: both need a floor in this test"
        below, same = FLOOR[parts[1]] < FLOOR[here[0]], FLOOR[parts[1]] == FLOOR[here[0]]
        own_package = len(here) > 1 and parts[1] == here[0] and here[0] != "algorithms"
        file_of_the_floor = same and len(here) == 1
        beside = parts[1] in BESIDE.get(here[0], ())
        assert below or own_package or file_of_the_floor or beside, f"{'.'.join(here)} imports {module}"


@pytest.mark.parametrize("path", sorted((ROOT / "reid").rglob("*.py")), ids=lambda path: path.name)
def test_reid_reads_and_embeds_with_tracker_and_imports_no_more_of_it(path: Path) -> None:
    rooms = {module.split(".")[1] for module in imported(path) if module.split(".")[0] == "tracker"}
    assert rooms <= ROOMS_OF_REID


@pytest.mark.parametrize(
    "code", ["import tracker", "import tracker; tracker.SORT().update([]); tracker.DeepSORT; tracker.FilterpyMotion"]
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    run = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    loaded = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert not HEAVY & {name.split(".")[0] for name in loaded}
