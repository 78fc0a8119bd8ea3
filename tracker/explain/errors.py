"""Why rows of the truth are missed, rows of the result are false, and trajectories have gaps: one cause each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.arrays import FloatArray
from tracker.boxes import iou_xyxy
from tracker.evaluate.frames import EPS
from tracker.explain.truth import OVERLAP
from tracker.explain.why import Why
from tracker.log import DUPLICATE

NEAR = 0.1  # IoU from which a box is near an object

# Misses.
NOT_DETECTED, LOCALISATION, TOO_WEAK, TENTATIVE = "undetected", "localisation", "weak", "tentative"
LOST, DOUBLE, NOT_TRACKED, UNEXPLAINED = "lost", "double", "not-tracked", "unexplained"
MISS_CAUSES = (NOT_DETECTED, LOCALISATION, TOO_WEAK, TENTATIVE, LOST, DOUBLE, NOT_TRACKED, UNEXPLAINED)
# False rows; also "double", "localisation" and "unexplained".
FALSE_BOX, COASTING, NOBODY = "false-box", "coasting", "nobody"
FALSE_CAUSES = (FALSE_BOX, COASTING, DOUBLE, LOCALISATION, NOBODY, UNEXPLAINED)
ABSENT = "absent"  # of a fragmentation: the truth itself has a gap


@dataclass(frozen=True)
class RowError:
    """A missed row of the truth, a false row of the result, or a trajectory that goes on after a gap.

    frame  of the recording, -1 outside it
    truth  identity, -1 where there is none. A false row's: the nearest
    track  id, -1 where there is none. A miss's: that of the track that has the object's detection
    """

    frame: int
    cause: str
    truth: int = -1
    track: int = -1


def misses(why: Why) -> list[RowError]:
    """Every missed row, in order of time; rows outside the recording come last."""
    matches, out = why.matches, []
    last: dict[int, int] = {}
    rows = zip(
        matches.frame.tolist(), matches.truth.tolist(), matches.partner.tolist(), matches.row.tolist(), strict=True
    )
    for frame, truth, partner, row in rows:
        if partner >= 0:
            last[truth] = partner
        else:
            out.append(_miss(why, frame, truth, why.truth.rows.boxes[row], last.get(truth)))
    return out + [RowError(-1, NOT_TRACKED) for _ in range(len(why.truth.outside))]


def _miss(why: Why, frame: int, truth: int, box: FloatArray, last: int | None) -> RowError:
    row = why.detected[frame].get(truth)
    if row is None:
        near = iou_xyxy(box[None], why.run.recording.found[frame].boxes).max(initial=0.0)
        return RowError(frame, LOCALISATION if NEAR <= near < OVERLAP - EPS else NOT_DETECTED, truth)
    track = why.run.owners[frame].get(row)
    if track is None:
        return RowError(frame, TOO_WEAK, truth)
    track = why.run.decisions[frame].renamed.get(track, track)
    report = why.run.reports[frame]
    place = np.flatnonzero(report.ids == track)
    if len(place):
        overlap = float(iou_xyxy(box[None], report.boxes[place]).max())
        return RowError(frame, LOCALISATION if overlap < OVERLAP - EPS else DOUBLE, truth, track)
    if why.run.decisions[frame].died.get(track) == DUPLICATE:
        return RowError(frame, DOUBLE, truth, track)
    return RowError(frame, TENTATIVE if last in (None, track) else LOST, truth, track)


def false_rows(why: Why) -> list[RowError]:
    """Every false row, in order of time."""
    matches = why.matches
    owned = set(matches.partner.tolist())
    out = []
    for k in np.flatnonzero(matches.false).tolist():
        frame, track, box = int(matches.result_frame[k]), int(matches.result_id[k]), matches.result_box[k]
        rows = slice(int(why.truth.starts[frame]), int(why.truth.starts[frame + 1]))
        counts = why.truth.counts[rows]
        overlap = iou_xyxy(box[None], why.truth.rows.boxes[rows][counts])[0]
        best = float(overlap.max(initial=0.0))
        truth = int(why.truth.identity[rows][counts][overlap.argmax()]) if best > 0 else -1
        if why.run.rows_of[frame].get(_before(why, frame, track)) is None:
            cause = COASTING
        elif best >= OVERLAP - EPS:
            cause = DOUBLE
        elif best >= NEAR:
            cause = LOCALISATION
        else:
            cause = FALSE_BOX if track in owned else NOBODY
        out.append(RowError(frame, cause, truth, track))
    return out


def _before(why: Why, frame: int, track: int) -> int:
    """The id that a track had in the decisions of a frame in which it was corrected."""
    renamed = why.run.decisions[frame].renamed
    return next((old for old, new in renamed.items() if new == track), track)


def fragments(why: Why, missed: list[RowError]) -> list[RowError]:
    """Every trajectory that is matched again after a gap; the cause is that of the first row missed in the gap."""
    matches = why.matches
    by_truth: dict[int, list[RowError]] = {}
    for one in missed:
        by_truth.setdefault(one.truth, []).append(one)
    count = len(why.run)
    active = (np.bincount(matches.frame, minlength=count) > 0) & (
        np.bincount(matches.result_frame, minlength=count) > 0
    )
    turn = (np.cumsum(active) - 1).tolist()
    before: dict[int, int] = {}
    out = []
    seen = matches.partner >= 0
    for frame, truth, track in zip(
        matches.frame[seen].tolist(), matches.truth[seen].tolist(), matches.partner[seen].tolist(), strict=True
    ):
        since = before.get(truth)
        if since is not None and turn[frame] - turn[since] > 1:
            gap = [one for one in by_truth.get(truth, ()) if since < one.frame < frame]
            out.append(RowError(frame, gap[0].cause if gap else ABSENT, truth, track))
        before[truth] = frame
    return out
