"""Which rows count: the preprocessing of each benchmark (Milan 2016, section 4.3; Dendorfer 2020 for MOT20).

In MOT16, MOT17 and MOT20 a result that matches a distractor (a person on a vehicle, a static person, a reflection, ...)
is neither right nor wrong and is left out; then only pedestrians marked for scoring remain as ground truth. MOT15 has
no classes: every row marked for scoring counts. Plain rules count every row.

KITTI's 2D rules (its benchmark's official evaluation): a result that matches a box which does not count (another kind
of vehicle, hidden or cut too far) is left out; so is one that matches nothing and is at most 25 pixels high, or lies
for more than half of its area in a region that nobody labelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tracker.arrays import BoolArray
from tracker.evaluate.frames import EPS, Frames, assign
from tracker.io.kitti import REGION, Kind
from tracker.rows import Rows

PEDESTRIAN = 1
# What the class column of MOT16, MOT17 and MOT20 may hold, 1 to 13.
LABELS = (
    *("pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle", "static person"),
    *("distractor", "occluder", "occluder on the ground", "occluder full", "reflection", "crowd"),
)
CLASSES = range(1, len(LABELS) + 1)
AS_ASKED = "as asked"  # why rules apply that somebody named
_OVERLAP = 0.5
_LEAST_HEIGHT = 25.0  # pixels; KITTI labels nothing smaller


@dataclass(frozen=True)
class Rules:
    """The rules of a benchmark.

    name: as printed. classes: whether only pedestrians count, which needs a class column. marked: whether ground truth
    with flag 0 is left out. distractors: classes whose matched results are left out. regions: the class of boxes that
    are regions without labels, where the rules are KITTI's, or None.
    """

    name: str
    classes: bool
    marked: bool
    distractors: tuple[int, ...] = ()
    regions: int | None = None

    def apply(self, frames: Frames, gt: Rows, results: Rows) -> Frames:
        """The rows that count, of `gt` (R rows) and `results` (S rows), which are the rows of `frames`."""
        flags, classes = gt.scores, gt.classes
        gt_keep = np.ones(len(frames.gt), dtype=bool)
        ids_keep = np.ones(len(frames.ids), dtype=bool)
        if self.regions is not None:
            return frames.only(flags != 0, ~_excused(frames, gt, results, self.regions))
        if self.marked:
            gt_keep &= flags != 0
        if self.classes:
            gt_keep &= classes == PEDESTRIAN
            near = np.where(frames.similarity >= _OVERLAP - EPS, frames.similarity, 0.0)
            taken = assign(frames, near)
            on_distractor = np.isin(classes[frames.row[taken]], self.distractors)
            ids_keep[frames.col[taken][on_distractor]] = False
        if gt_keep.all() and ids_keep.all():
            return frames
        return frames.only(gt_keep, ids_keep)


RULES: Mapping[str, Rules] = {
    "mot15": Rules("MOT15", classes=False, marked=True),
    "mot17": Rules("MOT16/17", classes=True, marked=True, distractors=(2, 7, 8, 12)),
    "mot20": Rules("MOT20", classes=True, marked=True, distractors=(2, 6, 7, 8, 12)),
    "plain": Rules("plain", classes=False, marked=False),
    "kitti": Rules("KITTI 2D", classes=False, marked=True, regions=REGION),
}
KITTI: Mapping[str, Kind] = {"kitti-car": "car", "kitti-pedestrian": "pedestrian"}  # rules of files of KITTI's labels
CHOICES = ("auto", "mot15", "mot16", "mot17", "mot20", "plain", *KITTI)


def _excused(frames: Frames, gt: Rows, results: Rows, regions: int) -> BoolArray:
    """Mask (S,) of the results that KITTI's rules leave out."""
    region = gt.classes == regions
    near = np.where((frames.similarity >= _OVERLAP - EPS) & ~region[frames.row], frames.similarity, 0.0)
    taken = assign(frames, near)
    matched = np.zeros(len(frames.ids), dtype=bool)
    matched[frames.col[taken]] = True
    excused = np.zeros(len(frames.ids), dtype=bool)
    excused[frames.col[taken][gt.scores[frames.row[taken]] == 0]] = True
    size = results.boxes[:, 2:] - results.boxes[:, :2]
    inside = region[frames.row].nonzero()[0]
    row, col = frames.row[inside], frames.col[inside]
    side = np.minimum(gt.boxes[row, 2:], results.boxes[col, 2:]) - np.maximum(gt.boxes[row, :2], results.boxes[col, :2])
    within = np.zeros(len(frames.ids), dtype=bool)
    within[col[side.prod(axis=1) > (_OVERLAP + EPS) * size[col].prod(axis=1)]] = True
    left_out: BoolArray = excused | (~matched & (within | (size[:, 1] <= _LEAST_HEIGHT + EPS)))
    return left_out


def rules_by_name(name: str) -> Rules:
    """Rules by one of CHOICES other than "auto". Raises ValueError for an unknown name."""
    key = {"mot16": "mot17", **dict.fromkeys(KITTI, "kitti")}.get(name.lower(), name.lower())
    if key not in RULES:
        raise ValueError(f"rules {name!r} are unknown; use one of {', '.join(CHOICES)}")
    return RULES[key]


def labels_of(gt: Path) -> list[str]:
    """The names of classes 1, 2, ... in the `labels.txt` beside a ground truth file, as CVAT writes it; else none."""
    file = gt.with_name("labels.txt")
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return []


def recognise_rules(
    ground_truth: Mapping[str, Rows], labels: Mapping[str, list[str]] | None = None
) -> tuple[Rules, str]:
    """Rules that fit the ground truth of all sequences (name to rows), and why, in a few words.

    labels: the names of the classes of a sequence, where a file says them (`labels_of`).
    Raises ValueError when sequences of different layouts are mixed.
    """
    rows = {name: gt for name, gt in ground_truth.items() if len(gt)}
    flags = np.concatenate([np.empty(0), *(gt.scores for gt in rows.values())]) != 0
    foreign = _foreign_classes(rows, labels or {})
    if foreign is not None:
        # Another data set's classes mean nothing here, but its flags still say what counts.
        mixed = bool(flags.any() and not flags.all())
        which = "marked box" if mixed else "box"
        return RULES["mot15" if mixed else "plain"], f"{foreign}, so every {which} counts; --rules chooses others"
    if not any(gt.has_classes for gt in rows.values()):
        if rows and not flags.any():
            return RULES["plain"], "no class column and no row marked for scoring"
        return RULES["mot15"], "no class column"
    if all(name.upper().startswith("MOT20") for name in rows):
        return RULES["mot20"], "class column, sequences named MOT20"
    return RULES["mot17"], "class column"


def _foreign_classes(rows: Mapping[str, Rows], labels: Mapping[str, list[str]]) -> str | None:
    """Why the classes of ground truth are not the benchmark's; None where they may be, or there are none.

    One sequence decides for all, so that a data set has one reading. Raises ValueError when only some have classes.
    """
    for name, gt in rows.items():
        if gt.layout == "visdrone":
            return f"{name} has VisDrone's columns"
        if own := _own_labels(labels.get(name, []), gt):
            return f"labels.txt of {name} names classes of its own ({own})"
    example = {gt.has_classes: name for name, gt in rows.items()}
    if len(example) > 1:
        raise ValueError(
            f"ground truth of {example[False]} has no classes, that of {example[True]} has; "
            "score them apart or choose the rules (--rules)"
        )
    if True not in example:
        return None
    for name, gt in rows.items():
        odd = ~np.isin(gt.classes, CLASSES)
        if odd.any():
            return f"{name} has class {gt.classes[odd][0]}, which the benchmark does not know"
    if not any(((gt.classes == PEDESTRIAN) & (gt.scores != 0)).any() for gt in rows.values()):
        return "no pedestrian (class 1) is marked for scoring"
    return None


def _own_labels(labels: list[str], gt: Rows) -> str:
    """The first names of the classes in use, where one of them is not the benchmark's for its number; else ""."""
    used = [k for k in np.unique(gt.classes).tolist() if 1 <= k <= len(labels)]
    known = {**dict(enumerate(LABELS, start=1)), **({PEDESTRIAN: "person"} if "person" in labels else {})}
    alike = [labels[k - 1].lower().replace("_", " ") == known.get(k) for k in used]
    return "" if all(alike) else ", ".join(labels[k - 1] for k in used[:3])


def class_doubts(rules: Rules, gt: Rows) -> list[str]:
    """A line where rules for pedestrians leave out boxes that are marked for scoring, as MOT's own files never do."""
    if not rules.classes:
        return []
    left = (gt.classes != PEDESTRIAN) & (gt.scores != 0)
    if not left.any():
        return []
    classes = np.unique(gt.classes[left]).tolist()
    return [
        f"{np.count_nonzero(left)} boxes are marked for scoring but not of class 1 (pedestrian in MOT; here also "
        f"{', '.join(map(str, classes[:5]))}), so {rules.name} rules leave them out; if the classes are another "
        "data set's, --rules mot15 counts every marked box"
    ]


def check_rules(rules: Rules, name: str, gt: Rows, path: str) -> None:
    """Raise ValueError where the ground truth of sequence `name`, read from `path`, lacks what the rules need."""
    if not rules.classes or not len(gt):
        return
    if not gt.has_classes:
        raise ValueError(
            f"{path}: {rules.name} rules need a class column, and {name} has none (like MOT15); use mot15 rules"
        )
    odd = ~np.isin(gt.classes, CLASSES)
    if odd.any():
        row = int(np.argmax(odd))
        raise ValueError(
            f"{path}:{gt.lines[row]}: class {gt.classes[row]} is unknown to {rules.name} rules (1..13); "
            "use plain rules (--rules plain)"
        )
