"""What a detector is, with every attribute that the rest of the library reads, and how a plain callable becomes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from tracker.arrays import Image
from tracker.detect.coco import COCO
from tracker.detect.doubts import Doubts
from tracker.detections import Detections, Invalid, as_detections
from tracker.spelling import shown


class Described(Protocol):
    """What every detector tells about itself. A class that inherits it states only what differs from the defaults.

    name         what to print and to write to run.json
    device       where it runs: "cpu", "cuda", ...; "none" where nothing is computed
    class_names  the name of each class number, for labels and for choosing classes; None where they have no names
    model_files  the files its detections depend on: a model with its external data, or recorded detections
    concurrent   whether several threads may call it at once, no call depending on another. The frames of a file then go
                 to as many threads as there are processors, so such a detector does best with one thread of its own
    remembers    whether what it finds depends on earlier images: a run with it cannot be resumed in the middle
    embedded     whether its detections bring embeddings, so that no embedder has to run
    dropped      how many bad rows it left out while it was opened
    note         one line that the user should read, or None
    """

    name: str = "detector"
    device: str = "cpu"
    class_names: Mapping[int, str] | None = None
    model_files: tuple[Path, ...] = ()
    concurrent: bool = False
    remembers: bool = False
    embedded: bool = False

    @property
    def dropped(self) -> int:
        return 0

    @property
    def note(self) -> str | None:
        return None

    def reset(self) -> None:
        """Forget earlier images: a new video begins."""
        return


@runtime_checkable
class Detector(Described, Protocol):
    """A detector that looks at images: call it with a BGR uint8 image (H, W, 3).

    ``as_detector`` makes one of any callable whose result ``as_detections`` understands.
    """

    def __call__(self, image: Image, /) -> Detections:
        """What it finds in one image."""
        ...


@runtime_checkable
class RecordedDetector(Described, Protocol):
    """A detector that looks at no image: ask it for the detections of a frame by the frame's number.

    frames  the last frame number that has a detection; 0 where there is none
    """

    frames: int = 0

    def at(self, number: int, /) -> Detections:
        """The detections of frame ``number``, counted from 1."""
        ...


def as_detector(given: object, *, invalid: Invalid) -> Detector | RecordedDetector:
    """``given`` itself where its class inherits ``Detector`` or ``RecordedDetector``, else such a one around it.

    given    any callable image -> detections, or any object with ``at(number)`` -> detections, where detections are
             whatever ``as_detections`` takes. Attributes of ``Described`` that it has are kept, the others get defaults
    invalid  what happens to bad rows: "raise" or "drop"

    Raises ValueError for anything else.
    """
    # Any object may happen to have all their attributes; only a class that inherits them promises Detections.
    if isinstance(given, (Detector, RecordedDetector)) and Described in type(given).__mro__:
        return given
    if isinstance(given, _Numbered):
        return _AdaptedRecord(given, invalid)
    if callable(given):
        return _AdaptedCallable(given, invalid)
    shown_as = f"={given}" if isinstance(given, (int, float)) else f" is a {type(given).__name__}"
    raise ValueError(f"detector{shown_as}: give a name, a file or a callable image -> detections")


@runtime_checkable
class _Numbered(Protocol):
    def at(self, number: int, /) -> object: ...


class _Adapted(Described):
    """A user's object, with defaults for what it does not state; what may change while it runs is read each time."""

    def __init__(self, given: object, invalid: Invalid) -> None:
        self._given = given
        self._invalid: Invalid = invalid
        self._doubts = Doubts()
        self.name = str(self._own("name", getattr(given, "__name__", type(given).__name__)))
        self.device = self._own("device", self.device)
        self.class_names = self._own("class_names", self.class_names)
        self.model_files = tuple(Path(file) for file in self._own("model_files", self.model_files))
        self.concurrent = bool(self._own("concurrent", self.concurrent))
        self.remembers = bool(self._own("remembers", hasattr(given, "reset")))  # there is something to forget
        self.embedded = bool(self._own("embedded", self.embedded))

    def _own(self, name: str, default: Any) -> Any:
        return getattr(self._given, name, default)

    @property
    def dropped(self) -> int:
        return int(self._own("dropped", 0))

    @property
    def note(self) -> str | None:
        own: str | None = self._own("note", None)
        said = [f"{shown(self.name)}: {line}" for line in self._doubts.lines]
        return "; ".join([own, *said] if own else said) or None

    def _taken(self, given: object, size: tuple[int, int] | None) -> Detections:
        """What the object gave for an image of ``size`` (height, width), None where no image is known."""
        found = as_detections(given, invalid=self._invalid, names=self.class_names or COCO)
        self._doubts.see(found.boxes, found.scores, size, dropped=found.dropped)
        return found

    def reset(self) -> None:
        self._own("reset", lambda: None)()


class _AdaptedCallable(_Adapted, Detector):
    def __init__(self, given: Callable[[Image], object], invalid: Invalid) -> None:
        super().__init__(given, invalid)
        self._look = given

    def __call__(self, image: Image, /) -> Detections:
        return self._taken(self._look(image), image.shape[:2])


class _AdaptedRecord(_Adapted, RecordedDetector):
    def __init__(self, given: _Numbered, invalid: Invalid) -> None:
        super().__init__(given, invalid)
        self._record = given
        self.frames = int(self._own("frames", self.frames))

    def at(self, number: int, /) -> Detections:
        return self._taken(self._record.at(number), None)


def check_image(image: object) -> Image:
    """The image itself; ValueError unless it is a uint8 array (H, W, 3) with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"
        raise ValueError(f"image is {found}; give a BGR uint8 array (H, W, 3), as OpenCV reads it")
    if image.size == 0:
        raise ValueError(f"image has shape {image.shape}; give one with at least one pixel")
    return image


def check_fraction(name: str, value: float) -> float:
    """``value`` as a float; ValueError unless it lies in 0..1."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name}={value:g} is outside 0..1; give a number such as 0.5")
    return float(value)
