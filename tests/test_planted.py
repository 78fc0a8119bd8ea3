"""The list of faults that scripts/mutants.py plants: it does not rot."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def mutants() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
        return runpy.run_path(str(ROOT / "scripts" / "mutants.py"))


def test_every_text_stands_in_its_file_once_and_every_test_is_there(mutants: dict[str, Any]) -> None:
    assert mutants["misplaced"](mutants["PLANTED"]) == []


def test_every_fault_is_one_and_has_words_of_its_own(mutants: dict[str, Any]) -> None:
    faults = mutants["PLANTED"]
    assert len(faults) >= 60
    assert len({str(fault) for fault in faults}) == len(faults)
    assert all(fault.old != fault.new and fault.tests for fault in faults)


def test_what_is_misplaced_is_named(mutants: dict[str, Any]) -> None:
    fault = mutants["Fault"](
        "tracker/boxes.py", "no such text", "", "all", "tests/test_boxes.py::test_none tests/no.py"
    )
    gone, *tests = mutants["misplaced"]([fault])
    assert gone == "tracker/boxes.py: all: 'no such text' stands there 0 times, not once; adapt scripts/planted.py"
    assert [line.removeprefix("tracker/boxes.py: all: ") for line in tests] == [
        "tests/test_boxes.py::test_none is not there; adapt scripts/planted.py",
        "tests/no.py is not there; adapt scripts/planted.py",
    ]
