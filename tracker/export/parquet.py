"""Parquet, by pyarrow (extra ``parquet``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.export.table import Table
from tracker.export.text import UNKNOWN
from tracker.install import installing

CHUNK = 1 << 17  # rows of a row group, which are made into arrays at once


def write_parquet(path: Path, table: Table) -> None:
    """Write the columns of ``Table.columns``; null for what is unknown, and the video in the file's metadata.

    Raises ValueError where pyarrow is not installed.
    """
    check_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = table.columns()
    fields = [(name, _kind(name, column)) for name, column in columns.items()]
    schema = pa.schema(fields, metadata=_metadata(table))
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, max(len(table.rows), 1), CHUNK):
            part = {name: column[start : start + CHUNK] for name, column in columns.items()}
            arrays = [
                pa.array(column, mask=_unknown(name, column), type=kind)
                for (name, kind), column in zip(fields, part.values(), strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def _kind(name: str, column: NDArray[Any]) -> Any:
    import pyarrow as pa

    return pa.string() if name == "class" else pa.from_numpy_dtype(column.dtype)


def _unknown(name: str, column: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Mask of the values that are null; None where every value is known."""
    unknown = UNKNOWN.get(name)
    if unknown is None and column.dtype.kind != "f":
        return None
    mask: NDArray[np.bool_] = column != column if unknown is None else np.asarray(column == unknown, dtype=bool)
    return mask


def _metadata(table: Table) -> dict[str, str]:
    known = {"source": table.source or None, "frame_rate": table.frame_rate, "frames": table.n_frames}
    if table.size is not None:
        known |= {"width": table.size[0], "height": table.size[1]}
    return {name: str(value) for name, value in known.items() if value is not None}


def check_pyarrow() -> None:
    """Raise ValueError where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise ValueError(f"parquet needs pyarrow, which is not installed: {installing('parquet')}, or write csv")
