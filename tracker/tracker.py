"""The shell of a tracker: what every algorithm does the same, written once. An algorithm adds its settings and a step.

class Mine(Tracker):
    \"""My tracker.\"""

    iou_threshold: float = share(default=0.3, about="least IoU of a match")

    def step(self, state, seen):
        state.predict(self.motion, seen.elapsed)
        matching = self.matching(state, seen)
        rows, columns, iou = self.overlaps(state, seen, least=self.iou_threshold)
        matching.stage("overlap", rows, columns, iou)
        tracks, detections = matching.pairs
        state.update(self.motion, tracks, seen.detections, detections)
        state.end(state.outlived(30))
        state.birth(self.motion, seen.detections, matching.free_detections.nonzero()[0])
        state.confirmed[:] = True
        return self.report(state, state.missed == 0)
"""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from tracker.appearance import unit
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, Image, IntArray
from tracker.assign import Matching
from tracker.boxes import iou_pairs_xyxy
from tracker.camera_pairs import at_ease, half_of_the_best, rests, sure_tracks, watch
from tracker.detections import (
    NORMALISED_BOXES,
    WIDE,
    Detections,
    Invalid,
    as_detections,
    normalised,
    percentages,
)
from tracker.log import Decisions, Log
from tracker.motion import XYSR, Motion
from tracker.protocol import EmbedderCall, Embeddings
from tracker.results import DetectionsLike
from tracker.scores import unreached, why_nothing
from tracker.settings import (
    Part,
    Setting,
    age,
    amount,
    count,
    declared_in,
    flag,
    part,
    score,
    share,
    signature_of,
    table_of,
)
from tracker.spelling import nearest
from tracker.state import State
from tracker.tracks import Tracks

if TYPE_CHECKING or sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:  # it only tells a type checker, which reads the branch above

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        return lambda cls: cls


S = TypeVar("S", bound=State)

ONE = np.array(1)  # a call with an array is cheaper than one with a number
UNREACHED_FRAMES = 30  # with detections, all too weak to start a track: then a warning says so

# The 95 % quantile of the chi-square distribution with 4 degrees of freedom (x, y, aspect ratio, height).
MAHALANOBIS_GATE = 9.487729036781154

EMBEDDER = "callable (image, boxes (N, 4) xyxy) -> (N, D), for detections without embeddings"


_CHECKED = ("motion", "embedder", "log", "state")


def _check_part(owner: str, name: str, value: object) -> None:
    """Raise TypeError unless ``value`` can be the attribute ``name`` of a tracker of class ``owner``."""
    if name == "motion":
        fits, hint = isinstance(value, Motion) and not isinstance(value, type), "a motion model, such as XYAH()"
    elif name == "embedder":
        fits, hint = value is None or callable(value), f"a {EMBEDDER}, or None"
    elif name == "log":
        fits, hint = value is None or isinstance(value, Log), "a Log, or None"
    else:
        fits, hint = isinstance(value, State), "what tracker.state gave"
    if not fits:
        raise TypeError(f"{owner}: {name} cannot be {_name_of(value)}; give {hint}")


def _name_of(value: object) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


class Seen:
    """What a step gets for its frame.

    detections  checked
    embeddings  (M, D) of unit length, checked against those remembered; None where there are none
    elapsed     frames since the last update: 1, or by time
    image       (H, W, 3) or None; invalid: what to do with bad rows, for a step that calls the embedder itself
    """

    __slots__ = ("detections", "elapsed", "embeddings", "image", "invalid")

    def __init__(self, detections: Detections, elapsed: float, image: Image | None, invalid: Invalid) -> None:
        self.detections = detections
        self.embeddings: EmbeddingArray | None = None
        self.elapsed = elapsed
        self.image = image
        self.invalid = invalid


@dataclass_transform(kw_only_default=True, field_specifiers=(share, score, amount, count, age, flag, part))
class _Declares:
    """For type checkers: the annotated attributes of classes below this one are keywords of the constructor."""

    log: Log | None
    state: Any


class Tracker(_Declares):
    """Base of the library's trackers; a subclass declares its settings and writes ``step``.

    An update works on a copy of the state and keeps it only at the end, so that a call that raises leaves the tracker
    as it was. Everything that a tracker remembers is in ``state``: ``copy.deepcopy(tracker.state)`` (or pickle) saves
    it, assigning ``tracker.state`` restores it. ``log`` may hold a ``Log``, which then records every decision.
    ``warns``: whether updates warn, once each, of boxes and scores that look wrong, and of scores too low to start a
    track.
    """

    warns: bool = True
    most_scale: ClassVar[float] = 1.0  # by which the algorithm multiplies weak scores at most, before it compares them

    declared: ClassVar[dict[str, Setting]]
    parts: ClassVar[dict[str, Part]]
    embeddings: ClassVar[Embeddings] = "none"
    default_motion: ClassVar[Callable[[], Motion]] = XYSR

    per_class: bool = flag(default=False, about="a track matches detections of its own class only", search=None)
    camera_from_pairs: bool = flag(
        default=False,
        about="tracks follow a moving camera, which the tracks and detections themselves show (tracker.camera_pairs)",
        search=None,
    )
    ids_at_birth: bool = flag(
        default=True,
        about="ids count every track that begins, as the published code does; off, as in `track`: those reported, so "
        "that the 20th object is 20",
        search=None,
    )
    frame_rate: float = amount(
        default=30.0, about='turns seconds (``time``, "1.5s") into frames', unit="frames per second", search=None
    )
    motion: Motion = part("motion model; default the paper's", default=None)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.declared, cls.parts = declared_in(cls)
        cls.__signature__ = signature_of(cls.declared, cls.parts)  # type: ignore[attr-defined]
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{table_of(cls.declared, cls.parts)}\n"

    def __init__(self, **given: Any) -> None:
        cls = type(self)
        known = {**cls.declared, **cls.parts}
        for name in given:
            if name not in known:
                raise TypeError(f"{cls.__name__}() has no parameter {name!r}{nearest(name, known)}")
        self.frame_rate = given.get("frame_rate", cls.declared["frame_rate"].default)
        for name, setting in cls.declared.items():
            setattr(self, name, given.get(name, setting.default))
        self.motion = cls.default_motion()
        for name in cls.parts:
            if name != "motion" or given.get(name) is not None:
                setattr(self, name, given.get(name))
        self.settle()
        self._doubts = _Doubts()
        self.log = None
        self.reset()

    if not TYPE_CHECKING:  # mypy would take any attribute for one of a tracker's

        def __setattr__(self, name, value):
            """Check what is set after the construction as the constructor does."""
            setting = self.declared.get(name)
            if setting is not None:
                value = setting.check(value, self.frame_rate if "frame_rate" in vars(self) else 30.0)
            elif name in _CHECKED:
                _check_part(type(self).__name__, name, value)
            elif not hasattr(self, name) and (meant := nearest(name, self.declared, cutoff=0.8)):
                raise AttributeError(f"{type(self).__name__} has no parameter {name!r}{meant}")
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        changed = {n: getattr(self, n) for n, s in self.declared.items() if getattr(self, n) != s.default}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    # What an algorithm writes.

    def settle(self) -> None:
        """Derive what depends on several settings; called once all are checked."""

    def start(self) -> State:
        """The state before the first frame; an algorithm that remembers more than ``State`` gives its own."""
        return State.start(self.motion)

    def step(self, state: Any, seen: Seen) -> Tracks:
        """Track one frame: change ``state``, a copy, and return the tracks to report. See the module for an example."""
        raise NotImplementedError(f"{type(self).__name__} has no step; write one, as tracker.tracker shows")

    def report(self, state: Any, which: BoolArray) -> Tracks:
        """The tracks in the mask ``which`` (N,), as they are reported."""
        tracks: Tracks = state.report(self.motion, which)
        return tracks

    @property
    def embeds_itself(self) -> bool:
        """Whether ``step`` calls the embedder, for the detections that it chooses."""
        return False

    # What a user calls.

    def update(
        self,
        detections: DetectionsLike,
        frame: Image | None = None,
        time: float | None = None,
        *,
        invalid: Invalid = "raise",
    ) -> Tracks:
        """Track one frame: its detections in, the tracks to report out.

        detections  anything ``as_detections`` takes, those of low score too; with embeddings where the algorithm uses
                    them and has no embedder
        frame       the image (H, W, 3), for the embedder; others ignore it
        time        seconds, for skipped or irregular frames. Without it one call is one frame
        invalid     "raise" or "drop" bad rows

        Raises ValueError for invalid detections (unless ``invalid="drop"``), missing embeddings or embeddings of
        another width, or a time that does not increase; the tracker is then as it was before the call.
        """
        detections = as_detections(detections, invalid=invalid)
        doubts = self._doubts
        if self.warns and not (doubts.reached and (frame is None or doubts.imaged)):
            doubts.see(self, detections, frame)
        before = self.state
        state = before.__copy__()  # copy.copy, without its search for how to
        elapsed = state.advance(time, self.frame_rate)
        if self.log is not None:
            state.log, detections = self.log.open(state.frame, state.time, detections)
        seen = Seen(detections, elapsed, frame, invalid)
        if self.embeddings != "none" and not self.embeds_itself:
            if detections.embeddings is None:
                seen.detections = detections = self.embedded(detections, frame, invalid)
            if detections.embeddings is not None or self.embeddings == "required":
                seen.embeddings = self.embeddings_of(detections, state)
        state.dropped += detections.dropped
        reported = self.step(state, seen)
        if not self.ids_at_birth:
            reported = state.number(reported)
        if state.log is not None and self.log is not None:
            state.log.proved = np.setdiff1d(state.ids[state.confirmed], before.ids[before.confirmed]).tolist()
            self.log.close(state.log)
            state.log = None
        object.__setattr__(self, "state", state)  # without the check of what a user sets
        return reported

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        self.state = self.start()

    @property
    def tracks(self) -> Tracks:
        """Every living track, reported or not. Those without an id yet (``ids_at_birth`` off) have a negative one."""
        tracks = self.report(self.state, np.full(len(self.state), True))
        return tracks if self.ids_at_birth else self.state.numbered(tracks)

    @property
    def last_time(self) -> float | None:
        """Seconds of the last update, as given or counted on from there; None where no time was ever given."""
        time: float | None = self.state.time
        return time

    def predict(self, reported: Tracks, time: float | None = None) -> Tracks:
        """``reported`` tracks as expected at a later time without detections; the tracker stays as it is.

        reported  what the last update gave, or what this method made of it since
        time      seconds, after the last update's; None: one frame after it

        ``detections`` are -1 and ``detection_boxes`` NaN; ``ages``, ``hits`` and ``missed`` stay, for they count
        updates. Tracks that have ended since are left out. Raises ValueError for a time that does not follow.
        """
        if not isinstance(reported, Tracks):
            raise TypeError(f"reported is {_name_of(reported)}; give the Tracks that update() returned")
        state = copy.copy(self.state)
        elapsed = state.advance(time, self.frame_rate)
        state.motion = self.motion.predict(self.motion.hold_size(state.motion, state.missed > 0), elapsed)
        ids = state.ids if self.ids_at_birth else state.numbers_of(state.ids)
        tracks: Tracks = state.report(self.motion, np.isin(ids, reported.ids))
        if not self.ids_at_birth:
            tracks = state.numbered(tracks)
        nowhere = np.full_like(tracks.detections, -1)
        return replace(tracks, detections=nowhere, detection_boxes=np.full_like(tracks.boxes, np.nan))

    def warp(self, matrix: FloatArray) -> None:
        """Move every track with the camera; ``matrix`` (2, 3) maps points of the last image to this one.

        Raises ValueError for a matrix of another shape or with NaN or inf.
        """
        if np.shape(matrix) != (2, 3) or not np.isfinite(matrix).all():
            raise ValueError(f"matrix of shape {np.shape(matrix)}: give an affine map (2, 3) of finite numbers")
        moved = copy.copy(self.state)
        moved.warp(self.motion, matrix)
        self.state = moved
        if self.log is not None:
            self.log.warped(matrix)

    # What a step uses.

    def move(self, state: State, seen: Seen, moving: BoolArray | None = None) -> None:
        """Predict every track, those outside the mask ``moving`` (N,) aside, and let them follow the camera."""
        state.predict(self.motion, seen.elapsed, moving)
        if self.camera_from_pairs and len(state) and len(seen.detections):
            predicted, boxes = self.motion.boxes(state.motion), seen.detections.boxes
            self.follow_camera(state, predicted, boxes, iou_pairs_xyxy(predicted, boxes), seen.detections.scores)

    def follow_camera(
        self,
        state: State,
        predicted: FloatArray,
        boxes: FloatArray,
        pairs: tuple[IntArray, IntArray, FloatArray],
        scores: FloatArray,
        least: float | None = None,
    ) -> bool:
        """Move the predicted tracks with the camera, where it moved; whether it did.

        predicted, boxes  (N, 4) and (M, 4). pairs: those that overlap, with their IoU
        scores            (M,) of the detections, of which those from ``least`` on are good enough to judge by; None:
                          half of the score that one in ten exceeds
        """
        camera, last = state.camera, state.missed == ONE
        if at_ease(camera, state.frame, pairs[2], last):
            return False
        good = scores >= (half_of_the_best(scores) if least is None else least)
        sure = sure_tracks(camera, state.confirmed, last, state.hits)
        still = rests(camera, predicted, boxes, pairs, sure, good)
        if still is not None:
            state.camera = still
            return False
        state.camera, matrix = watch(camera, predicted[sure], boxes[good])
        if matrix is None:
            return False
        state.warp(self.motion, matrix)
        return True

    def matching(self, state: State, seen: Seen) -> Matching:
        """The association of the living tracks and the detections of ``seen``."""
        if state.log is not None:
            boxes = self.motion.boxes(state.motion)
            state.log.begin(state.ids, state.confirmed, state.missed, boxes, seen.detections.rows)
        return Matching(len(state), len(seen.detections), state.log)

    def overlaps(
        self,
        state: State,
        seen: Seen,
        boxes: FloatArray | None = None,
        others: FloatArray | None = None,
        *,
        least: float | None = None,
        limit: str = "",
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Pairs of a track and a detection that overlap, and may match by class: tracks, detections and IoU, each (K,).

        boxes, others  (N, 4) of the tracks and (M, 4) of the detections; default the predicted and the detected ones
        least          pairs below this IoU are left out, 0 gives all pairs; default those that do not overlap at all
        limit          the setting that ``least`` is, for the log
        """
        boxes = self.motion.boxes(state.motion) if boxes is None else boxes
        others = seen.detections.boxes if others is None else others
        rows, columns, iou = iou_pairs_xyxy(boxes, others, least)
        if state.log is not None and least:
            every, all_columns, overlap = iou_pairs_xyxy(boxes, others)
            low = overlap < least
            rows_of = seen.detections.rows
            state.log.refuse(limit, state.ids[every[low]], rows_of[all_columns[low]], overlap[low])
        if self.per_class:
            same = self.of_one_class(state, seen, rows, columns)
            rows, columns, iou = rows[same], columns[same], iou[same]
        return rows, columns, iou

    def gated(self, state: State, seen: Seen, tracks: BoolArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Pairs of a track in the mask ``tracks`` (N,) and a detection within the gate, with their distance, each (K,).

        The distance is the squared Mahalanobis distance (Wojke 2017, equation 1), the gate its 95 % quantile. Rows
        ascend.
        """
        rows, columns, distance = self.motion.gated_pairs(state.motion, seen.detections.boxes, MAHALANOBIS_GATE)
        admitted = tracks[rows]
        if state.log is not None:
            self._log_gate(state.log, state, seen, rows, columns)
        if self.per_class:
            admitted &= self.of_one_class(state, seen, rows, columns)
        return rows[admitted], columns[admitted], distance[admitted]

    def _log_gate(self, log: Decisions, state: State, seen: Seen, rows: IntArray, columns: IntArray) -> None:
        """Log the pairs that overlap but lie outside the gate."""
        i, j, _ = iou_pairs_xyxy(self.motion.boxes(state.motion), seen.detections.boxes)
        m = len(seen.detections)  # a pair as one number
        outside = ~np.isin(i * m + j, rows * m + columns)
        log.refuse("gate", state.ids[i[outside]], seen.detections.rows[j[outside]])

    def of_one_class(self, state: State, seen: Seen, rows: IntArray, columns: IntArray) -> BoolArray:
        """(K,) mask of the pairs whose track and detection have the same class; the others are logged."""
        same: BoolArray = state.classes[rows] == seen.detections.classes[columns]
        if state.log is not None:
            state.log.refuse("class", state.ids[rows[~same]], seen.detections.rows[columns[~same]])
        return same

    def embedded(self, detections: Detections, image: Image | None, invalid: Invalid) -> Detections:
        """The detections with the embedder's embeddings, where they have none and there is an embedder.

        Those whose embedding is not finite raise ValueError, as does a missing image; or with ``invalid="drop"`` they
        are left out and counted in ``dropped`` beside those counted before.
        """
        embedder: EmbedderCall | None = getattr(self, "embedder", None)
        if detections.embeddings is not None or embedder is None or len(detections) == 0:
            return detections
        if image is None:
            raise ValueError(f"{type(self).__name__}'s embedder needs the image: call update(detections, frame)")
        found = detections.with_embeddings(embedder(image, detections.boxes), invalid=invalid)
        found.dropped += detections.dropped
        return found

    def embeddings_of(self, detections: Detections, state: State) -> EmbeddingArray | None:
        """(M, D) unit embeddings of the detections, for which the state makes room; None where there are none.

        Raises ValueError where the algorithm needs them, or where they are of another width than those remembered.
        """
        width = state.embedding_width
        if len(detections) == 0:
            if self.embeddings == "optional":
                return None
            found = np.empty((0, width or 0), dtype=np.float32)
        elif detections.embeddings is None:
            if self.embeddings == "optional":
                return None
            name = type(self).__name__
            raise ValueError(
                f"{name} needs embeddings: give detections with embeddings, "
                f"or {name}(embedder=...) and update(detections, frame)"
            )
        elif width is not None and detections.embeddings.shape[1] != width:
            raise ValueError(
                f"embeddings are {detections.embeddings.shape[1]} wide, those remembered {width}; "
                "use one embedder throughout, or call reset()"
            )
        else:
            found = unit(detections.embeddings)
        state.expect(found)
        return found


def most_scale_of(tracker: object) -> float:
    """By how much a tracker multiplies weak scores at most; 1 for a class of the user's own that does not say so."""
    return tracker.most_scale if isinstance(tracker, Tracker) else 1.0


class _Doubts:
    """What a tracker may warn of, each once.

    imaged   boxes and scores were looked at beside an image
    reached  some score was high enough to start a track, or a warning has said that none is
    """

    __slots__ = ("best", "detections", "frames", "imaged", "reached")

    def __init__(self) -> None:
        self.imaged = self.reached = False
        self.frames = self.detections = 0  # frames with detections
        self.best = -np.inf

    def see(self, tracker: Tracker, detections: Detections, image: Image | None) -> None:
        if not len(detections):
            return
        if image is not None and not self.imaged:
            self.imaged = True
            _warn(detections, image)
        if not self.reached:
            self.frames += 1
            self.detections += len(detections)
            self.best = max(self.best, float(detections.scores.max()))
            kind = type(tracker)
            low = unreached(kind.declared, vars(tracker), self.best, kind.most_scale)
            self.reached = low is None or self.frames == UNREACHED_FRAMES
            if low is not None and self.reached:
                warnings.warn(why_nothing(kind.__name__, self.detections, self.best, low), stacklevel=4)


def _warn(detections: Detections, image: Image) -> None:
    """Warn where boxes look like parts of the image, or scores like percentages."""
    said = []
    if min(np.shape(image)[:2], default=0) >= WIDE and normalised(detections.boxes):
        said.append(NORMALISED_BOXES)
    percent = percentages(float(detections.scores.min()), float(detections.scores.max()))
    for line in [*said, *([percent] if percent else [])]:
        warnings.warn(line, stacklevel=4)
