"""The detector that runs where none is named."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.detect.catalogue import CATALOGUE
from tracker.models import FetchError, Store

STORE = Store(CATALOGUE)

MODEL, FALLBACK = "yolox-nano", "hog"
PATIENCE = 5.0  # seconds to wait for a server, where there is another detector to go on with


@dataclass(frozen=True)
class Choice:
    """What "auto" means at the moment: a detector's name; and where it is the fallback, why, and what to do."""

    detector: str
    notes: tuple[str, ...] = ()


def choose(*, offline: bool = False) -> Choice:
    """YOLOX-nano where it is in the cache or can be fetched, or else OpenCV's people detector.

    offline  fetch nothing
    """
    try:
        STORE.get(MODEL, forbidden=offline, patience=PATIENCE)
    except FetchError as error:
        why = f"the detector is {FALLBACK}, which sees people only, and those poorly: {error}"
        mend = f"for a better one, `track models get {MODEL}` where there is a network, or"
        return Choice(FALLBACK, (why, f"{mend} {CATALOGUE[MODEL].by_hand()}"))
    return Choice(MODEL)
