"""Scores of a run on the drawn scene, whose ground truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracker.boxes import iou_xyxy

if TYPE_CHECKING:
    from tracker.io.sinks import Step
    from tracker.scene.street import Scene

VISIBLE = 0.25  # a figure counts where at least this share of it can be seen
MATCH_IOU = 0.5

# motmetrics' names, ours, and the decimals to show
_SCORES = (
    ("mota", "MOTA", 3),
    ("motp", "MOTP", 3),
    ("idf1", "IDF1", 3),
    ("num_switches", "IDSW", 0),
    ("num_fragmentations", "Frag", 0),
    ("num_false_positives", "FP", 0),
    ("num_misses", "FN", 0),
    ("mostly_tracked", "MT", 0),
    ("mostly_lost", "ML", 0),
    ("num_unique_objects", "GT_IDs", 0),
)


class SceneScore:
    """A sink that compares each step with the scene's truth; ``scores()`` gives CLEAR and ID scores by motmetrics.

    A hidden figure counts neither as missed nor, where a track follows it, as a false positive. MOTP is the mean IoU of
    the matches, 0..1.
    """

    def __init__(self, scene: Scene) -> None:
        import motmetrics

        self._motmetrics = motmetrics
        self._scene = scene
        self._accumulator = motmetrics.MOTAccumulator()

    def write(self, step: Step) -> None:
        ids, boxes, visible = self._scene.truth(step.frame.number)
        seen = visible >= VISIBLE
        overlap = iou_xyxy(boxes, step.tracks.boxes)
        on_hidden = np.any(overlap[~seen] >= MATCH_IOU, axis=0) & ~np.any(overlap[seen] >= MATCH_IOU, axis=0)
        distance = 1.0 - overlap[seen][:, ~on_hidden]
        distance[distance > 1.0 - MATCH_IOU] = np.nan
        self._accumulator.update(ids[seen], step.tracks.ids[~on_hidden], distance, frameid=step.frame.number)

    def close(self) -> None:
        """Nothing to finish."""

    def scores(self) -> dict[str, float | int | None]:
        """Score by name, shares from 0 to 1; None for a score that is not defined, as without any match."""
        host = self._motmetrics.metrics.create()
        table = host.compute(self._accumulator, metrics=[name for name, _, _ in _SCORES])
        row = dict(table.iloc[0])
        row["motp"] = 1.0 - row["motp"]
        scores = {ours: round(float(row[name]), digits) if digits else int(row[name]) for name, ours, digits in _SCORES}
        return {name: value if np.isfinite(value) else None for name, value in scores.items()}
