"""Which videos there are, and the folder of each: from paths, patterns and lists."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker.io.passwords import is_url, place_of
from tracker.spelling import shown


@dataclass(frozen=True)
class Video:
    """A video, and the name of the folder that its results go to."""

    source: str
    name: str


def listed(words: Sequence[str]) -> tuple[list[Video], list[str]]:
    """The videos, each once, and lines for people on those that were named again.

    words  paths and URLs of videos, sequence folders, patterns (``clips/*.mp4``), and lists: files ending in .txt, with
           a video a line, relative to the list. After a tab a line may give the name of the video's folder, which is
           otherwise that of the file without its ending. Empty lines and lines that begin with # say nothing

    Raises ValueError for a pattern that fits nothing, an empty list, and two videos that would share a folder.
    """
    videos: dict[str, Video] = {}
    again: dict[str, None] = {}
    for video in _all(words):
        place = video.source if is_url(video.source) else os.path.realpath(video.source)
        if place in videos and videos[place].name == video.name:
            again[video.source] = None
        videos.setdefault(place, video)
    _refuse_shared_names(list(videos.values()))
    return list(videos.values()), [f"{shown(source)}: named more than once, tracked once" for source in again]


def chosen(videos: Sequence[Video], shard: str | None) -> list[Video]:
    """Part ``i/n`` of the videos, i from 1: every nth, so that n calls share them. None: all.

    Raises ValueError for any other text.
    """
    if shard is None:
        return list(videos)
    part, slash, parts = shard.partition("/")
    if not (slash and part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise ValueError(f"--shard {shown(shard)}: give i/n with i from 1 to n, such as 3/16")
    return list(videos[int(part) - 1 :: int(parts)])


def _all(words: Sequence[str]) -> Iterable[Video]:
    for word in words:
        if is_url(word):
            yield Video(word, _plain(place_of(word)))
        elif word.lower().endswith(".txt"):
            yield from _of_list(Path(word))
        elif glob.has_magic(word) and not os.path.exists(word):
            found = sorted(glob.glob(word, recursive=True))
            if not found:
                raise ValueError(f"{shown(word)}: no file fits; check the pattern")
            yield from (_named(path) for path in found)
        else:
            yield _named(word)


def _of_list(path: Path) -> Iterable[Video]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ValueError(f"{shown(path)}: cannot be read as a list of videos ({why})") from None
    entries = [line.strip("\r\n") for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not entries:
        raise ValueError(f"{shown(path)}: names no video; give a path or URL a line")
    for line in entries:
        source, _, name = (part.strip() for part in line.partition("\t"))
        if not is_url(source):
            source = os.path.join(path.parent, os.path.expanduser(source))
        if name and _plain(name) != name:
            raise ValueError(f"{shown(path)}: {shown(name)!r} cannot name a folder; use letters, digits, - _ .")
        yield Video(source, name or _named(source).name)


def _named(source: str) -> Video:
    if is_url(source):
        return Video(source, _plain(place_of(source)))
    path = Path(source)
    return Video(source, _plain(path.name if path.is_dir() else path.stem))


def _plain(text: str) -> str:
    """The text as the name of a folder."""
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in text).lstrip(".")
    return name or "video"


def _refuse_shared_names(videos: Iterable[Video]) -> None:
    # Two names that differ in case alone are one folder on macOS and Windows.
    seen: dict[str, Video] = {}
    for video in videos:
        other = seen.setdefault(video.name.casefold(), video)
        if other is not video:
            raise ValueError(
                f"{shown(other.source)} and {shown(video.source)} would both write to the folder {video.name}; name "
                "them in a list: the video, a tab, the name of its folder"
            )
