"""The sequences of a search: those to train on, and those that are held out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.sequences import Sequence as MotSequence
from tracker.evaluate.sequences import find_detections
from tracker.io.digest import sha256_of
from tracker.io.mot import Invalid, read_detections
from tracker.kinds import ScoreKind
from tracker.rows import left_out
from tracker.scores import doubt
from tracker.spelling import nearest, number_of
from tracker.study.choices import Split
from tracker.study.fold import Fold
from tracker.study.job import Job, numbered_detections
from tracker.study.jobs import Tree, jobs_of
from tracker.study.split import halved, parts_of
from tracker.workers.engine import Engine


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

    @property
    def identity(self) -> dict[str, list[dict[str, Any]]]:
        """What scores depend on, by split."""
        return {title: [_identity(job, self.truth) for job in jobs] for title, jobs in self.jobs.items()}

    def fold(self, title: str, engine: Engine | None = None) -> Fold:
        """The sequences of a split, read; ``engine`` tracks and scores them."""
        names = self.names[title]
        own = GroundTruth(
            {name: self.truth.sequences[name] for name in names},
            {name: self.truth.rows[name] for name in names},
            self.truth.rules,
            self.truth.why,
            partial=True,
            invalid=self.truth.invalid,
        )
        jobs = self.jobs[title]
        found = {job.sequence: numbered_detections(job) for job in jobs}
        return Fold(
            halved(own, self.part[title]),
            {name: frames for name, (_, frames) in found.items()},
            {job.sequence: job.frame_rate for job in jobs},
            {name: numbers for name, (numbers, _) in found.items()},
            {job.sequence: (job.camera, job.first) for job in jobs},
            {job.sequence: job for job in jobs},
            engine,
        )


def open_data(
    data: str | os.PathLike[str],
    algo: str,
    settings: Mapping[str, Any],
    *,
    held_out: str | Sequence[str],
    split: Split,
    detections: str,
    reid: str | None,
    rules: str,
    scores: ScoreKind | None,
    camera_motion: str,
    invalid: Invalid,
    sequences: list[str] | None,
) -> Data:
    """The sequences of a tree, split; the algorithm and its settings tell whether there are embeddings to find.

    The others as ``tune`` takes them. Raises ValueError for data without ground truth or detections, unknown names, and
    sequences too short to be halved.
    """
    names = [s.name for s in find_detections(data, sequences, detections)]
    by_split, notes = _splits(names, held_out, split)
    truth = load_ground_truth(data, rules, names, invalid)
    jobs: dict[str, list[Job]] = {}
    for title, (own, part) in by_split.items():
        known, parts = find_detections(data, own, detections), parts_of(truth, own, part)
        tree = Tree(known, detections, part, parts, Path("runs/bench"), reid)
        tree = replace(tree, scores=scores, camera=camera_motion, invalid=invalid)
        jobs[title] = list(jobs_of(algo, algo, settings, None, tree))
        short = [job.sequence for job in jobs[title] if job.length < 1]
        if short:
            raise ValueError(f"{short[0]}: too short to be halved; leave it out of the sequences")
    notes += [f"{name}: ground truth: {left_out(rows)}" for name, rows in truth.rows.items() if rows.dropped]
    notes += notes_on(find_detections(data, names, detections), detections, scores, invalid)
    return Data(truth, jobs, {title: part for title, (_, part) in by_split.items()}, os.fspath(data), notes)


def notes_on(known: Sequence[MotSequence], detections: str, scores: ScoreKind | None, invalid: Invalid) -> list[str]:
    """What there is to say about detections: bad rows and late frames that are left out, scores of another kind."""
    notes, ranges = [], []
    for sequence in known:
        if sequence.folder is None:
            continue
        rows = read_detections(sequence.folder / "det" / detections, invalid=invalid)
        notes += [f"{sequence.name}: det/{detections}: {left_out(rows)}"] if rows.dropped else []
        late = int((rows.frames > sequence.length).sum()) if sequence.length else 0
        if late:
            notes.append(
                f"{sequence.name}: {number_of(late, 'detection')} after frame {sequence.length}, the last by seqLength "
                "in seqinfo.ini, left out"
            )
        ranges += [rows.scores.min(), rows.scores.max()] if len(rows) else []
    said = doubt(float(min(ranges)), float(max(ranges)), scores) if ranges else None
    return notes if said is None else [*notes, f"det/{detections}: {said}"]


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
        "detections": sha256_of([Path(job.detections)]),
        "embeddings": None if job.embeddings is None else sha256_of([Path(job.embeddings)]),
        "truth": sha256_of([truth.sequences[job.sequence].gt]),
        "frames": [job.first, job.length],
        "frame_rate": job.frame_rate,
        "scores": job.scores,
        "camera": None if job.camera is None else sha256_of([Path(job.camera)]),
    }
