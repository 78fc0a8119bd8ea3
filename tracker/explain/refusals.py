"""Why a track did not get an object's detection, from the decision log alone, and what would remove that reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tracker.log import Decisions, Edits, Verdict

# Codes of causes, as the JSON has them.
UNDETECTED, WEAK = "expired-undetected", "expired-weak"
HIDDEN, STOLEN, CLUTTER = "hidden", "stolen", "clutter"
OUTBID, OUT_OF_REACH, WRONG_STAGE, BELOW = "outbid", "out-of-reach", "wrong-stage", "below-threshold"
ONE_DECISION, DETECTOR, UNEXPLAINED = "one-decision", "detector", "unexplained"
SWITCH_CAUSES = (
    *(UNDETECTED, WEAK, HIDDEN, STOLEN, CLUTTER, OUTBID, OUT_OF_REACH, WRONG_STAGE, BELOW),
    *(ONE_DECISION, DETECTOR, UNEXPLAINED),
)
EXPIRED_CODES = (UNDETECTED, WEAK)
OUTSIDE = ("gate", "class")  # reasons of ``tracker.log.Refused`` that are no threshold of a gain


@dataclass(frozen=True)
class Refusal:
    """One frame in which the track ``track`` did not get the detection of the object ``truth``.

    frame    of the recording
    code     the reason
    row      the object's detection, or None
    took     the detection that the track got instead, or None
    by       id of the track that got the object's detection, or None
    verdict  of the log on the track and the object's detection, where there is one
    ended    how the track ended, where it did
    edits    what removes the reason, by frame
    """

    frame: int
    code: str
    track: int
    truth: int
    row: int | None = None
    took: int | None = None
    by: int | None = None
    verdict: Verdict | None = None
    ended: tuple[int, str] | None = None
    edits: Mapping[int, Edits] = field(default_factory=dict)


@dataclass(frozen=True)
class Logged:
    """What a run, or a replay of a part of it, decided: by frame the decisions, and rows of detections by id."""

    decisions: Mapping[int, Decisions]
    rows_of: Mapping[int, Mapping[int, int]]


@dataclass(frozen=True)
class Case:
    """An id that should have gone on: the track ``track`` and the object ``truth``, from frame ``start`` on.

    start     the last frame in which the track got the object's detection
    stop      the frame of the switch
    detected  by frame: the row of each identity's detection
    given     by frame: how many detections the tracker was given
    strong    a good score
    """

    track: int
    truth: int
    start: int
    stop: int
    detected: list[dict[int, int]]
    given: list[int]
    strong: float

    def refusals(self, logged: Logged, last: int) -> Iterator[Refusal]:
        """The refusals in the frames after ``start`` and up to ``last`` that ``logged`` knows."""
        ended: tuple[int, str] | None = None
        weak = False
        for frame in range(self.start + 1, last + 1):
            decisions = logged.decisions.get(frame)
            if decisions is None:
                return
            row, took = self.detected[frame].get(self.truth), logged.rows_of[frame].get(self.track)
            alive = ended is None
            if self.track in decisions.died:
                ended = (frame, decisions.died[self.track])
            if row is not None and row != took:
                if not alive:
                    yield self._expired(frame, row, weak, ended)
                elif took is not None:
                    yield self._misled(frame, row, took, decisions, logged.rows_of[frame])
                else:
                    yield self._refused(frame, row, decisions, logged.rows_of[frame])
                weak = weak or alive
            elif row is None and took is not None:
                edits = {frame: Edits(forbid=frozenset({(self.track, took)}))}
                yield Refusal(frame, HIDDEN, self.track, self.truth, took=took, edits=edits)

    def _expired(self, frame: int, row: int, weak: bool, ended: tuple[int, str] | None) -> Refusal:
        edits = self.kept_alive()
        code = WEAK if weak else UNDETECTED
        return Refusal(frame, code, self.track, self.truth, row, ended=ended, edits=edits)

    def kept_alive(self) -> dict[int, Edits]:
        """The track may not end before the switch."""
        keep = Edits(keep=frozenset({self.track}))
        return dict.fromkeys(range(self.start + 1, self.stop + 1), keep)

    def in_reach(self, first: int, stop: int) -> dict[int, Edits]:
        """The track and the object's detection are a candidate in every frame from ``first`` to before ``stop``."""
        rows = {frame: self.detected[frame].get(self.truth) for frame in range(first, stop)}
        return {
            frame: Edits(admit=frozenset({(self.track, row)}))
            for frame, row in rows.items()
            if row is not None and row < self.given[frame]
        }

    def _misled(self, frame: int, row: int, took: int, decisions: Decisions, rows_of: Mapping[int, int]) -> Refusal:
        """The track took a detection that is another's or nobody's."""
        verdict = decisions.of_pair(self.track, row)
        code = STOLEN if took in self.detected[frame].values() else CLUTTER
        own = frozenset({(self.track, row)})
        admit = own if not verdict.gain > 0 else frozenset()
        edits = {frame: Edits(forbid=frozenset({(self.track, took)}), admit=admit)}
        return Refusal(frame, code, self.track, self.truth, row, took, _taker(rows_of, row), verdict, edits=edits)

    def _refused(self, frame: int, row: int, decisions: Decisions, rows_of: Mapping[int, int]) -> Refusal:
        """The track took nothing, although the object was detected."""
        by = _taker(rows_of, row)
        pair = frozenset({(self.track, row)})
        verdict = decisions.of_pair(self.track, row)
        admitted = Edits(admit=pair)
        if row >= self.given[frame] or (verdict.reason == "refused" and row in decisions.unused[0]):
            code, edit = WRONG_STAGE, Edits(scores={row: self.strong})
        elif verdict.gain > 0 and verdict.reason in ("outbid", "taken") and by is not None:
            code, edit = OUTBID, Edits(forbid=frozenset({(by, row)}))
        elif verdict.reason == "no candidate" or (verdict.reason == "refused" and verdict.detail in OUTSIDE):
            code, edit = OUT_OF_REACH, admitted
        elif verdict.reason == "stage":
            code, edit = WRONG_STAGE, Edits(scores={row: self.strong})
        else:
            code, edit = BELOW, admitted
        return Refusal(frame, code, self.track, self.truth, row, by=by, verdict=verdict, edits={frame: edit})

    def forced(self, frame: int, row: int, logged: Logged) -> dict[int, Edits]:
        """The pair of the track and the object's detection has no rival in a frame, and a good score."""
        rows_of = logged.rows_of[frame]
        decisions = logged.decisions[frame]
        forbid = {(track, row) for track in decisions.ids.tolist() if track != self.track}
        took = rows_of.get(self.track)
        forbid |= {(self.track, r) for r in range(self.given[frame]) if r != row}
        if took is not None and took != row:
            forbid.add((self.track, took))
        out = self.kept_alive()
        keep = out[frame].keep if frame in out else frozenset({self.track})
        high = row >= self.given[frame] or decisions.scores[row] < self.strong
        scores = {row: self.strong} if high else {}
        out[frame] = Edits(frozenset(forbid), frozenset({(self.track, row)}), keep, scores)
        return out


def _taker(rows_of: Mapping[int, int], row: int) -> int | None:
    """The track that got a detection."""
    return next((track for track, taken in rows_of.items() if taken == row), None)
