"""What a counter has counted so far: in a file once it is much, for a run may go on for months."""

from __future__ import annotations

import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from tracker.count.passages import Certainty, Event, Visit
from tracker.count.places import Line, Zone
from tracker.refine.merge import Merge

R = TypeVar("R")

Table = NDArray[np.void]

AT_ONCE = 1000  # records that are written, or read, together
CERTAINTIES: tuple[Certainty, ...] = ("sure", "bridged", "undecided")


@dataclass(frozen=True)
class Layout(Generic[R]):
    """How records stand in a table: its columns, a record as a row, and a row as a record."""

    columns: list[tuple[str, str]]
    row: Callable[[R], tuple[float, ...]]
    record: Callable[..., R]

    @property
    def dtype(self) -> np.dtype[np.void]:
        return np.dtype(self.columns)


class Records(Sequence[R]):
    """The records of a table, each made when it is asked for."""

    def __init__(self, layout: Layout[R], table: Table) -> None:
        self._layout, self._table = layout, table

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, at: int) -> R: ...
    @overload
    def __getitem__(self, at: slice) -> Records[R]: ...
    def __getitem__(self, at: int | slice) -> R | Records[R]:
        if isinstance(at, slice):
            return Records(self._layout, self._table[at])
        return self._layout.record(*self._table[at].item())

    def __iter__(self) -> Iterator[R]:
        for start in range(0, len(self), AT_ONCE):
            for row in self._table[start : start + AT_ONCE].tolist():
                yield self._layout.record(*row)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def sorted_by(self, *columns: str) -> Records[R]:
        """Ordered by these columns, the first one before all others."""
        return Records(self._layout, self._table[np.lexsort([self._table[name] for name in reversed(columns)])])


class Kept(Generic[R]):
    """Records in the order in which they come.

    path  of the file, replaced when the first records go into it; ``close`` removes it unless there is a ``mark`` to
          resume from. None: one without a name

    Raises OSError, naming the file, where it cannot be written.
    """

    def __init__(self, layout: Layout[R], path: Path | None = None) -> None:
        self._layout, self._path = layout, path
        self._waiting: list[R] = []
        self._file: IO[bytes] | None = None
        self._size = self._sum = 0  # bytes in the file, and their CRC-32
        self._stays = False
        self._lock = threading.Lock()  # one thread may look at what another one adds to

    def __len__(self) -> int:
        return self._size // self._layout.dtype.itemsize + len(self._waiting)

    def append(self, record: R) -> None:
        """Add one."""
        with self._lock:
            self._waiting.append(record)
            if len(self._waiting) >= AT_ONCE:
                self._write()

    def records(self) -> Records[R]:
        """All of them."""
        with self._lock:
            table = self._table_of_waiting()
            if self._file is not None:
                self._file.seek(0)
                table = np.concatenate((np.frombuffer(self._file.read(), dtype=self._layout.dtype), table))
        return Records(self._layout, table)

    def _table_of_waiting(self) -> Table:
        return np.array([self._layout.row(one) for one in self._waiting], dtype=self._layout.dtype)

    def mark(self) -> object:
        """Where it stands, for ``resume``; the file stays then, until another run replaces it."""
        if self._path is None:
            return {"size": 0, "sum": 0, "rest": _bytes_of(self.records()._table)}
        with self._lock:
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._stays = True
            return {"size": self._size, "sum": self._sum, "rest": _bytes_of(self._table_of_waiting())}

    def resume(self, mark: Any) -> None:
        """Go on from there. Raises ValueError where the file is not as it was left."""
        from tracker.io.sinks import cut_back

        if self._path is not None:
            cut_back(self._path, mark["size"], mark["sum"])
            self._size, self._sum = mark["size"], mark["sum"]
            self._stays = self._size > 0
            self._file = self._path.open("r+b") if self._size else None
        rest = np.frombuffer(mark["rest"].tobytes(), dtype=self._layout.dtype)
        self._waiting = list(Records(self._layout, rest))

    def close(self) -> None:
        """Remove the file; may be called again."""
        if self._file is not None:
            self._file.close()
            if self._path is not None and not self._stays:
                self._path.unlink(missing_ok=True)
        self._file, self._size, self._waiting = None, 0, []

    def _write(self) -> None:
        """Let what waits go into the file."""
        if not self._waiting:
            return
        data = self._table_of_waiting().tobytes()
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile() if self._path is None else self._path.open("w+b")  # noqa: SIM115
            self._file.seek(self._size)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path or tempfile.gettempdir())) from None
        self._size += len(data)
        self._sum = zlib.crc32(data, self._sum)
        self._waiting = []


def _bytes_of(table: Table) -> NDArray[np.uint8]:
    return np.frombuffer(table.tobytes(), dtype=np.uint8)


def events_layout(places: Sequence[Line | Zone]) -> Layout[Event]:
    """How events at these places stand in a table."""
    number = {(place.kind, place.name): k for k, place in enumerate(places)}

    def row(one: Event) -> tuple[float, ...]:
        place = number[one.kind, one.place]
        direction = 2 if not one.direction else places[place].directions.index(one.direction)
        certainty = CERTAINTIES.index(one.certainty)
        return one.frame, one.time, one.id, one.class_id, place, direction, certainty, one.gap, one.x, one.y

    def record(
        frame: int,
        time: float,
        id: int,
        class_id: int,
        place: int,
        direction: int,
        certainty: int,
        gap: int,
        x: float,
        y: float,
    ) -> Event:
        at = places[place]
        said = (*at.directions, "")[direction]
        return Event(frame, time, id, class_id, at.kind, at.name, said, CERTAINTIES[certainty], gap, x, y)

    columns = [("frame", "i8"), ("time", "f8"), ("id", "i8"), ("class_id", "i8"), ("place", "i4"), ("direction", "i1")]
    return Layout([*columns, ("certainty", "i1"), ("gap", "i8"), ("x", "f8"), ("y", "f8")], row, record)


def visits_layout(places: Sequence[Line | Zone]) -> Layout[Visit]:
    """How stays in the zones among these places stand in a table."""
    number = {place.name: k for k, place in enumerate(places) if isinstance(place, Zone)}

    def row(one: Visit) -> tuple[float, ...]:
        times = (one.since, one.until, one.start, one.end)
        return one.id, one.class_id, number[one.place], *times, one.entered, one.left

    def record(id: int, class_id: int, place: int, *rest: Any) -> Visit:
        return Visit(id, class_id, places[place].name, *rest)

    columns = [("id", "i8"), ("class_id", "i8"), ("place", "i4"), ("since", "i8"), ("until", "i8")]
    return Layout([*columns, ("start", "f8"), ("end", "f8"), ("entered", "?"), ("left", "?")], row, record)


def merges_layout() -> Layout[Merge]:
    """How links of ids stand in a table; those of counting have no embeddings to compare."""

    def row(one: Merge) -> tuple[float, ...]:
        return one.kept, one.merged, one.gap, one.overlap

    return Layout([("kept", "i8"), ("merged", "i8"), ("gap", "i8"), ("overlap", "f8")], row, Merge)
