"""Exports of results: tables for analysts, data sets, and the formats of tools."""

from tracker.export.formats import FORMATS, export
from tracker.export.summary import summary
from tracker.export.table import Table, table_of

__all__ = ["FORMATS", "Table", "export", "summary", "table_of"]
