"""What the causes of all errors cost over several sequences, from the logs beside their results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.cost import Undone, gains, undone
from tracker.explain.errors import false_rows, misses
from tracker.explain.explanation import why_of
from tracker.explain.load import HOW, load_run
from tracker.io.log_file import NAME
from tracker.io.run_folder import TEXT
from tracker.spelling import shown


def logs_of(files: Path | Mapping[str, Path], truth: GroundTruth) -> dict[str, Path]:
    """The log beside each results file, by sequence. Raises ValueError, saying how to get one, where there is none.

    files  one file, or by sequence
    """
    if isinstance(files, Path):
        files = {next(iter(truth.rows)): files}
    out: dict[str, Path] = {}
    for name in truth.rows:
        if name not in files:
            raise ValueError(f"--why: there are no results of {name}; leave it out with --sequences")
        file = files[name]
        out[name] = file.with_name(NAME) if file.name == TEXT else file.with_suffix(".sqlite")
        if not out[name].is_file():
            raise ValueError(f"--why: {shown(str(file))} has no log beside it; {HOW}, or `track bench --log`")
    return out


def costs_of(logs: Mapping[str, Path], truth: GroundTruth) -> dict[str, dict[str, float]]:
    """By cause: how many errors all sequences have, and what the scores of all together gain without them.

    Raises ValueError as ``load_run`` does, and for the truth of another video.
    """
    runs: dict[str, Undone] = {}
    for name, log in logs.items():
        loaded = load_run(log)
        assert loaded.run is not None
        own = GroundTruth({name: truth.sequences[name]}, {name: truth.rows[name]}, truth.rules, truth.why)
        why = why_of(loaded.run, own, name)
        runs[name] = undone(why, list(why.switches()), misses(why), false_rows(why))
    return gains(truth, runs)
