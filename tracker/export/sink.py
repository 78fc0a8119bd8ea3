"""A sink that exports at the end of a run, with what only the run knows: class names, detections, their boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.export.formats import export, format_named
from tracker.export.parquet import check_pyarrow
from tracker.export.table import Table, table_of
from tracker.rows import joined, results_of

if TYPE_CHECKING:
    from tracker.io.sinks import Step
    from tracker.rows import Rows


class ExportSink:
    """Keeps the rows of a run in memory and writes them when it is closed; ``paths`` are the files.

    folder      to write to, which must exist
    forms       names of formats
    names       class names by number; without any, rows are written without a class
    frame_rate  of the video, which the table tells; times are those of the frames
    size        of the images, where it is known
    n_frames    of the video, where it is known

    Raises ValueError at once for a format that is unknown or cannot be written, and as ``export`` does when it is
    closed.
    """

    def __init__(
        self,
        folder: Path,
        forms: Sequence[str],
        *,
        names: Mapping[int, str] | None = None,
        frame_rate: float | None = None,
        size: tuple[int, int] | None = None,
        n_frames: int | None = None,
        source: str = "",
    ) -> None:
        for form in forms:
            if format_named(form).sized and size is None:
                raise ValueError(f"the size of the images is unknown, and {form} needs it; leave {form} out of --save")
            if form == "parquet":
                check_pyarrow()
        self.paths = {form: folder / format_named(form).name for form in forms}
        self._names, self._rate, self._frames, self._source = dict(names or {}), frame_rate, n_frames, source
        self._rows: list[Rows] = []
        self._times: list[FloatArray] = []  # of each row
        self._detections: list[tuple[IntArray, FloatArray]] = []
        self._size = size
        self._closed = False

    def write(self, step: Step) -> None:
        """Keep one step's tracks."""
        rows = results_of([step.tracks], step.frame.number)
        self._rows.append(rows if self._names else replace(rows, classes=np.full(len(rows), -1)))
        self._times.append(np.full(len(rows), step.frame.time))
        self._detections.append((step.tracks.detections.copy(), step.tracks.detection_boxes.copy()))

    def mark(self) -> object:
        """All rows so far: they are in no file yet."""
        if len(self._rows) > 1:
            rows, boxes = zip(*self._detections, strict=True)
            self._times = [np.concatenate(self._times)]
            self._detections = [(np.concatenate(rows), np.concatenate(boxes))]
            self._rows = [joined(self._rows)]
        return {"rows": self._rows, "times": self._times, "detections": self._detections}

    def resume(self, mark: Any) -> None:
        self._rows, self._times, self._detections = mark["rows"], mark["times"], mark["detections"]

    def close(self) -> None:
        """Write every file; may be called again."""
        if self._closed or not self._rows:
            return
        self._closed = True
        table = self.table()
        for form, path in self.paths.items():
            export(table, form, path)

    def table(self) -> Table:
        """The rows so far."""
        return table_of(
            joined(self._rows),
            times=np.concatenate(self._times),
            frame_rate=self._rate,
            names=self._names,
            size=self._size,
            n_frames=self._frames,
            source=self._source,
            detections=np.maximum(np.concatenate([rows for rows, _ in self._detections]), -1),
            detection_boxes=np.concatenate([boxes for _, boxes in self._detections]),
        )
