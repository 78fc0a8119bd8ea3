"""Where an id may have changed, judged without ground truth: a ranking, never a cause.

became     an id was born near where another, of the same size, was lost or had just ended
exchanged  two tracks could have been matched the other way round for nearly the same gain
jumped     a track's box changed its height or its place at once, most of all after it was lost
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray
from tracker.explain.lives import Life
from tracker.explain.recording import Recorded
from tracker.log import Decisions

BECAME, EXCHANGED, JUMPED = "became", "exchanged", "jumped"
MEMORY = 60  # frames for which an ended track is remembered
APART = 10  # frames within which suspects of the same ids are one
LEAST = 0.15  # score of a suspect that is worth a look
BORDER = 0.02  # of the image: births and ends nearer to it than that are usual


@dataclass(frozen=True)
class Suspect:
    """``track`` may be another object from ``frame`` on, or the one that ``other`` was until then.

    score  0..1, larger is more suspect. said: what was seen, for a person
    """

    frame: int
    kind: str
    track: int
    other: int | None
    score: float
    said: str


def suspects_of(run: Recorded, lives: dict[int, Life], size: tuple[int, int] | None = None) -> list[Suspect]:
    """All that look suspect, the most suspect first."""
    extent = _extent(run, size)
    found = [*_became(run, lives, extent), *_exchanged(run), *_jumped(run)]
    found.sort(key=lambda one: (-one.score, one.frame, one.track))
    kept: list[Suspect] = []
    seen: dict[frozenset[int | None], list[int]] = {}
    for one in found:
        frames = seen.setdefault(frozenset({one.track, one.other}), [])
        if one.score >= LEAST and all(abs(one.frame - frame) > APART for frame in frames):
            frames.append(one.frame)
            kept.append(one)
    return kept


def _extent(run: Recorded, size: tuple[int, int] | None) -> FloatArray:
    """Left, top, right, bottom of the image, or of what was detected."""
    if size is not None:
        return np.array([0.0, 0.0, *size])
    boxes = np.concatenate([np.empty((0, 4)), *(found.boxes for found in run.recording.found)])
    if not len(boxes):
        return np.zeros(4)
    return np.concatenate((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)))


def _inside(box: FloatArray, extent: FloatArray) -> float:
    """1 for a box inside the image, .3 for one at its border, where objects come and go."""
    margin = BORDER * (extent[2:] - extent[:2])
    return 1.0 if (box[:2] > extent[:2] + margin).all() and (box[2:] < extent[2:] - margin).all() else 0.3


def _became(run: Recorded, lives: dict[int, Life], extent: FloatArray) -> list[Suspect]:
    """Births near tracks that are lost or have just ended."""
    rate = run.recording.rate
    out = []
    known = [life for life in lives.values() if life.confirmed is not None]
    for new in known:
        if new.born == 0 or new.before is not None:
            continue
        best: Suspect | None = None
        for old in known:
            gap = new.born - old.last if old.born < new.born else 0
            lost_then = old.last < new.born or any(first <= new.born <= last for first, last in old.lost)
            if old is new or old.born >= new.born or not lost_then:
                continue
            since, box = _last_seen(run, old, new.born)
            gap = new.born - since
            if not 0 < gap <= MEMORY:
                continue
            score = _alike(box, new.first_box, gap / rate) * _inside(new.first_box, extent)
            if best is None or score > best.score:
                said = f"{new.track} was born {gap} frames after {old.track} was seen last, near to it and of its size"
                best = Suspect(new.born, BECAME, new.track, old.track, score, said)
        if best is not None:
            out.append(best)
    return out


def _last_seen(run: Recorded, life: Life, before: int) -> tuple[int, FloatArray]:
    """The last frame before ``before`` in which a track was matched or born, and the box then."""
    for frame in range(min(before - 1, life.last), max(life.born, before - MEMORY - 1) - 1, -1):
        row = run.rows_of[frame].get(life.track)
        if row is not None:
            return frame, run.recording.found[frame].boxes[row]
    return life.born, life.first_box


def _alike(old: FloatArray, new: FloatArray, gap: float) -> float:
    """0..1: how well a box fits one seen ``gap`` seconds earlier."""
    heights = old[3] - old[1], new[3] - new[1]
    apart = float(np.hypot(*((old[:2] + old[2:]) / 2 - (new[:2] + new[2:]) / 2)))
    reach = max(heights) * (0.3 + 0.7 * gap)
    return float(np.exp(-apart / reach) * min(heights) / max(heights))


def _exchanged(run: Recorded) -> list[Suspect]:
    """Pairs of matches that would have gained nearly the same crosswise."""
    out = []
    for frame, decisions in enumerate(run.decisions):
        for stage in decisions.stages:
            if np.count_nonzero(stage.gains > 0) == np.count_nonzero(stage.chosen):
                continue
            pairs = zip(stage.ids.tolist(), stage.detections.tolist(), strict=True)
            gains = dict(zip(pairs, stage.gains.tolist(), strict=True))
            chosen = {
                i: r
                for i, r, c in zip(stage.ids.tolist(), stage.detections.tolist(), stage.chosen.tolist(), strict=True)
                if c
            }
            owner = {row: track for track, row in chosen.items()}
            for (track, row), gain in gains.items():
                other = owner.get(row)
                if track not in chosen or other is None or other <= track or gain <= 0:
                    continue
                across = gain + gains.get((other, chosen[track]), 0.0)
                as_is = gains[track, chosen[track]] + gains[other, row]
                if gains.get((other, chosen[track]), 0.0) > 0 and across > 0.5 * as_is:
                    said = f"{track} and {other} could have been matched crosswise: {across:.2f} of {as_is:.2f}"
                    out.append(Suspect(frame, EXCHANGED, track, other, float(across / as_is), said))
    return out


def _jumped(run: Recorded) -> list[Suspect]:
    """Matches whose box is of another height, or far from where the track was expected."""
    out = []
    for frame, decisions in enumerate(run.decisions):
        place = {track: k for k, track in enumerate(decisions.ids.tolist())}
        boxes = run.recording.found[frame].boxes
        for track, row in decisions.matched:
            k = place[track]
            if not decisions.confirmed[k]:
                continue
            score, said = _jump(decisions, k, boxes[row])
            if score >= LEAST:
                out.append(Suspect(frame, JUMPED, track, None, score, f"{track} {said}"))
    return out


def _jump(decisions: Decisions, k: int, box: FloatArray) -> tuple[float, str]:
    expected, missed = decisions.predicted[k], int(decisions.missed[k])
    heights = expected[3] - expected[1], box[3] - box[1]
    ratio = max(heights) / max(min(heights), 1e-9)
    apart = float(np.hypot(*((expected[:2] + expected[2:]) / 2 - (box[:2] + box[2:]) / 2)) / max(heights))
    score = 1 - np.exp(-(max(ratio - 1.1, 0.0) * 2 + max(apart - 0.1, 0.0) * 2 + 0.02 * (missed - 1)))
    lost = f" after {missed - 1} frames out of sight" if missed > 1 else ""
    said = f"was matched{lost} to a box {ratio:.2f} times as high or low and {apart:.2f} heights off"
    return float(score), said
