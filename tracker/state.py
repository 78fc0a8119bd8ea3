"""The state of a tracker: everything it remembers between frames, one array per quantity.

``copy.deepcopy(tracker.state)`` (or pickle) saves a tracker; assigning ``tracker.state`` restores it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import iou_pairs_xyxy, warp_boxes
from tracker.detections import Detections
from tracker.motion import Motion
from tracker.tracks import Tracks

S = TypeVar("S", bound="State")


# Rows of State.integers and State.floats, read and written by name as attributes; the last ones as in Detections.
IDS, HITS, AGES, STREAKS, MISSED, CLASSES, RIVALS, DETECTIONS, DETECTION_CLASSES = range(9)
SILENT, DOUBTS, SCORES, BOX = 0, 1, 2, slice(3, 7)
COUNTED, OBSERVED = slice(AGES, MISSED + 1), slice(DETECTIONS, DETECTION_CLASSES + 1)
ONE, NOTHING, NOBODY = np.array(1), np.array(0), np.array(-1)  # a call with an array is cheaper than one with a number

# A track changes its class when detections of another one outweigh its own by so many sure ones; see ``_vote``.
CLASS_LEAD = 5.0
CLASS_MEMORY = 0.95  # what is left of a vote at the next one


def _column(table: str, row: int) -> Any:
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
    rivals      class that may come to replace it
    detection_classes  class of the last matched detection
    silent      frames since the last match, by time where it is given
    doubts      votes by which the rival leads, 0 or more
    scores      score of the last matched detection
    last_boxes  (4, N) the last matched detection's box, xyxy
    """

    motion: NDArray[Any]  # (..., N), as the motion model keeps it
    integers: IntArray = field(default_factory=lambda: np.empty((9, 0), dtype=np.int64))
    floats: FloatArray = field(default_factory=lambda: np.empty((7, 0)))
    confirmed: BoolArray = field(default_factory=lambda: np.empty(0, dtype=bool))
    next_id: int = 1
    frame: int = 0
    time: float | None = None
    dropped: int = 0  # invalid detections left out so far

    # Packed, so that keeping some tracks or copying all takes a few array operations and not one per quantity.
    ids: ClassVar[Any] = _column("integers", IDS)
    ages: ClassVar[Any] = _column("integers", AGES)
    hits: ClassVar[Any] = _column("integers", HITS)
    streaks: ClassVar[Any] = _column("integers", STREAKS)
    missed: ClassVar[Any] = _column("integers", MISSED)
    detections: ClassVar[Any] = _column("integers", DETECTIONS)
    classes: ClassVar[Any] = _column("integers", CLASSES)
    rivals: ClassVar[Any] = _column("integers", RIVALS)
    detection_classes: ClassVar[Any] = _column("integers", DETECTION_CLASSES)
    silent: ClassVar[Any] = _column("floats", SILENT)
    doubts: ClassVar[Any] = _column("floats", DOUBTS)
    scores: ClassVar[Any] = _column("floats", SCORES)

    @property
    def last_boxes(self) -> FloatArray:
        return self.floats[BOX]

    def __copy__(self: S) -> S:
        new = object.__new__(type(self))
        new.__dict__ = {
            name: value.copy() if type(value) is np.ndarray else value for name, value in self.__dict__.items()
        }
        return new

    @classmethod
    def start(cls: type[S], motion: Motion, **columns: Any) -> S:
        """No tracks yet."""
        return cls(motion.birth(np.empty((0, 4))), **columns)

    def __len__(self) -> int:
        return len(self.confirmed)

    def advance(self, time: float | None, frame_rate: float) -> float:
        """Count one update and return the frames that passed since the last one: 1, or the seconds x frame_rate.

        Raises ValueError unless time increases.
        """
        step = 1.0
        if time is not None:
            time = float(time)
            if not math.isfinite(time):
                raise ValueError(f"time={time:g} is not a finite number of seconds")
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
        silent = self.floats[SILENT]
        silent += step

    def outlived(self, max_age: float) -> BoolArray:
        """(N,) tracks without a detection for more than ``max_age`` frames, by time where it is given.

        One missed update does not end a track of ``max_age`` 1 or more, however far apart updates are: a detector
        misses once in so many looks, not once in so many seconds.
        """
        out: BoolArray = self.silent >= max_age + 0.5
        if np.count_nonzero(out):
            out &= self.missed > min(1.0, max_age)
        return out

    def outlasted(self, max_age: float, frame_rate: float) -> BoolArray:
        """(N,) tracks ended by a gap in time, in which nobody looked, of ``max_age`` frames and at least a second."""
        out: BoolArray = self.silent >= max(max_age + 1.5, frame_rate)
        return out

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        """Move every track with the camera; ``matrix`` (2, 3) takes points of the last image to this one."""
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
        if k == n:  # as usual: no track need be picked out
            if n:
                self.motion = _measured(motion, self.motion, floats[1:].T, noise)
            hits = self.integers[HITS]
            hits += ONE
            self.integers[MISSED] = 0
            self.integers[OBSERVED] = integers
            self.floats[SILENT] = 0.0
            self.floats[SCORES:] = floats
            self._hear_of_classes(tracks)
            return
        table = self.integers
        table[DETECTIONS] = NOBODY
        if k:
            self.motion[..., tracks] = _measured(motion, self.motion.take(tracks, axis=-1), floats[1:].T, noise)
            table[HITS][tracks] += ONE
            table[MISSED][tracks] = NOTHING
            # By rows: numpy puts numbers into one row in a tenth of the time it takes for a table.
            table[DETECTIONS][tracks], table[DETECTION_CLASSES][tracks] = integers[0], integers[1]
            self.floats[SILENT][tracks] = NOTHING
            self.floats[SCORES:].T[tracks] = floats.T
        table[STREAKS][(table[MISSED] > NOTHING).nonzero()[0]] = NOTHING
        self._hear_of_classes(tracks)

    def _hear_of_classes(self, tracks: IntArray) -> None:
        # Nearly always every detection is of its track's class, and nothing was in doubt before.
        other = self.integers[DETECTION_CLASSES] != self.integers[CLASSES]
        if np.count_nonzero(other) or np.count_nonzero(self.floats[DOUBTS]):
            self._vote(tracks)

    def _vote(self, tracks: IntArray) -> None:
        """Let the matched tracks (K,) hear their detection about their class.

        A cumulative sum with a floor at 0 (Page 1954, Biometrika 41): a detection of the rival class adds its score to
        the doubt, any other takes it away; one that takes more than there is becomes the rival, if it is of another
        class than the track's. At CLASS_LEAD the rival is the class, and the old one has as long a way back.
        """
        own, rivals, found = (self.integers[row, tracks] for row in (CLASSES, RIVALS, DETECTION_CLASSES))
        weight = self.scores[tracks].clip(0.0, 1.0)
        other = found != own
        doubts = CLASS_MEMORY * self.doubts[tracks] + np.where(other & (found == rivals), weight, -weight)
        rivals = np.where(other & (doubts < 0), found, rivals)
        doubts = np.where(other, np.abs(doubts), doubts.clip(0.0))
        won = doubts >= CLASS_LEAD
        self.integers[CLASSES, tracks] = np.where(won, rivals, own)
        self.integers[RIVALS, tracks] = np.where(won, own, rivals)
        self.floats[DOUBTS, tracks] = np.where(won, 0.0, doubts)

    def birth(self, motion: Motion, detections: Detections, which: IntArray, **columns: Any) -> None:
        """Start a track at each of the detections ``which`` (K,); ``columns`` gives what a subclass added."""
        n = len(which)
        if n == 0:
            return
        integers = np.zeros((9, n), dtype=np.int64)
        integers[IDS] = np.arange(self.next_id, self.next_id + n)
        integers[HITS : AGES + 1] = 1
        integers[OBSERVED] = detections.integers.take(which, axis=1)
        integers[CLASSES] = integers[RIVALS] = integers[DETECTION_CLASSES]
        floats = np.zeros((7, n))
        floats[SCORES:] = detections.floats.take(which, axis=1)
        new = {"motion": motion.birth(floats[BOX].T), "integers": integers, "floats": floats}
        new["confirmed"] = np.zeros(n, dtype=bool)
        grown = {name: np.concatenate((getattr(self, name), value), axis=-1) for name, value in (new | columns).items()}
        self.__dict__.update(grown)
        self.next_id += n

    def duplicates(self, boxes: FloatArray, above: float, per_class: bool) -> BoolArray:
        """(N,) of each seen and each lost track whose boxes (N, 4) have an IoU above ``above``, the younger one.

        Younger is the one followed for fewer frames. With ``per_class`` only tracks of one class are duplicates.
        """
        seen, lost = (self.missed == 0).nonzero()[0], self.missed.nonzero()[0]
        s, t, iou = iou_pairs_xyxy(boxes[seen], boxes[lost])
        double = iou > above
        s, t = seen[s[double]], lost[t[double]]
        if per_class:
            same = self.classes[s] == self.classes[t]
            s, t = s[same], t[same]
        followed = self.ages - self.missed
        over = np.full(len(self), False)
        over[np.where(followed[s] > followed[t], t, s)] = True
        return over

    def end(self, over: BoolArray) -> None:
        """Forget the tracks in the mask (N,)."""
        if not np.count_nonzero(over):
            return
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
        missed, detection_boxes = integers[MISSED], floats[BOX].T
        if np.count_nonzero(missed):
            detection_boxes[missed > NOTHING] = np.nan
        return Tracks.of(
            ids=integers[IDS],
            boxes=motion.boxes(state),
            detection_boxes=detection_boxes,
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


def _measured(motion: Motion, state: NDArray[Any], boxes: FloatArray, noise: FloatArray | None) -> NDArray[Any]:
    # A motion model of the user's need not know of noise where there is none.
    return motion.update(state, boxes) if noise is None else motion.update(state, boxes, noise)


def frames_of(age: float | str, frame_rate: float, name: str = "max_age") -> float:
    """An age in frames: a number is frames already, "1.5s" is seconds. Raises ValueError for anything else."""
    if isinstance(age, str):
        text = age.strip()
        try:
            frames = float(text[:-1]) * frame_rate if text.endswith("s") else float(text)
        except ValueError:
            raise ValueError(f"{name}={age!r}: give frames (30) or seconds ('1.5s')") from None
    else:
        frames = float(age) if _is_number(age) else math.nan
    if not frames >= 0 or not math.isfinite(frames):
        raise ValueError(f"{name}={age!r}: give a number of frames or seconds, 0 or more")
    return frames


def _is_number(value: Any) -> bool:
    """A finite number, of Python or numpy; True is none, nor is an integer beyond all floats."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    try:
        return math.isfinite(float(value))  # as a float of Python: a float32 warns beside the largest one
    except OverflowError:
        return False


LARGEST_COUNT = 2**31  # frames, hits or embeddings: sizes beyond it are no array's


def at_least(least: int, value: int, name: str) -> int:
    """``value``, a whole number from ``least`` to 2^31; ValueError otherwise."""
    if not _is_number(value) or value % 1 != 0 or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number, {least} or more")
    if value > LARGEST_COUNT:
        raise ValueError(f"{name}={value!r}: give a whole number from {least} to {LARGEST_COUNT}")
    return int(value)


def fraction(value: float, name: str, most: int = 1) -> float:
    """``value``, between 0 and ``most``; ValueError otherwise."""
    if not _is_number(value) or not 0 <= value <= most:
        raise ValueError(f"{name}={value!r}: give a number from 0 to {most}")
    return float(value)


def positive(value: float, name: str) -> float:
    """``value``, finite and above 0; ValueError otherwise."""
    if not _is_number(value) or value <= 0:
        raise ValueError(f"{name}={value!r}: give a number above 0")
    return float(value)


def not_negative(value: float, name: str) -> float:
    """``value``, finite and 0 or more; ValueError otherwise."""
    if not _is_number(value) or value < 0:
        raise ValueError(f"{name}={value!r}: give a number, 0 or more")
    return float(value)


def switch(value: bool, name: str) -> bool:
    """``value``, True or False; ValueError otherwise: "no" would count as true."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}={value!r}: give True or False")
    return bool(value)
