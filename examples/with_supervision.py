"""Detections of supervision go in, and tracks come out as its Detections, with ``tracker_id``.

pip install supervision
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import supervision as sv

from tracker import Steady


def tracked(frames: Iterable[sv.Detections], frame_rate: float = 30.0) -> Iterator[sv.Detections]:
    """The tracks of each frame; ``sv.BoxAnnotator`` and the others take them as they are."""
    steady = Steady(frame_rate=frame_rate)
    for detections in frames:
        yield steady.update(detections).to_supervision()
