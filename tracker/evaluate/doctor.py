"""Looking for input that parses and is still wrong: boxes in another format, frames off by one, detections for results."""

from __future__ import annotations

import numpy as np

from tracker.evaluate.frames import frames_from_boxes
from tracker.evaluate.sequences import Sequence
from tracker.io.mot import MotRows

_SAMPLE = 64  # frames looked at for an offset


def suspicions(results: MotRows, gt: MotRows | None, sequence: Sequence | None = None) -> list[str]:
    """What looks wrong with results (R rows, not empty), each in one line: what, and what to do. gt: None if unknown."""
    found = [_box_format(results, gt, sequence), _single_ids(results)]
    if gt is not None:
        found += [_offset(results, gt), _past_the_end(results, gt, sequence)]
    return [note for note in found if note]


def _box_format(results: MotRows, gt: MotRows | None, sequence: Sequence | None) -> str | None:
    """xyxy written where width and height belong: sizes larger than positions everywhere, boxes far out of the picture."""
    corner, size = results.boxes[:, :2], results.boxes[:, 2:] - results.boxes[:, :2]
    if not (size > corner).all():
        return None
    if sequence is not None and sequence.width and sequence.height:
        limit = np.array([sequence.width, sequence.height], dtype=np.float64)
    elif gt is not None and len(gt):
        limit = gt.boxes[:, 2:].max(axis=0)
    else:
        limit = size.max(axis=0) * 1.05  # right and bottom edges, if sizes are xyxy, come close to the picture's
    outside = float((results.boxes[:, 2:] > 1.1 * limit).any(axis=1).mean())
    if outside < 0.25:
        return None
    return (
        f"{100 * outside:.0f} % of the boxes leave the picture and every size exceeds its position; "
        "the columns look like left,top,right,bottom, the format wants left,top,width,height"
    )


def _single_ids(results: MotRows) -> str | None:
    if len(results) < 20 or len(np.unique(results.ids)) < len(results):
        return None
    return "no id occurs twice; these look like detections, not tracks"


def _past_the_end(results: MotRows, gt: MotRows, sequence: Sequence | None) -> str | None:
    if sequence is not None and sequence.length:
        return None
    late = int(np.count_nonzero(results.frames > gt.last_frame))
    if not late or not len(gt):
        return None
    return f"{late} rows lie after the last annotated frame ({gt.last_frame}) and count as false"


def _offset(results: MotRows, gt: MotRows) -> str | None:
    """Compare the overlap with ground truth as it is and with results moved by one frame either way."""
    marked = gt.select(gt.scores != 0) if (gt.scores != 0).any() else gt
    frames = np.unique(marked.frames)
    if len(frames) < 10 or not len(results):
        return None
    frames = frames[np.unique(np.linspace(0, len(frames) - 1, _SAMPLE).astype(int))]
    fit = {move: _fit(results, marked, frames, move) for move in (-1, 0, 1)}
    best = max(fit, key=lambda move: fit[move])
    if best == 0 or fit[best] < 0.3 or (1 - fit[best]) > 0.9 * (1 - fit[0]):
        return None
    return (
        f"boxes fit the ground truth better one frame {'earlier' if best < 0 else 'later'} "
        f"(mean overlap {fit[best]:.3f}, as given {fit[0]:.3f}); do frames count from {'2' if best < 0 else '0'}?"
    )


def _fit(results: MotRows, gt: MotRows, frames: np.ndarray, move: int) -> float:
    """Mean overlap of each ground truth box that has one with the best result box, results moved by `move` frames."""
    gt_rows = np.isin(gt.frames, frames)
    id_rows = np.isin(results.frames + move, frames)
    gt_start = np.append(np.searchsorted(gt.frames[gt_rows], frames), np.count_nonzero(gt_rows))
    id_start = np.append(np.searchsorted(results.frames[id_rows] + move, frames), np.count_nonzero(id_rows))
    pairs = frames_from_boxes(
        gt.ids[gt_rows], gt.boxes[gt_rows], gt_start, results.ids[id_rows], results.boxes[id_rows], id_start
    )
    best = np.zeros(len(pairs.gt))
    np.maximum.at(best, pairs.row, pairs.similarity)
    touched = best > 0.3
    return float(best[touched].mean()) if touched.any() else 0.0
