"""Why one id did not go on as another, judged without ground truth: what the log says of the second id's detections."""

from __future__ import annotations

from tracker.explain.lives import Life
from tracker.explain.recording import Recorded
from tracker.explain.refusals import Case, Logged
from tracker.explain.sentences import by_code, moment, of_refusal

AROUND = 2  # frames after the second id's birth that are looked at


def about_pair(run: Recorded, lives: dict[int, Life], old: int, new: int) -> list[str]:
    """Sentences on why ``old`` did not get the detections that ``new`` was given, if both are one object."""
    first, second = lives[old], lives[new]
    if second.born <= first.born:
        first, second = second, first
    # The object is taken to have had the first id's detections, then the second's.
    object_of: list[dict[int, int]] = []
    for frame, rows in enumerate(run.rows_of):
        row = rows.get(second.track) if frame >= second.born else rows.get(first.track)
        object_of.append({} if row is None else {0: row})
    start = max((f for f in range(second.born) if run.rows_of[f].get(first.track) is not None), default=0)
    case = Case(first.track, 0, start, second.born, object_of, run.recording.given.tolist(), run.recording.strong())
    logged = Logged(dict(enumerate(run.decisions)), dict(enumerate(run.rows_of)))
    found = list(case.refusals(logged, min(second.born + AROUND, len(run) - 1)))
    head = f"if ids {first.track} and {second.track} are one object: {second.track} began at {moment(run, second.born)}"
    if not found:
        return [f"{head}, and {first.track} went on beside it."]
    return [f"{head}; " + "; ".join(of_refusal(run, same) for same in by_code(tuple(found))) + "."]
