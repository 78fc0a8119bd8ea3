"""Multi-object tracking: detections go in, a tracker turns them into tracks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.algorithms.deepsort import DeepSORT as DeepSORT
    from tracker.algorithms.sort import SORT as SORT
    from tracker.detections import Detections as Detections
    from tracker.detections import as_detections as as_detections
    from tracker.motion import XYAH as XYAH
    from tracker.motion import XYSR as XYSR
    from tracker.motion import FilterpyMotion as FilterpyMotion
    from tracker.pipeline import track as track
    from tracker.tracks import Track as Track
    from tracker.tracks import Tracks as Tracks

_WHERE = {
    "SORT": "tracker.algorithms.sort",
    "XYAH": "tracker.motion",
    "XYSR": "tracker.motion",
    "DeepSORT": "tracker.algorithms.deepsort",
    "Detections": "tracker.detections",
    "FilterpyMotion": "tracker.motion",
    "Track": "tracker.tracks",
    "Tracks": "tracker.tracks",
    "as_detections": "tracker.detections",
    "track": "tracker.pipeline",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that ``track --help`` does not wait for scipy.
    if name not in _WHERE:
        raise AttributeError(f"module 'tracker' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
