"""The jobs of an algorithm on the sequences of a tree, with the key of what each depends on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tracker.algorithms import algorithm, needs_embeddings, short_name, takes_embeddings
from tracker.camera import OWN_CAMERA, PAIRS_SETTING
from tracker.evaluate.sequences import Sequence as MotSequence
from tracker.io.digest import sha256_of
from tracker.io.mot import Invalid, read_detections
from tracker.kinds import ScoreKind
from tracker.rows import are_times
from tracker.study.cache import code_key, key_of
from tracker.study.cameras import camera_file
from tracker.study.choices import Split
from tracker.study.embeddings import Embeddings
from tracker.study.job import Job
from tracker.study.split import Part

LONGEST_LABEL = 120  # characters; a label names a folder


@dataclass(frozen=True)
class Tree:
    """What the jobs of a study share.

    sequences   those with detections
    detections  file name in each ``det`` folder
    split       part of each sequence
    parts       its frames by sequence, where it is not the whole
    folder      for results and embeddings
    log         keep the decision log beside the results
    scores      what the scores of the detections are; None: they stay as they are
    camera      what tells how the camera moves; see ``cameras``
    invalid     what to do with bad rows of the detections
    reid        embedder for every algorithm that takes embeddings; None: the packaged model, for those that need one
    """

    sequences: Sequence[MotSequence]
    detections: str
    split: Split
    parts: Mapping[str, Part]
    folder: Path
    reid: str | None = None
    log: bool = False
    scores: ScoreKind | None = None
    camera: str = "auto"
    invalid: Invalid = "raise"

    def part(self, sequence: MotSequence, file: Path) -> Part:
        """The frames of a sequence to run on; ``file`` holds its detections."""
        if sequence.name in self.parts:
            return self.parts[sequence.name]
        length = sequence.length
        if length is not None and not are_times(length, 0):
            return Part(1, length, times=False)
        rows = read_detections(file, invalid=self.invalid)
        last = length or rows.last_frame
        return Part(1, last, are_times(last, len(rows)))

    @cached_property
    def embeddings(self) -> Embeddings:
        return Embeddings(self.reid or "default", self.folder / "embeddings")


def jobs_of(algo: str, name: str, values: Mapping[str, Any], conf: float | None, tree: Tree) -> Iterator[Job]:
    """A job for every sequence.

    algo    the algorithm; ``name`` stands for it in the label
    values  settings, and conf the least score of a detection

    Raises MissingImages where the algorithm gets embeddings and there is nothing to make them of.
    """
    embedded = takes_embeddings(algorithm(algo), tree.reid)
    label = _label(algo, name, values, conf, tree, embedded)
    settings = tuple(sorted(values.items()))
    code = code_key(["tracker.study.job"], algo)
    for sequence in tree.sequences:
        assert sequence.folder is not None
        file = sequence.folder / "det" / tree.detections
        part = tree.part(sequence, file)
        camera = camera_file(tree.camera, sequence)
        vectors = tree.embeddings.file_of(sequence, file) if embedded else None
        made_of = {
            "algo": algo,
            "settings": {key: str(value) for key, value in settings},
            "detections": sha256_of([file]),
            "embeddings": None if vectors is None else sha256_of([vectors]),
            "frames": [part.first, part.length],
            "fps": sequence.fps,
            "conf": conf,
            "scores": tree.scores,
            "invalid": tree.invalid,
            "camera": None if camera is None else sha256_of([camera]),
            "code": code,
        }
        yield Job(
            label=label,
            algo=algo,
            settings=settings,
            sequence=sequence.name,
            detections=str(file),
            embeddings=None if vectors is None else str(vectors),
            first=part.first,
            length=part.length,
            times=part.times,
            frame_rate=sequence.fps or 30.0,
            conf=conf,
            key=key_of(made_of),
            target=str(tree.folder / tree.split / label / f"{sequence.name}.txt"),
            log=tree.log,
            scores=tree.scores,
            invalid=tree.invalid,
            camera=None if camera is None else str(camera),
        )


def names_in_labels(algos: Sequence[str]) -> dict[str, str]:
    """What stands for each algorithm in labels: its name, or that of a class of one's own where no other has it."""
    short = {algo: short_name(algo) if ":" in algo else algo for algo in algos}
    taken = list(short.values())
    return {algo: name if taken.count(name) == 1 else algo.replace(":", "-") for algo, name in short.items()}


def _label(algo: str, name: str, values: Mapping[str, Any], conf: float | None, tree: Tree, embedded: bool) -> str:
    shown = [name]
    shown += ["with embeddings"] if embedded and not needs_embeddings(algorithm(algo)) else []
    by_file = tree.camera not in OWN_CAMERA
    shown += [f"{key}={value}" for key, value in sorted(values.items()) if not (by_file and key == PAIRS_SETTING)]
    shown += [f"camera={Path(tree.camera).stem}"] if by_file else []
    shown += [] if tree.scores is None else [f"scores={tree.scores}"]
    shown += [] if conf is None else [f"conf={conf:g}"]
    shown += [] if tree.detections == "det.txt" else [tree.detections]
    label = " ".join(shown).replace("/", "-").replace(os.sep, "-")  # it names a folder
    if len(label) > LONGEST_LABEL:
        return f"{label[: LONGEST_LABEL - 10]}~{hashlib.sha256(label.encode()).hexdigest()[:8]}"
    return label
