"""``seqinfo.ini``, which says what a MOTChallenge sequence is."""

from __future__ import annotations

import configparser
import math
from dataclasses import dataclass
from pathlib import Path

from tracker.io.source import SourceError


@dataclass(frozen=True)
class SeqInfo:
    """What a ``seqinfo.ini`` says; None for what it leaves out or empty.

    name          of the sequence
    length        number of frames, from 0
    frame_rate    frames per second, from 0
    width         of the images in pixels, from 0
    height        of the images in pixels, from 0
    image_folder  name of the folder of images, "img1" where the file does not say
    """

    name: str | None
    length: int | None
    frame_rate: float | None
    width: int | None
    height: int | None
    image_folder: str


def read_seqinfo(path: Path) -> SeqInfo:
    """The section ``[Sequence]`` of a ``seqinfo.ini``.

    Raises SourceError, in one line, where the file cannot be read or has no such section, and for a number that is
    below 0, not finite or, but for the frame rate, not whole.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"))
        section = parser["Sequence"]
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    except configparser.DuplicateOptionError as error:
        raise _wrong(path, f"{error.option} is given twice") from None
    except configparser.DuplicateSectionError as error:
        raise _wrong(path, f"[{error.section}] is given twice") from None
    except (UnicodeDecodeError, configparser.Error, KeyError):
        raise _wrong(path, "no section [Sequence]") from None

    def text(key: str) -> str | None:
        return section.get(key, "").strip() or None

    def number(key: str) -> float | None:
        found = text(key)
        if found is None:
            return None
        try:
            value = float(found)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise _wrong(path, f"{key}={found} is not a number of at least 0")
        return value

    def whole(key: str) -> int | None:
        value = number(key)
        if value is not None and not value.is_integer():
            raise _wrong(path, f"{key}={value:g} is not whole")
        return None if value is None else int(value)

    return SeqInfo(
        name=text("name"),
        length=whole("seqLength"),
        frame_rate=number("frameRate"),
        width=whole("imWidth"),
        height=whole("imHeight"),
        image_folder=text("imDir") or "img1",
    )


def _wrong(path: Path, what: str) -> SourceError:
    return SourceError(f"{path}: not a seqinfo.ini ({what}); correct it or remove it")
