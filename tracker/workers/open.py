"""An engine by its name, as ``--engine`` takes it."""

from __future__ import annotations

from tracker.workers.engine import Engine

ENGINES = ("local", "dask", "ray")


def open_engine(name: str = "local", *, workers: int | None = None, address: str | None = None) -> Engine:
    """The workers to run on.

    name     "local": processes of this machine; "dask" or "ray": a cluster (extras)
    workers  how many, where they are begun here; by default one for each processor
    address  of the cluster, for "dask" and "ray"; without it one is begun on this machine

    Raises ValueError, in one line, for what does not fit, and where no cluster answers within 10 seconds.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers} is below 1; leave it out to use all processors (--workers)")
    if name not in ENGINES:
        raise ValueError(f"engine={name!r}: use {', '.join(ENGINES)} (--engine)")
    if address is not None and name == "local":
        raise ValueError("address goes with the engines dask and ray; leave it out (--address)")
    if address is not None and workers is not None:
        raise ValueError("a cluster has its own workers; leave workers out (--workers)")
    if name == "dask":
        from tracker.workers.cluster import Dask

        return Dask(address, workers)
    if name == "ray":
        from tracker.workers.cluster import Ray

        return Ray(address, workers)
    from tracker.workers.local import Local

    return Local(workers)
