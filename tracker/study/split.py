"""Halves of sequences, as the public results on MOT17's second half use them."""

from __future__ import annotations

from dataclasses import replace

from tracker.evaluate.benchmark import GroundTruth
from tracker.rows import Rows
from tracker.study.choices import Split


def part_of(split: Split, length: int) -> tuple[int, int]:
    """First frame, from 1, and number of frames of a part of a sequence of ``length`` frames.

    The second half is that of ByteTrack's ablation: 0-based frames from n // 2 + 1 on.
    """
    half = length // 2 + 1
    return {"full": (1, length), "first-half": (1, half), "second-half": (half + 1, length - half)}[split]


def halved(truth: GroundTruth, split: Split = "second-half") -> GroundTruth:
    """The second half of every sequence, or the first, numbered from 1; the whole where ``split`` is "full"."""
    if split == "full":
        return truth
    rows, sequences = {}, {}
    for name, gt in truth.rows.items():
        first, length = part_of(split, truth.sequences[name].length or gt.last_frame)
        rows[name] = later(gt.select(gt.frames < first + length), first)
        sequences[name] = replace(truth.sequences[name], length=length)
    return GroundTruth(sequences, rows, truth.rules, truth.why, truth.partial)


def later(rows: Rows, first: int) -> Rows:
    """Rows from frame ``first`` on, which becomes frame 1."""
    kept = rows.select(rows.frames >= first)
    return replace(kept, frames=kept.frames - (first - 1))
