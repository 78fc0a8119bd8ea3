"""Identity-balanced batches: P identities times K crops (Hermans et al. 2017, section 2)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from reid.errors import ReidError


def pk_batches(
    labels: npt.NDArray[np.int64], people: int, crops: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    """The batches of one epoch, as indices: ``people`` identities with ``crops`` each, some of them twice where an
    identity has fewer.

    Each identity's crops are shuffled and dealt into groups. A batch takes one group from each of the ``people``
    identities with most groups left (ties at random), so it holds no identity twice, and almost all crops appear.

    Raises:
        ReidError: fewer identities than ``people``.
    """
    names = np.unique(labels)
    if len(names) < people:
        raise ReidError(f"{len(names)} identities, but a batch needs {people}: lower --people or add data")
    groups: list[list[npt.NDArray[np.int64]]] = []
    for name in names:
        rows = rng.permutation(np.flatnonzero(labels == name))
        if len(rows) % crops:
            rows = np.concatenate([rows, rng.choice(rows, crops - len(rows) % crops)])
        groups.append(list(rows.reshape(-1, crops)))
    left = np.array([len(group) for group in groups])
    while np.count_nonzero(left) >= people:
        chosen = np.argsort(-(left + rng.random(len(left))), kind="stable")[:people]
        left[chosen] -= 1
        yield np.concatenate([groups[i].pop() for i in chosen])
