"""How a live source is read; ``tracker.track(live=Live(...))`` and the options of `track` set it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, fields

LONGEST_PAUSE = 30.0  # seconds between two attempts to reconnect, unless another is given


@dataclass(frozen=True)
class Live:
    """How a webcam or a stream is read.

    keep_all   track every frame, by a bounded queue, even where the detector is slower than the camera: then the lag
               grows. Without it the tracker takes the newest frame, and frames that it has no time for are dropped
    reconnect  longest pause in seconds between two attempts to reconnect; 0 ends the run where the connection is lost.
               Default 30 for a URL, 0 for a webcam
    give_up    seconds without a connection after which the run ends; by default never
    stall      seconds without a frame that count as a lost connection, and of unchanged images that are said
    first_pause  shortest pause in seconds
    seed       of the jitter of the pauses; default the source's name
    rate       frames per second of a camera that does not say it; by default measured when it is opened

    Raises ValueError for a value out of its range.
    """

    keep_all: bool = False
    reconnect: float | None = None
    give_up: float = math.inf
    stall: float = 10.0
    first_pause: float = 1.0
    seed: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("keep_all", "seed") or (field.name in ("reconnect", "rate") and value is None):
                continue
            known = isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
            least = 0 if field.name == "reconnect" else math.ulp(0.0)
            if not known or value < least or (math.isinf(value) and field.name != "give_up"):
                option = "" if field.name in ("first_pause", "rate") else f" (--{field.name.replace('_', '-')})"
                unit = "frames per second" if field.name == "rate" else "seconds"
                raise ValueError(
                    f"{field.name}={value!r}: give {unit}, {'0 or more' if not least else 'above 0'}{option}"
                )

    def pauses(self, name: str, longest: float) -> Iterator[float]:
        """Seconds to wait before each attempt: doubling from ``first_pause`` to ``longest``, less up to a quarter, so
        that cameras that were lost together do not all come back at once.
        """
        chance = random.Random(name if self.seed is None else self.seed)
        pause = min(self.first_pause, longest)
        while True:
            yield max(pause * (1 - 0.25 * chance.random()), min(self.first_pause, longest))
            pause = min(2 * pause, longest)
