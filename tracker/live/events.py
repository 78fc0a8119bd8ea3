"""What happens to tracks, as it happens: one JSON object per line, for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from tracker.io.sinks import Step
from tracker.io.whole import writing
from tracker.tracks import Tracks

Told = Callable[[str], None]  # called with each line, without its end


@dataclass(frozen=True)
class _Known:
    confirmed: bool
    lost: bool
    class_id: int


class Events:
    """A sink that tells what changed from one step to the next.

    told   called with each event as one line of JSON, in the thread that writes
    names  class names by number
    live   whether an event has the date too ("at", UTC)

    Each event has "event", "frame", "time" (seconds, as the frame's), "id", "class", "box" (left, top, right, bottom in
    pixels) and "score":

    born       a track began
    confirmed  it is past its probation
    lost       it is confirmed and has no detection in this frame
    found      it has one again
    class      its class is another; "was" is the one before
    ended      it lives no more; the box is its last

    The tracks are all that live and have an id, which they get when first reported, or with ``ids_at_birth`` at birth;
    or where a tracker of your own does not tell these, those that it reports.
    """

    living = True  # see tracker.io.sinks.WantsLiving

    def __init__(self, told: Sequence[Told], names: Mapping[int, str] | None = None, *, live: bool = False) -> None:
        self._told = list(told)
        self._names = dict(names or {})
        self._live = live
        self._known: dict[int, _Known] = {}
        self._last: dict[int, dict[str, Any]] = {}

    def write(self, step: Step) -> None:
        """Take one step; those between the frames of a detector change nothing."""
        if not step.looked:
            return
        tracks = step.tracks if step.living is None else step.living
        tracks = tracks[tracks.ids > 0]  # the others have no id yet
        now, shown = _known(tracks), _shown(tracks, self._names)
        for id in [id for id in self._known if id not in now]:
            self._tell("ended", step, self._last[id])
        for id, known in now.items():
            self._changes(step, shown[id], self._known.get(id), known)
        self._known, self._last = now, shown

    def counted(self, kind: str, place: str, facts: Mapping[str, Any]) -> None:
        """Tell an event at a line or in a zone: ``facts`` of ``tracker.count.report.event_dict``."""
        named = {"class": self._names.get(facts["class"], facts["class"])} if "class" in facts else {}
        self._put({"event": kind, "place": place, **facts, **named})

    def mark(self) -> dict[str, str]:
        """What is known of the tracks, for ``tracker.io.sinks.Resumable``."""
        known = [[id, one.confirmed, one.lost, one.class_id] for id, one in self._known.items()]
        return {"known": json.dumps(known), "last": json.dumps(list(self._last.values()))}

    def resume(self, mark: Mapping[str, str]) -> None:
        """Go on from there: what lives is not born again."""
        self._known = {id: _Known(*rest) for id, *rest in json.loads(mark["known"])}
        self._last = {shown["id"]: shown for shown in json.loads(mark["last"])}

    def close(self) -> None:
        """Nothing to finish: a track that lives at the end of a run has not ended."""

    def _changes(self, step: Step, shown: dict[str, Any], before: _Known | None, known: _Known) -> None:
        if before is None:
            self._tell("born", step, shown)
        if known.confirmed and not (before and before.confirmed):
            self._tell("confirmed", step, shown)
        if before is None:
            return
        if known.class_id != before.class_id:
            self._tell("class", step, {**shown, "was": self._names.get(before.class_id, before.class_id)})
        if known.lost != before.lost and known.confirmed:
            self._tell("lost" if known.lost else "found", step, shown)

    def _tell(self, event: str, step: Step, facts: Mapping[str, Any]) -> None:
        self._put({"event": event, "frame": step.frame.number, "time": round(step.frame.time, 6), **facts})

    def _put(self, event: dict[str, Any]) -> None:
        if self._live:
            event["at"] = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps(event, ensure_ascii=False, allow_nan=False)
        for told in self._told:
            told(line)


class EventFile:
    """Writes lines to a file, each at once. ``open`` replaces one that is there; the first line does so too.

    Raises ValueError, naming it, where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def open(self) -> TextIO:
        """Begin the file."""
        if self._file is None:
            with writing(self._path):
                self._file = self._path.open("w", encoding="utf-8", newline="\n")
        return self._file

    def mark(self) -> int:
        """Bytes written so far."""
        return self.open().tell()

    def resume(self, mark: int) -> None:
        """Cut the file back to there, and go on."""
        with writing(self._path):
            self._file = self._path.open("r+", encoding="utf-8", newline="\n")
            self._file.truncate(mark)
            self._file.seek(mark)

    def __call__(self, line: str) -> None:
        file = self.open()
        with writing(self._path):
            file.write(line + "\n")
            file.flush()

    def close(self) -> None:
        """Close it; may be called again."""
        if self._file is not None:
            self._file.close()


def _known(tracks: Tracks) -> dict[int, _Known]:
    lost = tracks.confirmed & (tracks.missed > 0)
    columns = zip(tracks.ids.tolist(), tracks.confirmed.tolist(), lost.tolist(), tracks.classes.tolist(), strict=True)
    return {id: _Known(confirmed, gone, class_id) for id, confirmed, gone, class_id in columns}


def _shown(tracks: Tracks, names: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    rows = zip(tracks.ids.tolist(), tracks.classes.tolist(), tracks.boxes.tolist(), tracks.scores.tolist(), strict=True)
    return {
        id: {
            "id": id,
            "class": names.get(class_id, class_id),
            "box": [round(value, 2) if math.isfinite(value) else None for value in box],
            "score": round(score, 4) if math.isfinite(score) else None,
        }
        for id, class_id, box, score in rows
    }
