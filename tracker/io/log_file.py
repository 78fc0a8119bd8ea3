"""The decision log of a run as one SQLite file, ``log.sqlite``: what the tracker was given, and what it decided.

    sqlite3 runs/street-steady/log.sqlite "SELECT * FROM decisions WHERE id = 17 AND frame BETWEEN 300 AND 311"

meta        key, value: the version of the layout, the algorithm and its settings as JSON, frame rate, source
frames      frame (the update's number, from 1), number (in tracks.txt), time (seconds, as the tracker was told it), and
            what the update was given, packed: see ``pack``. ``used``: how many of these detections, the first ones; the
            others scored less than the run's least score
decisions   a view: frame, id of a track, row of a detection in its frame, reason, stage, detail (the setting or the
            reason of a refusal) and gain, to a thousandth. Reasons of pairs: "matched", "outbid", "below threshold",
            "taken" (one of the two was matched elsewhere), "stage" (not open to both), "refused". Of pairs whose
            track and detection both have other partners only those that might have won are there. Of single tracks:
            "born" with the row, "confirmed", and of the ends "expired", "tentative", "gap in time" and "duplicate"
            (detail: of id). The ids are those of tracks.txt; a track that was never reported has a negative one
numbers     the id in tracks.txt by the number of a track's birth, which is what ``packed`` has; empty where the ids are
            given at birth

Every row of ``decisions`` takes some 25 bytes. The file is in WAL mode while it is written: a run that is killed leaves
all but its last second.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import time as clock
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.detections import Detections
from tracker.log import Decisions, Stage
from tracker.spelling import shown

NAME = "log.sqlite"
VERSION = 1
RIVAL = 0.5  # a pair that gains less than this share of the matches in its way could not have won
EVERY = 1.0  # seconds from one transaction to the next

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE frames (frame INTEGER PRIMARY KEY, number INTEGER, time REAL, used INTEGER, given BLOB);
CREATE TABLE words (word INTEGER PRIMARY KEY, text TEXT UNIQUE);
CREATE TABLE packed (frame INTEGER, id INTEGER, detection INTEGER, reason INTEGER, stage INTEGER, detail INTEGER,
                     gain INTEGER);
CREATE TABLE numbers (id INTEGER PRIMARY KEY, number INTEGER);
CREATE VIEW decisions AS
    SELECT p.frame, coalesce(n.number, CASE WHEN EXISTS (SELECT 1 FROM numbers) THEN -p.id ELSE p.id END) AS id,
    p.detection, r.text AS reason, s.text AS stage, d.text AS detail, p.gain / 1000.0 AS gain
    FROM packed p JOIN words r ON r.word = p.reason LEFT JOIN words s ON s.word = p.stage
    LEFT JOIN words d ON d.word = p.detail LEFT JOIN numbers n ON n.id = p.id;
"""

MATCHED, OUTBID, BELOW, TAKEN, CLOSED, REFUSED = range(6)
REASONS = ("matched", "outbid", "below threshold", "taken", "stage", "refused")
Row = tuple[int, int, int | None, int, int | None, int | None, int | None]


def pack(detections: Detections, warps: list[FloatArray]) -> bytes:
    """What an update was given as bytes: exact, compressed.

    The header has the numbers N of detections, D of the embedding's width and W of warps, and a byte: 1 where there are
    classes, 2 where there are twins; then follow float64 scores and boxes (5, N), int64 classes (N,), float64 twins
    (2, N), float32 embeddings (N, D) and float64 warps (W, 2, 3).
    """
    vectors = detections.embeddings
    width = 0 if vectors is None else vectors.shape[1]
    classed, twins = bool(detections.classes.any()), detections.twins
    has = classed + 2 * (twins is not None)
    parts = [struct.pack("<IIIB", len(detections), width, len(warps), has), detections.floats.tobytes()]
    parts += [detections.classes.tobytes()] if classed else []
    parts += [] if twins is None else [np.ascontiguousarray(twins).tobytes()]
    parts += [] if vectors is None else [vectors.tobytes()]
    parts += [matrix.tobytes() for matrix in warps]
    return zlib.compress(b"".join(parts), 1)


def unpack(data: bytes) -> tuple[Detections, list[FloatArray]]:
    """What ``pack`` packed. Raises ValueError for other bytes."""
    try:
        raw = zlib.decompress(data)
        n, width, warps, has = struct.unpack_from("<IIIB", raw)
        classed, twinned = has % 2, has // 2
        at = struct.calcsize("<IIIB")
        floats = np.frombuffer(raw, np.float64, 5 * n, at).reshape(5, n)
        at += floats.nbytes
        classes = np.frombuffer(raw, np.int64, n, at) if classed else None
        at += 8 * n * classed
        twins = np.frombuffer(raw, np.float64, 2 * n, at).reshape(2, n) if twinned else None
        at += 16 * n * twinned
        vectors = np.frombuffer(raw, np.float32, n * width, at).reshape(n, width) if width else None
        at += 4 * n * width
        matrices = np.frombuffer(raw, np.float64, 6 * warps, at).reshape(warps, 2, 3)
    except (zlib.error, struct.error, ValueError) as error:
        raise ValueError(f"a frame cannot be read ({error})") from None
    found = Detections(floats[1:].T, floats[0], classes, embeddings=vectors)
    return found if twins is None else found.with_twins(twins[0], twins[1]), list(matrices)


class LogWriter:
    """Writes ``log.sqlite``; for one thread, which need not be the one that made it.

    path   a file that does not exist
    facts  what ``meta`` says beside the version: values that JSON takes

    seconds  spent writing. Raises OSError, naming the file, where it cannot be written.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path = path
        self.facts = facts
        self.seconds = 0.0
        self._base: sqlite3.Connection | None = None
        self._words: dict[str, int] = {}
        self._numbers: dict[int, int] = {}
        self._new_numbers: dict[int, int] = {}
        self._rows: list[Row] = []
        self._frames: list[tuple[int, int, float | None, int, bytes]] = []
        self._written = clock.monotonic()
        self._last: int | None = None  # update in the file

    def write(self, number: int, detections: Detections, decisions: Decisions, used: int | None = None) -> None:
        """A frame, ``number`` in the results, of which the tracker was given the first ``used`` detections, or all."""
        started = clock.perf_counter()
        count = len(detections) if used is None else used
        self._frames.append((decisions.frame, number, decisions.time, count, pack(detections, decisions.warps)))
        self._rows += self._rows_of(decisions)
        if clock.monotonic() - self._written >= EVERY:
            self._flush()
        self.seconds += clock.perf_counter() - started

    def close(self) -> None:
        """Write the rest and leave one file; may be called again."""
        if self._frames or self._base is not None:
            started = clock.perf_counter()
            try:
                self._flush()
                if self._base is not None:
                    with self._named():
                        self._base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                        self._base.execute("PRAGMA journal_mode=DELETE")
            finally:
                base, self._base = self._base, None
                self._frames, self._rows = [], []
                if base is not None:  # on a full disk too: the file would stay open
                    base.close()
                self.seconds += clock.perf_counter() - started

    def mark(self) -> int | None:
        """The last update in the file, once all so far are in it; None before the first."""
        if self._frames:
            self._flush()
        return self._last

    def resume(self, last: int | None) -> None:
        """Go on behind the update ``last`` with a file that another writer left; what it has beyond that is removed.

        Raises ValueError, naming the file, where it has not all until then.
        """
        if last is None:
            remove_log(self.path)
            return
        again = "is not as the run left it; put it back, or start again with --overwrite"
        if not self.path.is_file():
            raise ValueError(f"{shown(str(self.path))}: {again}")
        try:
            self._base = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=NORMAL")
            for table in ("frames", "packed"):
                self._base.execute(f"DELETE FROM {table} WHERE frame > ?", (last,))
            (until,) = self._base.execute("SELECT max(frame) FROM frames").fetchone()
            self._words = {text: word for word, text in self._base.execute("SELECT word, text FROM words")}
            self._numbers = dict(self._base.execute("SELECT id, number FROM numbers"))
        except sqlite3.Error as error:
            raise ValueError(f"{shown(str(self.path))}: {again} ({error})") from None
        if until != last:
            raise ValueError(f"{shown(str(self.path))}: {again}")
        self._last = last

    def _open(self) -> sqlite3.Connection:
        if self._base is None:
            with self._named():
                self._base = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
                self._base.execute("PRAGMA journal_mode=WAL")
                self._base.execute("PRAGMA synchronous=NORMAL")
                self._base.executescript(SCHEMA)
                facts = {"version": VERSION, **self.facts}
                pairs = [(key, json.dumps(value, sort_keys=True)) for key, value in facts.items()]
                self._base.executemany("INSERT INTO meta VALUES (?, ?)", pairs)
        return self._base

    def _flush(self) -> None:
        base = self._open()
        with self._named():
            base.execute("BEGIN")
            base.executemany(
                "INSERT OR IGNORE INTO words VALUES (?, ?)", [(number, text) for text, number in self._words.items()]
            )
            base.executemany("INSERT INTO frames VALUES (?, ?, ?, ?, ?)", self._frames)
            base.executemany("INSERT OR REPLACE INTO numbers VALUES (?, ?)", list(self._new_numbers.items()))
            base.executemany("INSERT INTO packed VALUES (?, ?, ?, ?, ?, ?, ?)", self._rows)
            base.execute("COMMIT")
        self._last = self._frames[-1][0] if self._frames else self._last
        self._frames, self._rows, self._new_numbers = [], [], {}
        self._written = clock.monotonic()

    def _named(self) -> _Named:
        return _Named(self.path)

    def _word(self, text: str) -> int | None:
        return self._words.setdefault(text, len(self._words)) if text else None

    def _rows_of(self, decisions: Decisions) -> list[Row]:
        frame = decisions.frame
        reasons = [self._words.setdefault(text, len(self._words)) for text in REASONS]
        rows: list[Row] = []
        for track, row, reason, gain, stage, detail in _pairs(decisions):
            known = None if gain != gain else round(1000 * max(min(gain, 1e9), -1e9))
            rows.append((frame, track, row, reasons[reason], self._word(stage), self._word(detail), known))
        born, confirmed = self._word("born"), self._word("confirmed")
        assert born is not None
        assert confirmed is not None
        rows += [(frame, track, row, born, None, None, None) for track, row in decisions.born]
        rows += [(frame, track, None, confirmed, None, None, None) for track in decisions.proved]
        self._numbers |= decisions.numbered
        self._new_numbers |= decisions.numbered
        for track, reason_text in decisions.died.items():
            other = decisions.duplicates.get(track)
            detail_word = None if other is None else self._word(f"of {self._numbers.get(other, other)}")
            why = self._word(reason_text)
            assert why is not None
            rows.append((frame, track, None, why, None, detail_word, None))
        return rows


def _pairs(decisions: Decisions) -> Iterator[tuple[int, int, int, float, str, str]]:
    """Track, row, reason, gain, stage and detail of the pairs worth keeping, each pair once.

    Of pairs whose track and detection both have other partners only those that might have won are.
    """
    best = {track: gain for stage in decisions.stages for track, gain in _chosen(stage, stage.ids)}
    taken = {row: gain for stage in decisions.stages for row, gain in _chosen(stage, stage.detections)}
    tracks, rows = np.array(list(best), dtype=np.int64), np.array(list(taken), dtype=np.int64)
    seen: dict[tuple[int, int], tuple[int, float, str, str]] = {}
    for stage in decisions.stages:
        reasons = _reasons(stage)
        both = np.isin(stage.ids, tracks) & np.isin(stage.detections, rows)
        kept = np.flatnonzero((reasons <= OUTBID) | ~both)
        for track, row, gain, reason in zip(
            stage.ids[kept].tolist(),
            stage.detections[kept].tolist(),
            stage.gains[kept].tolist(),
            reasons[kept].tolist(),
            strict=True,
        ):
            if reason == OUTBID and gain < RIVAL * min(best.get(track, gain), taken.get(row, gain)):
                continue
            if reason == CLOSED and (track in best or row in taken):
                reason = TAKEN
            known = seen.get((track, row))
            if known is None or reason < known[0]:
                seen[track, row] = (reason, gain, stage.name, stage.limit if reason else "")
    for refused in decisions.refused:
        kept = np.flatnonzero(~(np.isin(refused.ids, tracks) & np.isin(refused.detections, rows)))
        for track, row, value in zip(
            refused.ids[kept].tolist(), refused.detections[kept].tolist(), refused.values[kept].tolist(), strict=True
        ):
            seen.setdefault((track, row), (REFUSED, value, "", refused.reason))
    for (track, row), (reason, gain, name, detail) in seen.items():
        yield track, row, reason, gain, name, detail


def _chosen(stage: Stage, names: IntArray) -> Iterator[tuple[int, float]]:
    """The track or the detection of each pair that the stage matched, with the pair's gain."""
    return zip(names[stage.chosen].tolist(), stage.gains[stage.chosen].tolist(), strict=True)


def _reasons(stage: Stage) -> IntArray:
    """(K,) the reason of each pair in one stage."""
    open_: BoolArray = np.isin(stage.ids, stage.open_ids) & np.isin(stage.detections, stage.open_rows)
    out: IntArray = np.where(stage.chosen, MATCHED, np.where(~open_, CLOSED, np.where(stage.gains > 0, OUTBID, BELOW)))
    return out


class _Named:
    """Turns SQLite's errors into an OSError that names the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, sqlite3.Error):
            said = str(error).replace("database or disk is full", "the disk is full")
            raise OSError(None, said, str(self.path)) from None


@dataclass(frozen=True, eq=False)
class Logged:
    """What ``log.sqlite`` holds.

    meta        what the run was, by key
    numbers     (F,) of each update in the results; times: seconds, as the tracker was told them
    given       (F,) how many detections of each update the tracker was given, the first ones
    detections  of each update; warps  the camera's motions (2, 3) before it, by update from 0
    matched     of each update, the pairs (id, row of the detection) that were matched
    """

    meta: dict[str, Any]
    numbers: IntArray
    given: IntArray
    times: list[float | None]
    detections: list[Detections]
    warps: dict[int, list[FloatArray]]
    matched: list[set[tuple[int, int]]]


def read_log(path: Path) -> Logged:
    """Read ``log.sqlite``, one that is being written or was left by a killed run too.

    Raises ValueError, in one line, for a file that is none, or was written by another version.
    """
    if not path.is_file():
        raise ValueError(f"{shown(str(path))}: no such file; run `track SOURCE --log` to keep a log")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as base:
            meta = {key: json.loads(value) for key, value in base.execute("SELECT key, value FROM meta")}
            if meta.get("version") != VERSION:
                raise ValueError(
                    f"{shown(str(path))}: a log of version {meta.get('version')}, this trackwhy reads version "
                    f"{VERSION}; run `track SOURCE --log` again"
                )
            frames = base.execute("SELECT frame, number, time, used, given FROM frames ORDER BY frame").fetchall()
            place = {frame: k for k, (frame, *_) in enumerate(frames)}
            matched: list[set[tuple[int, int]]] = [set() for _ in frames]
            for frame, track, row in base.execute(
                "SELECT frame, id, detection FROM packed JOIN words ON word = reason WHERE text = 'matched'"
            ):
                matched[place[frame]].add((track, row))
    except (sqlite3.Error, json.JSONDecodeError, KeyError) as error:
        raise ValueError(f"{shown(str(path))}: is no log of a run ({error}); run `track SOURCE --log` again") from None
    try:
        given = [unpack(data) for *_, data in frames]
    except ValueError as error:
        raise ValueError(f"{shown(str(path))}: {error}; run `track SOURCE --log` again") from None
    return Logged(
        meta,
        np.array([number for _, number, *_ in frames], dtype=np.int64),
        np.array([used for *_, used, _ in frames], dtype=np.int64),
        [time for _, _, time, *_ in frames],
        [found for found, _ in given],
        {k: warps for k, (_, warps) in enumerate(given) if warps},
        matched,
    )


def remove_log(path: Path) -> None:
    """Remove a log and what SQLite keeps beside it."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with suppress(FileNotFoundError):
            path.with_name(name).unlink()
