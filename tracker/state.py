"""The state of a tracker: everything it remembers between frames, one array per quantity.

``copy.deepcopy(tracker.state)`` (or pickle) saves a tracker; assigning ``tracker.state`` restores it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import FloatArray
from tracker.detections import Detections
from tracker.motion import Motion
from tracker.tracks import IntArray, Tracks

S = TypeVar("S", bound="State")


def _none() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass
class State:
    """All living tracks, oldest first. Every array has the tracks on its LAST axis; a subclass may add such arrays.

    Arrays are replaced, never written into, so a shallow copy is a snapshot: an update works on a copy and a call that
    raises leaves the tracker as it was.
    """

    motion: NDArray[Any]  # (..., N), as the motion model keeps it
    ids: IntArray = field(default_factory=_none)
    ages: IntArray = field(default_factory=_none)
    hits: IntArray = field(default_factory=_none)
    confirmed: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    missed: IntArray = field(default_factory=_none)  # updates since the last match
    silent: FloatArray = field(default_factory=lambda: np.empty(0))  # frames since the last match, in time if given
    scores: FloatArray = field(default_factory=lambda: np.empty(0))
    classes: IntArray = field(default_factory=_none)
    detections: IntArray = field(default_factory=_none)  # row in this frame's input, -1 without
    last_boxes: FloatArray = field(default_factory=lambda: np.empty((4, 0)))  # of the last matched detection
    next_id: int = 1
    frame: int = 0
    time: float | None = None
    dropped: int = 0  # invalid detections left out so far

    @classmethod
    def start(cls: type[S], motion: Motion, **columns: Any) -> S:
        """No tracks yet."""
        return cls(motion.birth(np.empty((0, 4))), **columns)

    def __len__(self) -> int:
        return len(self.ids)

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

    def predict(self, motion: Motion, step: float) -> None:
        """Move every track ``step`` frames on."""
        self.motion = motion.predict(self.motion, step)
        self.ages = self.ages + 1
        self.missed = self.missed + 1
        self.silent = self.silent + step
        self.detections = np.full(len(self), -1, dtype=np.int64)

    def update(self, motion: Motion, tracks: IntArray, detections: Detections, which: IntArray) -> None:
        """Give each of the tracks (K,) its matched detection, ``which`` (K,)."""
        if len(tracks) == 0:
            return
        updated = motion.update(self.motion[..., tracks], detections.boxes[which])
        self.motion = self.motion.copy()
        self.motion[..., tracks] = updated
        self.hits = self.hits.copy()
        self.hits[tracks] += 1
        for name, value in self._seen(detections, which).items():
            column = getattr(self, name).copy()
            column[..., tracks] = value
            setattr(self, name, column)

    def birth(self, motion: Motion, detections: Detections, which: IntArray, **columns: Any) -> None:
        """Start a track at each of the detections ``which`` (K,); ``columns`` gives what a subclass added."""
        n = len(which)
        if n == 0:
            return
        new: dict[str, Any] = self._seen(detections, which)
        new["motion"] = motion.birth(detections.boxes[which])
        new["ids"] = np.arange(self.next_id, self.next_id + n)
        new["ages"] = new["hits"] = np.ones(n, dtype=np.int64)
        new["confirmed"] = np.zeros(n, dtype=bool)
        new |= columns
        for name, value in new.items():
            setattr(self, name, np.concatenate((getattr(self, name), value), axis=-1))
        self.next_id += n

    def keep(self, mask: NDArray[np.bool_]) -> None:
        """Forget the tracks outside the mask (N,)."""
        if mask.all():
            return
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                setattr(self, f.name, value[..., mask])

    def report(self, motion: Motion, which: NDArray[np.bool_]) -> Tracks:
        """The tracks in the mask ``which`` (N,), as copies."""
        index = np.flatnonzero(which)
        state = self.motion[..., index]
        detections = self.detections[index]
        detection_boxes = self.last_boxes.T[index]
        detection_boxes[detections < 0] = np.nan
        return Tracks(
            ids=self.ids[index],
            boxes=motion.boxes(state),
            detection_boxes=detection_boxes,
            scores=self.scores[index],
            classes=self.classes[index],
            confirmed=self.confirmed[index],
            ages=self.ages[index],
            hits=self.hits[index],
            missed=self.missed[index],
            velocities=motion.velocities(state),
            detections=detections,
            frame=self.frame,
            time=self.time,
        )

    def _seen(self, detections: Detections, which: IntArray) -> dict[str, NDArray[Any]]:
        n = len(which)
        return {
            "missed": np.zeros(n, dtype=np.int64),
            "silent": np.zeros(n),
            "scores": detections.scores[which],
            "classes": detections.classes[which],
            "detections": detections.rows[which],
            "last_boxes": detections.boxes[which].T,
        }


def frames_of(age: float | str, frame_rate: float, name: str = "max_age") -> float:
    """An age in frames: a number is frames already, "1.5s" is seconds. Raises ValueError for anything else."""
    if isinstance(age, str):
        text = age.strip()
        try:
            frames = float(text[:-1]) * frame_rate if text.endswith("s") else float(text)
        except ValueError:
            raise ValueError(f"{name}={age!r}: give frames (30) or seconds ('1.5s')") from None
    else:
        frames = float(age)
    if not frames >= 0 or not math.isfinite(frames):
        raise ValueError(f"{name}={age!r}: give a number of frames or seconds, 0 or more")
    return frames


def at_least(least: int, value: int, name: str) -> int:
    """``value``, a whole number not below ``least``; ValueError otherwise."""
    if value != int(value) or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number, {least} or more")
    return int(value)


def fraction(value: float, name: str) -> float:
    """``value``, between 0 and 1; ValueError otherwise."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value!r}: give a number from 0 to 1")
    return float(value)


def positive(value: float, name: str) -> float:
    """``value``, finite and above 0; ValueError otherwise."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name}={value!r}: give a number above 0")
    return float(value)
