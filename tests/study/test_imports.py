"""Which files a piece of code depends on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tracker.study import imports
from tracker.study.imports import LIBRARY, library_files, own_files


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A small library of the same name."""
    write(
        tmp_path,
        tracker__start="import os\nfrom tracker.names import X\nimport tracker.whole as w\n",
        tracker__names="def late():\n    from tracker.room import late\n",
        tracker__whole="try:\n    import scipy\nexcept ImportError:\n    from tracker import fallback\n",
        tracker__fallback="",
        tracker__typed="",
        tracker__unused="",
        tracker__room__late="if True:\n    pass\n",
    )
    (tmp_path / "tracker/room/__init__.py").write_text("from tracker.unused import y\n")
    (tmp_path / "tracker/__init__.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tracker.typed import Typed as Typed\n"
    )
    return tmp_path / "tracker"


def test_imports_are_followed_inside_functions_too(library: Path) -> None:
    """The package ``room`` is only on the way to ``room.late``: what it imports makes no result."""
    assert set(library_files(["tracker.start"], library)) == {
        f"tracker/{name}.py" for name in ("start", "names", "whole", "fallback", "room/late")
    }


def test_a_name_from_a_package_brings_the_package(library: Path) -> None:
    (library / "start.py").write_text("from tracker.room import y\n")
    files = library_files(["tracker.start"], library)
    assert set(files) == {"tracker/start.py", "tracker/room/__init__.py", "tracker/unused.py"}
    assert files["tracker/unused.py"] == library / "unused.py"


def test_imports_for_type_checkers_do_not_count(library: Path) -> None:
    text = "import typing\nif typing.TYPE_CHECKING:\n    from tracker.unused import y\nelse:\n    with x:\n        "
    (library / "start.py").write_text(text + "import tracker.whole\n")
    assert set(library_files(["tracker.start"], library)) == {
        "tracker/start.py",
        "tracker/whole.py",
        "tracker/fallback.py",
    }


@pytest.mark.parametrize(
    "text", ["from tracker import Typed\n", "import tracker\ntracker.Typed()\n", "import tracker as t\nt.Typed()\n"]
)
def test_names_that_the_library_gives_on_first_use_bring_their_module(library: Path, text: str) -> None:
    (library / "start.py").write_text(text)
    files = set(library_files(["tracker.start"], library))
    assert files == {"tracker/start.py", "tracker/__init__.py", "tracker/typed.py"}


def test_own_classes_bring_their_own_folder_and_the_library(library: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    write(
        own,
        mine="import helper\nfrom tracker.whole import w\nimport json\nimport other.part\n",
        helper="def f():\n    import deeper\n",
        deeper="import mine\n",
        unrelated="",
        other__part="",
    )
    names = {"mine.py", "helper.py", "deeper.py", "other/part.py", "tracker/whole.py", "tracker/fallback.py"}
    assert set(own_files(own / "mine.py", "mine", library)) == names
    assert set(own_files(own / "mine.py", f"mine@{own}/mine.py", library)) == names  # loaded by its path


def test_own_packages_count_as_a_whole(library: Path, tmp_path: Path) -> None:
    write(
        tmp_path / "own",
        pkg__deep__mine="from ..near import n\nfrom pkg import far\nfrom . import beside\nimport outside\n",
        pkg__deep__beside="",
        pkg__near="",
        pkg__far="",
        outside="",
    )
    files = own_files(tmp_path / "own/pkg/deep/mine.py", "pkg.deep.mine", library)
    assert set(files) == {"pkg/deep/mine.py", "pkg/deep/beside.py", "pkg/near.py", "pkg/far.py"}


def test_installed_modules_do_not_bring_their_neighbours(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site-packages"
    write(site, mine="import numpy\nimport tracker.whole\n", numpy="")
    monkeypatch.setattr(imports, "_INSTALLED", {site.resolve()})
    assert set(own_files(site / "mine.py", "mine", library)) == {"mine.py", "tracker/whole.py", "tracker/fallback.py"}


def test_names_do_not_tell_where_the_folders_lie(tmp_path: Path) -> None:
    shutil.copytree(LIBRARY, tmp_path / "tracker", ignore=shutil.ignore_patterns("__pycache__"))
    here, there = (library_files(["tracker.algorithms.sort"], library) for library in (LIBRARY, tmp_path / "tracker"))
    assert list(here) == list(there)
    assert "tracker/assign.py" in here
