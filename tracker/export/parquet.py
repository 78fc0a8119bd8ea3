"""Parquet, by pyarrow (extra ``parquet``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tracker.export.table import Table


def write_parquet(path: Path, table: Table) -> None:
    """Write the columns of ``Table.columns``; null for what is unknown, and the video in the file's metadata.

    Raises ValueError where pyarrow is not installed.
    """
    check_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {}
    for name, column in table.columns().items():
        if name == "class":
            columns[name] = pa.array(column, pa.string(), mask=column == "")
        elif name in ("class_id", "detection"):
            columns[name] = pa.array(column, pa.int64(), mask=column == -1)
        else:
            columns[name] = pa.array(column, mask=np.isnan(column) if column.dtype.kind == "f" else None)
    known = {"source": table.source or None, "frame_rate": table.frame_rate, "frames": table.n_frames}
    if table.size is not None:
        known |= {"width": table.size[0], "height": table.size[1]}
    metadata = {name: str(value) for name, value in known.items() if value is not None}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


def check_pyarrow() -> None:
    """Raise ValueError where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise ValueError("parquet needs pyarrow, which is not installed; install the [parquet] extra, or write csv")
