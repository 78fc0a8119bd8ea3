"""What a tracker was given, and what it made of it: enough to run it again from any frame, without the video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.detections import Detections
from tracker.explain.numbers import Numbers
from tracker.log import Decisions, Edits, Log, Pair
from tracker.state import State
from tracker.tracker import Tracker
from tracker.tracks import Tracks

KEPT_STATES = 2000  # states kept of a run; of a longer one every 2nd, 3rd, ... frame's
STRONG = 0.9  # score of a good detection, where scores are shares


class Replayable(Protocol):
    """A tracker whose state can be put back and whose decisions can be logged, as all of the library."""

    state: State
    log: Log | None

    def update(self, detections: Detections, frame: None = None, time: float | None = None) -> Tracks:
        """Track one frame."""
        ...

    def warp(self, matrix: FloatArray) -> None:
        """Move every track with the camera."""
        ...


@dataclass(frozen=True, eq=False)
class Recording:
    """What a tracker was given, frame by frame. Frames count from 0 here; frame k is ``numbers[k]`` in files.

    found    all detections of each frame. Those that the tracker was given come first: ``given[k]`` of them; the others
             scored below the least score of the run and were left out
    given    (F,)
    numbers  (F,) the number of each frame in the results
    times    seconds of each frame, or None where the tracker was told none
    warps    by frame: the camera's motions (2, 3) that were applied before the update, in their order
    rate     frames per second, to say when something happened
    """

    found: Sequence[Detections]
    given: IntArray
    numbers: IntArray
    times: Sequence[float | None] | None = None
    warps: Mapping[int, Sequence[FloatArray]] = field(default_factory=dict)
    rate: float = 30.0

    def __len__(self) -> int:
        return len(self.found)

    @classmethod
    def of(
        cls,
        found: Sequence[Detections],
        conf: float | None = None,
        numbers: IntArray | None = None,
        times: Sequence[float | None] | None = None,
        rate: float = 30.0,
    ) -> Recording:
        """A recording of the detections of each frame, of which the tracker is given those scored ``conf`` or more."""
        kept = [np.full(len(one), True) if conf is None else one.scores >= conf for one in found]
        return cls(
            [
                one if mask.all() else one[np.argsort(~mask, kind="stable")].numbered()
                for one, mask in zip(found, kept, strict=True)
            ],
            np.array([np.count_nonzero(mask) for mask in kept], dtype=np.int64),
            np.arange(1, len(found) + 1) if numbers is None else numbers,
            times,
            rate=rate,
        )

    def strong(self) -> float:
        """A good score on this detector's scale."""
        scores = np.concatenate([np.empty(0), *(one.scores for one in self.found)])
        if not len(scores) or (scores.min() >= 0 and scores.max() <= 1):
            return STRONG
        return float(np.quantile(scores, 0.9))


def merged(*changes: Mapping[int, Edits]) -> dict[int, Edits]:
    """All of these edits, by frame."""
    out: dict[int, Edits] = {}
    for change in changes:
        for frame, new in change.items():
            old = out.get(frame)
            out[frame] = (
                new
                if old is None
                else Edits(
                    old.forbid | new.forbid,
                    old.admit | new.admit,
                    old.keep | new.keep,
                    {**old.scores, **new.scores},
                )
            )
    return out


class Recorded:
    """A run of a tracker over a recording, with its decisions and states, which can be run again from any frame.

    tracker    a fresh one; it is used up
    reports    what it reported, by frame
    decisions  what it decided, by frame; tracks have the ids that the run reports (``tracker.explain.numbers``)
    rows_of    by frame: the row of the detection that each id was given or born from
    owners     by frame: the reverse
    """

    def __init__(self, tracker: Replayable, recording: Recording) -> None:
        self.tracker = tracker
        self.recording = recording
        self.stride = 1 + len(recording) // KEPT_STATES
        self.states: dict[int, State] = {-1: tracker.state}
        self.reports: list[Tracks] = []
        self.numbers = Numbers()
        numbered = isinstance(tracker, Tracker) and not tracker.ids_at_birth
        if isinstance(tracker, Tracker):
            tracker.ids_at_birth = True  # decisions and edits name tracks so; ``numbers`` is what is shown
        tracker.log = log = Log()
        for frame, found in enumerate(recording.found):
            self.reports.append(self._update(frame, found[: recording.given[frame]]))
            if frame % self.stride == 0:
                self.states[frame] = tracker.state
        if numbered:
            self.numbers = Numbers(self.reports, tracker.state.next_id - 1)
            self.reports = [self.numbers.of_tracks(one) for one in self.reports]
        self.decisions: list[Decisions] = [self.numbers.of_decisions(one) for one in log.frames]
        self.rows_of: list[dict[int, int]] = [rows_of(one) for one in self.decisions]
        self.owners: list[dict[int, int]] = [{row: track for track, row in one.items()} for one in self.rows_of]

    def __len__(self) -> int:
        return len(self.recording)

    def _update(self, frame: int, found: Detections) -> Tracks:
        recording = self.recording
        for matrix in recording.warps.get(frame, ()):
            self.tracker.warp(matrix)
        time = None if recording.times is None else recording.times[frame]
        return self.numbers.of_tracks(self.tracker.update(found, None, time))

    def state_after(self, frame: int) -> State:
        """The state when ``frame`` was done; -1: before the first."""
        if frame in self.states:
            return self.states[frame]
        start = frame - frame % self.stride
        self.rewind(start).go_on(start + 1, frame + 1, {})
        return self.tracker.state

    def rewind(self, frame: int) -> Recorded:
        """This run with the tracker as it was when ``frame`` was done."""
        self.tracker.state = self.state_after(frame)
        return self

    def go_on(
        self,
        first: int,
        stop: int,
        edits: Mapping[int, Edits],
        added: Mapping[int, Detections] | None = None,
        log: Log | None = None,
        instead: Mapping[int, Detections] | None = None,
    ) -> list[Tracks]:
        """What the tracker reports for the frames from ``first`` to before ``stop`` if ``edits`` had held.

        ``first`` follows the frame that ``rewind``, or the last call, stopped at.

        edits  by frame; a score for a detection that the tracker was not given gives it that detection
        added  further detections by frame, which come last
        log    takes the decisions, in the rows of the recording where nothing was added
        instead  other detections by frame, in place of those given
        """
        tracker, recording = self.tracker, self.recording
        reports: list[Tracks] = []
        edits, kept = self.numbers.of_edits(edits), 0 if log is None else len(log.frames)
        last = max([*edits, *(added or ())], default=first - 1)
        for frame in range(first, stop):
            plain = log is None and added is None and instead is None
            if plain and frame > last + 1 and _same(tracker.state, self.states.get(frame - 1)):
                # Nothing that was changed is left: from here on all is as it was.
                tracker.state = self.state_after(stop - 1)
                return reports + self.reports[frame:stop]
            change = edits.get(frame)
            given = int(recording.given[frame])
            found = recording.found[frame]
            if change is None and added is None:
                found = found[:given] if instead is None else instead[frame]
                tracker.log = log
                reports.append(self._update(frame, found))
                continue
            late = sorted(row for row in (change.scores if change else ()) if row >= given)
            rows = np.array([*range(given), *late], dtype=np.int64)
            found = found[rows].numbered() if late else found[:given]
            if added is not None and frame in added:
                found = joined(found, added[frame])
            # The tracker numbers its updates from 1.
            own = Log(edits={} if change is None else {tracker.state.frame + 1: _renumbered(change, given, late)})
            tracker.log = own if change is not None else log
            reports.append(self._update(frame, found))
            if log is not None and change is not None:
                log.frames += own.frames
        if log is not None:
            log.frames[kept:] = [self.numbers.of_decisions(one) for one in log.frames[kept:]]
        return reports


def _same(one: State, other: State | None) -> bool:
    """Whether two states are equal in all that an update looks at; False where that is not known."""
    if other is None or len(one) != len(other) or not np.array_equal(one.ids, other.ids):
        return False
    for name, value in vars(one).items():
        known = vars(other)[name]
        if isinstance(value, np.ndarray):
            # NaN stands for nothing known. Most that differ differ in the first array, so NaN is looked at last.
            equal = np.array_equal(value, known) or (value.dtype.kind == "f" and np.array_equal(value, known, True))
        else:
            equal = value is known or (isinstance(value, (int, float, tuple)) and value == known)
        if not equal:
            return False
    return True


def rows_of(decisions: Decisions) -> dict[int, int]:
    """The row of the detection that each id was given or born from."""
    return dict(decisions.matched) | dict(decisions.born)


def joined(found: Detections, more: Detections) -> Detections:
    """The detections of both; embeddings only where both have them, or one of both has no detection."""
    if not len(found):
        return more
    both = found.embeddings is not None and more.embeddings is not None
    return Detections(
        np.concatenate((found.boxes, more.boxes)),
        np.concatenate((found.scores, more.scores)),
        np.concatenate((found.classes, more.classes)),
        embeddings=np.concatenate((found.embeddings, more.embeddings)) if both else None,  # type: ignore[arg-type]
    )


def _renumbered(change: Edits, given: int, late: list[int]) -> Edits:
    """The edits with the rows that the update will have, where rows ``late`` follow the first ``given``."""
    if not late:
        return change
    place = {row: given + k for k, row in enumerate(late)}

    def pairs(some: frozenset[Pair]) -> frozenset[Pair]:
        return frozenset((track, place.get(row, row)) for track, row in some if row < given or row in place)

    scores = {place.get(row, row): score for row, score in change.scores.items()}
    return Edits(pairs(change.forbid), pairs(change.admit), change.keep, scores)


def mask_of(count: int, rows: IntArray) -> BoolArray:
    """(count,) True at ``rows``."""
    out = np.zeros(count, dtype=bool)
    out[rows] = True
    return out
