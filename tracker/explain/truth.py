"""Ground truth beside a run: CLEAR's matches in every frame, and which detection is whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.detections import Detections
from tracker.evaluate.clear import ClearCounter
from tracker.evaluate.frames import EPS, Frames, assign, frames_from_boxes
from tracker.evaluate.rules import Rules
from tracker.rows import Rows
from tracker.tracks import Tracks

OVERLAP = 0.5  # IoU from which a box is an object's


@dataclass(frozen=True, eq=False)
class Matches:
    """CLEAR's matches in consecutive frames.

    first     the first frame
    frame     (R,) of each row of the truth that counts, in ascending order
    truth     (R,) its identity
    row       (R,) its place among the rows of ``Truth``
    partner   (R,) id matched to it, -1 where it is missed
    result_frame, result_id, result_box  (S,), (S,), (S, 4) the results that count
    false     (S,) bool: those matched to nothing
    frames    the same rows as the scores have them
    """

    first: int
    frame: IntArray
    truth: IntArray
    row: IntArray
    partner: IntArray
    result_frame: IntArray
    result_id: IntArray
    result_box: FloatArray
    false: BoolArray
    frames: Frames


@dataclass(frozen=True)
class Switch:
    """CLEAR's identity switch: the truth ``truth`` was matched to ``before`` last, in frame ``since``, and now to
    ``after``, in frame ``frame``.
    """

    frame: int
    truth: int
    before: int
    since: int
    after: int


class Truth:
    """The ground truth of one sequence, on the frames of a recording.

    rows      the ground truth, ordered by frame, those of frames outside the recording left out
    rules     which rows count
    numbers   (F,) number of each frame
    written   compare boxes as ``tracks.txt`` has them, with 2 decimals, so that the counts equal those of the file
    outside   (K,) frame number of each row that counts, but lies outside the recording
    identity  (R,) identity of each row, as numbers from 0; ``names`` (G,) the ids in the file
    """

    def __init__(self, rows: Rows, rules: Rules, numbers: IntArray, *, written: bool = False) -> None:
        rows = rows.by_frame()
        self.written = written
        within = np.isin(rows.frames, numbers)
        self.rules = rules
        self.numbers = numbers
        self.rows = rows.select(within)
        others = rows.select(~within)
        self.outside = others.frames[_counted(others, rules)]
        self.names, self.identity = np.unique(self.rows.ids, return_inverse=True)
        self.frame = np.searchsorted(numbers, self.rows.frames)
        self.starts = np.searchsorted(self.frame, np.arange(len(numbers) + 1))
        self.counts = np.zeros(len(self.rows), dtype=bool)
        self.counts[_counted(self.rows, rules)] = True

    def match(
        self,
        reports: Sequence[Tracks],
        first: int = 0,
        before: tuple[IntArray, IntArray] | None = None,
    ) -> Matches:
        """CLEAR's matches of the reports of the frames from ``first`` on.

        before: identities and partners of the last frame before that had truth and results.
        """
        stop = first + len(reports)
        rows = slice(int(self.starts[first]), int(self.starts[stop]))
        gt = self.rows.select(rows)
        counts = [len(one) for one in reports]
        starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        boxes = np.concatenate([np.empty((0, 4)), *(one.boxes for one in reports)])
        if self.written:
            boxes = _as_written(boxes)
        names = np.concatenate([np.empty(0, dtype=np.int64), *(one.ids for one in reports)])
        every = frames_from_boxes(
            np.arange(len(gt)),
            gt.boxes,
            self.starts[first : stop + 1] - rows.start,
            np.arange(len(names)),
            boxes,
            starts,
        )
        kept = self.rules.apply(every, gt, results_of_boxes(boxes))
        row, result = kept.gt, kept.ids
        frames = replace(kept, gt=self.identity[rows][row], ids=names[result])
        partner = ClearCounter(OVERLAP, before).add(frames)
        result_frame = first + np.repeat(np.arange(len(frames)), np.diff(frames.id_start))
        frame = first + frames.frame_of_gt()
        width = 1 + int(names.max(initial=0))
        matched = np.isin(result_frame * width + frames.ids, (frame * width + partner)[partner >= 0])
        return Matches(
            first,
            frame,
            frames.gt,
            rows.start + row,
            partner,
            result_frame,
            frames.ids,
            boxes[result],
            ~matched,
            frames,
        )

    def detected(self, found: Sequence[Detections]) -> list[dict[int, int]]:
        """By frame: the row of the detection that is each identity's, one to one, at an IoU of .5 or more."""
        counts = [len(one) for one in found]
        starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        boxes = np.concatenate([np.empty((0, 4)), *(one.boxes for one in found)])
        rows = np.flatnonzero(self.counts)
        frames = frames_from_boxes(
            self.identity[rows],
            self.rows.boxes[rows],
            np.searchsorted(rows, self.starts),
            np.arange(len(boxes)),
            boxes,
            starts,
        )
        chosen = assign(frames, np.where(frames.similarity >= OVERLAP - EPS, frames.similarity, 0.0))
        out: list[dict[int, int]] = [{} for _ in found]
        gt, col = frames.row[chosen], frames.col[chosen]
        frame = self.frame[rows[gt]]
        for f, x, r in zip(frame.tolist(), frames.gt[gt].tolist(), (col - starts[frame]).tolist(), strict=True):
            out[f][x] = r
        return out

    def hidden(self) -> BoolArray:
        """(R,) rows of objects that cannot be seen: visibility below .1, or .7 covered by a nearer truth."""
        hidden: BoolArray = (self.rows.visibility >= 0) & (self.rows.visibility < 0.1)
        for start, stop in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            own = np.flatnonzero(self.counts[start:stop]) + start
            boxes = self.rows.boxes[own]
            if len(own) > 1:
                side = np.minimum(boxes[:, None, 2:], boxes[:, 2:]) - np.maximum(boxes[:, None, :2], boxes[:, :2])
                inter = side.clip(0).prod(axis=2)
                area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
                union = area[:, None] + area - inter
                iou = np.where(union > 0, inter / np.maximum(union, 1e-12), 0)
                nearer = boxes[:, 3] > boxes[:, None, 3]
                hidden[own] |= (nearer & (iou > 0.7)).any(axis=1)
        return hidden


def _counted(rows: Rows, rules: Rules) -> IntArray:
    """The rows (K,) of the truth that count."""
    none = np.zeros(0, dtype=np.int64)
    ends, empty = np.array([0, len(rows)]), np.array([0, 0])
    frames = Frames(np.arange(len(rows)), ends, none, empty, none, none, np.empty(0))
    return rules.apply(frames, rows, results_of_boxes(np.empty((0, 4)))).gt


def _as_written(boxes: FloatArray) -> FloatArray:
    """Boxes (N, 4) as ``tracker.io.mot`` writes and reads them."""
    corner = np.round(boxes[:, :2], 2)
    return np.concatenate((corner, corner + np.maximum(np.round(boxes[:, 2:] - boxes[:, :2], 2), 0.01)), axis=1)


def results_of_boxes(boxes: FloatArray) -> Rows:
    """Rows as far as rules look at results: their boxes."""
    count = len(boxes)
    zeros = np.zeros(count, dtype=np.int64)
    return Rows(zeros, zeros, boxes, np.ones(count), zeros, zeros.astype(bool), np.ones(count), zeros)


def switches_of(matches: Matches, last: dict[int, tuple[int, int]] | None = None) -> list[Switch]:
    """CLEAR's switches, in order of time. last: by identity, id and frame of its last match before these frames."""
    known = dict(last or {})
    out = []
    seen = matches.partner >= 0
    for f, x, i in zip(
        matches.frame[seen].tolist(), matches.truth[seen].tolist(), matches.partner[seen].tolist(), strict=True
    ):
        if x in known and known[x][0] != i:
            out.append(Switch(f, x, known[x][0], known[x][1], i))
        known[x] = (i, f)
    return out
