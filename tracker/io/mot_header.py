"""A first line that names the columns, as pandas and spreadsheets write it: the order is then the file's own."""

from __future__ import annotations

import re

import numpy as np

from tracker.arrays import FloatArray

# A column's part in a row, and the names it goes by, in small letters without marks and without "bb" or "bbox".
_NAMES = {
    "frame": "frame frameid frameidx frameindex frameno framenum framenumber image imageid",
    "id": "id trackid trackerid track objectid objid targetid target tid pid personid identity",
    "left": "left x x1 xmin xleft xtl tlx topleftx",
    "top": "top y y1 ymin ytop ytl tly toplefty",
    "width": "width w",
    "height": "height h",
    "right": "right x2 xmax xright xbr brx bottomrightx",
    "bottom": "bottom y2 ymax ybottom ybr bry bottomrighty",
    "middle": "cx xc xcenter xcentre centerx centrex",
    "centre": "cy yc ycenter ycentre centery centrey",
    "conf": "conf confidence score prob probability flag considered active notignored",
    "class": "class classid cls clsid category categoryid objectcategory label type",
    "visibility": "visibility vis visible visratio",
}
_PART = {name: part for part, names in _NAMES.items() for name in names.split()}
_USUAL = ("frame", "id", "left", "top", "width", "height", "conf", "class", "visibility")
_LEAST = 7  # of these, a line without a header has at least so many


class Header:
    """The columns that a line of words names.

    understood   whether frame and box are among them, or no known name stands where another belongs
    arranged     whether the columns stand in an order of their own, which ``arrange`` undoes
    least        how many columns a line needs
    """

    def __init__(self, words: list[str]) -> None:
        self._place = place = _places(words)
        across = _first_known(place, ("left", "width"), ("left", "right"), ("middle", "width"))
        down = _first_known(place, ("top", "height"), ("top", "bottom"), ("centre", "height"))
        whole = "frame" in place and bool(across) and bool(down)
        usual = all(place.get(part, k) == k for k, part in enumerate(_USUAL)) and all(
            part in _USUAL or k >= _LEAST for part, k in place.items()
        )
        self._box = (*across, *down)
        self.understood = whole or usual
        self.arranged = whole and not (usual and len(words) >= _LEAST)
        self.least = 1 + max(place[part] for part in ("frame", *self._box)) if self.arranged else _LEAST

    def arrange(self, table: FloatArray) -> FloatArray:
        """The table (R, C) as frame, id, left, top, width, height, conf, and class and visibility where it has them.

        What a file does not name is -1, and conf 1.
        """
        none = np.full(len(table), -1.0)
        column = {part: table[:, place] for part, place in self._place.items() if place < table.shape[1]}
        x, across, y, down = (column[part] for part in self._box)
        x_kind, across_kind, y_kind, down_kind = self._box
        width = across - x if across_kind == "right" else across
        height = down - y if down_kind == "bottom" else down
        left = x - width / 2 if x_kind == "middle" else x
        top = y - height / 2 if y_kind == "centre" else y
        conf = column.get("conf", np.ones(len(table)))
        columns = [column["frame"], column.get("id", none), left, top, width, height, conf]
        if "class" in column or "visibility" in column:
            columns += [column.get("class", none), column.get("visibility", none)]
        return np.column_stack(columns)


def is_header(fields: list[str]) -> bool:
    """Whether the fields of a line are words, enough to name the columns of a row."""
    if not fields[0]:  # over the index that pandas writes
        fields = fields[1:]
    return len(fields) >= 6 and all(any(map(str.isalpha, field)) and not _is_number(field) for field in fields)


def _places(words: list[str]) -> dict[str, int]:
    """The column of each part; of two names for one part the first counts (the format ends in a further x,y,z)."""
    names = [_plain(word) for word in words]
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        part = _PART.get(name)
        if {"x0", "y0"} <= set(names):  # x0,y0,x1,y1
            part = {"x0": "left", "y0": "top", "x1": "right", "y1": "bottom"}.get(name, part)
        if part is not None:
            places.setdefault(part, place)
    return places


def _first_known(place: dict[str, int], *pairs: tuple[str, str]) -> tuple[str, ...]:
    return next((pair for pair in pairs if place.keys() >= set(pair)), ())


def _plain(word: str) -> str:
    letters = re.sub(r"[^a-z0-9]", "", word.lower())
    return re.sub(r"^(bbox|bb|box)(?=.)", "", letters)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
