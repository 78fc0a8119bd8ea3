"""Tables on a terminal, by rich; elsewhere they are plain text."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence


def on_terminal() -> bool:
    """Whether what is printed is read on a terminal."""
    return sys.stdout.isatty()


def print_table(
    columns: Sequence[Sequence[str]], best: Collection[tuple[int, int]] = (), bold: int | None = None
) -> None:
    """Print columns of text, each with its title first.

    best  (column, row) of cells to mark; bold: the row to print in bold. Rows count from 0 below the titles
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold cyan")
    for k, (title, *_) in enumerate(columns):
        table.add_column(Text(title), justify="right" if k else "left", no_wrap=True)
    for r in range(len(columns[0]) - 1):
        cells = [Text(column[r + 1], style="bold green" if (k, r) in best else "") for k, column in enumerate(columns)]
        table.add_row(*cells, style="bold" if r == bold else None)
    Console(file=sys.stdout).print(table, crop=False)
