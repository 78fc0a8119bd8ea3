"""The video that a page plays: linked by its path from the page, a copy in the page, or none, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tracker.io.capture import quiet_cv2
from tracker.report.given import ANNOTATED, Given
from tracker.spelling import shown, utf8

PLAYED = (".mp4", ".m4v", ".mov", ".webm")
CODECS = ("avc1", "h264", "vp09", "vp90", "vp80", "av01")


@dataclass(frozen=True)
class Video:
    """src: what the page's ``<video>`` plays, "" for none. said: a line for people, "" where nothing is amiss."""

    src: str
    said: str = ""


def linked(given: Given, source: Path | None, page: Path, *, has_images: bool = True) -> Video:
    """The source as seen from the page, or the run's annotated video, or none.

    has_images  whether the source has images, which a sequence may lack
    """
    name = shown(given.name) if given.named else "The video"
    drawn = given.folder / ANNOTATED
    if source is not None and source.is_file() and played(source):
        return Video(_relative(source, page))
    if source is None:
        where = "is not where the run found it" if given.named else "is not known"
        why = f"{name} {where}; name it with --video"
    elif not has_images:
        why = f"{shown(source.name)} has no images"
    elif source.is_dir():
        why = f"{shown(source.name)} is a folder of images; --embed makes a video of them"
    else:
        why = f"{shown(source.name)} is in a format that browsers do not play; --embed puts a copy into the page"
    if drawn.is_file() and played(drawn):
        return Video(_relative(drawn, page), f"{why}. This is {ANNOTATED}, with boxes drawn in.")
    return Video("", f"{why}. Boxes are shown without it.")


def played(path: Path) -> bool:
    """Whether browsers play a file, by its name and its codec."""
    if path.suffix.lower() not in PLAYED:
        return False
    cv2 = quiet_cv2()
    capture = cv2.VideoCapture(utf8(path.absolute()))
    try:
        code = int(capture.get(cv2.CAP_PROP_FOURCC))
    finally:
        capture.release()
    return code.to_bytes(4, "little").decode("latin-1").lower() in CODECS


def _relative(path: Path, page: Path) -> str:
    """The path from the page's folder as a URL; an absolute one where the two have no common drive."""
    try:
        relative = os.path.relpath(path.resolve(), page.parent.resolve())
    except ValueError:
        return path.resolve().as_uri()
    parts = Path(relative).as_posix()
    encoded = quote(os.fsencode(parts))
    return f"./{encoded}" if ":" in encoded.split("/")[0] else encoded
