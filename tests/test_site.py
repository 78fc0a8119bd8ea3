"""The site builds without a warning, with every page in its menu, and the docstrings' columns become tables."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from pages import PAGES, ROOT, read


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


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", read(page)):
        path, _, anchor = target.partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), f"{page}: {target}"
        if page.startswith("docs/"):  # a page of the site links within the site
            assert there.resolve().is_relative_to(ROOT / "docs"), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(there.read_text(encoding="utf-8")), f"{page}: no such heading: {target}"


def anchors(text: str) -> list[str]:
    """What headings are called in links, on GitHub and on the site alike."""
    heads = re.findall(r"^#+ +(.*?)\s*$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    return [re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", head.lower())) for head in heads]


def test_every_entry_of_the_api_is_there() -> None:
    for name in re.findall(r"^::: (\S+)", read("docs/api.md"), flags=re.M):
        module, _, word = name.rpartition(".")
        assert hasattr(import_module(module), word), name


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


@pytest.fixture
def symptoms(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return import_module("symptoms")


def test_the_table_of_symptoms_has_the_rows_of_the_script(symptoms: ModuleType) -> None:
    page = read("docs/choose.md")
    for row in symptoms.ROWS:
        assert page.count(f"\n{symptoms.begun(row)} ") == 1, symptoms.begun(row)
    table = page.partition("| Symptom |")[2].partition("\n\n")[0]
    assert table.count("\n") - 1 == len(symptoms.ROWS) + 1  # and the van, of docs/measurements.md


@pytest.mark.slow
def test_a_row_of_the_table_is_what_the_script_measures(symptoms: ModuleType, shared: Path, tmp_path: Path) -> None:
    (row,) = [row for row in symptoms.ROWS if row.symptom.startswith("Short tracks")]
    line = f"{symptoms.begun(row)} {symptoms.ended(row, *symptoms.scores(row, shared, tmp_path))}"
    assert f"\n{line}\n" in read("docs/choose.md")
