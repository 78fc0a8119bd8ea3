"""What happened to every id: born, confirmed, lost, found again, ended."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tracker.arrays import FloatArray
from tracker.explain.recording import Recorded
from tracker.rows import Rows

FREE_DETECTION, FIRST_ROW, CORRECTED = "free-detection", "first-row", "renamed"  # why an id begins


@dataclass
class Life:
    """One id. Frames count within the recording, or are file numbers where there is no log.

    score      of the detection it was born from, NaN where it is not known
    confirmed  the frame, None: never
    lost       first and last frame of each stretch without a detection
    ended      the frame and the reason; None: it lived to the end
    duplicate  the other id, where that is the reason
    renamed    the id that its track has since then, where its looks corrected the id
    before     the id that its track had before its birth, where the same made this one
    first_box, last_box  (4,) of the first and the last detection
    """

    track: int
    born: int
    score: float = float("nan")
    confirmed: int | None = None
    hits: int = 1
    last: int = 0
    lost: list[tuple[int, int]] = field(default_factory=list)
    ended: tuple[int, str] | None = None
    duplicate: int | None = None
    renamed: int | None = None
    before: int | None = None
    first_box: FloatArray = field(default_factory=lambda: np.full(4, np.nan))
    last_box: FloatArray = field(default_factory=lambda: np.full(4, np.nan))


def lives_of(run: Recorded) -> dict[int, Life]:
    """Every id of a run, in the order of birth."""
    lives: dict[int, Life] = {}
    for frame, decisions in enumerate(run.decisions):
        found = run.recording.found[frame]
        for track, row in decisions.born:
            lives[track] = Life(track, frame, float(found.scores[row]), last=frame, first_box=found.boxes[row])
            lives[track].last_box = found.boxes[row]
        for track, row in decisions.matched:
            name = decisions.renamed.get(track, track)
            if name not in lives:
                lives[name] = Life(name, frame, float(found.scores[row]), frame, 0, frame, before=track)
                lives[name].first_box = found.boxes[row]
            _seen(lives[name], frame, found.boxes[row])
        for track in decisions.proved:
            if track in lives:
                lives[track].confirmed = frame
        for track, reason in decisions.died.items():
            if track in decisions.renamed.values():  # another track goes on as this id
                continue
            life = lives[track]
            life.ended = (frame, reason)
            life.duplicate = decisions.duplicates.get(track)
            life.renamed = decisions.renamed.get(track)
    return lives


def _seen(life: Life, frame: int, box: FloatArray) -> None:
    """The id has a detection."""
    life.hits += 1
    if frame - life.last > 1:
        life.lost.append((life.last + 1, frame - 1))
    life.last, life.last_box = frame, box
    life.ended = life.renamed = None  # a lost one that a new track goes on as may have ended


def lives_of_rows(rows: Rows) -> dict[int, Life]:
    """Every id of ``tracks.txt``: what rows alone tell. Frames are numbers of the file."""
    lives: dict[int, Life] = {}
    rows = rows.by_track()
    for start, stop in rows.spans:
        frames = rows.frames[start:stop]
        seen = frames[~rows.interpolated[start:stop]]
        life = Life(int(rows.ids[start]), int(frames[0]), hits=stop - start, last=int(frames[-1]))
        life.first_box, life.last_box = rows.boxes[start], rows.boxes[stop - 1]
        gaps = np.flatnonzero(np.diff(seen) > 1)
        life.lost = [(int(seen[k]) + 1, int(seen[k + 1]) - 1) for k in gaps]
        lives[life.track] = life
    return dict(sorted(lives.items(), key=lambda item: (item[1].born, item[0])))
