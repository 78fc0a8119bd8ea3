"""The site builds without a warning, with every page in its menu, and the docstrings' columns become tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("zensical") is None, reason="needs the extra docs")
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    for part in ("docs", "tracker", "scripts"):  # the site must lie within its project
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    words = [sys.executable, "-m", "zensical", "build", "--strict", "--clean", "-f", "mkdocs.yml"]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    api = (tmp_path / "build" / "site" / "api" / "index.html").read_text()
    for name in ("camera_motion", "frame_rate", "with_embeddings"):
        assert name in api
    assert "<td><code>camera_motion</code></td>" in api.replace("\n", "")


def test_every_page_is_in_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in menu, page.name


def test_columns_become_tables() -> None:
    pytest.importorskip("griffe", reason="needs the extra docs")
    sys.path.append(str(ROOT / "scripts"))
    from docs_docstrings import with_tables

    text = (
        "What it does.\n\nfirst, second  two words\n               that go on\nthird          one\n\nRaises ValueError."
    )
    assert with_tables(text).split("\n") == [
        "What it does.",
        "",
        "",
        "| Name | Meaning |",
        "|---|---|",
        "| `first`, `second` | two words that go on |",
        "| `third` | one |",
        "",
        "",
        "Raises ValueError.",
    ]
    plain = "A sentence.  Another sentence.\n\nNo list."
    assert with_tables(plain) == plain
