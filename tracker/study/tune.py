"""Search for an algorithm's parameters against ground truth, with a held-out split that the search never sees.

The search is optuna's TPE (Bergstra 2011, "Algorithms for hyper-parameter optimization"). Every finished trial is
kept in a journal, from which the same search goes on; each trial draws from a generator of its own, seeded by the seed
and the trial's number, so that a search which was interrupted ends where one that was not does. Only the start and the
best trial are scored on the held-out split: a search that looks at it would fit it too.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker.algorithms import algorithm, build, parameters, takes_embeddings, typed
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.scores import METRICS, Metric
from tracker.evaluate.sequences import find_detections
from tracker.io.sinks import fresh_folder
from tracker.rows import Rows, results_of
from tracker.spelling import nearest
from tracker.study.bench import Job, Split, code_hash, detections_of, halved, jobs_of, sha_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

Scores = dict[str, float]
SHOWN = (*METRICS, "IDSW")
JOURNAL, FILE = "journal.log", "params.json"


@dataclass(frozen=True)
class Range:
    """Where a number is looked for. whole: integers. log: by ratio and not by difference."""

    low: float
    high: float
    whole: bool = False
    log: bool = False


Space = dict[str, "Range | tuple[Any, ...]"]  # by name; a tuple holds choices

# Ranges that the default does not tell.
RANGES: Space = {"max_age": Range(1, 120, whole=True, log=True), "birth_threshold": Range(0.2, 1.0)}
# Not searched unless named: switches to published quirks, the data's own, memory, and classes, which det.txt has not.
NOT_SEARCHED = ("published_order", "published_iou", "frame_rate", "max_galleries", "per_class")
# Without effect where an algorithm runs without the embeddings that it could use.
OF_APPEARANCE = ("appearance", "max_cosine_distance", "proximity", "max_half_distance", "momentum")


def range_of(name: str, default: Any) -> Range | tuple[Any, ...] | None:
    """Where a parameter is looked for, from its default: half of it to twice it, fractions at most to 1.

    A whole number is looked for from a quarter of its default to four times it, and a switch is tried both ways. None
    where the default tells nothing.
    """
    if name in RANGES:
        return RANGES[name]
    if isinstance(default, bool):
        return (False, True)
    if not isinstance(default, (int, float)) or default <= 0:
        return None
    if isinstance(default, int):
        return Range(max(1, default // 4), 4 * default, whole=True, log=True)
    return Range(default / 2, 2 * default, log=True) if default > 1 else Range(default / 2, min(1.0, 2 * default))


def search_space(
    algo: str,
    search: Mapping[str, str | None] | None = None,
    settings: Sequence[str] = (),
    reid: str | None = None,
) -> Space:
    """What is searched: the parameters named in ``search``, or else all that have a range and are not in ``settings``.

    search  by name: None for the parameter's own range, "LOW:HIGH", or choices "A|B|C"; the name conf stands for the
            least score of a detection, which has no range of its own
    reid    as ``tune`` takes it: without embeddings nothing of appearance is searched

    Raises ValueError for an unknown name, with the nearest, one that is held too, and a range that is none or leaves
    what the algorithm takes.
    """
    cls = algorithm(algo)
    known = parameters(cls)
    if search is None:
        left_out = (*NOT_SEARCHED, *settings, *(() if takes_embeddings(cls, reid) else OF_APPEARANCE))
        ranges = {name: range_of(name, default) for name, default in known.items() if name not in left_out}
        space = {name: found for name, found in ranges.items() if found is not None}
    else:
        space = {name: _asked(algo, name, text, known) for name, text in search.items()}
        both = [name for name in search if name in settings]
        if both:
            raise ValueError(f"{both[0]} is both searched and set; leave one out")
    if not space:
        raise ValueError(f"{algo}: nothing to search; name parameters, or set fewer")
    return space


def _asked(algo: str, name: str, text: str | None, known: Mapping[str, Any]) -> Range | tuple[Any, ...]:
    if name != "conf" and name not in known:
        names = sorted([*known, "conf"])
        raise ValueError(f"{algo} has no parameter {name!r}{nearest(name, names)}; it has: {', '.join(names)}")
    default = known.get(name)
    where = f"search {name}={text}"
    if text is None:
        found = range_of(name, default)
        if found is None:
            raise ValueError(f"search {name}: has no range of its own; give {name}=LOW:HIGH or {name}=A|B")
        return found
    if "|" in text or ":" not in text:
        words = [word.strip() for word in text.split("|")]
        choices = tuple(_value(algo, name, word, where) for word in words)
        if len(set(choices)) < max(2, len(choices)):
            raise ValueError(f"{where}: give two different choices or more, {name}=A|B, or a range, {name}=LOW:HIGH")
        return choices
    low, high = (_value(algo, name, word.strip(), where) for word in text.split(":", 1))
    numbers = not any(isinstance(end, (str, bool)) for end in (low, high))
    if not numbers or not low < high or not math.isfinite(high - low):
        raise ValueError(f"{where}: give two numbers, the lower first")
    whole = isinstance(default, int) and isinstance(low, int) and isinstance(high, int)
    return Range(low, high, whole=whole, log=isinstance(default, (int, float)) and default > 1 and low > 0)


def _value(algo: str, name: str, word: str, where: str) -> Any:
    """A value of a parameter from its text; ValueError where the algorithm does not take it."""
    try:
        if name == "conf":
            return float(word)
        value = typed(algo, {name: word})[name]
        build(algo, {name: value})
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return value


@dataclass(frozen=True, eq=False)
class Part:
    """The sequences of one split: their ground truth, detections of each frame, and frame rates, by name."""

    truth: GroundTruth
    frames: Mapping[str, list[Detections]]
    rates: Mapping[str, float]

    def score(self, algo: str, settings: Mapping[str, Any], conf: float | None) -> Scores:
        """Scores 0..1, and switches, of an algorithm on all sequences together, a fresh tracker on each."""
        rows = {name: self._follow(algo, settings, conf, name) for name in self.frames}
        summary = self.truth.score(rows, look=False).combined.summary()
        return {name: int(summary[name]) if name == "IDSW" else round(summary[name], 6) for name in SHOWN}

    def _follow(self, algo: str, settings: Mapping[str, Any], conf: float | None, name: str) -> Rows:
        tracker = build(algo, settings, frame_rate=self.rates[name])
        reports = []
        for found in self.frames[name]:
            kept = found if conf is None else found[found.scores >= conf]
            reports.append(tracker.update(kept))
        return results_of(reports)


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    algo, parameters, conf  what to run with: ``parameters`` are those searched or set
    start, best             scores of the split's name, "training" and "held_out": with the parameters set and else the
                            defaults, and with those found
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
    overwrite: bool = False,
    command: str | None = None,
    begin: Callable[[Space, Mapping[str, Sequence[str]], Sequence[str]], None] | None = None,
    progress: Callable[[int, float, int, float], None] | None = None,
) -> Tuned:
    """Search parameters of an algorithm on a MOTChallenge tree; write the best to ``out``/params.json.

    data: as ``bench`` takes it, with detections, split, reid, rules and sequences. search: see ``search_space``.
    settings, conf: held at these values. metric: what is made large, on the training split. held_out: "sequences"
    (every third by name, from the second on), names of sequences, or "halves": train on the first half of each
    sequence, hold the second out. trials: of the search, the start not counted; those in the journal are not done
    again. out: default a folder of the search's own below runs/tune. overwrite: begin anew. command: is put into the
    file. begin(space, sequences by split, notes) is called once; progress(trial, its value, best trial, its value)
    after each trial.
    A KeyboardInterrupt ends the search, and the best of the finished trials is written.

    Raises ValueError for what cannot be run: data without ground truth or detections, unknown names, values that the
    algorithm does not take, a folder with the journal of another search, and without optuna (extra tune).
    """
    optuna = _optuna()
    algorithm(algo)
    algo = algo.lower()
    if metric not in METRICS:
        raise ValueError(f"metric {metric!r} is unknown; use {', '.join(METRICS)}")
    if trials < 1:
        raise ValueError(f"trials={trials}: give 1 or more")
    if seed < 0:
        raise ValueError(f"seed={seed}: give 0 or more")
    held = typed(algo, settings or {})
    build(algo, held)
    space = search_space(algo, search, list(held), reid)
    if "conf" in space and conf is not None:
        raise ValueError("conf is both searched and set; leave one out")

    names = [s.name for s in find_detections(data, sequences, detections)]
    by_split, notes = _splits(names, held_out, split)
    truth = load_ground_truth(data, rules, names)
    jobs: dict[str, list[Job]] = {}
    for title, (own, part) in by_split.items():
        known = find_detections(data, own, detections)
        jobs[title] = list(jobs_of(algo, held, known, part, Path("runs/bench") / part, detections, None, reid))
        short = [job.sequence for job in jobs[title] if job.length < 1]
        if short:
            raise ValueError(f"{short[0]}: too short to be halved; leave it out of the sequences")
    question = {
        "algorithm": algo,
        "metric": metric,
        "set": {name: str(value) for name, value in sorted(held.items())},
        "conf": conf,
        "searched": {name: asdict(r) if isinstance(r, Range) else list(r) for name, r in sorted(space.items())},
        "seed": seed,
        "rules": truth.rules.name,
        "data": {title: [_identity(job, truth) for job in part] for title, part in jobs.items()},
        "code": code_hash(),
    }
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    folder = Path("runs/tune") / f"{algo}-{digest[:8]}" if out is None else Path(out)
    with _alone(folder, overwrite) as journal:
        study = _open_study(optuna, journal, question)
        if begin is not None:
            begin(space, {title: own for title, (own, _) in by_split.items()}, notes)
        parts = {title: _load(jobs[title], truth, part, own) for title, (own, part) in by_split.items()}
        interrupted = _search(optuna, study, parts["training"], algo, held, conf, space, metric, trials, seed, progress)
    done = _complete(study)[: trials + 1]
    if not done:
        raise KeyboardInterrupt
    winner = max(range(len(done)), key=lambda k: (done[k].value or 0.0, -k))
    found = {title: done[k].user_attrs for title, k in (("start", 0), ("best", winner))}
    scores = {
        title: {
            "training": dict(attributes["scores"]),
            "held_out": parts["held_out"].score(algo, attributes["settings"], attributes["conf"]),
        }
        for title, attributes in found.items()
    }
    start, best = scores["start"], scores["best"]
    if best["held_out"][metric] < start["held_out"][metric]:
        notes.append(
            f"{metric} of the held-out split fell from {100 * start['held_out'][metric]:.2f} to "
            f"{100 * best['held_out'][metric]:.2f}: what was found fits the training split alone; search fewer "
            "parameters, or on more sequences"
        )
    if winner == 0:
        notes.append("no trial was better than the start; the file holds the start's parameters")
    content = {
        "algorithm": algo,
        "parameters": found["best"]["settings"],
        "conf": found["best"]["conf"],
        "metric": metric,
        "data": {title: own for title, (own, _) in by_split.items()} | {"path": os.fspath(data)},
        "scores": scores,
        "trials": len(done) - 1,
        "best_trial": winner,
        "seed": seed,
        "command": command,
    }
    path = folder / FILE
    draft = folder / f"{FILE}.part"
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    return Tuned(
        algo=algo,
        parameters=content["parameters"],
        conf=content["conf"],
        start=start,
        best=best,
        trials=len(done) - 1,
        best_trial=winner,
        path=path,
        notes=tuple(notes),
        interrupted=interrupted,
    )


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise ValueError("tune needs optuna, which is not installed: pip install 'trackwhy[tune]'") from None
    return optuna


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


def _identity(job: Job, truth: GroundTruth) -> dict[str, Any]:
    """What a score on a sequence depends on."""
    return {
        "sequence": job.sequence,
        "detections": sha_of(Path(job.detections)),
        "embeddings": None if job.embeddings is None else sha_of(Path(job.embeddings)),
        "truth": sha_of(truth.sequences[job.sequence].gt),
        "frames": [job.first, job.length],
        "frame_rate": job.frame_rate,
    }


def _load(jobs: Sequence[Job], truth: GroundTruth, split: Split, names: Sequence[str]) -> Part:
    own = GroundTruth(
        {name: truth.sequences[name] for name in names},
        {name: truth.rows[name] for name in names},
        truth.rules,
        truth.why,
        partial=True,
    )
    return Part(
        own if split == "full" else halved(own, split),
        {job.sequence: list(detections_of(job)) for job in jobs},
        {job.sequence: job.frame_rate for job in jobs},
    )


@contextmanager
def _alone(folder: Path, overwrite: bool) -> Iterator[Path]:
    """The folder's journal, an empty one where there is none or it is overwritten; nobody else's while inside.

    Two searches would count each other's trials as their own. The system ends the lock with the process, however that
    ends; Windows has none. Raises ValueError where another search is at it, or the journal cannot be written.
    """
    journal = folder / JOURNAL
    if not journal.is_file():
        fresh_folder(folder, overwrite=overwrite)
    try:
        with journal.open("ab") as file:
            if sys.platform != "win32":
                import fcntl

                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ValueError(
                        f"{journal}: another search is writing to it; wait for it, or write to another folder"
                    ) from None
            if overwrite:
                file.truncate(0)
            yield journal
    except OSError as error:
        if error.filename not in (None, str(journal)):
            raise
        raise ValueError(
            f"{journal}: cannot be written ({error.strerror or error}); the trials in it are kept, "
            "and the same command goes on from them"
        ) from None


def _open_study(optuna: Any, journal: Path, question: dict[str, Any]) -> Study:
    """The study in the journal, or a new one. ValueError where the journal is another search's."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if (lines := journal.read_bytes()).startswith(b'{"op_code"') and not lines.endswith(b"\n"):  # cut off by a crash
        journal.write_bytes(lines[: lines.rfind(b"\n") + 1])
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = JournalStorage(JournalFileBackend(str(journal)))
        known = optuna.get_all_study_names(storage)
        study: Study = (
            optuna.load_study(study_name="tune", storage=storage)
            if "tune" in known
            else optuna.create_study(study_name="tune", storage=storage, direction="maximize")
        )
        asked = study.user_attrs.get("question")
        others = bool(study.get_trials(deepcopy=False))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise ValueError(f"{journal}: is no journal of `track tune` ({error}); write to another folder") from None
    finally:
        optuna.logging.set_verbosity(verbosity)
    if asked is None and not others:
        study.set_user_attr("question", question)
    elif asked != question:
        parts = [key for key in question if (asked or {}).get(key) != question[key]]
        raise ValueError(
            f"{journal}: is of another search (other {', '.join(parts)}); write to another folder, or overwrite it"
        )
    return study


def _complete(study: Study) -> list[Any]:
    """The finished trials; the first is the start."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def _search(
    optuna: Any,
    study: Study,
    part: Part,
    algo: str,
    held: Mapping[str, Any],
    conf: float | None,
    space: Space,
    metric: Metric,
    trials: int,
    seed: int,
    progress: Callable[[int, float, int, float], None] | None,
) -> bool:
    """Trials until there are as many as asked for, and the start before them; returns whether it was interrupted."""
    distributions = {name: _distribution(optuna, where) for name, where in space.items()}
    done = [float(trial.value) for trial in _complete(study)]
    trial = None
    try:
        if not done:
            scores = part.score(algo, held, conf)
            study.add_trial(_start(optuna, algo, held, conf, distributions, scores, metric))
            done.append(scores[metric])
        for number in range(len(done), trials + 1):
            drawn = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
            study.sampler = optuna.samplers.TPESampler(seed=drawn, constant_liar=False)
            trial = study.ask(distributions)
            values = {name: _rounded(value, space[name]) for name, value in trial.params.items()}
            least = values.pop("conf", conf)
            chosen = {**held, **values}
            scores = part.score(algo, chosen, least)
            for key, value in (("settings", chosen), ("conf", least), ("scores", scores)):
                trial.set_user_attr(key, value)
            study.tell(trial, scores[metric])
            trial = None
            done.append(scores[metric])
            if progress is not None:
                best = max(range(len(done)), key=lambda k: (done[k], -k))
                progress(number, done[-1], best, done[best])
    except KeyboardInterrupt:
        if trial is not None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
        return True
    return False


def _distribution(optuna: Any, where: Range | tuple[Any, ...]) -> BaseDistribution:
    if isinstance(where, tuple):
        made: BaseDistribution = optuna.distributions.CategoricalDistribution(where)
    elif where.whole:
        made = optuna.distributions.IntDistribution(int(where.low), int(where.high), log=where.log)
    else:
        made = optuna.distributions.FloatDistribution(where.low, where.high, log=where.log)
    return made


def _rounded(value: Any, where: Range | tuple[Any, ...]) -> Any:
    """Four digits are enough for a file that people read; they are what is scored, too."""
    if isinstance(where, tuple) or where.whole:
        return value
    return min(max(float(f"{value:.4g}"), where.low), where.high)


def _start(
    optuna: Any,
    algo: str,
    held: Mapping[str, Any],
    conf: float | None,
    distributions: Mapping[str, Any],
    scores: Scores,
    metric: Metric,
) -> Any:
    """The start as a finished trial, with those of its values that lie where others are looked for."""
    own = {**parameters(algorithm(algo)), "conf": conf}
    fits = {name: own[name] for name, within in distributions.items() if _contains(within, own[name])}
    return optuna.trial.create_trial(
        value=scores[metric],
        params=fits,
        distributions={name: distributions[name] for name in fits},
        user_attrs={"settings": dict(held), "conf": conf, "scores": scores},
    )


def _contains(distribution: Any, value: Any) -> bool:
    if hasattr(distribution, "choices"):
        return value in distribution.choices
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and distribution.low <= value <= distribution.high
        and (value % 1 == 0 or isinstance(distribution.low, float))
    )
