"""Halves of sequences, as the public results on MOT17's second half use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tracker.evaluate.benchmark import GroundTruth
from tracker.rows import Rows, are_times
from tracker.study.choices import Split


def part_of(split: Split, length: int) -> tuple[int, int]:
    """First frame, from 1, and number of frames of a part of a sequence of ``length`` frames.

    The second half is that of ByteTrack's ablation: 0-based frames from n // 2 + 1 on.
    """
    half = length // 2 + 1
    return {"full": (1, length), "first-half": (1, half), "second-half": (half + 1, length - half)}[split]


class Part(NamedTuple):
    """Frames of a sequence: the numbers from ``first`` on, ``length`` of them.

    times  the numbers are times: only those with rows are frames, and they are kept. Else ``first`` becomes 1
    """

    first: int
    length: int
    times: bool


def part_in(truth: GroundTruth, name: str, split: Split) -> Part:
    """A part of one sequence, by its length or else the last frame of its ground truth."""
    sequence, gt = truth.sequences[name], truth.rows[name]
    last = sequence.length or gt.last_frame
    if sequence.length is not None or not are_times(last, len(gt)):
        return Part(*part_of(split, last), times=False)
    numbers = np.unique(gt.frames)
    first, count = part_of(split, len(numbers))
    if count < 1:
        return Part(last + 1, 0, times=True)
    start = 1 if first == 1 else int(numbers[first - 1])
    return Part(start, int(numbers[first + count - 2]) - start + 1, times=True)


def parts_of(truth: GroundTruth, names: Iterable[str], split: Split) -> dict[str, Part]:
    """The frames of a part of some sequences by name; none where it is the whole, which detections may outlast."""
    return {} if split == "full" else {name: part_in(truth, name, split) for name in names}


def halved(truth: GroundTruth, split: Split = "second-half") -> GroundTruth:
    """The second half of every sequence, or the first, numbered from 1; the whole where ``split`` is "full".

    Frame numbers that are times stay as they are.
    """
    if split == "full":
        return truth
    rows, sequences = {}, {}
    for name, gt in truth.rows.items():
        part = part_in(truth, name, split)
        within = gt.select(gt.frames < part.first + part.length)
        if part.times:
            rows[name] = within.select(within.frames >= part.first)
            sequences[name] = replace(truth.sequences[name], first=part.first)
        else:
            rows[name] = later(within, part.first)
            sequences[name] = replace(truth.sequences[name], length=part.length)
    return GroundTruth(sequences, rows, truth.rules, truth.why, truth.partial, truth.invalid)


def later(rows: Rows, first: int) -> Rows:
    """Rows from frame ``first`` on, which becomes frame 1."""
    kept = rows.select(rows.frames >= first)
    return replace(kept, frames=kept.frames - (first - 1))
