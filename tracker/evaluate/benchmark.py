"""Scoring results against ground truth: files or rows in, an `Evaluation` out."""

from __future__ import annotations

import difflib
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import FloatArray, IntArray
from tracker.evaluate.clear import ClearCounter
from tracker.evaluate.doctor import gt_suspicions, suspicions
from tracker.evaluate.frames import Frames, Names, frames_from_boxes, frames_from_matrices
from tracker.evaluate.hota import HotaCounter
from tracker.evaluate.identity import IdentityCounter
from tracker.evaluate.rules import CLASSES, Rules, check_rules, recognise_rules, rules_by_name
from tracker.evaluate.scores import Evaluation, SequenceScore, combine
from tracker.evaluate.sequences import Sequence, find_results, find_sequences
from tracker.io.mot import MotFormatError, MotRows, read_ground_truth, read_results

_BLOCK_ROWS = 1 << 16  # rows worked on at once: bounds the memory of long sequences
_BUFFER_FRAMES = 256

Source = str | os.PathLike[str] | MotRows | Mapping[str, "str | os.PathLike[str] | MotRows"]


class Accumulator:
    """HOTA, CLEAR and identity of one sequence, frame by frame as they come.

    Memory is bounded by the number of identities that meet, not by the number of frames: overlapping pairs that HOTA
    needs again wait in a temporary file once they pass 64 MB.
    """

    def __init__(self, name: str = "sequence", threshold: float = 0.5) -> None:
        self._name = name
        self._counters = _Counters(threshold)
        self._gt_names, self._id_names = Names(), Names()
        self._frames = 0
        self._waiting: list[tuple[IntArray, IntArray, FloatArray]] = []

    def update(self, gt_ids: ArrayLike, ids: ArrayLike, similarity: ArrayLike) -> None:
        """Count one frame: ground truth ids (G,), result ids (T,), similarity (G, T) in 0..1 (copied).

        Raises ValueError for an id that occurs twice, shapes that do not belong together, or similarity outside 0..1;
        the frame is then not counted.
        """
        frame = (np.array(gt_ids), np.array(ids), np.array(similarity, dtype=np.float64))
        # Checked alone, so that a bad frame leaves no trace.
        g, t, s = frame
        frames_from_matrices([g], [t], [s], Names(), Names(), first=self._frames)
        self._waiting.append(frame)
        self._frames += 1
        if len(self._waiting) >= _BUFFER_FRAMES:
            self._flush()

    def result(self) -> SequenceScore:
        """Scores of the frames so far."""
        self._flush()
        return self._counters.result(self._name)

    def _flush(self) -> None:
        if self._waiting:
            gt_ids, ids, similarity = zip(*self._waiting, strict=True)
            self._counters.add(frames_from_matrices(gt_ids, ids, similarity, self._gt_names, self._id_names))
            self._waiting = []


def evaluate(
    results: Source,
    gt: Source,
    rules: str = "auto",
    *,
    tracker: str = "tracker",
    sequences: list[str] | None = None,
    threshold: float = 0.5,
) -> Evaluation:
    """Score one tracker's results.

    results: a file, a folder of `<seq>.txt`, rows as `read_results` gives them, or a dict of files or rows by sequence
    name. gt: a MOTChallenge tree, a flat folder, a file, rows, or a dict. rules: "auto" recognises them from the ground
    truth (`Evaluation.why` says how), or "mot15", "mot16", "mot17", "mot20", "plain". sequences: names to take of `gt`.
    threshold: overlap of a match in CLEAR and identity. A sequence without results is scored as empty and noted.
    Raises MotFormatError with file and line for a bad file, ValueError for what does not fit together.
    """
    truth = load_ground_truth(gt, rules, sequences)
    if isinstance(results, (str, os.PathLike)):
        found = find_results(results)
        if len(found) > 1:
            raise ValueError(f"{results}: holds {len(found)} trackers ({', '.join(found)}); give one of their folders")
        files = next(iter(found.values()))
        return truth.score(files, tracker=tracker, threshold=threshold)
    return truth.score(results, tracker=tracker, threshold=threshold)


def load_ground_truth(gt: Source, rules: str = "auto", sequences: list[str] | None = None) -> GroundTruth:
    """Read and check ground truth once, to score several trackers against. Arguments and errors as in `evaluate`."""
    known: dict[str, Sequence] = {}
    rows: dict[str, MotRows] = {}
    if isinstance(gt, MotRows):
        known["sequence"], rows["sequence"] = Sequence("sequence", Path("ground truth")), gt
    elif isinstance(gt, Mapping):
        missing = [name for name in sequences or () if name not in gt]
        if missing:
            raise ValueError(f"no sequence {missing[0]!r} in the ground truth; there are {', '.join(gt)}")
        for name in sequences or gt:
            source = gt[name]
            if isinstance(source, MotRows):
                known[name], rows[name] = Sequence(name, Path(f"ground truth of {name}")), source
            else:
                found = find_sequences(source)
                if len(found) != 1:
                    raise ValueError(f"{source}: holds {len(found)} sequences; give the one named {name}")
                known[name] = found[0]
    else:
        known = {sequence.name: sequence for sequence in find_sequences(gt, sequences)}
    for name, sequence in known.items():
        if name in rows:
            _check_rows(rows[name], str(sequence.gt), least_id=0)
        else:
            rows[name] = read_ground_truth(sequence.gt)
        _check_length(rows[name], sequence, sequence.gt)
    chosen, why = recognise_rules(rows) if rules == "auto" else (rules_by_name(rules), "as asked")
    for name, sequence in known.items():
        check_rules(chosen, name, rows[name], str(sequence.gt))
    return GroundTruth(known, rows, chosen, why, partial=sequences is not None)


class GroundTruth:
    """Ground truth of some sequences and the rules to score by; made by `load_ground_truth`."""

    def __init__(
        self, known: dict[str, Sequence], rows: dict[str, MotRows], rules: Rules, why: str, partial: bool = False
    ) -> None:
        self.sequences = known
        self.partial = partial  # only some sequences were asked for, so results for others are no surprise
        self.rows = rows
        self.rules = rules
        self.why = why

    def match(self, results: Source) -> tuple[dict[str, Path | MotRows], list[str]]:
        """Results by sequence name, with notes on what is missing or left over. Raises ValueError when nothing fits."""
        notes: list[str] = []
        by_name: dict[str, Path | MotRows]
        if isinstance(results, MotRows) or not isinstance(results, Mapping):
            source = results if isinstance(results, MotRows) else Path(results)
            name = next(iter(self.sequences))
            if len(self.sequences) > 1:
                name = source.stem if isinstance(source, Path) else ""
                if name not in self.sequences:
                    shown = source if isinstance(source, Path) else "results"
                    raise ValueError(
                        f"{shown}: one result for {len(self.sequences)} sequences of ground truth, named as none "
                        "of them; name it <seq>.txt or give one sequence"
                    )
            if isinstance(source, Path) and source.stem != name:
                notes.append(f"{source.name} is scored as {name}")
            return {name: source}, notes
        by_name = {name: s if isinstance(s, MotRows) else Path(s) for name, s in results.items()}
        if len(by_name) == 1 and len(self.sequences) == 1 and not self.partial:
            (given, only), name = next(iter(by_name.items())), next(iter(self.sequences))
            if given != name:
                notes.append(f"{given} is scored as {name}")
            return {name: only}, notes
        extra = [name for name in by_name if name not in self.sequences]
        if len(extra) == len(by_name):
            close = difflib.get_close_matches(extra[0], self.sequences, n=1, cutoff=0.0) if extra else []
            raise ValueError(
                f"no result belongs to a sequence of the ground truth ({', '.join(extra) or 'no results'}); "
                f"name the files as the sequences{f', for example {close[0]}.txt' if close else ''}"
            )
        if extra and not self.partial:
            notes.append(f"left out, no ground truth of that name: {', '.join(extra)}")
        return {name: source for name, source in by_name.items() if name in self.sequences}, notes

    def score(
        self, results: Source, *, tracker: str = "tracker", threshold: float = 0.5, look: bool = True
    ) -> Evaluation:
        """Score one tracker; results as in `evaluate` (not a folder). look: add notes on suspicious input."""
        matched, notes = self.match(results)
        if look:
            for name, sequence in self.sequences.items():
                notes += [f"{name}: ground truth: {note}" for note in gt_suspicions(self.rows[name], sequence)]
        scores = []
        for name, sequence in self.sequences.items():
            source = matched.get(name)
            if source is None:
                notes.append(f"{name}: no results, scored as empty")
                rows = _no_rows()
            else:
                rows = source if isinstance(source, MotRows) else read_results(source)
                path = source if isinstance(source, Path) else Path(f"results of {name}")
                if isinstance(source, MotRows):
                    _check_rows(rows, str(path), least_id=1)
                elif _is_part(source, rows, sequence.length or self.rows[name].last_frame):
                    notes.append(
                        f"{name}: these frames are a part, counted anew by `track bench`; it scores them itself"
                    )
                _check_length(rows, sequence, path)
                _check_end(rows, self.rows[name], sequence, path)
                self._check_classes(rows, path)
                if not len(rows):
                    notes.append(f"{name}: results are empty")
                elif look:
                    notes += [f"{name}: {note}" for note in suspicions(rows, self.rows[name], sequence)]
            counters = _Counters(threshold)
            for frames in self.frames(name, rows):
                counters.add(frames)
            scores.append(counters.result(name))
            if scores[-1].gt_dets == 0:
                notes.append(f"{name}: no box of the ground truth counts, so nothing could be found")
        return Evaluation(tracker, self.rules.name, self.why, tuple(scores), combine(scores), tuple(notes))

    def frames(self, name: str, results: MotRows) -> Iterator[Frames]:
        """The rows that count and their overlaps, block after block of frames."""
        gt = self.rows[name]
        length = self.sequences[name].length or max(gt.last_frame, results.last_frame)
        gt_start = np.searchsorted(gt.frames, np.arange(1, length + 2))
        id_start = np.searchsorted(results.frames, np.arange(1, length + 2))
        _, gt_number = np.unique(gt.ids, return_inverse=True)
        _, id_number = np.unique(results.ids, return_inverse=True)
        for low, high in _blocks(gt_start, id_start):
            g = slice(int(gt_start[low]), int(gt_start[high]))
            t = slice(int(id_start[low]), int(id_start[high]))
            frames = frames_from_boxes(
                gt_number[g],
                gt.boxes[g],
                gt_start[low : high + 1] - g.start,
                id_number[t],
                results.boxes[t],
                id_start[low : high + 1] - t.start,
            )
            yield self.rules.apply(frames, gt.scores[g], gt.classes[g])

    def _check_classes(self, rows: MotRows, path: Path) -> None:
        """The benchmark scores pedestrians only, and refuses results of other classes."""
        if self.rules.classes and len(rows) and rows.classes.max() > 1 and np.isin(rows.classes, [-1, *CLASSES]).all():
            row = int(np.argmax(rows.classes > 1))
            raise MotFormatError(
                f"{path}:{rows.lines[row]}: class {rows.classes[row]}; {self.rules.name} rules score pedestrians only, "
                "keep the rows of class 1 or use plain rules"
            )


class _Counters:
    """The three scores and the plain counts, fed together."""

    def __init__(self, threshold: float) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold={threshold!r}: give an overlap above 0, up to 1")
        self._hota, self._clear, self._identity = HotaCounter(), ClearCounter(threshold), IdentityCounter(threshold)
        self._frames = self._dets = self._gt_dets = 0
        self._ids: set[int] = set()
        self._gt_ids: set[int] = set()

    def add(self, frames: Frames) -> None:
        for counter in (self._hota, self._clear, self._identity):
            counter.add(frames)
        self._frames += len(frames)
        self._dets += len(frames.ids)
        self._gt_dets += len(frames.gt)
        self._ids.update(np.unique(frames.ids).tolist())
        self._gt_ids.update(np.unique(frames.gt).tolist())

    def result(self, name: str) -> SequenceScore:
        return SequenceScore(
            name=name,
            frames=self._frames,
            hota=self._hota.result(),
            clear=self._clear.result(),
            identity=self._identity.result(),
            dets=self._dets,
            gt_dets=self._gt_dets,
            ids=len(self._ids),
            gt_ids=len(self._gt_ids),
        )


def _blocks(gt_start: IntArray, id_start: IntArray) -> Iterator[tuple[int, int]]:
    """Ranges of frames with about _BLOCK_ROWS rows in each."""
    done = (gt_start[1:] + id_start[1:]) // _BLOCK_ROWS
    edges = (np.flatnonzero(np.diff(done)) + 1).tolist()
    bounds = [0, *edges, len(done)]
    yield from (pair for pair in itertools.pairwise(bounds) if pair[1] > pair[0])


def _check_length(rows: MotRows, sequence: Sequence, path: Path) -> None:
    if sequence.length is not None and rows.last_frame > sequence.length:
        row = int(np.argmax(rows.frames > sequence.length))
        raise MotFormatError(
            f"{path}:{rows.lines[row]}: frame {rows.frames[row]} in a sequence of {sequence.length} frames; "
            "are these the results of another sequence, or do frames count past the video?"
        )


def _check_end(rows: MotRows, gt: MotRows, sequence: Sequence, path: Path) -> None:
    """Time stamps for frames would ask for memory by the terabyte."""
    if sequence.length is None and rows.last_frame > 100 * gt.last_frame + 100_000:
        raise MotFormatError(
            f"{path}:{rows.lines[-1]}: frame {rows.last_frame}, while the ground truth ends at {gt.last_frame}; "
            "are these time stamps? number the frames from 1"
        )


def _check_rows(rows: MotRows, what: str, least_id: int) -> None:
    """Rows that no reader has checked."""
    complaint = None
    if len(rows) and not np.isfinite(rows.boxes).all():
        complaint = "a box holds NaN or infinity"
    elif (np.diff(rows.frames) < 0).any():
        complaint = "the rows are not sorted by frame"
    elif len(rows) and rows.frames[0] < 1:
        complaint = f"frame {rows.frames[0]}; frames count from 1"
    elif len(rows) and rows.ids.min() < least_id:
        complaint = f"id {rows.ids.min()}; ids count from {least_id}"
    elif len(np.unique(np.stack((rows.frames, rows.ids)), axis=1).T) < len(rows):
        complaint = "an id occurs twice in a frame"
    if complaint is not None:
        raise ValueError(f"{what}: {complaint}; correct the rows")


def _is_part(results: Path, rows: MotRows, length: int) -> bool:
    """Whether `track bench` made this file from a later part of the sequence, while the ground truth is all of it.

    Its record, beside the file, holds the first frame of the part, which became frame 1.
    """
    try:
        record = json.loads(results.with_suffix(".json").read_text(encoding="utf-8"))
        return int(record["first"]) > 1 and int(record["first"]) - 1 + rows.last_frame <= length
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _no_rows() -> MotRows:
    none = np.empty(0, dtype=np.int64)
    return MotRows(none, none, np.empty((0, 4)), np.empty(0), none, np.empty(0), none)
