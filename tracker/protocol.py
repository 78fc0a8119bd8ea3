"""What a tracker is: the published protocol, which the library's trackers and a class of your own both follow.

``update`` is all that a tracker must have. Other abilities are optional methods and attributes; without one, the
option that needs it is refused in one line:

    predict   `track --every N`, ``tracker.track(every=N)``
    state     `track --snapshot`, ``tracker.save_state``
    warp      camera motion
    embedder  `--reid`

``tracker.Tracker`` is a base class with all of it. CONTRIBUTING shows a tracker of your own in ten lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from tracker.arrays import FloatArray, Image
from tracker.detections import Detections
from tracker.tracks import Tracks

EmbedderCall = Callable[[Any, FloatArray], Any]  # (image, boxes (N, 4) xyxy) -> (N, D)
Embeddings = Literal["none", "optional", "required"]


class Updates(Protocol):
    """What every tracker must have."""

    def update(self, detections: Detections, frame: Image | None = None, time: float | None = None) -> Tracks:
        """Track one frame: its detections in, the tracks to report out.

        detections  of the frame, checked
        frame       the image (H, W, 3) BGR uint8, or None where there is none
        time        seconds, increasing

        ``Tracks.of_boxes(ids, boxes)`` builds the report of a tracker that knows nothing else.
        """
        ...


def answer_of(tracker: object, tracks: object, method: str = "update") -> Tracks:
    """``tracks``, which a tracker of the user's own returned from ``method``.

    Raises ValueError, naming its class, unless they are Tracks with a row of every column for each id, ids that differ
    and finite boxes.
    """
    name = f"{type(tracker).__name__}.{method}"
    if not isinstance(tracks, Tracks):
        raise ValueError(
            f"{name} returned a {type(tracks).__name__}; return Tracks, such as Tracks.of_boxes(ids, boxes)"
        )
    try:
        tracks.check()
    except ValueError as error:
        raise ValueError(f"{name} returned {error}") from None
    if len(set(tracks.ids.tolist())) < len(tracks):
        raise ValueError(f"{name} returned an id twice; an id names one box of a frame")
    finite = np.isfinite(tracks.boxes).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name} returned a box that is not finite (id {tracks.ids[np.argmin(finite)]})")
    return tracks


@runtime_checkable
class Predicts(Protocol):
    """A tracker that knows where its tracks will be."""

    def predict(self, reported: Tracks, time: float | None = None) -> Tracks:
        """``reported`` tracks as expected at a later time, when no detector ran; the tracker stays as it is.

        reported  what the last update gave, or what this method made of it since
        time      seconds, after the last update's; None: one frame after it
        """
        ...


@runtime_checkable
class Warps(Protocol):
    """A tracker whose tracks can be moved with the camera."""

    def warp(self, matrix: FloatArray) -> None:
        """Move every track; ``matrix`` (2, 3) maps points of the last image to this one."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """A tracker that uses embeddings.

    embeddings      whether it can use them ("optional") or cannot do without ("required"); "none": it ignores them
    embedder        what it calls for detections without embeddings, or None
    embeds_itself   it chooses which detections to embed; then the pipeline leaves the embedder to it
    """

    embeddings: Any
    embedder: EmbedderCall | None

    @property
    def embeds_itself(self) -> bool:
        """See the class."""
        ...


@runtime_checkable
class Resets(Protocol):
    """A tracker that can start again."""

    def reset(self) -> None:
        """Forget everything; ids start from 1 again."""
        ...


@runtime_checkable
class Clocked(Protocol):
    """A tracker that reports the time of its last update, so that a second clip can go on from there.

    last_time  seconds, None before the first time
    """

    @property
    def last_time(self) -> float | None:
        """See the class."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A tracker whose ``state`` is all that it remembers: it can be copied, pickled, saved and put back.

    ``tracker.save_state`` and `track --snapshot` can save a state made of numbers, text, numpy arrays, lists, tuples,
    dicts, sets, and dataclasses or plain objects of the tracker's own module. Assigning ``state`` puts one back.
    """

    state: Any
