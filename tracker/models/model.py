"""What a model is, and what the environment says about fetching it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tracker.spelling import shown

CACHE, MIRROR, OFFLINE = "TRACKWHY_CACHE", "TRACKWHY_MODELS_URL", "TRACKWHY_OFFLINE"


class FetchError(ValueError):
    """A file that could not be had, in one line."""


@dataclass(frozen=True)
class Model:
    """A model of a catalogue.

    url      where it is; the last part of the path is its file name, and must differ from every other model's
    size, sha256  of the file: bytes, hex digest
    licence  SPDX identifier
    about    one line: what it is
    head     the name of the head that reads its outputs
    classes  names in the order of the class numbers
    notice   the attribution that the licence asks for
    """

    name: str
    url: str
    size: int
    sha256: str
    licence: str
    about: str
    head: str
    classes: tuple[str, ...]
    notice: str

    @property
    def file(self) -> str:
        """The file's name."""
        return self.url.rpartition("/")[2]

    @property
    def where(self) -> str:
        """The address that it is fetched from: its own, or that of its file on the mirror TRACKWHY_MODELS_URL."""
        mirror = os.environ.get(MIRROR, "").strip()
        return f"{mirror.rstrip('/')}/{self.file}" if mirror else self.url

    def by_hand(self, said: object = "") -> str:
        """What to do where there is no network; ``said`` is what the user has read, the address perhaps."""
        what = "it" if self.url in str(said) else self.url
        return f"download {what} elsewhere and `track models add {self.file} --name {self.name}`"


def cache_folder() -> Path:
    """TRACKWHY_CACHE, or else the platform's folder for caches, with "trackwhy" below it."""
    if own := os.environ.get(CACHE, "").strip():
        return Path(own).expanduser()
    try:
        home = Path.home()
    except RuntimeError:
        raise ValueError(f"this user has no home folder; set {CACHE} to a folder for models") from None
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local") / "trackwhy" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "trackwhy"
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else home / ".cache") / "trackwhy"


def offline() -> bool:
    """Whether TRACKWHY_OFFLINE forbids fetching."""
    return os.environ.get(OFFLINE, "").strip().lower() not in ("", "0", "false", "no", "off")


def to_stderr(line: str) -> None:
    """Print a line for people, with what could harm a terminal escaped."""
    print(shown(line), file=sys.stderr, flush=True)
