"""What is exported: rows with their times, class names and the video they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.rows import Rows

UNNAMED = "object"  # the label of rows without a class


@dataclass(frozen=True, eq=False)
class Table:
    """R rows ordered by frame, and what is known of their video.

    times            (R,) seconds, NaN where unknown
    names            class names by number
    frame_rate       frames per second, None where unknown
    size             (width, height) of the images in pixels, None where unknown
    n_frames         of the video, None where unknown
    source           name of the video
    detections       (R,) place of the matched detection among those of its frame, -1 without one; None where unknown
    detection_boxes  (R, 4) that detection's own box, NaN without one; None where unknown
    """

    rows: Rows
    times: FloatArray
    names: Mapping[int, str] = field(default_factory=dict)
    frame_rate: float | None = None
    size: tuple[int, int] | None = None
    n_frames: int | None = None
    source: str = ""
    detections: IntArray | None = None
    detection_boxes: FloatArray | None = None

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns of a data frame; NaN, -1 and "" stand for what is unknown.

        frame, time, id, class_id, class, left, top, right, bottom, score, observed; and, where the run kept them,
        detection and detection_left, ..., detection_bottom.
        """
        rows, corners = self.rows, ("left", "top", "right", "bottom")
        columns: dict[str, NDArray[Any]] = {
            "frame": rows.frames,
            "time": self.times,
            "id": rows.ids,
            "class_id": rows.classes,
            "class": np.array([self.names.get(number, "") for number in rows.classes.tolist()], dtype=object),
            **dict(zip(corners, rows.boxes.T, strict=True)),
            "score": rows.scores,
            "observed": ~rows.interpolated,
        }
        if self.detections is not None:
            columns["detection"] = self.detections
        if self.detection_boxes is not None:
            columns |= {f"detection_{name}": c for name, c in zip(corners, self.detection_boxes.T, strict=True)}
        return columns

    def labels(self, form: str) -> tuple[list[str], IntArray]:
        """The names of the classes that occur, and the place (R,) among them of each row's; ["object"] without classes.

        form: of the export, for the error. Raises ValueError for a class without a name.
        """
        numbers, places = np.unique(self.rows.classes, return_inverse=True)
        names = []
        for number in numbers.tolist():
            if number >= 0 and number not in self.names:
                raise ValueError(
                    f"class {number} has no name, and {form} needs one; give --names FILE, or --names coco for COCO's"
                )
            names.append(UNNAMED if number < 0 else self.names[number])
        return names or [UNNAMED], places.astype(np.int64)

    def known_size(self, form: str) -> tuple[int, int]:
        """The size of the images; ValueError where it is unknown."""
        if self.size is None:
            raise ValueError(
                f"the size of the images is unknown, and {form} needs it; give --video, or --size 1280x720"
            )
        return self.size


def table_of(rows: Rows, *, frame_rate: float | None = None, times: FloatArray | None = None, **known: Any) -> Table:
    """A table of rows in any order; times (R,), or else from the frame rate, frame 1 at 0 s. known: fields of Table."""
    order = np.argsort(rows.frames, kind="stable")
    if times is None:
        times = (rows.frames - 1) / (np.nan if frame_rate is None else frame_rate)
    for name in ("detections", "detection_boxes"):
        if known.get(name) is not None:
            known[name] = known[name][order]
    return Table(rows.select(order), times[order], frame_rate=frame_rate, **known)
