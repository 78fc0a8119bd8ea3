"""Search for an algorithm's parameters against ground truth, with a held-out split that the search never sees.

Every finished trial is kept in a journal, from which the same search goes on. Only the start and the best trial are
scored on the held-out split: a search that looks at it would fit it too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.algorithms import algorithm, build, short_name, typed
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.sequences import find_detections
from tracker.io.digest import sha256_of
from tracker.settings import Range
from tracker.spelling import nearest
from tracker.study.cache import code_key, key_of
from tracker.study.choices import METRICS, Metric, Split
from tracker.study.fold import Fold, Scores
from tracker.study.job import Job, detections_of
from tracker.study.jobs import Tree, jobs_of
from tracker.study.journal import complete, locked, open_study
from tracker.study.search import Progress, Search, best_of
from tracker.study.space import CONF, Space, search_space
from tracker.study.split import halved

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

FILE = "params.json"
Begin = Callable[[Space, Mapping[str, Sequence[str]], Sequence[str]], None]


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    algo, parameters, conf  what to run with: ``parameters`` are those searched or set
    start, best             scores by split, "training" and "held_out": with the parameters set and else the defaults,
                            and with those found
    trials, best_trial      trials done, and the number of the best one, from 1; 0: none was better than the start
    path                    the parameter file
    notes                   what there is to say about it
    interrupted             whether trials that were asked for are missing
    """

    algo: str
    parameters: dict[str, Any]
    conf: float | None
    start: dict[str, Scores]
    best: dict[str, Scores]
    trials: int
    best_trial: int
    path: Path
    notes: tuple[str, ...]
    interrupted: bool


@dataclass(frozen=True)
class Data:
    """The sequences of a search.

    truth  ground truth of them all
    jobs   by split, "training" and "held_out": what the algorithm gets of each sequence
    part   of each sequence, by split
    path   as it was given
    notes  what there is to say about them
    """

    truth: GroundTruth
    jobs: dict[str, list[Job]]
    part: dict[str, Split]
    path: str
    notes: list[str]

    @property
    def names(self) -> dict[str, list[str]]:
        """Names of the sequences by split."""
        return {title: [job.sequence for job in jobs] for title, jobs in self.jobs.items()}

    def fold(self, title: str) -> Fold:
        """The sequences of a split, read."""
        names = self.names[title]
        own = GroundTruth(
            {name: self.truth.sequences[name] for name in names},
            {name: self.truth.rows[name] for name in names},
            self.truth.rules,
            self.truth.why,
            partial=True,
        )
        jobs = self.jobs[title]
        return Fold(
            halved(own, self.part[title]),
            {job.sequence: list(detections_of(job)) for job in jobs},
            {job.sequence: job.frame_rate for job in jobs},
        )


def tune(
    data: str | os.PathLike[str],
    algo: str,
    *,
    search: Mapping[str, str | None] | None = None,
    settings: Mapping[str, Any] | None = None,
    conf: float | None = None,
    metric: Metric = "HOTA",
    held_out: str | Sequence[str] = "sequences",
    split: Split = "full",
    trials: int = 50,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    detections: str = "det.txt",
    reid: str | None = None,
    rules: str = "auto",
    sequences: list[str] | None = None,
    overwrite: bool = False,
    command: str | None = None,
    begin: Begin | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Search parameters of an algorithm on a MOTChallenge tree; write the best to ``out``/params.json.

    data       as ``bench`` takes it, with detections, split, reid, rules and sequences
    algo       a name, or a class of your own: ``my_module:Mine``, ``./mine.py:Mine``
    search     see ``search_space``
    settings   held at these values, as is ``conf``, the least score of a detection
    metric     what is made large, on the training split
    held_out   "sequences" (every third by name, from the second on), names of sequences, or "halves": train on the
               first half of each sequence, hold the second out
    trials     of the search, the start not counted; those in the journal are not done again
    out        folder, by default one of the search's own below runs/tune
    overwrite  begin anew
    command    is put into the file
    begin      begin(space, sequences by split, notes) is called once
    progress   progress(trial, its value, best trial, its value) is called after each trial

    A KeyboardInterrupt ends the search, and the best of the finished trials is written.

    Raises ValueError, in one line, for what cannot be run: data without ground truth or detections, unknown names,
    values that the algorithm does not take, a folder with the journal of another search, and without optuna (extra
    tune).
    """
    _require_optuna()
    wanted = _search(algo, search, settings or {}, conf, metric, trials, seed, reid)
    found = _data(data, wanted, held_out, split, detections, reid, rules, sequences)
    question = _question(wanted, found)
    default = Path("runs/tune") / f"{short_name(wanted.algo)}-{key_of(question)[:8]}"
    folder = default if out is None else Path(out)
    with locked(folder, overwrite) as journal:
        study = open_study(journal, question)
        if begin is not None:
            begin(wanted.space, found.names, found.notes)
        interrupted = wanted.run(study, found.fold("training"), trials, progress)
    done = complete(study)[: trials + 1]
    if not done:
        raise KeyboardInterrupt
    return _written(wanted, found, done, folder / FILE, command, interrupted)


def _require_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ValueError("tune needs optuna, which is not installed: pip install 'trackwhy[tune]'") from None


def _search(
    algo: str,
    search: Mapping[str, str | None] | None,
    settings: Mapping[str, Any],
    conf: float | None,
    metric: Metric,
    trials: int,
    seed: int,
    reid: str | None,
) -> Search:
    """What is searched. Raises ValueError for what the algorithm does not take, and for numbers below their least."""
    algorithm(algo)
    algo = algo if ":" in algo else algo.lower()
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r} is unknown; use {', '.join(METRICS)}")
    if trials < 1:
        raise ValueError(f"trials={trials}: give 1 or more")
    if seed < 0:
        raise ValueError(f"seed={seed}: give 0 or more")
    held = typed(algo, settings)
    build(algo, held)
    space = search_space(algo, search, held, reid)
    if CONF in space and conf is not None:
        raise ValueError("conf is both searched and set; leave one out")
    return Search(algo, held, conf, space, metric, seed)


def _data(
    data: str | os.PathLike[str],
    search: Search,
    held_out: str | Sequence[str],
    split: Split,
    detections: str,
    reid: str | None,
    rules: str,
    sequences: list[str] | None,
) -> Data:
    """The sequences, split. Raises ValueError for data without ground truth or detections, and unknown names."""
    names = [s.name for s in find_detections(data, sequences, detections)]
    by_split, notes = _splits(names, held_out, split)
    truth = load_ground_truth(data, rules, names)
    jobs: dict[str, list[Job]] = {}
    for title, (own, part) in by_split.items():
        tree = Tree(find_detections(data, own, detections), detections, part, Path("runs/bench"), reid)
        jobs[title] = list(jobs_of(search.algo, search.algo, search.held, None, tree))
        short = [job.sequence for job in jobs[title] if job.length < 1]
        if short:
            raise ValueError(f"{short[0]}: too short to be halved; leave it out of the sequences")
    return Data(truth, jobs, {title: part for title, (_, part) in by_split.items()}, os.fspath(data), notes)


def _splits(
    names: list[str], held_out: str | Sequence[str], split: Split
) -> tuple[dict[str, tuple[list[str], Split]], list[str]]:
    """Sequences of "training" and "held_out" and the part of them to use, and notes."""
    notes = []
    if held_out == "sequences" and len(names) == 1:
        notes.append(f"{names[0]} is the only sequence: its second half is held out instead of a sequence")
        if split != "full":
            raise ValueError(f"{names[0]} is the only sequence: hold out its half, without a part of it (split)")
        held_out = "halves"
    if held_out == "halves":
        if split != "full":
            raise ValueError("halves are held out, so the split must be full")
        return {"training": (names, "first-half"), "held_out": (names, "second-half")}, notes
    if held_out == "sequences":
        held = names[1::3]
    else:
        held = [held_out] if isinstance(held_out, str) else list(dict.fromkeys(held_out))
        for name in held:
            if name not in names:
                raise ValueError(
                    f"held out: no sequence {name!r}{nearest(name, [*names, 'halves', 'sequences'])}; "
                    f"there are {', '.join(names)}"
                )
    training = [name for name in names if name not in held]
    if not held or not training:
        raise ValueError(f"held out: {len(held)} of {len(names)} sequences; leave some on either side")
    return {"training": (training, split), "held_out": (held, split)}, notes


def _question(search: Search, data: Data) -> dict[str, Any]:
    """All that the score of a trial depends on: a journal with another question is another search's."""
    space = {name: asdict(r) if isinstance(r, Range) else list(r) for name, r in sorted(search.space.items())}
    return {
        "algorithm": search.algo,
        "metric": search.metric,
        "set": {name: str(value) for name, value in sorted(search.held.items())},
        "conf": search.conf,
        "searched": space,
        "seed": search.seed,
        "rules": data.truth.rules.name,
        "data": {title: [_identity(job, data.truth) for job in jobs] for title, jobs in data.jobs.items()},
        "code": code_key(["tracker.study.fold", "tracker.study.job"], search.algo),
    }


def _identity(job: Job, truth: GroundTruth) -> dict[str, Any]:
    """What a score on a sequence depends on."""
    return {
        "sequence": job.sequence,
        "detections": sha256_of([Path(job.detections)]),
        "embeddings": None if job.embeddings is None else sha256_of([Path(job.embeddings)]),
        "truth": sha256_of([truth.sequences[job.sequence].gt]),
        "frames": [job.first, job.length],
        "frame_rate": job.frame_rate,
    }


def _written(
    search: Search, data: Data, done: Sequence[FrozenTrial], path: Path, command: str | None, interrupted: bool
) -> Tuned:
    """Score the start and the best trial on what was held out, and write the parameter file."""
    winner = best_of([trial.value or 0.0 for trial in done])
    held_out = data.fold("held_out")
    start, best = (
        {
            "training": dict(found["scores"]),
            "held_out": held_out.score(search.algo, found["settings"], found["conf"]),
        }
        for found in (done[0].user_attrs, done[winner].user_attrs)
    )
    found = done[winner].user_attrs
    content = {
        "algorithm": search.algo,
        "parameters": found["settings"],
        "conf": found["conf"],
        "metric": search.metric,
        "data": data.names | {"path": data.path},
        "scores": {"start": start, "best": best},
        "trials": len(done) - 1,
        "best_trial": winner,
        "seed": search.seed,
        "command": command,
    }
    draft = path.with_name(f"{FILE}.part")
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    return Tuned(
        algo=search.algo,
        parameters=found["settings"],
        conf=found["conf"],
        start=start,
        best=best,
        trials=len(done) - 1,
        best_trial=winner,
        path=path,
        notes=(*data.notes, *_notes(search.metric, start, best, winner)),
        interrupted=interrupted,
    )


def _notes(metric: Metric, start: Mapping[str, Scores], best: Mapping[str, Scores], winner: int) -> list[str]:
    notes = []
    before, after = start["held_out"][metric], best["held_out"][metric]
    if after < before:
        notes.append(
            f"{metric} of the held-out split fell from {100 * before:.2f} to {100 * after:.2f}: what was found fits "
            "the training split alone; search fewer parameters, or on more sequences"
        )
    if winner == 0:
        notes.append("no trial was better than the start; the file holds the start's parameters")
    return notes
