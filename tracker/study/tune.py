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
from tracker.camera import pairs_setting
from tracker.install import installing
from tracker.io.mot import Invalid
from tracker.io.passwords import refuse_url
from tracker.io.whole import whole
from tracker.kinds import ScoreKind
from tracker.scores import check_kind
from tracker.settings import Range
from tracker.study.cache import code_key, key_of
from tracker.study.choices import METRICS, Metric, Split
from tracker.study.data import Data, open_data
from tracker.study.fold import Fold, Scores
from tracker.study.job import starved
from tracker.study.journal import complete, locked, open_study
from tracker.study.search import Progress, Search, best_of
from tracker.study.space import CONF, Space, search_space
from tracker.workers.engine import Engine

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
    scores: ScoreKind | None = None,
    camera_motion: str = "auto",
    invalid: Invalid = "raise",
    overwrite: bool = False,
    engine: Engine | None = None,
    command: str | None = None,
    begin: Begin | None = None,
    progress: Progress | None = None,
) -> Tuned:
    """Search parameters of an algorithm on a MOTChallenge tree; write the best to ``out``/params.json.

    data       as ``bench`` takes it, with detections, split, reid, rules,
               sequences, scores, camera_motion and invalid
    algo       a name, or a class of your own: ``my_module:Mine``, ``./mine.py:Mine``
    search     see ``search_space``
    settings   held at these values, as is ``conf``, the least score of a detection
    metric     what is made large, on the training split
    held_out   "sequences" (every third by name, from the second on), names of sequences, or "halves": train on the
               first half of each sequence, hold the second out
    trials     of the search, the start not counted; those in the journal are not done again
    out        folder, by default one of the search's own below runs/tune
    overwrite  begin anew
    engine     whose workers share the sequences of each trial, for the same scores
               (``tracker.workers.open.open_engine``); None: this process
    command    is put into the file
    begin      begin(space, sequences by split, notes) is called once
    progress   progress(trial, its value, best trial, its value) is called after each trial

    A KeyboardInterrupt ends the search, and the best of the finished trials is written.

    Raises ValueError, in one line, for what cannot be run: data without ground truth or detections, unknown names,
    values that the algorithm does not take, a folder with the journal of another search, and without optuna (extra
    tune).
    """
    _require_optuna()
    check_kind(scores)
    followed = pairs_setting(camera_motion, algorithm(algo), settings or {})
    wanted = _search(algo, search, followed | dict(settings or {}), conf, metric, trials, seed, reid)
    found = open_data(
        data,
        wanted.algo,
        wanted.held,
        held_out=held_out,
        split=split,
        detections=detections,
        reid=reid,
        rules=rules,
        scores=scores,
        camera_motion=camera_motion,
        invalid=invalid,
        sequences=sequences,
    )
    question = _question(wanted, found)
    default = Path("runs/tune") / f"{short_name(wanted.algo)}-{key_of(question)[:8]}"
    folder = default if out is None else Path(out)
    refuse_url(folder, "a folder")
    with locked(folder, overwrite) as journal:
        study = open_study(journal, question)
        # Both are read now: what is wrong shows at once.
        training, held = found.fold("training", engine), found.fold("held_out", engine)
        found.notes.extend(_of_the_start(wanted, training))
        if begin is not None:
            begin(wanted.space, found.names, found.notes)
        interrupted = wanted.run(study, training, trials, progress)
    done = complete(study)[: trials + 1]
    if not done:
        raise KeyboardInterrupt
    return _written(wanted, found, held, done, folder / FILE, command, interrupted)


def _require_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ValueError(f"tune needs optuna, which is not installed: {installing('tune')}") from None


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
        "data": data.identity,
        "code": code_key(["tracker.study.fold", "tracker.study.job"], search.algo),
    }


def _written(
    search: Search,
    data: Data,
    held_out: Fold,
    done: Sequence[FrozenTrial],
    path: Path,
    command: str | None,
    interrupted: bool,
) -> Tuned:
    """Score the start and the best trial on what was held out, and write the parameter file."""
    winner = best_of([trial.value or 0.0 for trial in done])
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
    with whole(path) as part:
        part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
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


def _of_the_start(search: Search, training: Fold) -> list[str]:
    """A note where no training detection reaches what the algorithm asks, as the search begins."""
    every = [found for frames in training.frames.values() for found in frames]
    said = starved(search.algo, build(search.algo, search.held), every)
    return [] if said is None else [f"the start: {said}"]


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
