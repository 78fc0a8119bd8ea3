"""Plant the faults of scripts/planted.py, one at a time, and see which test notices.

    .venv/bin/python scripts/mutants.py --list
    .venv/bin/python scripts/mutants.py --only motion

Each fault is planted in a copy of the tree, with no ../shared beside it. The tests that should notice run first; where
they pass, the whole fast suite follows. The exit code is 1 where a fault goes unnoticed that is not known to, or where
one that is known to is noticed after all.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from planted import PLANTED, Fault

ROOT = Path(__file__).resolve().parent.parent
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", "venv", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "build", "dist", "runs"
)
WHOLE_SUITE = ("tests", "--ignore=tests/test_planted.py")  # which would miss the text that gave way to the fault
LONGEST = 300.0  # seconds of one run of pytest; a fault may make a loop endless
PASSED, FAILED, BROKEN = 0, 1, 2  # exit codes of pytest; the last is that of a file that cannot be imported


@dataclass(frozen=True)
class Outcome:
    """What became of a fault. by: the test that noticed, or "" where none did."""

    fault: Fault
    by: str
    seconds: float

    @property
    def as_expected(self) -> bool:
        return bool(self.by) != bool(self.fault.unnoticed)

    def __str__(self) -> str:
        word = "noticed" if self.by else "UNNOTICED"
        note = self.by or self.fault.unnoticed or "by no fast test; write one"
        if self.by and self.fault.unnoticed:
            note += "; strike its reason in scripts/planted.py"
        return f"{word:<9}  {self.seconds:5.1f} s  {self.fault}\n{'':<20}{note}"


def misplaced(faults: Sequence[Fault], root: Path = ROOT) -> list[str]:
    """What is wrong with the list itself, one line for each: a text or a test that is not there, or there twice."""
    found = []
    for fault in faults:
        file = root / fault.file
        times = file.read_text(encoding="utf-8").count(fault.old) if file.is_file() else 0
        if times != 1:
            found.append(f"{fault}: {fault.old!r} stands there {times} times, not once; adapt scripts/planted.py")
        for test in fault.tests.split():
            path, _, name = test.partition("::")
            content = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else ""
            if (f"def {name}(" if name else "def test_") not in content:
                found.append(f"{fault}: {test} is not there; adapt scripts/planted.py")
    return found


class Workshop:
    """A copy of the tree in which one fault at a time is planted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / ROOT.name  # in a folder of its own: what lies beside the tree is not beside the copy
        shutil.copytree(ROOT, self.root, ignore=LEFT_BEHIND)
        self._ticks = itertools.count(int(time.time()))

    @contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        file = self.root / fault.file
        sound = file.read_bytes()
        self._write(file, sound.decode().replace(fault.old, fault.new).encode())
        try:
            yield
        finally:
            self._write(file, sound)

    def _write(self, file: Path, content: bytes) -> None:
        """Write with a time of its own: Python tells stale bytecode by time and size, which may both be the same."""
        file.write_bytes(content)
        moment = next(self._ticks)
        os.utime(file, (moment, moment))

    def first_failure(self, tests: Sequence[str]) -> str:
        """The first of the tests that fails, or "" where all pass. Raises RuntimeError where pytest cannot run them."""
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        environment.pop("PYTEST_ADDOPTS", None)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        try:
            done = subprocess.run(
                command,
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no end after {LONGEST:.0f} s"
        if done.returncode == PASSED:
            return ""
        named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
        if done.returncode not in (FAILED, BROKEN) or named is None:
            raise RuntimeError(f"pytest {' '.join(tests)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return named[1]


def run(faults: Sequence[Fault], workers: int) -> Iterator[Outcome]:
    """Plant each fault, ``workers`` at a time; outcomes in the order of the list."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(workers) as pool:
        free: Queue[Workshop] = Queue()
        for k in range(workers):
            free.put(Workshop(Path(folder) / str(k)))
        stop = threading.Event()

        def outcome(fault: Fault) -> Outcome | None:
            if stop.is_set():
                return None
            workshop, began = free.get(), time.monotonic()
            try:
                with workshop.planted(fault):
                    by = workshop.first_failure(fault.tests.split()) or workshop.first_failure(WHOLE_SUITE)
            finally:
                free.put(workshop)
            return Outcome(fault, by, time.monotonic() - began)

        sound = free.get()
        try:
            failing = sound.first_failure(sorted({test for fault in faults for test in fault.tests.split()}))
        finally:
            free.put(sound)
        if failing:
            raise RuntimeError(f"{failing} fails without a fault; mend it first")
        try:
            yield from (done for done in pool.map(outcome, faults) if done is not None)
        finally:
            stop.set()  # on Ctrl-C, those not begun are left


def main() -> int:
    parser = argparse.ArgumentParser(description="Plant faults and see which test notices.")
    parser.add_argument("--only", default="", metavar="PATTERN", help="faults whose file or words match this")
    parser.add_argument("--list", action="store_true", help="print the faults and stop")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="faults at a time (default: cores)")
    options = parser.parse_args()
    wrong = misplaced(PLANTED)
    if wrong:
        print(*wrong, sep="\n", file=sys.stderr)
        return 2
    faults = [fault for fault in PLANTED if re.search(options.only, str(fault))]
    if options.list or not faults:
        print(*faults, f"{len(faults)} faults", sep="\n")
        return 0 if faults else 2
    outcomes = []
    for outcome in run(faults, max(1, options.workers)):
        print(outcome, flush=True)
        outcomes.append(outcome)
    noticed = sum(bool(outcome.by) for outcome in outcomes)
    known = sum(outcome.as_expected and not outcome.by for outcome in outcomes)
    print(f"{len(outcomes)} faults: {noticed} noticed, {known} known to go unnoticed, ", end="")
    print(f"{len(outcomes) - noticed - known} unnoticed")
    return 0 if all(outcome.as_expected for outcome in outcomes) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"mutants: {error}")
