"""The decision log: why each update matched what it matched, and what a replay may change.

    sort = SORT()
    sort.log = Log()
    sort.update(...)
    sort.log.frames[-1].of_track(3)    # why track 3 got no detection

``Tracker`` fills it, the same for every algorithm; without a log an update does none of this. A frame's ``Decisions``
hold, for each stage of the association, the candidate pairs with their gain and its parts, the masks of the stage and
what was chosen; the pairs refused before any stage; births, confirmations, and deaths with their reason.

Tracks are named by id, since their rows shift when some end; detections by their row in the update's input.

``Edits`` are the four things that a replay may change in a frame: forbid a pair, admit a pair, keep a track alive,
change the score of a detection.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.settings import at_least

if TYPE_CHECKING:
    from tracker.detections import Detections

Parts = Mapping[str, NDArray[Any]]
T = TypeVar("T")
Pair = tuple[int, int]  # id of a track, row of a detection

ADMITTED = 1e-3  # gain of a pair that an edit admits: the solver still decides

# Why a track ended.
EXPIRED, TENTATIVE, GAP, DUPLICATE, RENAMED = "expired", "tentative", "gap in time", "duplicate", "renamed"

Reason = Literal["matched", "outbid", "taken", "below threshold", "stage", "refused", "no candidate"]


@dataclass(frozen=True)
class Edits:
    """What a replay changes in one frame.

    forbid  pairs that no stage may match
    admit   pairs that count as candidates, with a gain of at least 1e-3, in the stages open to both
    keep    ids of tracks that may not end in this frame, not even as duplicates
    scores  other scores for detections, by row

    Sets may be given as any iterable. Raises TypeError for what is none, and ValueError for a score that is not finite.
    """

    forbid: frozenset[Pair] = frozenset()
    admit: frozenset[Pair] = frozenset()
    keep: frozenset[int] = frozenset()
    scores: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("forbid", "admit"):
            object.__setattr__(self, name, _set_of(name, getattr(self, name), _pair, "pairs (id, row)"))
        object.__setattr__(self, "keep", _set_of("keep", self.keep, _index, "ids"))
        if not isinstance(self.scores, Mapping):
            raise TypeError(f"edits: scores is a {type(self.scores).__name__}; give numbers by row, such as {{0: 0.9}}")
        for row, score in self.scores.items():
            if not isinstance(score, Real) or not math.isfinite(score):
                raise ValueError(f"edits: the score of detection {row} is {score!r}; give a finite number")


def _set_of(name: str, given: Any, read: Callable[[Any], T], what: str) -> frozenset[T]:
    """What an edit names, any iterable, as a set; TypeError where it holds something else."""
    try:
        return frozenset(read(one) for one in given)
    except (TypeError, ValueError):
        raise TypeError(f"edits: {name} holds no {what}; give a set of {what}") from None


def _pair(given: Any) -> Pair:
    track, row = given
    return _index(track), _index(row)


def _index(given: Any) -> int:
    return operator.index(given)


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of the association: K candidate pairs, of N tracks and M detections.

    name          of the stage
    limit         the setting below which a gain counts as none, "" where there is no such setting
    ids           (K,) track of each candidate pair
    detections    (K,) row of its detection
    gains         (K,) how much better the pair is than none; 0 or less: not allowed
    parts         what the gain is made of, each (K,): overlap, appearance, distance
    open_ids      (.,) tracks that the stage was open to and no earlier stage had matched
    open_rows     (.,) detections likewise
    chosen        (K,) bool: the pairs that the stage matched
    """

    name: str
    limit: str
    ids: IntArray
    detections: IntArray
    gains: FloatArray
    parts: Parts
    open_ids: IntArray
    open_rows: IntArray
    chosen: BoolArray


@dataclass(frozen=True, eq=False)
class Refused:
    """Pairs left out before any stage: ``reason`` is "class", "gate" or the setting that refused them.

    ids, detections (K,) as in ``Stage``; values (K,) the overlap or distance that was too small or large, or NaN.
    """

    reason: str
    ids: IntArray
    detections: IntArray
    values: FloatArray


@dataclass(frozen=True)
class Verdict:
    """Why a pair was matched or not.

    reason  "matched"; "outbid" (allowed, but another pair of the same stage took one of the two); "below threshold"
            (the stage was open to the two, but they gain nothing); "taken" (an earlier stage had matched one of
            them); "stage" (a candidate only in stages that are not open to both); "refused" (before any stage, see
            ``detail``); "no candidate" (never near)
    stage   where, the first of those above that fits; "" if in no stage
    detail  the limit's setting, or the reason of a refusal
    gain    of the pair, NaN where it has none
    by      the pairs that stood in its way: those that took the track or the detection
    """

    track: int
    detection: int
    reason: Reason
    stage: str = ""
    detail: str = ""
    gain: float = float("nan")
    by: tuple[Pair, ...] = ()


class Decisions:
    """What one update decided.

    frame, time   as in ``Tracks``
    ids           (N,) living tracks when the association began
    confirmed     (N,) bool; missed (N,) updates since the last match, 1 for a track seen in the last frame
    predicted     (N, 4) boxes, xyxy, where the tracks were expected
    scores        (M,) of all detections, as given or edited
    stages        in their order
    refused       pairs left out before any stage
    unused        rows of the detections that were not used at all, and the setting that says so
    born          pairs (new id, row of its detection)
    proved        ids confirmed in this frame
    warps         (2, 3) each: the motions of the camera that moved the tracks before this update, since the last one
    died          reason by id
    duplicates    id of the other track, by id, where that is the reason
    numbered      the number under which a track is reported from this frame on, by its id (``ids_at_birth`` off)
    renamed       id from this frame on, by the id in this record, of tracks whose id appearance corrected
    """

    def __init__(self, frame: int, time: float | None, detections: Detections, edits: Edits) -> None:
        self.frame = frame
        self.time = time
        self.edits = edits
        self.scores: FloatArray = detections.scores
        self.ids: IntArray = np.empty(0, dtype=np.int64)
        self.rows: IntArray = detections.rows
        self.confirmed: BoolArray = np.empty(0, dtype=bool)
        self.missed: IntArray = np.empty(0, dtype=np.int64)
        self.predicted: FloatArray = np.empty((0, 4))
        self.stages: list[Stage] = []
        self.refused: list[Refused] = []
        self.unused: tuple[IntArray, str] = (np.empty(0, dtype=np.int64), "")
        self.warps: list[FloatArray] = []
        self.born: list[Pair] = []
        self.proved: list[int] = []
        self.died: dict[int, str] = {}
        self.duplicates: dict[int, int] = {}
        self.renamed: dict[int, int] = {}
        self.numbered: dict[int, int] = {}

    # Queries: why was a pair matched or not?

    @property
    def matched(self) -> list[Pair]:
        """The pairs matched, over all stages."""
        return [pair for stage in self.stages for pair in _pairs(stage.ids, stage.detections, stage.chosen)]

    def of_track(self, track: int) -> list[Verdict]:
        """The verdict on each detection that track ``track`` (an id) was ever a candidate for, the match first."""
        return self._sorted([self.of_pair(track, row) for row in self._partners(track, True)])

    def of_detection(self, row: int) -> list[Verdict]:
        """The verdict on each track that was ever a candidate for detection ``row``, the match first."""
        return self._sorted([self.of_pair(track, row) for track in self._partners(row, False)])

    def of_pair(self, track: int, row: int) -> Verdict:
        """Why track ``track`` (an id) got detection ``row`` or did not."""
        by = tuple(pair for pair in self.matched if pair != (track, row) and (pair[0] == track or pair[1] == row))
        last: Verdict | None = None
        for stage in self.stages:
            k = np.flatnonzero((stage.ids == track) & (stage.detections == row))
            if not len(k):
                continue
            gain = float(stage.gains[k[0]])
            if stage.chosen[k[0]]:
                return Verdict(track, row, "matched", stage.name, gain=gain)
            reason: Reason
            if track in stage.open_ids and row in stage.open_rows:
                reason = "outbid" if gain > 0 else "below threshold"
            else:
                reason = "taken" if self._open_but_for(by, stage, track, row) else "stage"
            verdict = Verdict(track, row, reason, stage.name, stage.limit, gain, by)
            if last is None or _WEIGHT[reason] < _WEIGHT[last.reason]:
                last = verdict
        unused = row in self.unused[0]
        if last is not None and not (unused and last.reason == "stage"):
            return last
        for some in self.refused:
            k = np.flatnonzero((some.ids == track) & (some.detections == row))
            if len(k):
                return Verdict(track, row, "refused", "", some.reason, float(some.values[k[0]]), by)
        if unused:
            return Verdict(track, row, "refused", "", self.unused[1], float("nan"), by)
        return Verdict(track, row, "no candidate", by=by)

    def _open_but_for(self, by: tuple[Pair, ...], stage: Stage, track: int, row: int) -> bool:
        """Whether nothing but the matches ``by`` closed the stage to the two."""
        return (track in stage.open_ids or any(pair[0] == track for pair in by)) and (
            row in stage.open_rows or any(pair[1] == row for pair in by)
        )

    def _partners(self, one: int, is_track: bool) -> list[int]:
        found: set[int] = set()
        tables: list[Stage | Refused] = [*self.stages, *self.refused]
        for table in tables:
            own, other = (table.ids, table.detections) if is_track else (table.detections, table.ids)
            found |= set(other[own == one].tolist())
        return sorted(found)

    def _sorted(self, verdicts: list[Verdict]) -> list[Verdict]:
        return sorted(verdicts, key=lambda v: (_WEIGHT[v.reason], -v.gain if v.gain == v.gain else np.inf))

    # Called by the tracker, its state and its matching.

    def begin(
        self, ids: IntArray, confirmed: BoolArray, missed: IntArray, predicted: FloatArray, rows: IntArray
    ) -> None:
        """The association begins, of these tracks and of the detections ``rows`` (M,) of the input."""
        self.ids, self.confirmed, self.missed = ids.copy(), confirmed.copy(), missed.copy()
        self.predicted, self.rows = predicted, rows

    def leave_out(self, rows: IntArray, setting: str) -> None:
        """Detections ``rows`` are not used at all; ``setting`` says why."""
        self.unused = (rows, setting)

    def refuse(self, reason: str, ids: IntArray, detections: IntArray, values: FloatArray | None = None) -> None:
        """Pairs (K,), ids and rows of the input, that no stage will see."""
        if len(ids):
            known = np.full(len(ids), np.nan) if values is None else values
            self.refused.append(Refused(reason, ids, detections, known))

    def edited(
        self, rows: IntArray, columns: IntArray, gain: FloatArray, parts: Parts
    ) -> tuple[IntArray, IntArray, FloatArray, Parts]:
        """The candidates of a stage (tracks by their place, as the matching has them) with the edits applied."""
        if not (self.edits.forbid or self.edits.admit):
            return rows, columns, gain, parts
        gain = gain.copy()
        for track, row in sorted(self.edits.forbid | self.edits.admit):
            i, j = np.flatnonzero(self.ids == track), np.flatnonzero(self.rows == row)
            if not len(i) or not len(j):
                continue
            k = np.flatnonzero((rows == i[0]) & (columns == j[0]))
            if (track, row) in self.edits.forbid:
                gain[k] = 0.0
            elif len(k):
                gain[k] = np.maximum(gain[k], ADMITTED)
            else:
                rows, columns, gain = np.append(rows, i[0]), np.append(columns, j[0]), np.append(gain, ADMITTED)
                parts = {name: np.append(values, np.nan) for name, values in parts.items()}
        return rows, columns, gain, parts

    def admits(self, rows: IntArray, columns: IntArray) -> BoolArray:
        """(K,) mask of the pairs, tracks and detections by their place in the matching, that an edit admits."""
        pairs = zip(self.ids[rows].tolist(), self.rows[columns].tolist(), strict=True)
        admitted = self.edits.admit - self.edits.forbid
        return np.array([pair in admitted for pair in pairs], dtype=bool)

    def stage(
        self,
        name: str,
        limit: str,
        rows: IntArray,
        columns: IntArray,
        gain: FloatArray,
        parts: Parts,
        open_tracks: BoolArray,
        open_detections: BoolArray,
        chosen: IntArray,
    ) -> None:
        """A stage ended; tracks and detections by their place in the matching, masks of those open to it."""
        picked = np.zeros(len(rows), dtype=bool)
        picked[chosen] = True
        self.stages.append(
            Stage(
                name,
                limit,
                self.ids[rows],
                self.rows[columns],
                gain,
                parts,
                self.ids[open_tracks],
                self.rows[open_detections],
                picked,
            )
        )

    def kept(self, ids: IntArray) -> BoolArray:
        """(N,) mask of the tracks that an edit keeps alive."""
        return np.isin(ids, list(self.edits.keep)) if self.edits.keep else np.zeros(len(ids), dtype=bool)

    def end(self, ids: IntArray, confirmed: BoolArray, reason: str) -> None:
        """Tracks end. Those that end as tentative but are confirmed have expired: algorithms end both in one call."""
        for track, proved in zip(ids.tolist(), confirmed.tolist(), strict=True):
            self.died[track] = TENTATIVE if reason == TENTATIVE and not proved else _BY_AGE.get(reason, reason)

    def rename(self, old: int, new: int) -> None:
        """The track with the id ``old`` has the id ``new`` from now on; no track has ``old``."""
        self.renamed[old], self.died[old] = new, RENAMED

    def birth(self, first_id: int, rows: IntArray) -> None:
        """Tracks from ``first_id`` on start at the detections ``rows`` of the input."""
        self.born += list(enumerate(rows.tolist(), start=first_id))


_BY_AGE = {TENTATIVE: EXPIRED}
_ORDER = ("matched", "outbid", "below threshold", "taken", "stage", "refused", "no candidate")
_WEIGHT: dict[str, int] = {reason: place for place, reason in enumerate(_ORDER)}


def _pairs(ids: IntArray, detections: IntArray, which: BoolArray) -> list[Pair]:
    return list(zip(ids[which].tolist(), detections[which].tolist(), strict=True))


class Log:
    """The decisions of a tracker's updates, oldest first; assign it to ``tracker.log``.

    keep    how many frames to keep, the latest ones; None: all
    edits   what to change in a frame, by its number: see ``Edits``
    frames  list of ``Decisions``
    warps   the motions (2, 3) of the camera since the last update

    Raises ValueError unless ``keep`` is None or a whole number, 0 or more, and TypeError for other ``edits``.
    """

    def __init__(self, keep: int | None = None, edits: Mapping[int, Edits] | None = None) -> None:
        self.keep = None if keep is None else at_least(0, keep, "keep")
        given = {} if edits is None else edits
        if not isinstance(given, Mapping) or not all(isinstance(one, Edits) for one in given.values()):
            raise TypeError("edits: give Edits by the number of their frame, such as {3: Edits(...)}")
        self.edits = dict(given)
        self.frames: list[Decisions] = []
        self.warps: list[FloatArray] = []

    def open(self, frame: int, time: float | None, detections: Detections) -> tuple[Decisions, Detections]:
        """The record of an update, and the detections with the scores that the frame's edits give them."""
        edits = self.edits.get(frame, Edits())
        if edits.scores:
            detections = detections.with_scores(edits.scores)
        decisions = Decisions(frame, time, detections, edits)
        decisions.warps = self.warps.copy()  # kept until the update has succeeded
        return decisions, detections

    def warped(self, matrix: FloatArray) -> None:
        """The tracks moved with the camera, by ``matrix`` (2, 3)."""
        self.warps.append(np.array(matrix, dtype=np.float64))

    def close(self, decisions: Decisions) -> None:
        """The update succeeded; its decisions join the log."""
        self.warps.clear()
        self.frames.append(decisions)
        if self.keep is not None:
            del self.frames[: -self.keep or None]
