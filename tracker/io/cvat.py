"""CVAT for video 1.1: XML in which a track has boxes at key frames, and CVAT draws straight lines between them.

    <track id="3" label="person"><box frame="0" outside="0" occluded="0" keyframe="1" xtl= ytl= xbr= ybr= /> ...

Frames count from 0. A box with outside="1" says that the object is away from that frame on, until the next box with
outside="0". Format: CVAT's documentation, "CVAT for videos 1.1"; written from it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.detections import Invalid
from tracker.io.mot_lines import DROP, MotFormatError
from tracker.rows import Rows, as_rows
from tracker.spelling import shown

MOST_FRAMES = 10_000_000  # of a track that is read: four days at 30 frames per second
TOLERANCE = 1.0  # pixels that an edge between key frames may be off


def write_cvat(
    path: Path,
    rows: Rows,
    labels: Sequence[str],
    label_of: IntArray,
    *,
    size: tuple[int, int] | None = None,
    n_frames: int | None = None,
    source: str = "",
    tolerance: float = TOLERANCE,
) -> None:
    """Write rows with as few key frames as keep every edge within ``tolerance`` pixels of the row's.

    labels: names of classes. label_of: (R,) the place of each row's among them; a track gets that of most of its rows.
    Interpolated rows are written as occluded. size: of the images. n_frames: of the video.
    """
    order = np.lexsort((rows.frames, rows.ids))
    rows, label_of = rows.select(order), label_of[order]
    stop = max(rows.last_frame, n_frames or 0)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
        _write_meta(file, labels, size, stop, source)
        for a, b in rows.spans:
            label = labels[int(np.bincount(label_of[a:b]).argmax())]
            file.write(f'  <track id="{rows.ids[a]}" label={quoteattr(label)} source="auto">\n')
            file.writelines(_boxes(rows.select(slice(a, b)), stop, tolerance))
            file.write("  </track>\n")
        file.write("</annotations>\n")


def read_cvat(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> tuple[Rows, dict[int, str]]:
    """The boxes of every frame, and the label of each class number; labels are numbered as the file first names them.

    Between key frames boxes are interpolated, and after the last one they stay until the last frame of the task, as
    CVAT shows them. Rows between key frames are not marked as interpolated: in the file nothing tells them apart from
    observed ones; those that are occluded are. Raises MotFormatError, naming the file, for what is no such XML;
    invalid as in ``as_rows``.
    """
    names: list[str] = []
    stop = -1
    parts: list[FloatArray] = []
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag == "stop_frame" and element.text:
                stop = int(element.text)
            elif element.tag == "label" and element.find("name") is not None:
                names.append(element.findtext("name", ""))
            elif element.tag == "track":
                label = element.get("label", "")
                names += [] if label in names else [label]
                parts.append(_table(element, names.index(label), stop))
                element.clear()
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise MotFormatError(f"{shown(path)}: is no XML of CVAT for video 1.1 ({error})") from None
    table = np.concatenate(parts) if parts else np.empty((0, 8))
    columns = table[:, 0] + 1, table[:, 1], table[:, 2:6], None, table[:, 6], table[:, 7] == 1
    try:
        rows = as_rows(*columns, invalid=invalid).by_frame()
    except ValueError as error:
        raise MotFormatError(f"{shown(path)}: {error}; {DROP}") from None
    return rows, dict(enumerate(names))


def key_frames(frames: IntArray, boxes: FloatArray, tolerance: float = TOLERANCE) -> IntArray:
    """Places (K,) of the rows to keep of one unbroken run of a track, first and last included.

    frames (n,) increasing, boxes (n, 4). Rows left out lie within ``tolerance`` of the line between their neighbours
    kept (Ramer-Douglas-Peucker in time: the row that is farthest off is kept, then both halves).
    """
    kept = {0, len(frames) - 1}
    open_spans = [(0, len(frames) - 1)]
    while open_spans:
        a, b = open_spans.pop()
        if b - a < 2:
            continue
        share = (frames[a + 1 : b] - frames[a]) / (frames[b] - frames[a])
        line = boxes[a] + share[:, None] * (boxes[b] - boxes[a])
        off = np.abs(boxes[a + 1 : b] - line).max(axis=1)
        if off.max() > tolerance:
            k = a + 1 + int(off.argmax())
            kept.add(k)
            open_spans += [(a, k), (k, b)]
    return np.array(sorted(kept))


def _write_meta(file: TextIO, labels: Sequence[str], size: tuple[int, int] | None, stop: int, source: str) -> None:
    named = "".join(f"<label><name>{escape(name)}</name><attributes></attributes></label>" for name in labels)
    file.write(f"  <meta>\n    <task>\n      <name>{escape(shown(source))}</name>\n      <size>{stop}</size>\n")
    file.write("      <mode>interpolation</mode>\n      <start_frame>0</start_frame>\n")
    file.write(f"      <stop_frame>{max(stop - 1, 0)}</stop_frame>\n      <labels>{named}</labels>\n")
    if size is not None:
        width, height = size
        file.write(f"      <original_size><width>{width}</width><height>{height}</height></original_size>\n")
    file.write("    </task>\n  </meta>\n")


def _boxes(track: Rows, stop: int, tolerance: float) -> list[str]:
    """The lines of one track's boxes: key frames, and one outside where it is away."""
    frames, lines = track.frames, []
    # A run ends where frames are missing, and where a box becomes occluded or visible.
    breaks = np.flatnonzero((np.diff(frames) > 1) | (np.diff(track.interpolated.astype(int)) != 0)) + 1
    for a, b in zip([0, *breaks.tolist()], [*breaks.tolist(), len(track)], strict=True):
        for k in (a + key_frames(frames[a:b], track.boxes[a:b], tolerance)).tolist():
            lines.append(_box(int(frames[k]), track.boxes[k].tolist(), int(track.interpolated[k]), outside=0))
        after = int(frames[b - 1]) + 1
        if after <= stop and (b == len(track) or frames[b] > after):
            lines.append(_box(after, track.boxes[b - 1].tolist(), 0, outside=1))
    return lines


def _box(frame: int, box: list[float], occluded: int, *, outside: int) -> str:
    left, top, right, bottom = box
    return (
        f'    <box frame="{frame - 1}" outside="{outside}" occluded="{occluded}" keyframe="1" '
        f'xtl="{left:.2f}" ytl="{top:.2f}" xbr="{right:.2f}" ybr="{bottom:.2f}" z_order="0"></box>\n'
    )


def _table(track: ElementTree.Element, label: int, stop: int) -> FloatArray:
    """(n, 8) frame from 0, id, box, label, occluded: every frame in which a track is there."""
    shapes = [
        (
            int(box.attrib["frame"]),
            *(float(box.attrib[edge]) for edge in ("xtl", "ytl", "xbr", "ybr")),
            int(box.get("outside", 0)),
            int(box.get("occluded", 0)),
        )
        for box in track.iter("box")
    ]
    if not shapes:
        return np.empty((0, 8))
    keys = np.array(sorted(shapes), dtype=np.float64)
    last = max(keys[-1, 0], stop)
    if keys[0, 0] < 0 or last - keys[0, 0] > MOST_FRAMES:
        raise ValueError(f"a track from frame {keys[0, 0]:.0f} to frame {last:.0f}")
    frames = np.arange(keys[0, 0], last + 1)
    before = np.searchsorted(keys[:, 0], frames, side="right") - 1
    boxes = np.column_stack([np.interp(frames, keys[:, 0], edge) for edge in keys[:, 1:5].T])
    # Before an outside box nothing moves: CVAT keeps the last one.
    after = np.minimum(before + 1, len(keys) - 1)
    still = keys[after, 5] == 1
    boxes[still] = keys[before[still], 1:5]
    there = keys[before, 5] == 0
    table: FloatArray = np.column_stack(
        (frames, np.full(len(frames), int(track.attrib["id"])), boxes, np.full(len(frames), label), keys[before, 6])
    )
    present: FloatArray = table[there]
    return present
