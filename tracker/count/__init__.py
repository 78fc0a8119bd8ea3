"""Counting: lines, zones, dwell, speed and heat maps, from results or live."""

from tracker.count.counting import Counts, Totals, count
from tracker.count.draw import draw_places
from tracker.count.ground import Ground, Speeds, parse_ground, speeds
from tracker.count.heat import draw_heat, heat_map
from tracker.count.live import Counter
from tracker.count.passages import Event, Visit
from tracker.count.paths import Paths, paths_of
from tracker.count.places import Line, Zone, parse_line, parse_zone
from tracker.count.report import as_csv, as_dict, as_text
from tracker.count.unique import Unique, unique

__all__ = [
    "Counter",
    "Counts",
    "Event",
    "Ground",
    "Line",
    "Paths",
    "Speeds",
    "Totals",
    "Unique",
    "Visit",
    "Zone",
    "as_csv",
    "as_dict",
    "as_text",
    "count",
    "draw_heat",
    "draw_places",
    "heat_map",
    "parse_ground",
    "parse_line",
    "parse_zone",
    "paths_of",
    "speeds",
    "unique",
]
