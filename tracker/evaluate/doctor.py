"""Finding input that parses and is still wrong: another box format, frames off by one, missing sequences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tracker.arrays import IntArray
from tracker.detections import percentages
from tracker.evaluate.frames import frames_from_boxes
from tracker.evaluate.sequences import Sequence, find_results, find_sequences
from tracker.io.kitti import TYPES, read_kitti_labels
from tracker.io.mot import Invalid, MotFormatError, repeated
from tracker.io.mot_lines import first_id
from tracker.io.readers import form_of, read_found, read_tracks, read_truth, role_of, videos_of
from tracker.rows import Rows, are_times, joined, left_out
from tracker.spelling import nearest, number_of, shown

_SAMPLE = 64  # frames compared to find an offset
# Share of boxes that match. Of MOT15's and MOT17's detections at least 46 % do; of another sequence's results hardly
# ever more than 10 %.
_HARDLY = 0.1


def suspicions(results: Rows, gt: Rows | None, sequence: Sequence | None = None) -> list[str]:
    """What looks wrong with results (not empty), one line each: what, and what to do.

    results, gt: ordered by frame; gt None where there is none to compare with. sequence: for its length and image size.
    """
    off = None if gt is None else apart(results, gt)
    form = _box_format(results, gt, sequence) or _normalised(results)
    found = [off, form, _single_ids(results)]
    if gt is not None and len(gt) and off is None:
        moved = None if form else _scale(results, gt) or _offset(results, gt) or _foreign(results, gt)
        found += [moved, _past_the_end(results, gt, sequence)]
    return [note for note in found if note]


def gt_suspicions(gt: Rows, sequence: Sequence | None = None) -> list[str]:
    """What looks wrong with ground truth or detections by themselves, one line each."""
    note = (_box_format(gt, None, sequence) or _normalised(gt)) if len(gt) else None
    return [] if note is None else [note]


def apart(results: Rows, gt: Rows, what: str = "results") -> str | None:
    """A line where no frame has both results and ground truth (neither empty), with the shift that would mend it.

    results, gt: ordered by frame. what: the name of the results.
    """
    if not len(results) or not len(gt) or np.isin(results.frames, gt.frames).any():
        return None
    (first, last), (gt_first, gt_last) = ((int(rows.frames[0]), int(rows.frames[-1])) for rows in (results, gt))
    moves = {gt_first - first, gt_last - last}
    fit = {move: _fit(results, *_sampled(gt), move)[1] for move in moves}
    best = max(fit, key=lambda move: fit[move])
    guess = f" (off by {abs(best)}?)" if len(moves) == 1 or fit[best] > 0.1 else ""
    hint = f"add {best} to" if best > 0 else f"take {-best} from"
    return f"no frame in common: {what} {first}..{last}, ground truth {gt_first}..{gt_last}{guess}; " + (
        f"{hint} the frames of the {what}" if guess else "are these files of one sequence?"
    )


def first_beyond(rows: Rows, sequence: Sequence) -> int | None:
    """The first row after the end of its sequence, None where there is none or the length is unknown."""
    if sequence.length is None or rows.last_frame <= sequence.length:
        return None
    return int(np.argmax(rows.frames > sequence.length))


def _scale(results: Rows, gt: Rows) -> str | None:
    """Results of another image size: sizes and positions differ by about the same factor."""
    marked = gt.boxes[gt.scores != 0]
    if len(results) < 20 or len(marked) < 20:
        return None
    factors = []
    for axis in (0, 1):
        sizes = [np.median(b[:, axis + 2] - b[:, axis]) for b in (results.boxes, marked)]
        places = [np.percentile(b[:, axis] + b[:, axis + 2], 90) for b in (results.boxes, marked)]
        if min(*sizes, *places) <= 0:
            return None
        factors += [float(sizes[0] / sizes[1]), float(places[0] / places[1])]
    if not (min(factors) > 1.25 or max(factors) < 0.8):
        return None
    return (
        f"boxes are about {float(np.median(factors)):.3g} times as large as the ground truth's, and so are their "
        "positions; results of another image size? scale them to the ground truth's"
    )


def _box_format(results: Rows, gt: Rows | None, sequence: Sequence | None) -> str | None:
    """xyxy where width and height belong: all sizes exceed positions, and boxes reach far out of the image."""
    corner, size = results.boxes[:, :2], results.boxes[:, 2:] - results.boxes[:, :2]
    if not (size > corner).all():
        return None
    if sequence is not None and sequence.width and sequence.height:
        limit = np.array([sequence.width, sequence.height], dtype=np.float64)
    elif gt is not None and len(gt):
        limit = gt.boxes[:, 2:].max(axis=0)
    else:
        limit = size.max(axis=0) * 1.05  # if these are right and bottom edges, the largest is near the image's
    outside = float((results.boxes[:, 2:] > 1.1 * limit).any(axis=1).mean())
    if outside < 0.05:
        return None
    return (
        f"{100 * outside:.0f} % of the boxes leave the image and every size exceeds its position; "
        "the columns look like left,top,right,bottom, the format wants left,top,width,height"
    )


def _normalised(rows: Rows) -> str | None:
    """Shares of the image where pixels belong."""
    if rows.boxes[:, 2:].max() > 1.5 or not (rows.boxes[:, 2:] > rows.boxes[:, :2]).all():
        return None
    return "every box is smaller than two pixels; are these shares of the image (0..1)? give pixels"


def _single_ids(results: Rows) -> str | None:
    if len(results) < 20 or len(np.unique(results.ids)) < len(results):
        return None
    return "no id occurs twice; these look like detections, not tracks: give the results of a tracker"


def _foreign(results: Rows, gt: Rows) -> str | None:
    """Results of another sequence: hardly a box of either side has one of the other side in its place."""
    marked = gt.select(gt.scores != 0)
    if min(len(results), len(marked)) < 20 or len(np.unique(marked.frames)) < 10:
        return None
    of_gt = _fit(results, *_sampled(gt), 0)[1]
    of_results = _fit(marked, *_sampled(results), 0)[1]
    if max(of_gt, of_results) >= _HARDLY:
        return None
    return (
        f"hardly any box fits the ground truth (matched: {100 * of_gt:.0f} % of its boxes, {100 * of_results:.0f} % of "
        "the results'); are these the results of another sequence?"
    )


def _past_the_end(results: Rows, gt: Rows, sequence: Sequence | None) -> str | None:
    if sequence is not None and sequence.length:
        return None
    late = int(np.count_nonzero(results.frames > gt.last_frame))
    if not late or not len(gt):
        return None
    rows, count = ("row lies", "counts as a false positive") if late == 1 else ("rows lie", "count as false positives")
    return f"{late} {rows} after the last annotated frame ({gt.last_frame}) and {count}"


def _sampled(gt: Rows) -> tuple[Rows, IntArray]:
    """The marked rows of a few frames of the ground truth, and these frames."""
    frames = np.unique(gt.frames)
    frames = frames[np.unique(np.linspace(0, len(frames) - 1, _SAMPLE).astype(int))]
    marked = gt.select(_rows_of(gt, frames))
    return marked.select(marked.scores != 0), frames


def _offset(results: Rows, gt: Rows) -> str | None:
    """Whether results moved by a few frames fit the ground truth better than as they are.

    Tried are one frame either way and, where results fit badly, the shifts that bring both first or both last frames
    together.
    """
    marked, frames = _sampled(gt)
    if len(frames) < 10:
        return None
    fit = {move: _fit(results, marked, frames, move) for move in (0, -1, 1)}
    if max(share for _, share in fit.values()) < 0.5:
        ends = {int(gt.frames[k] - results.frames[k]) for k in (0, -1)}
        fit |= {move: _fit(results, marked, frames, move) for move in sorted(ends - fit.keys())}
    best = max(fit, key=lambda move: fit[move])
    (mean, share), (mean_now, share_now) = fit[best], fit[0]
    # Either the boxes that overlap at all fit much better, or clearly more boxes overlap.
    # What rounds to the same overlap is no better: objects that stand still fit in any frame. Nor do a few boxes count.
    enough = mean >= 0.3 and share >= max(0.2, 0.9 * share_now)
    closer = abs(best) < 2 and enough and mean > mean_now + 5e-4 and (1 - mean) <= 0.9 * (1 - mean_now)
    more = mean > mean_now and share > share_now + 0.02
    if best == 0 or not (closer or more):
        return None
    where = "earlier" if best < 0 else "later"
    moved = f"one frame {where}" if abs(best) == 1 else f"{abs(best)} frames {where}"
    cause = f"do frames count from {'2' if best < 0 else '0'}" if abs(best) == 1 else f"are frames off by {abs(best)}"
    return (
        f"boxes fit the ground truth better {moved} "
        f"(mean overlap {mean:.3f}, as given {mean_now:.3f}; {100 * share:.0f} % of the boxes matched, as given "
        f"{100 * share_now:.0f} %); {cause}?"
    )


def _fit(results: Rows, gt: Rows, frames: IntArray, move: int) -> tuple[float, float]:
    """How well results fit ground truth when moved by `move` frames.

    Of each ground truth box with the result box that fits it best: the mean overlap of those that overlap (IoU above
    0.3), and the share of those with an IoU of at least a half.
    """
    moved = results.select(_rows_of(results, frames - move))
    pairs = frames_from_boxes(
        gt.ids,
        gt.boxes,
        np.append(np.searchsorted(gt.frames, frames), len(gt)),
        moved.ids,
        moved.boxes,
        np.append(np.searchsorted(moved.frames + move, frames), len(moved)),
    )
    best = np.zeros(len(pairs.gt))
    np.maximum.at(best, pairs.row, pairs.similarity)
    touched = best > 0.3
    return (float(best[touched].mean()), float((best >= 0.5).mean())) if touched.any() else (0.0, 0.0)


def _rows_of(rows: Rows, frames: IntArray) -> IntArray:
    """Positions of the rows of some frames (increasing); rows ordered by frame."""
    bounds = zip(np.searchsorted(rows.frames, frames), np.searchsorted(rows.frames, frames + 1), strict=True)
    return np.concatenate([np.arange(low, high) for low, high in bounds])


@dataclass(frozen=True)
class Finding:
    """What was found in one file, in one line, and whether it is bad.

    alarm: no frame of the file has ground truth, so that nothing else about it means much.
    """

    path: Path
    bad: bool
    text: str
    alarm: bool = False


Kind = Literal["auto", "detections", "results", "gt"]
_LAYOUTS = {
    "mot15": "MOT15",
    "mot16": "MOT16",
    "visdrone": "VisDrone",
    "kitti": "KITTI",
    "coco": "COCO",
    "bdd100k": "BDD100K",
    "cvat": "CVAT",
}


def examine(
    paths: Iterable[str | os.PathLike[str]], kind: Kind = "auto", gt: str | None = None, invalid: Invalid = "raise"
) -> list[Finding]:
    """Check files, folders of `<seq>.txt` and MOTChallenge trees (ground truth, det/*.txt and seqinfo.ini in them).

    kind: what the files are; "auto" tells by the name (gt*, det*) and otherwise by the ids (-1: detections). gt: ground
    truth to compare results with, a tree, a flat folder or a file. invalid: bad rows are a finding, or with "drop" left
    out and counted. Files without a frame in common with their ground truth come first. Raises ValueError for a path
    that does not exist.
    """
    known = {s.name: s for s in find_sequences(gt)} if gt else {}
    findings: list[Finding] = []
    for path in map(Path, paths):
        for file, sequence in _files(path, known):
            for video in _videos(file, known):
                findings += _examined(file, kind, known.get(video or "", sequence), known, video, invalid)
        if known and path.is_dir() and not _is_tree(path) and kind in ("auto", "results"):
            findings += _missing(path, known)
    return sorted(findings, key=lambda finding: not finding.alarm)


def _missing(path: Path, known: dict[str, Sequence]) -> Iterator[Finding]:
    """A finding for each tracker in a folder that lacks sequences of the ground truth."""
    for tracker, files in find_results(path).items():
        if not isinstance(files, dict) or (len(files) == 1 and len(known) == 1):
            continue  # a single file is scored as the single sequence, whatever its name
        missing = [name for name in known if name not in files]
        if missing and any(_kind(file) == "results" for file in files.values()):
            note = f"no results for {', '.join(missing)}, which the ground truth has; scores count them as empty"
            said = note if path.name == tracker else f"{tracker}: {note}"
            yield Finding(path, True, shown(f"{path}: {said}"))


def _is_tree(path: Path) -> bool:
    """Whether a folder holds ground truth in the benchmark's layout."""
    return (path / "gt" / "gt.txt").is_file() or any(path.glob("*/gt/gt.txt")) or any(path.glob("train/*/gt/gt.txt"))


def _files(path: Path, known: dict[str, Sequence]) -> Iterator[tuple[Path, Sequence | None]]:
    """Files to examine, each with its sequence where that is known."""
    only = next(iter(known.values())) if len(known) == 1 else None
    if path.is_file():
        yield path, known.get(path.stem, only)
        return
    if not path.is_dir():
        raise ValueError(f"{path}: no such file or folder; give MOTChallenge text or a folder of it")
    if _is_tree(path):
        for sequence in find_sequences(path):
            yield sequence.gt, sequence
            if sequence.folder is not None:
                yield from ((file, sequence) for file in sorted((sequence.folder / "det").glob("*.txt")))
        return
    for files in find_results(path).values():
        if isinstance(files, dict):
            alone = only if len(files) == 1 else None
            yield from ((file, known.get(name, alone)) for name, file in files.items())


def _videos(path: Path, known: dict[str, Sequence]) -> list[str | None]:
    """The videos in a file by name: None where it is of one; those of the ground truth for a list of COCO's."""
    try:
        names = [video.name for video in videos_of(path)]
    except MotFormatError:
        return [None]  # `_examined` says it
    names = names or list(known)
    return list(names) if len(names) > 1 else [None]


def _read(path: Path, kind: Kind, sequence: Sequence | None, video: str | None, invalid: Invalid) -> Rows:
    """The rows of one video in a file, as what it is."""
    if kind == "gt":
        return _truth(path, video, invalid)
    read = read_found if kind == "detections" else read_tracks
    return read(path, video=video, truth=None if sequence is None else sequence.gt, invalid=invalid)


def _truth(path: Path, video: str | None, invalid: Invalid) -> Rows:
    """The ground truth of one video in a file; of KITTI's labels every kind of object that is scored."""
    if form_of(path) != "kitti":
        return read_truth(path, video=video, invalid=invalid)
    every: list[Rows] = [read_kitti_labels(path, kind, invalid=invalid) for kind in TYPES]
    return replace(joined(every).by_frame(), layout="kitti")


def _examined(
    path: Path,
    kind: Kind,
    sequence: Sequence | None,
    known: dict[str, Sequence],
    video: str | None,
    invalid: Invalid,
) -> list[Finding]:
    """What is wrong with one file, or one finding that it is good. known: all sequences of the ground truth."""
    try:
        kind = _kind(path) if kind == "auto" else kind
        rows = _read(path, kind, sequence, video, invalid)
        compared = kind != "gt" and sequence is not None and sequence.gt != path
        gt = _truth(sequence.gt, sequence.name, invalid) if compared and sequence is not None else None
    except MotFormatError as error:
        return [Finding(path, True, str(error))]
    alarms = [] if gt is None else [line for line in [apart(rows, gt, kind)] if line]
    notes = [*alarms, *_notes(path, rows, kind, sequence, known)]
    if len(rows) and kind == "results":
        notes += [note for note in suspicions(rows, gt, sequence) if note not in alarms]
    where = shown(path) + ("" if video is None else f" ({shown(video)})")
    if notes:
        return [Finding(path, True, f"{where}: {shown(note)}", alarm=note in alarms) for note in notes]
    what = f"ground truth ({_LAYOUTS[rows.layout]} layout)" if kind == "gt" else kind
    dropped = f"; {left_out(rows)}" if rows.dropped else ""
    ids = "" if kind == "detections" else f", {number_of(len(np.unique(rows.ids)), 'id')}"
    size = f"{number_of(len(rows), 'row')}{ids}, last frame {rows.last_frame}"
    return [Finding(path, False, f"{where}: {what}, {size}{dropped}")]


def _notes(path: Path, rows: Rows, kind: Kind, sequence: Sequence | None, known: dict[str, Sequence]) -> list[str]:
    """What is wrong with a file by its name, its length and its own rows."""
    notes = list(rows.notes)
    if kind == "results" and sequence is None and known:
        close = nearest(path.stem, known)
        notes.append(f"the ground truth has no sequence {path.stem!r}{close}; name the file as its sequence")
    if not len(rows):
        notes.append("no rows")
    elif are_times(rows.last_frame, len(rows)):
        notes.append(
            f"frame numbers {rows.frames[0]}..{rows.last_frame} look like times; each of the "
            f"{len(np.unique(rows.frames))} numbers with rows counts as one frame"
        )
    row = None if sequence is None else first_beyond(rows, sequence)
    if sequence is not None and row is not None:
        notes.append(
            f"line {rows.lines[row]}: frame {rows.frames[row]} in a sequence of {sequence.length} frames (seqLength)"
        )
    if kind != "gt" and len(rows) and (percent := percentages(rows.scores.min(), rows.scores.max())):
        notes.append(percent)
    if kind == "detections" and (again := repeated(rows)):
        notes.append(again)
    if kind != "results":
        notes += gt_suspicions(rows, sequence)
    if kind == "gt" and len(rows) and not (rows.scores != 0).any():
        notes.append("no row is marked for scoring (column 7 is 0 everywhere)")
    return notes


def _kind(path: Path) -> Kind:
    """What a file holds: told by its name, or else detections where the first id is -1."""
    if path.name.startswith("gt") or (path.parent.name == "annotations" and path.suffix == ".txt"):
        return "gt"
    if path.name.startswith("det"):
        return "detections"
    told = role_of(path)
    if told is not None:
        return told
    first = first_id(path)
    return "detections" if first is not None and first == -1 else "results"
