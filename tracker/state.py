"""The state of a tracker: everything it remembers between frames, one array per quantity.

``copy.deepcopy(tracker.state)`` (or pickle) saves a tracker; assigning ``tracker.state`` restores it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, IntArray
from tracker.boxes import iou_pairs_xyxy, warp_boxes
from tracker.camera_pairs import UNKNOWN, Camera
from tracker.detections import Detections
from tracker.log import DUPLICATE, EXPIRED, GAP
from tracker.motion import Motion, MotionState
from tracker.tracks import Tracks

if TYPE_CHECKING:
    from tracker.log import Decisions

S = TypeVar("S", bound="State")


# Rows of State.integers and State.floats, read and written by name as attributes; the last ones as in Detections.
IDS, HITS, AGES, STREAKS, MISSED, CLASSES, CANDIDATES, DETECTIONS, DETECTION_CLASSES = range(9)
SINCE, VOTES, SCORES, BOX = 0, 1, 2, slice(3, 7)
COUNTED, OBSERVED = slice(AGES, MISSED + 1), slice(DETECTIONS, DETECTION_CLASSES + 1)
# A call with an array is cheaper than one with a number, and cheapest where the types are the same.
ONE, NOTHING, NOBODY = np.array(1), np.array(0), np.array(-1)
FRAME, NO_TIME, NOWHERE = np.array(1.0), np.array(0.0), np.array(np.nan)

NUMBERS = 10_000  # ids whose numbers are remembered, beside those of living tracks: a gallery may bring some back

# A track changes its class when detections of another one lead by this many sure detections; see ``_vote``.
CLASS_LEAD = 5.0
CLASS_MEMORY = 0.95  # the factor by which earlier votes fade at each new one


class _Integers:
    """How a type checker sees a row of ``State.integers`` that is an attribute."""

    def __get__(self, state: State, _: type[State] | None = None) -> IntArray:
        raise NotImplementedError

    def __set__(self, state: State, values: IntArray) -> None:
        raise NotImplementedError


class _Floats:
    """The same for ``State.floats``."""

    def __get__(self, state: State, _: type[State] | None = None) -> FloatArray:
        raise NotImplementedError

    def __set__(self, state: State, values: FloatArray) -> None:
        raise NotImplementedError


def _row(table: str, row: int) -> Any:
    """A property: a descriptor written in Python costs half as much again."""

    def get(self: State) -> Any:
        return getattr(self, table)[row]

    def put(self: State, values: Any) -> None:
        getattr(self, table)[row] = values

    return property(get, put)


@dataclass
class State:
    """All living tracks, oldest first. Every array has the tracks on its LAST axis; a subclass may add such arrays.

    ``copy.copy`` copies the arrays: an update works on a copy, so a call that raises leaves the tracker as it was.

    ids         from 1, in the order of birth
    ages        updates since birth, 1 at birth
    hits        detections matched since birth
    streaks     detections matched in a row, without that of birth
    missed      updates since the last match
    detections  row of the matched detection in this frame's input, -1 without
    classes     voted from those of the matched detections
    candidates  candidate class, which may replace it
    detection_classes  class of the last matched detection
    time_since_update  frames since the last match, by time where it is given
    votes       votes by which the candidate class leads, 0 or more
    scores      score of the last matched detection
    last_boxes  (4, N) the last matched detection's box, xyxy
    """

    motion: MotionState  # (..., N)
    integers: IntArray = field(default_factory=lambda: np.empty((9, 0), dtype=np.int64))
    floats: FloatArray = field(default_factory=lambda: np.empty((7, 0)))
    confirmed: BoolArray = field(default_factory=lambda: np.empty(0, dtype=bool))
    next_id: int = 1
    next_number: int = 1
    frame: int = 0
    time: float | None = None
    dropped: int = 0  # invalid detections left out so far
    numbers: dict[int, int] = field(default_factory=dict)  # id -> the one it is reported under; replaced, not changed
    camera: Camera = UNKNOWN  # what the tracks and detections say of its motion, where that is asked
    log: Decisions | None = None  # of the update in progress, where the tracker keeps a log

    # Packed, so that keeping some tracks or copying all takes a few array operations and not one per quantity.
    ids = cast(_Integers, _row("integers", IDS))
    ages = cast(_Integers, _row("integers", AGES))
    hits = cast(_Integers, _row("integers", HITS))
    streaks = cast(_Integers, _row("integers", STREAKS))
    missed = cast(_Integers, _row("integers", MISSED))
    detections = cast(_Integers, _row("integers", DETECTIONS))
    classes = cast(_Integers, _row("integers", CLASSES))
    candidates = cast(_Integers, _row("integers", CANDIDATES))
    detection_classes = cast(_Integers, _row("integers", DETECTION_CLASSES))
    time_since_update = cast(_Floats, _row("floats", SINCE))
    votes = cast(_Floats, _row("floats", VOTES))
    scores = cast(_Floats, _row("floats", SCORES))

    @property
    def last_boxes(self) -> FloatArray:
        return self.floats[BOX]

    def __copy__(self: S) -> S:
        new = object.__new__(type(self))
        new.__dict__ = columns = self.__dict__.copy()
        for name, value in self.__dict__.items():
            if type(value) is np.ndarray and value.size:
                columns[name] = value.copy()
        return new

    @property
    def embedding_width(self) -> int | None:
        """D of the embeddings remembered, None before the first."""
        return None

    def expect(self, embeddings: EmbeddingArray) -> None:
        """Make room for embeddings (M, D) of this width; called before the first step that has any."""

    @classmethod
    def start(cls: type[S], motion: Motion, **columns: Any) -> S:
        """No tracks yet."""
        return cls(motion.birth(np.empty((0, 4))), **columns)

    def __len__(self) -> int:
        return len(self.confirmed)

    def advance(self, time: float | None, frame_rate: float) -> float:
        """Count one update and return the frames that passed since the last one: 1, or the seconds x frame_rate.

        Raises ValueError unless time is a number of seconds that increases.
        """
        step = 1.0
        if time is not None:
            time = seconds_of(time)
            if self.time is not None:
                if time <= self.time:
                    raise ValueError(
                        f"time={time:g} s does not follow {self.time:g} s; "
                        "give increasing times, or call reset() before another video"
                    )
                step = (time - self.time) * frame_rate
                # Containers round their timestamps: close to a whole number of frames is that number.
                if round(step) >= 1 and abs(step - round(step)) < 0.1:
                    step = float(round(step))
        elif self.time is not None:
            time = self.time + 1 / frame_rate
        self.frame += 1
        self.time = time
        return step

    def predict(self, motion: Motion, step: float, moving: BoolArray | None = None) -> None:
        """Move every track ``step`` frames on; those outside the mask ``moving`` (N,) only age."""
        moved = motion.predict(self.motion, step)
        if moving is not None and np.count_nonzero(moving) < len(moving):
            moved = np.where(moving, moved, self.motion)
        self.motion = moved
        counted = self.integers[COUNTED]
        counted += ONE
        time_since_update = self.floats[SINCE]
        time_since_update += FRAME if step == 1 else step

    def outlived(self, max_age: float) -> BoolArray:
        """(N,) tracks without a detection for more than ``max_age`` frames, by time where it is given.

        One missed update does not end a track of ``max_age`` 1 or more, however far apart updates are: a detector
        misses once in so many frames, not once in so many seconds.
        """
        out: BoolArray = self.time_since_update >= max_age + 0.5
        if np.count_nonzero(out):
            out &= self.missed > min(1.0, max_age)
        return self.mortal(out)

    def outlasted(self, max_age: float, frame_rate: float) -> BoolArray:
        """(N,) tracks ended by a gap in time without updates, of ``max_age`` frames and at least a second."""
        out: BoolArray = self.time_since_update >= max(max_age + 1.5, frame_rate)
        return self.mortal(out)

    def end_after_gap(self, max_age: float, frame_rate: float) -> None:
        """End the tracks that ``outlasted`` names; without times no update follows a gap."""
        if self.time is not None:
            self.end(self.outlasted(max_age, frame_rate), GAP)

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        """Move every track with the camera; ``matrix`` (2, 3) maps points of the last image to this one."""
        self.motion = motion.warp(self.motion, matrix)
        self.floats[BOX] = warp_boxes(self.last_boxes.T, matrix).T

    def update(
        self,
        motion: Motion,
        tracks: IntArray,
        detections: Detections,
        which: IntArray,
        noise: FloatArray | None = None,
    ) -> None:
        """Give each of the tracks (K,), ascending, its matched detection, ``which`` (K,).

        noise (K,) multiplies the variance of each measurement.
        """
        k, n = len(tracks), len(self)
        floats, integers = detections.floats.take(which, axis=1), detections.integers.take(which, axis=1)
        if k == n:  # the usual case: every track is matched
            if n:
                self.motion = _measured(motion, self.motion, floats[1:].T, noise)
            hits = self.integers[HITS]
            hits += ONE
            self.integers[MISSED] = 0
            self.integers[OBSERVED] = integers
            self.floats[SINCE] = 0.0
            self.floats[SCORES:] = floats
            self._count_votes(tracks, detections, which)
            return
        table = self.integers
        table[DETECTIONS] = NOBODY
        if k:
            self.motion[..., tracks] = _measured(motion, self.motion.take(tracks, axis=-1), floats[1:].T, noise)
            table[HITS][tracks] += ONE
            table[MISSED][tracks] = NOTHING
            # By rows: numpy puts numbers into one row in a tenth of the time it takes for a table.
            table[DETECTIONS][tracks], table[DETECTION_CLASSES][tracks] = integers[0], integers[1]
            self.floats[SINCE][tracks] = NO_TIME
            self.floats[SCORES:][:, tracks] = floats
        table[STREAKS][table[MISSED].nonzero()[0]] = NOTHING
        self._count_votes(tracks, detections, which)

    def _count_votes(self, tracks: IntArray, detections: Detections, which: IntArray) -> None:
        # Nearly always every detection is of its track's class, and no votes are pending.
        table = self.integers
        if np.count_nonzero(table[DETECTION_CLASSES] != table[CLASSES]) or np.count_nonzero(self.floats[VOTES]):
            self._vote(tracks, None if detections.twins is None else detections.twins[:, which])

    def _vote(self, tracks: IntArray, twins: FloatArray | None) -> None:
        """Count the vote of each matched track's (K,) detection about its class.

        A cumulative sum with a floor at 0 (Page 1954, Biometrika 41): a detection of the candidate class adds its score
        to the votes, any other subtracts it; one that takes the votes below 0 makes its class the candidate, unless it
        is the track's own. At CLASS_LEAD the candidate becomes the class, and the old class the candidate. A twin
        (2, K) of the track's own or of the candidate class takes its score off that of the detection.
        """
        own, candidates, found = (self.integers[row, tracks] for row in (CLASSES, CANDIDATES, DETECTION_CLASSES))
        weight = self.scores[tracks].clip(0.0, 1.0)
        if twins is not None:
            weight -= np.where((twins[0] == own) | (twins[0] == candidates), twins[1].clip(0.0, weight), 0.0)
        other = found != own
        votes = CLASS_MEMORY * self.votes[tracks] + np.where(other & (found == candidates), weight, -weight)
        candidates = np.where(other & (votes < 0), found, candidates)
        votes = np.where(other, np.abs(votes), votes.clip(0.0))
        won = votes >= CLASS_LEAD
        self.integers[CLASSES, tracks] = np.where(won, candidates, own)
        self.integers[CANDIDATES, tracks] = np.where(won, own, candidates)
        self.floats[VOTES, tracks] = np.where(won, 0.0, votes)

    def birth(self, motion: Motion, detections: Detections, which: IntArray, **columns: Any) -> None:
        """Start a track at each of the detections ``which`` (K,); ``columns`` gives what a subclass added."""
        n = len(which)
        if n == 0:
            return
        integers = np.zeros((9, n), dtype=np.int64)
        integers[IDS] = np.arange(self.next_id, self.next_id + n)
        integers[HITS : AGES + 1] = 1
        integers[OBSERVED] = detections.integers.take(which, axis=1)
        integers[CLASSES] = integers[CANDIDATES] = integers[DETECTION_CLASSES]
        floats = np.zeros((7, n))
        floats[SCORES:] = detections.floats.take(which, axis=1)
        new = {"motion": motion.birth(floats[BOX].T), "integers": integers, "floats": floats}
        new["confirmed"] = np.zeros(n, dtype=bool)
        grown = {name: np.concatenate((getattr(self, name), value), axis=-1) for name, value in (new | columns).items()}
        self.__dict__.update(grown)
        if self.log is not None:
            self.log.birth(self.next_id, integers[DETECTIONS])
        self.next_id += n

    def end_duplicates(self, boxes: FloatArray, above: float, per_class: bool) -> None:
        """Where the boxes (N, 4) of a seen and a lost track have an IoU above ``above``, end the younger track.

        The younger track is the one followed for fewer frames. With ``per_class`` both must be of one class.
        """
        seen, lost = (self.missed == 0).nonzero()[0], self.missed.nonzero()[0]
        s, t, iou = iou_pairs_xyxy(boxes[seen], boxes[lost])
        double = (iou > above).nonzero()[0]
        if not len(double):
            return
        s, t = seen[s[double]], lost[t[double]]
        if per_class:
            same = self.classes[s] == self.classes[t]
            s, t = s[same], t[same]
        followed = self.ages - self.missed
        younger = np.where(followed[s] > followed[t], t, s)
        over = np.full(len(self), False)
        over[younger] = True
        if self.log is not None:
            others = zip(self.ids[younger].tolist(), self.ids[s + t - younger].tolist(), strict=True)
            self.log.duplicates |= {track: other for track, other in others if track not in self.log.edits.keep}
        self.end(over, DUPLICATE)

    def mortal(self, over: BoolArray) -> BoolArray:
        """The mask (N,) without the tracks that an edit of the log keeps alive."""
        return over if self.log is None else over & ~self.log.kept(self.ids)

    def end(self, over: BoolArray, reason: str = EXPIRED) -> None:
        """Forget the tracks in the mask (N,); reason: why they end, as ``tracker.log`` names it."""
        if not np.count_nonzero(over):
            return
        if self.log is not None:
            over = self.mortal(over)
            self.log.end(self.ids[over], self.confirmed[over], reason)
        kept = (~over).nonzero()[0]
        for name, value in self.__dict__.items():
            if isinstance(value, np.ndarray):
                self.__dict__[name] = value.take(kept, axis=-1)

    def report(self, motion: Motion, which: BoolArray) -> Tracks:
        """The tracks in the mask ``which`` (N,), as copies."""
        index = which.nonzero()[0]
        every = len(index) == len(which)
        # What a motion model makes of its state is new; of the rest the report gets copies.
        state = self.motion if every else self.motion.take(index, axis=-1)
        integers = self.integers.copy() if every else self.integers.take(index, axis=1)
        floats = self.floats.copy() if every else self.floats.take(index, axis=1)
        missed, detection_boxes = integers[MISSED], floats[BOX]
        unseen = missed.nonzero()[0]
        if len(unseen):
            detection_boxes[:, unseen] = NOWHERE
        return Tracks.of(
            ids=integers[IDS],
            boxes=motion.boxes(state),
            detection_boxes=detection_boxes.T,
            scores=floats[SCORES],
            classes=integers[CLASSES],
            detection_classes=integers[DETECTION_CLASSES],
            confirmed=self.confirmed[index],
            ages=integers[AGES],
            hits=integers[HITS],
            missed=missed,
            velocities=motion.velocities(state),
            detections=integers[DETECTIONS],
            frame=self.frame,
            time=self.time,
        )

    def numbers_of(self, ids: IntArray) -> IntArray:
        """The numbers that tracks (N,) are reported under: 1, 2, ... in the order in which they were first reported.

        Those never reported have the negative of their id.
        """
        return np.array([self.numbers.get(id, -id) for id in ids.tolist()], dtype=np.int64)

    def numbered(self, tracks: Tracks) -> Tracks:
        """The tracks under their numbers."""
        return replace(tracks, ids=self.numbers_of(tracks.ids))

    def number(self, reported: Tracks) -> Tracks:
        """The tracks reported in this update under their numbers; new ones get the next."""
        new = [id for id in reported.ids.tolist() if id not in self.numbers]
        if new:
            first = self.next_number
            self.next_number += len(new)
            given = {id: first + k for k, id in enumerate(new)}
            # A new table, since the state before this update has the old one.
            self.numbers = self._remembered() | given
            if self.log is not None:
                self.log.numbered = given
        return self.numbered(reported)

    def _remembered(self) -> dict[int, int]:
        """The numbers by id, without the oldest where there are very many."""
        if len(self.numbers) < 2 * NUMBERS:
            return dict(self.numbers)
        kept = {*list(self.numbers)[-NUMBERS:], *self.ids.tolist()}
        return {id: number for id, number in self.numbers.items() if id in kept}


@dataclass
class EmbeddedState(State):
    """State of trackers that keep one embedding a track: zeros, at distance 1 from everything, where it has none."""

    embeddings: EmbeddingArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))  # (D, N) unit, or 0

    @property
    def embedding_width(self) -> int | None:
        return len(self.embeddings) or None

    def expect(self, embeddings: EmbeddingArray) -> None:
        if not self.embeddings.size:
            self.embeddings = np.zeros((embeddings.shape[1], len(self)), dtype=np.float32)

    def at_birth(self, embeddings: EmbeddingArray | None, born: IntArray) -> EmbeddingArray:
        """(D, K) of new tracks at the detections ``born`` (K,), of embeddings (M, D) or None."""
        if embeddings is None:
            return np.zeros((len(self.embeddings), len(born)), dtype=np.float32)
        return embeddings[born].T


def seconds_of(time: Any) -> float:
    """A time as a float; ValueError unless it is a finite number of seconds."""
    # Fractions come from PyAV (pts * time_base); numpy counts its time spans among the integers.
    number = isinstance(time, (int, float, Fraction, np.integer, np.floating))
    if not number or isinstance(time, (bool, np.timedelta64)):
        hint = ", such as time.timestamp()" if hasattr(time, "timestamp") else ""
        raise ValueError(f"time is a {type(time).__name__}; give seconds as a number{hint}")
    try:
        seconds = float(time)
    except OverflowError:
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError(f"time={seconds:g} is not a finite number of seconds")
    return seconds


def _measured(motion: Motion, state: MotionState, boxes: FloatArray, noise: FloatArray | None) -> MotionState:
    # A user's motion model need not take noise where there is none.
    return motion.update(state, boxes) if noise is None else motion.update(state, boxes, noise)
