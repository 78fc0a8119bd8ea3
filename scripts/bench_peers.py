"""Who takes part in ``scripts/bench.py``: our algorithms, the baselines, and other projects' trackers where installed.

Each runs with its own defaults. None of the packages is needed: for an absent one a line gives the command that
installs it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tracker import Detections
from tracker.algorithms import algorithm as find_algorithm
from tracker.algorithms import algorithms, build, needs_embeddings, wants_embeddings

# What installs each package. Those of the extra share an environment; norfair's metadata requires numpy 1, which the
# others refuse, but it runs on numpy 2. boxmot is AGPL and brings torch: it is used where it is installed.
PACKAGES = {
    "trackers": 'pip install ".[peers]"',
    "supervision": 'pip install ".[peers]"  (before 0.31, which has no tracker)',
    "norfair": "pip install --no-deps norfair==2.3.0; pip install rich",
    "similari": "pip install similari-trackers-rs",
    "motpy": "pip install motpy",
    "deep_sort_realtime": "pip install deep-sort-realtime",
    "boxmot": "pip install boxmot  (AGPL-3.0; brings torch)",
}

Update = Callable[[Any], Any]

NATIVE = {"similari"}  # Python does not see what it allocates


@dataclass(frozen=True)
class Contestant:
    """A tracker that takes part.

    package   "" for our own, "baseline", or the module to import
    make      gives the update of a new tracker
    take      turns a frame's detections into what the update takes; not timed
    ids       the ids in what the update returns
    embedded  whether the detections bring embeddings
    """

    name: str
    package: str
    make: Callable[[], Update]
    take: Callable[[Detections], Any]
    ids: Callable[[Any], Any]
    embedded: bool = False


def ours() -> list[Contestant]:
    """Every algorithm of the library; those that can use embeddings but need none run with and without."""
    found = []
    for name in algorithms():
        cls = find_algorithm(name)
        if not needs_embeddings(cls):
            found.append(_our(name, name, False))
        if wants_embeddings(cls):
            found.append(_our(name if needs_embeddings(cls) else f"{name}+reid", name, True))
    return found


def baselines() -> list[Contestant]:
    """The published algorithms, written plainly, which "x" in the table is relative to."""
    from bench_baselines import PlainDeepSORT, PlainSORT

    return [
        Contestant("filterpy SORT", "baseline", lambda: PlainSORT().update, _same, _last_column),
        Contestant("loop DeepSORT", "baseline", lambda: PlainDeepSORT().update, _same, _last_column, embedded=True),
    ]


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def peers(package: str) -> list[Contestant]:
    """The trackers of an installed package. ImportError or AttributeError where it has other names."""
    makers = {
        "trackers": _trackers,
        "supervision": _supervision,
        "norfair": _norfair,
        "similari": _similari,
        "motpy": _motpy,
        "deep_sort_realtime": _deep_sort_realtime,
        "boxmot": _boxmot,
    }
    return makers[package]()


def _our(label: str, name: str, embedded: bool) -> Contestant:
    return Contestant(label, "", lambda: build(name).update, _same, lambda tracks: tracks.ids, embedded)


def _same(detections: Detections) -> Detections:
    return detections


def _last_column(rows: Any) -> Any:
    return np.asarray(rows)[:, 4]


def _supervised(detections: Detections) -> Any:
    import supervision

    return supervision.Detections(
        xyxy=np.array(detections.boxes), confidence=np.array(detections.scores), class_id=np.array(detections.classes)
    )


def _known(answer: Any) -> Any:
    """Roboflow's trackers return every detection, with -1 where it has no track yet."""
    return answer.tracker_id[answer.tracker_id >= 0]


def _trackers() -> list[Contestant]:
    import trackers

    kinds: list[tuple[str, Callable[[], Any]]] = [
        ("SORT", trackers.SORTTracker),
        ("ByteTrack", trackers.ByteTrackTracker),
        ("OC-SORT", trackers.OCSORTTracker),
        ("BoT-SORT", lambda: trackers.BoTSORTTracker(enable_cmc=False)),  # there are no images
        ("C-BIoU", trackers.CBIoUTracker),
    ]

    def make(kind: Callable[[], Any]) -> Update:
        update: Update = kind().update
        return update

    return [Contestant(f"trackers {name}", "trackers", partial(make, k), _supervised, _known) for name, k in kinds]


def _supervision() -> list[Contestant]:
    import supervision

    byte_track = supervision.ByteTrack
    return [
        Contestant(
            "supervision ByteTrack",
            "supervision",
            lambda: byte_track().update_with_detections,
            _supervised,
            lambda answer: answer.tracker_id,
        )
    ]


def _norfair() -> list[Contestant]:
    import norfair

    def take(detections: Detections) -> Any:
        pairs = zip(detections.boxes, detections.scores, strict=True)
        return [norfair.Detection(box.reshape(2, 2), scores=np.full(2, score)) for box, score in pairs]

    def make() -> Update:
        update: Update = norfair.Tracker(distance_function="iou", distance_threshold=0.7).update
        return update

    return [Contestant("norfair", "norfair", make, take, lambda answer: [one.id for one in answer])]


def _similari() -> list[Contestant]:
    import similari

    def take(detections: Detections) -> Any:
        size = detections.boxes[:, 2:] - detections.boxes[:, :2]
        rows = np.column_stack((detections.boxes[:, :2], size)).tolist()
        return [(similari.BoundingBox(*row).as_xyaah(), None) for row in rows]

    def make(method: Any) -> Update:
        update: Update = similari.Sort(shards=1, bbox_history=1, max_idle_epochs=30, method=method).predict
        return update

    kinds = similari.PositionalMetricType
    methods = [("IoU", kinds.iou(threshold=0.3)), ("Mahalanobis", kinds.maha())]
    return [
        Contestant(f"similari {k}", "similari", partial(make, m), take, lambda answer: [one.id for one in answer])
        for k, m in methods
    ]


def _motpy() -> list[Contestant]:
    import motpy

    def take(detections: Detections) -> Any:
        pairs = zip(detections.boxes, detections.scores, strict=True)
        return [motpy.Detection(box=box, score=float(score)) for box, score in pairs]

    def make() -> Update:
        update: Update = motpy.MultiObjectTracker(dt=1 / 30).step
        return update

    return [Contestant("motpy", "motpy", make, take, lambda answer: [one.id for one in answer])]


def _deep_sort_realtime() -> list[Contestant]:
    from deep_sort_realtime.deepsort_tracker import DeepSort

    def take(detections: Detections) -> Any:
        size = detections.boxes[:, 2:] - detections.boxes[:, :2]
        rows = np.column_stack((detections.boxes[:, :2], size)).tolist()
        assert detections.embeddings is not None
        given = [(row, float(score), 0) for row, score in zip(rows, detections.scores, strict=True)]
        return given, list(detections.embeddings)

    def make() -> Update:
        tracker = DeepSort(embedder=None, nn_budget=100)
        return lambda given: tracker.update_tracks(given[0], embeds=given[1])

    def ids(answer: Any) -> Any:
        return [one.track_id for one in answer if one.is_confirmed() and one.time_since_update == 0]

    return [Contestant("deep-sort-realtime", "deep_sort_realtime", make, take, ids, embedded=True)]


def _boxmot() -> list[Contestant]:
    import boxmot

    image = np.zeros((1080, 1920, 3), dtype=np.uint8)

    def take(detections: Detections) -> Any:
        return np.column_stack((detections.boxes, detections.scores, detections.classes))

    def make(cls: Any) -> Update:
        tracker = cls()
        return lambda rows: tracker.update(rows, image)

    kinds = [(name, getattr(boxmot, name)) for name in ("OcSort", "ByteTrack", "SFSORT")]
    return [Contestant(f"boxmot {k}", "boxmot", partial(make, c), take, _last_column) for k, c in kinds]
