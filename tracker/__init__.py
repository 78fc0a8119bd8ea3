"""Multi-object tracking: detections go in, a tracker turns them into tracks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.algorithms.botsort import BoTSORT as BoTSORT
    from tracker.algorithms.bytetrack import ByteTrack as ByteTrack
    from tracker.algorithms.deepsort import DeepSORT as DeepSORT
    from tracker.algorithms.ocsort import OCSORT as OCSORT
    from tracker.algorithms.sort import SORT as SORT
    from tracker.algorithms.steady import Steady as Steady
    from tracker.algorithms.strongsort import StrongSORT as StrongSORT
    from tracker.camera import CameraEstimate as CameraEstimate
    from tracker.camera import CameraFile as CameraFile
    from tracker.camera import Compensated as Compensated
    from tracker.detect.select import open_detector as open_detector
    from tracker.detections import Detections as Detections
    from tracker.detections import as_detections as as_detections
    from tracker.embed.select import open_embedder as open_embedder
    from tracker.explain.explanation import explain as explain
    from tracker.io.snapshot import load_state as load_state
    from tracker.io.snapshot import save_state as save_state
    from tracker.log import Edits as Edits
    from tracker.log import Log as Log
    from tracker.motion import XYAH as XYAH
    from tracker.motion import XYSR as XYSR
    from tracker.motion import XYWH as XYWH
    from tracker.motion import FilterpyMotion as FilterpyMotion
    from tracker.rows import Rows as Rows
    from tracker.rows import as_rows as as_rows
    from tracker.run.track import track as track
    from tracker.tracker import Tracker as Tracker
    from tracker.tracks import Track as Track
    from tracker.tracks import Tracks as Tracks

_WHERE = {
    "ByteTrack": "tracker.algorithms.bytetrack",
    "OCSORT": "tracker.algorithms.ocsort",
    "BoTSORT": "tracker.algorithms.botsort",
    "StrongSORT": "tracker.algorithms.strongsort",
    "Steady": "tracker.algorithms.steady",
    "XYWH": "tracker.motion",
    "CameraEstimate": "tracker.camera",
    "CameraFile": "tracker.camera",
    "Compensated": "tracker.camera",
    "SORT": "tracker.algorithms.sort",
    "XYAH": "tracker.motion",
    "XYSR": "tracker.motion",
    "DeepSORT": "tracker.algorithms.deepsort",
    "Detections": "tracker.detections",
    "Edits": "tracker.log",
    "FilterpyMotion": "tracker.motion",
    "explain": "tracker.explain",
    "Log": "tracker.log",
    "Rows": "tracker.rows",
    "Track": "tracker.tracks",
    "Tracker": "tracker.tracker",
    "Tracks": "tracker.tracks",
    "as_detections": "tracker.detections",
    "as_rows": "tracker.rows",
    "open_detector": "tracker.detect.select",
    "load_state": "tracker.io.snapshot",
    "save_state": "tracker.io.snapshot",
    "track": "tracker.run.track",
    "open_embedder": "tracker.embed.select",
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
