"""SORT: Simple Online and Realtime Tracking (Bewley, Ge, Ott, Ramos, Upcroft 2016, arXiv 1602.00763).

1. predict     every track moves by its Kalman filter over centre, area and aspect ratio          (section 3.2)
2. overlap     IoU of every predicted box with every detection                                    (section 3.3)
3. match       the assignment with the largest total IoU; pairs below iou_threshold are refused   (section 3.3)
4. update      matched tracks measure their detection                                             (section 3.2)
5. birth       every free detection starts a track, tentative for min_hits frames                 (section 3.4)
6. death       tracks without a detection for more than max_age frames end                        (section 3.4)
"""

from __future__ import annotations

from tracker.settings import Age, age, count, flag, share
from tracker.state import State
from tracker.tracker import Seen, Tracker
from tracker.tracks import Tracks


class SORT(Tracker):
    """SORT. Pairs below ``iou_threshold`` are refused before the assignment, unless ``published_order`` is on."""

    max_age: Age = age(
        default=1, about="time a track lives without a detection; in a gap without updates at least a second"
    )
    min_hits: int = count(
        default=3,
        about="matches in a row, after its birth, before a track is reported; the first frames excepted",
        least=0,
    )
    iou_threshold: float = share(default=0.3, about="least IoU of a match")
    published_order: bool = flag(
        default=False, about="solve first, then drop pairs below the threshold, as the published code", search=None
    )

    def step(self, state: State, seen: Seen) -> Tracks:
        self.move(state, seen)
        state.end_after_gap(self.max_age, self.frame_rate)

        least = None if self.published_order else self.iou_threshold
        rows, columns, iou = self.overlaps(state, seen, least=least, limit="iou_threshold")
        valid = iou >= self.iou_threshold if self.published_order else None
        matching = self.matching(state, seen)
        matching.stage("overlap", rows, columns, iou, limit="iou_threshold", valid=valid, parts={"overlap": iou})

        tracks, detections = matching.pairs
        state.update(self.motion, tracks, seen.detections, detections)
        if len(detections) < len(seen.detections):
            state.birth(self.motion, seen.detections, matching.free_detections.nonzero()[0])

        proving = 0 < self.min_hits < state.frame  # a track with a match in each of min_hits frames has missed none
        shown = state.streaks >= self.min_hits if proving else state.missed == 0
        state.confirmed |= shown
        reported = self.report(state, shown)
        state.end(state.outlived(self.max_age))
        return reported
