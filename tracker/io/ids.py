"""How many different ids a run has reported, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable

BITS = 1024  # ids that share one number


class Ids:
    """A set of ids that can tell how many it has, and takes a bit for each; where all ids from 1 on came, nothing."""

    def __init__(self) -> None:
        self._count = 0
        self._full = 0  # blocks from the first on of which every id came
        self._blocks: dict[int, int] = {}  # the ids of the others, a bit each
        self._last: set[int] = set()

    def __len__(self) -> int:
        return self._count

    def __contains__(self, id: int) -> bool:
        block, bit = divmod(id - 1, BITS)
        return 0 <= block < self._full or bool(self._blocks.get(block, 0) >> bit & 1)

    def update(self, ids: Iterable[int]) -> None:
        """Add the ids of one step."""
        now = set(ids)
        for id in now - self._last:
            if id not in self:
                block, bit = divmod(id - 1, BITS)
                self._blocks[block] = self._blocks.get(block, 0) | 1 << bit
                self._count += 1
        self._last = now
        while self._blocks.get(self._full) == (1 << BITS) - 1:
            del self._blocks[self._full]
            self._full += 1
