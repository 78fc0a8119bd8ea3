"""Controls of the proof: what would seem to explain a switch by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracker.detections import Detections
from tracker.explain.why import Cause, Why
from tracker.log import Edits, Log

JITTER = 0.5  # pixels


@dataclass(frozen=True)
class Controls:
    """What the replays say of changes that should explain nothing.

    switches, jittered  all, and those that vanish where every box is moved by up to half a pixel
    others, by_others   replays of the same removal on another track, and those in which the switch vanishes
    frames, differing   frames replayed without a change, and those in which the report was another
    """

    switches: int
    jittered: int
    others: int
    by_others: int
    frames: int
    differing: int

    def __add__(self, more: Controls) -> Controls:
        return Controls(*(a + b for a, b in zip(vars(self).values(), vars(more).values(), strict=True)))

    def __str__(self) -> str:
        return (
            f"controls: half a pixel of jitter undoes {self.jittered} of {self.switches} switches; the same removal on "
            f"another track {self.by_others} of {self.others}; an unchanged replay differs in {self.differing} of "
            f"{self.frames} frames"
        )


def controls(why: Why, causes: Sequence[Cause]) -> Controls:
    """Run the controls for these causes."""
    chance = np.random.default_rng(0)
    jittered = others = by_others = frames = differing = 0
    for cause in causes:
        switch = cause.switch
        case = why.case(switch, switch.before)
        stop = why.judge.until(switch)
        log = Log()
        reports = why.run.rewind(case.start).go_on(case.start + 1, stop, {}, log=log)
        frames += len(reports)
        for frame, report in enumerate(reports, start=case.start + 1):
            was = why.run.reports[frame]
            differing += not (np.array_equal(report.ids, was.ids) and np.array_equal(report.boxes, was.boxes))
        moved = {
            frame: _jittered(why.run.recording.found[frame][: why.given[frame]], chance)
            for frame in range(case.start + 1, stop)
        }
        matches = why.truth.match(
            why.run.rewind(case.start).go_on(case.start + 1, stop, {}, instead=moved),
            case.start + 1,
            why.judge.before(case.start),
        )
        jittered += why.judge.judge(switch, case.start, matches, switch.before).kept
        if cause.level == "A":
            edits = _on_another(why, cause, chance)
            if edits is not None:
                others += 1
                by_others += why.judge.attempt(switch, case.start, switch.before, edits)[0].kept
    return Controls(len(causes), jittered, others, by_others, frames, differing)


def _jittered(found: Detections, chance: np.random.Generator) -> Detections:
    moved = found.boxes + chance.uniform(-JITTER, JITTER, found.boxes.shape)
    whole = (moved[:, 2:] > moved[:, :2] + 0.01).all(axis=1, keepdims=True)
    boxes = np.where(whole, moved, found.boxes)
    return Detections(boxes, found.scores, found.classes, embeddings=found.embeddings)


def _on_another(why: Why, cause: Cause, chance: np.random.Generator) -> Mapping[int, Edits] | None:
    """The cause's removal with another track, and the detection that it took, in place of those that it names."""
    frame = cause.chain[0].frame
    mine = {cause.switch.before, cause.switch.after, cause.kept, cause.chain[0].by}
    rows = {track: row for track, row in why.run.rows_of[frame].items() if track not in mine}
    if not rows:
        return None
    track = int(chance.choice(sorted(rows)))
    row = rows[track]

    def changed(edits: Edits) -> Edits:
        return Edits(
            frozenset((track, row) for _ in edits.forbid),
            frozenset((track, row) for _ in edits.admit),
            frozenset(track for _ in edits.keep),
            {row: why.strong} if edits.scores else {},
        )

    return {at: changed(edits) for at, edits in cause.chain[0].edits.items()}
