"""Scoring results against ground truth: files or rows in, an `Evaluation` out."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.evaluate.clear import ClearCounter
from tracker.evaluate.doctor import apart, first_beyond, gt_suspicions, suspicions
from tracker.evaluate.frames import Frames, Names, frames_from_boxes, frames_from_matrices
from tracker.evaluate.hota import HotaCounter
from tracker.evaluate.identity import IdentityCounter
from tracker.evaluate.rules import (
    AS_ASKED,
    CLASSES,
    RULES,
    Rules,
    check_rules,
    class_doubts,
    labels_of,
    recognise_rules,
    rules_by_name,
)
from tracker.evaluate.scores import Evaluation, SequenceScore, combine
from tracker.evaluate.sequences import Sequence, find_results, find_sequences
from tracker.io.mot import Invalid, MotFormatError
from tracker.io.readers import read_tracks, read_truth, videos_of
from tracker.rows import Rows, are_times, as_rows, left_out
from tracker.spelling import nearest, number_of, shown

_BLOCK_ROWS = 1 << 16  # rows scored at once: bounds the memory of long sequences
_BUFFER_FRAMES = 256

Source = str | os.PathLike[str] | Rows | Mapping[str, "str | os.PathLike[str] | Rows"]
Each = Callable[["Callable[[One], Scored]", "list[One]"], "Iterable[Scored]"]


class Accumulator:
    """HOTA, CLEAR and identity of one sequence, frame by frame as they come.

    Memory is bounded by the number of identities that overlap, not by the number of frames: beyond 64 MB, the
    overlapping pairs that HOTA needs again go to a temporary file.

    name: of the sequence in the scores. threshold: overlap of a match in CLEAR and identity, above 0 and up to 1.
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
    invalid: Invalid = "raise",
) -> Evaluation:
    """Score one tracker's results.

    results: a file, a folder of `<seq>.txt`, `Rows`, or a dict of files or rows by sequence name. gt: a MOTChallenge
    tree, a flat folder, a file, rows, or a dict. rules: "auto" recognises them from the ground truth (`Evaluation.why`
    says how), or one of `tracker.evaluate.rules.CHOICES`; "kitti-car", "kitti-pedestrian" and "visdrone" also say what
    form text has. tracker: its name in the scores. sequences: names to take
    of `gt`. threshold: overlap of a match in CLEAR and identity, above 0 and up to 1. invalid: bad rows of text raise,
    or with "drop" are left out and counted in the notes. A sequence without results is scored as empty and noted.
    Raises MotFormatError with file and line for a bad file, ValueError for what does not fit together.
    """
    truth = load_ground_truth(gt, rules, sequences, invalid)
    if isinstance(results, (str, os.PathLike)):
        found = find_results(results)
        if len(found) > 1:
            raise ValueError(f"{results}: holds {len(found)} trackers ({', '.join(found)}); give one of their folders")
        return truth.score(next(iter(found.values())), tracker=tracker, threshold=threshold)
    return truth.score(results, tracker=tracker, threshold=threshold)


def load_ground_truth(
    gt: Source, rules: str = "auto", sequences: list[str] | None = None, invalid: Invalid = "raise"
) -> GroundTruth:
    """Read and check ground truth once, to score several trackers against it. Arguments and errors as in `evaluate`."""
    given = _sequences_of(gt, sequences)
    known = {name: sequence for name, (sequence, _) in given.items()}
    rows: dict[str, Rows] = {}
    for name, (sequence, own) in given.items():
        rows[name] = _read(sequence, rules, invalid) if own is None else _checked(own, sequence.gt)
        _check_length(rows[name], sequence, sequence.gt)
    labels = {name: labels_of(sequence.gt) for name, sequence in known.items()}
    chosen, why = recognise_rules(rows, labels) if rules == "auto" else (rules_by_name(rules), AS_ASKED)
    for name, sequence in known.items():
        check_rules(chosen, name, rows[name], str(sequence.gt))
    return GroundTruth(known, rows, chosen, shown(why), sequences is not None, invalid)


def _read(sequence: Sequence, rules: str, invalid: Invalid) -> Rows:
    """The ground truth of a sequence, in the form that the rules belong to."""
    chosen = RULES["plain"] if rules == "auto" else rules_by_name(rules)
    if rules.lower() == "kitti":
        raise ValueError("rules 'kitti' score one kind of object; give kitti-car or kitti-pedestrian")
    return read_truth(sequence.gt, form=chosen.form, kind=chosen.kind, video=sequence.name, invalid=invalid)


def _sequences_of(gt: Source, only: list[str] | None) -> dict[str, tuple[Sequence, Rows | None]]:
    """The sequences of ground truth by name, each with its rows where these were given instead of a file."""
    if isinstance(gt, Rows):
        return {"sequence": (Sequence("sequence", Path("ground truth")), gt)}
    if not isinstance(gt, Mapping):
        return {sequence.name: (sequence, None) for sequence in find_sequences(gt, only)}
    missing = [name for name in only or () if name not in gt]
    if missing:
        raise ValueError(f"no sequence {missing[0]!r} in the ground truth; there are {', '.join(gt)}")
    out: dict[str, tuple[Sequence, Rows | None]] = {}
    for name in only or gt:
        source = gt[name]
        if isinstance(source, Rows):
            out[name] = Sequence(name, Path(f"ground truth of {name}")), source
            continue
        found = find_sequences(source)
        if len(found) != 1:
            raise ValueError(f"{source}: holds {len(found)} sequences; give the one named {name}")
        out[name] = found[0], None
    return out


class GroundTruth:
    """Ground truth of some sequences and the rules to score by; made by `load_ground_truth`.

    sequences, rows: by name; the rows are ordered by frame. rules, why: the rules, and what they were recognised by.
    partial: whether only some sequences were asked for, so that results of others need no note. invalid: what to do
    with bad rows of results, "raise" or "drop".
    """

    def __init__(
        self,
        known: dict[str, Sequence],
        rows: dict[str, Rows],
        rules: Rules,
        why: str,
        partial: bool = False,
        invalid: Invalid = "raise",
    ) -> None:
        self.sequences = known
        self.partial = partial
        self.invalid: Invalid = invalid
        self.rows = rows
        self.rules = rules
        self.why = why

    def match(self, results: Source) -> tuple[dict[str, Path | Rows], list[str]]:
        """Results by sequence name, with notes on what is missing or left over. Raises ValueError when nothing fits."""
        if isinstance(results, Rows) or not isinstance(results, Mapping):
            return self._match_one(results if isinstance(results, Rows) else Path(results))
        by_name = {name: s if isinstance(s, Rows) else Path(s) for name, s in results.items()}
        if len(by_name) == 1 and len(self.sequences) == 1 and not self.partial:
            (given, only), name = next(iter(by_name.items())), next(iter(self.sequences))
            return {name: only}, [] if given == name else [f"{given} is scored as {name}"]
        extra = [name for name in by_name if name not in self.sequences]
        if len(extra) == len(by_name):
            hint = nearest(extra[0], self.sequences, cutoff=0.0) if extra else ""
            raise ValueError(
                f"no result belongs to a sequence of the ground truth ({', '.join(extra) or 'no results'}){hint}; "
                "name each file <seq>.txt, as its sequence"
            )
        matched = {name: source for name, source in by_name.items() if name in self.sequences}
        silent = self.partial or not extra
        return matched, [] if silent else [f"left out, no ground truth of that name: {', '.join(extra)}"]

    def read_file(self, name: str, path: Path) -> Rows:
        """The results of a sequence in a file. Raises MotFormatError, naming it, where it cannot be read."""
        return read_tracks(path, video=name, truth=self.sequences[name].gt, invalid=self.invalid)

    def _match_one(self, source: Path | Rows) -> tuple[dict[str, Path | Rows], list[str]]:
        """`match` for a result without a sequence name: a file is named as its sequence where there are several."""
        name = next(iter(self.sequences))
        if isinstance(source, Path) and source.suffix.lower() == ".json" and source.is_file():
            return self._match_videos(source)
        if len(self.sequences) > 1:
            name = source.stem if isinstance(source, Path) else ""
            if name not in self.sequences:
                shown = source if isinstance(source, Path) else "results"
                raise ValueError(
                    f"{shown}: one result for {len(self.sequences)} sequences of ground truth, named as none "
                    "of them; name it <seq>.txt or give one sequence"
                )
        if isinstance(source, Path) and source.stem != name:
            return {name: source}, [f"{source.name} is scored as {name}"]
        return {name: source}, []

    def _match_videos(self, source: Path) -> tuple[dict[str, Path | Rows], list[str]]:
        """`match` for a JSON file, which may hold the results of several sequences; a list of COCO's names none."""
        names = [video.name for video in videos_of(source)]
        if len(names) == 1 and len(self.sequences) == 1:
            return {next(iter(self.sequences)): source}, []
        found: dict[str, Path | Rows] = {name: source for name in self.sequences if name in names or not names}
        if not found:
            raise ValueError(
                f"{source}: holds {', '.join(names[:4])}, none of which is a sequence of the ground truth"
                f"{nearest(names[0], self.sequences)}"
            )
        return found, []

    def score(
        self, results: Source, *, tracker: str = "tracker", threshold: float = 0.5, look: bool = True, each: Each = map
    ) -> Evaluation:
        """Score one tracker; results as in `evaluate` (not a folder). look: add notes on suspicious input.

        each: calls the function on every sequence and gives what it returns in their order, as `map` does; another one
        may do so elsewhere.
        """
        matched, notes = self.match(results)
        first: list[str] = []  # what makes the scores meaningless comes before all else
        if look:
            doubted = self.why != AS_ASKED
            for name, sequence in self.sequences.items():
                gt = self.rows[name]
                said = [*gt.notes, *([left_out(gt)] if gt.dropped else ()), *gt_suspicions(gt, sequence)]
                said += class_doubts(self.rules, gt) if doubted else []
                notes += [f"{name}: ground truth: {note}" for note in said]
        ones = [One(self.only(name), name, matched.get(name), threshold, look) for name in self.sequences]
        parts = list(each(score_one, ones))
        for name, part in zip(self.sequences, parts, strict=True):
            first += [f"{name}: {part.alarm}"] if part.alarm else []
            notes += [f"{name}: {note}" for note in part.notes]
        notes = [shown(note) for note in (*first, *notes)]
        scores = [part.score for part in parts]
        return Evaluation(
            tracker,
            self.rules.name,
            self.why,
            tuple(scores),
            combine(scores),
            tuple(notes),
            alarms=len(first),
            classes=tuple(self._of_classes(ones, parts, each)),
        )

    def only(self, name: str) -> GroundTruth:
        """The ground truth of one sequence."""
        return GroundTruth(
            {name: self.sequences[name]}, {name: self.rows[name]}, self.rules, self.why, True, self.invalid
        )

    def read(self, results: Source) -> dict[str, Rows]:
        """The checked results of every sequence; of one without results no rows. results as in ``score``."""
        matched = self.match(results)[0]
        return {name: self._results(name, matched.get(name), False)[0] for name in self.sequences}

    def score_without(self, name: str, rows: Rows, first: int, last: int, *, threshold: float = 0.5) -> SequenceScore:
        """The score of one sequence as if it had no frames from ``first`` to ``last``; rows as ``read`` gives them."""
        outside = copy(self)
        gt = self.rows[name]
        outside.rows = {name: gt.select((gt.frames < first) | (gt.frames > last))}
        return outside._score(name, rows.select((rows.frames < first) | (rows.frames > last)), threshold)

    def score_one(self, one: One) -> Scored:
        """The score of one sequence and what there is to say about its results; raises as `score` does."""
        rows, said = self._results(one.name, one.results, one.look)
        off = apart(rows, self.rows[one.name]) if one.look else None
        score = self._score(one.name, rows, one.threshold)
        said += self._class_notes(one.name, rows)
        if score.gt_dets == 0:
            said.append("no box of the ground truth counts, so nothing could be found")
        classes = self._classes(one.name, rows, one.threshold) if one.classes or rows.has_classes else None
        return Scored(score, tuple(note for note in said if note != off), off, classes)

    def _classes(self, name: str, rows: Rows, threshold: float) -> tuple[SequenceScore, ...]:
        """The score of each class."""
        truths = (GroundTruth(self.sequences, self.rows, rules, self.why) for rules in self.rules.of_classes())
        return tuple(truth._score(name, rows, threshold) for truth in truths)

    def _of_classes(self, ones: list[One], parts: list[Scored], each: Each) -> Iterator[SequenceScore]:
        """The scores of each class that has ground truth, over all sequences."""
        names = [rules.counted[0][1] for rules in self.rules.of_classes()]
        if not names or all(part.classes is None for part in parts):
            return
        without = [replace(one, classes=True) for one, part in zip(ones, parts, strict=True) if part.classes is None]
        late = iter(list(each(score_one, without)))
        of_each = [part.classes if part.classes is not None else next(late).classes or () for part in parts]
        for name, *scores in zip(names, *of_each, strict=True):
            score = combine(scores, name)
            if score.gt_dets:
                yield score

    def _score(self, name: str, rows: Rows, threshold: float) -> SequenceScore:
        counters = _Counters(threshold)
        for frames in self.frames(name, rows):
            counters.add(frames)
        counters.add_empty(self._length(name, rows)[0] - counters.frames)
        return counters.result(name)

    def _length(self, name: str, results: Rows) -> tuple[int, bool]:
        """Frames of a sequence, and whether they are only those with rows: where the numbers are times, not counts."""
        gt = self.rows[name]
        length = self.sequences[name].length
        last = max(gt.last_frame, results.last_frame)
        if length is None and are_times(last, len(gt) + len(results)):
            return len(_numbers(gt, results)), True
        return length or last, False

    def _results(self, name: str, source: Path | Rows | None, look: bool) -> tuple[Rows, list[str]]:
        """The checked results of a sequence, and what to say about them."""
        if source is None:
            return as_rows([], [], []), ["no results, scored as empty"]
        notes: list[str] = []
        sequence, gt = self.sequences[name], self.rows[name]
        if isinstance(source, Rows):
            path = Path(f"results of {name}")
            rows = _checked(source, path)
        else:
            path, rows = source, self.read_file(name, source)
            notes += [left_out(rows)] if rows.dropped else []
            if _is_part(path, rows, sequence.length or gt.last_frame):
                notes.append("these frames are a part, counted anew by `track bench`; it scores them itself")
        notes += rows.notes
        if (rows.frames < sequence.first).any():
            scored = rows.select(rows.frames >= sequence.first)
            count = len(rows) - len(scored)
            notes.append(f"{number_of(count, 'row')} before frame {sequence.first}, the first of this part, left out")
            rows = scored
        _check_length(rows, sequence, path)
        _check_end(rows, gt, sequence, path)
        self._check_classes(rows, path)
        count, sparse = self._length(name, rows)
        if sparse:
            notes.append(
                f"frame numbers up to {max(gt.last_frame, rows.last_frame)} look like times; "
                f"the {count} frames with rows are counted"
            )
        if not len(rows):
            notes.append("results are empty")
        elif look:
            notes += suspicions(rows, gt, sequence)
        return rows, notes

    def frames(self, name: str, results: Rows) -> Iterator[Frames]:
        """The rows that count and their overlaps, block after block of frames that have rows."""
        return (block for block, _ in self.numbered_frames(name, results))

    def identities(self, name: str, results: Rows) -> IntArray:
        """The number (R,) from 0 of each ground truth row's identity, where results are scored against it."""
        gt = self.rows[name]
        return _identities(gt, apart=self.rules.fitted(gt, results)[0].apart)

    def numbered_frames(self, name: str, results: Rows) -> Iterator[tuple[Frames, IntArray]]:
        """The same with the numbers (F,) of the frames of each block; identities are those of ``identities``."""
        gt = self.rows[name]
        rules, results = self.rules.fitted(gt, results.by_frame())
        numbers = _numbers(gt, results)
        length = self.sequences[name].length
        if length is not None:
            numbers = numbers[numbers <= length]
        bounds = np.append(numbers, numbers[-1:] + 1)
        gt_start, id_start = (np.searchsorted(rows.frames, bounds) for rows in (gt, results))
        gt_number, id_number = (_identities(rows, apart=rules.apart) for rows in (gt, results))
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
            yield rules.apply(frames, gt.select(g), results.select(t)), numbers[low:high]

    def _class_notes(self, name: str, results: Rows) -> list[str]:
        """What to say where classes are scored apart and those of results do not fit."""
        gt = self.rows[name]
        if not self.rules.apart or not len(results):
            return []
        if not results.has_classes:
            several = not self.rules.fitted(gt, results)[0].apart
            return ["results have no classes, so a box may match ground truth of any class"] if several else []
        known = [number for number, _ in self.rules.counted] or np.unique(gt.classes).tolist()
        left = np.unique(results.classes[~np.isin(results.classes, known)]).tolist()
        if not left:
            return []
        count = int(np.count_nonzero(~np.isin(results.classes, known)))
        return [
            f"{number_of(count, 'row')} of classes that do not count ({', '.join(map(str, left[:5]))}) never matched"
        ]

    def _check_classes(self, rows: Rows, path: Path) -> None:
        """The benchmark scores pedestrians only, and refuses results of other classes."""
        if self.rules.classes and len(rows) and rows.classes.max() > 1 and np.isin(rows.classes, [-1, *CLASSES]).all():
            row = int(np.argmax(rows.classes > 1))
            raise MotFormatError(
                f"{shown(path)}:{rows.lines[row]}: class {rows.classes[row]}; {self.rules.name} rules score "
                "pedestrians only, keep the rows of class 1 or score every class with plain rules (--rules plain)"
            )


@dataclass(frozen=True, eq=False)
class One:
    """The results of one sequence, to score.

    truth: its ground truth. name: of the sequence. results: a file, rows, or None for none. threshold, look: as in
    `GroundTruth.score`. classes: whether to score each class even where the results have none.
    """

    truth: GroundTruth
    name: str
    results: Path | Rows | None
    threshold: float
    look: bool
    classes: bool = False


@dataclass(frozen=True, eq=False)
class Scored:
    """The score of one sequence.

    notes: what there is to say about its results. alarm: what makes the score meaningless. classes: the score of each
    class that the rules count, None where results have no classes.
    """

    score: SequenceScore
    notes: tuple[str, ...]
    alarm: str | None
    classes: tuple[SequenceScore, ...] | None


def score_one(one: One) -> Scored:
    """Score one sequence; a function of a module, so that it can be sent elsewhere."""
    return one.truth.score_one(one)


class _Counters:
    """The counters of the three scores and the numbers of rows and identities, fed together."""

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

    @property
    def frames(self) -> int:
        """How many were counted."""
        return self._frames

    def add_empty(self, count: int) -> None:
        """Count frames without any row; it makes no difference when."""
        self._frames += count
        self._clear.add_empty(count)

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


def _numbers(gt: Rows, results: Rows) -> IntArray:
    """The numbers of the frames that have rows, in order; both tables are ordered by frame."""
    return np.union1d(*(rows.frames[_first_of_each(rows.frames)] for rows in (gt, results)))


def _identities(rows: Rows, *, apart: bool) -> IntArray:
    """The number (R,) of each row's identity, from 0; apart: an id has one for each of its classes."""
    _, numbers = np.unique(rows.ids, return_inverse=True)
    if apart:
        _, kinds = np.unique(rows.classes, return_inverse=True)
        _, numbers = np.unique(numbers * (kinds.max(initial=0) + 1) + kinds, return_inverse=True)
    return numbers.astype(np.int64)


def _first_of_each(frames: IntArray) -> BoolArray:
    """Mask (R,) of the first row of each frame, of rows ordered by frame."""
    first = np.ones(len(frames), dtype=bool)
    first[1:] = frames[1:] != frames[:-1]
    return first


def _blocks(gt_start: IntArray, id_start: IntArray) -> Iterator[tuple[int, int]]:
    """Ranges of frames with about _BLOCK_ROWS rows each."""
    done = (gt_start[1:] + id_start[1:]) // _BLOCK_ROWS
    edges = (np.flatnonzero(np.diff(done)) + 1).tolist()
    bounds = [0, *edges, len(done)]
    yield from (pair for pair in itertools.pairwise(bounds) if pair[1] > pair[0])


def _checked(rows: Rows, where: Path) -> Rows:
    """Rows that no reader has checked, ordered by frame."""
    try:
        rows.check()
    except ValueError as error:
        raise ValueError(f"{where}: {error}; correct the rows") from None
    return rows.by_frame()


def _check_length(rows: Rows, sequence: Sequence, path: Path) -> None:
    row = first_beyond(rows, sequence)
    if row is not None:
        raise MotFormatError(
            f"{shown(path)}:{rows.lines[row]}: frame {rows.frames[row]} in a sequence of {sequence.length} frames; "
            "are these the results of another sequence, or do frames count past the video?"
        )


def _check_end(rows: Rows, gt: Rows, sequence: Sequence, path: Path) -> None:
    """Refuse time stamps where the ground truth has frame numbers: nothing would match."""
    if sequence.length is None and rows.last_frame > 100 * gt.last_frame + 100_000:
        raise MotFormatError(
            f"{shown(path)}:{rows.lines[-1]}: frame {rows.last_frame}, while the ground truth ends at {gt.last_frame}; "
            "are these time stamps? number the frames from 1"
        )


def _is_part(results: Path, rows: Rows, length: int) -> bool:
    """Whether `track bench` made this file from a later part of the sequence, while the ground truth is all of it.

    Its record, beside the file, holds the first frame of the part, which became frame 1.
    """
    try:
        record = json.loads(results.with_suffix(".json").read_text(encoding="utf-8"))
        return int(record["first"]) > 1 and int(record["first"]) - 1 + rows.last_frame <= length
    except (OSError, ValueError, KeyError, TypeError):
        return False
