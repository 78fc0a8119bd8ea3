"""Where a decoding thread leaves its frames: the newest one alone, or a bounded queue of all."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds the newest item, or with ``keep`` up to so many of them in their order.

    came     items that were left here
    dropped  those of them that a newer one replaced before they were taken

    ``put`` waits for room where all are kept. ``close`` lets ``put`` return at once; what is there can still be taken.
    """

    def __init__(self, keep: int = 0) -> None:
        self.came = self.dropped = 0
        self.closed = False
        self._keep = keep
        self._items: deque[T] = deque()
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Leave an item."""
        with self._changed:
            self.came += 1
            if self._keep:
                self._changed.wait_for(lambda: len(self._items) < self._keep or self.closed)
            else:
                self.dropped += len(self._items)
                self._items.clear()
            if not self.closed:
                self._items.append(item)
                self._changed.notify_all()

    def take(self, patience: float) -> T | None:
        """The oldest item; None where none comes within ``patience`` seconds."""
        with self._changed:
            if not self._items and not self.closed:
                self._changed.wait(patience)
            if not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def restart(self) -> None:
        """Forget what came so far, and count from 0."""
        with self._changed:
            self._items.clear()
            self.came = self.dropped = 0

    def close(self) -> None:
        """Take no more items."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    @property
    def empty(self) -> bool:
        """Whether nothing is there to take."""
        return not self._items
