"""Counting: lines, zones, dwell, speed and heat maps, from results or live."""

from tracker.count.counting import Counts, Totals, count
from tracker.count.passages import Event, Visit
from tracker.count.places import Line, Zone, parse_line, parse_zone

__all__ = [
    "Counts",
    "Event",
    "Line",
    "Totals",
    "Visit",
    "Zone",
    "count",
    "parse_line",
    "parse_zone",
]
