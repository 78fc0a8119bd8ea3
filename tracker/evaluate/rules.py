"""Which rows count: the preprocessing of each benchmark (Milan 2016, section 4.3; Dendorfer 2020 for MOT20).

In MOT16, MOT17 and MOT20 a result that matches a distractor (a person on a vehicle, a static person, a reflection, ...)
is neither right nor wrong and is left out; then only pedestrians marked for scoring remain as ground truth. MOT15 has
no classes: every row marked for scoring counts. Plain rules count every row.

KITTI's 2D rules (its benchmark's official evaluation): a result that matches a box which does not count (another kind
of vehicle, hidden or cut too far) is left out; so is one that matches nothing and is at most 25 pixels high, or lies
for more than half of its area in a region that nobody labelled.

BDD100K (its official evaluation, as TrackEval has it): each of eight classes is scored apart; a result that matches
nothing of its class and lies for more than half of its area in a crowd, or in a box of another kind of person or
vehicle, is left out. COCO has no rules for tracks: classes are scored apart, and crowds are such regions.

VisDrone (its toolkit for MOT): each of five classes is scored apart; boxes of results and of ground truth that lie for
half of their area or more in ignored regions and boxes of "others" are left out first. Boxes are rounded as there.

Where classes are scored apart, boxes of different classes never match, an id counts once for each of its classes, and
the figures are those of all classes together (the official kit's "detection averaged").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.evaluate.frames import EPS, Frames, assign
from tracker.io import bdd, coco, kitti, visdrone
from tracker.io.readers import Form
from tracker.rows import Rows
from tracker.spelling import nearest

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
    with flag 0 is left out. distractors: classes whose matched results are left out. regions: classes of boxes that
    are regions where nothing is wrong. first: whether what lies in regions is left out before matching, VisDrone's way.
    least_height: in pixels; results no higher that match nothing are left out. apart: whether classes are scored apart.
    counted: the names of the classes that count, by number; empty where all do. form: of the files, where the rules
    belong to text of another form than MOTChallenge's. kind: of object that such files are read for.
    """

    name: str
    classes: bool = False
    marked: bool = False
    distractors: tuple[int, ...] = ()
    regions: tuple[int, ...] = ()
    first: bool = False
    least_height: float = 0.0
    apart: bool = False
    counted: tuple[tuple[int, str], ...] = ()
    form: Form | None = None
    kind: kitti.Kind | None = None

    def fitted(self, gt: Rows, results: Rows) -> tuple[Rules, Rows]:
        """The rules and results to score by, and with: results without classes are of the one class that counts, or
        else match boxes of any class."""
        if not self.apart or results.has_classes:
            return self, results
        scored = gt.classes[~np.isin(gt.classes, self.regions)]
        only = [number for number, _ in self.counted] or np.unique(scored).tolist()
        if len(only) == 1:
            return self, replace(results, classes=np.full(len(results), only[0]))
        return replace(self, apart=False), results

    def of_classes(self) -> list[Rules]:
        """The same rules for each class that counts, where there are several."""
        if len(self.counted) < 2:
            return []
        return [replace(self, name=f"{self.name} {name}", counted=((number, name),)) for number, name in self.counted]

    def apply(self, frames: Frames, gt: Rows, results: Rows) -> Frames:
        """The rows that count, of `gt` (R rows) and `results` (S rows), which are the rows of `frames`."""
        flags, classes = gt.scores, gt.classes
        gt_keep = np.ones(len(frames.gt), dtype=bool)
        ids_keep = np.ones(len(frames.ids), dtype=bool)
        if self.regions:
            return self._apply_regions(frames, gt, results)
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

    def _apply_regions(self, frames: Frames, gt: Rows, results: Rows) -> Frames:
        """``apply`` where ground truth has regions."""
        numbers = [number for number, _ in self.counted]
        gt_keep = ~np.isin(gt.classes, self.regions) if self.first else flags_of(gt)
        ids_keep = np.ones(len(results), dtype=bool)
        if numbers:
            gt_keep &= np.isin(gt.classes, numbers)
        if self.apart:
            ids_keep &= np.isin(results.classes, numbers) if numbers else results.classes >= 0
            same = gt.classes[frames.row] == results.classes[frames.col]
        else:
            same = np.ones(len(frames.row), dtype=bool)
        if self.first:
            gt_keep &= ~_within(gt, gt, self.regions)
            ids_keep &= ~_within(results, gt, self.regions)
        else:
            ids_keep &= ~_excused(frames, gt, results, same, self)
        matching = replace(frames, row=frames.row[same], col=frames.col[same], similarity=frames.similarity[same])
        return matching.only(gt_keep, ids_keep)


def flags_of(gt: Rows) -> BoolArray:
    """Mask (R,) of the ground truth that is marked for scoring."""
    marked: BoolArray = gt.scores != 0
    return marked


def _counted(names: Mapping[int, str], scored: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    return tuple((number, name) for number, name in names.items() if name in scored)


RULES: Mapping[str, Rules] = {
    "mot15": Rules("MOT15", classes=False, marked=True),
    "mot17": Rules("MOT16/17", classes=True, marked=True, distractors=(2, 7, 8, 12)),
    "mot20": Rules("MOT20", classes=True, marked=True, distractors=(2, 6, 7, 8, 12)),
    "plain": Rules("plain", classes=False, marked=False),
    "kitti": Rules("KITTI 2D", marked=True, regions=(kitti.REGION,), least_height=_LEAST_HEIGHT, form="kitti"),
    "visdrone": Rules(
        "VisDrone",
        regions=visdrone.REGIONS,
        first=True,
        apart=True,
        counted=_counted(visdrone.NAMES, visdrone.SCORED),
        form="visdrone",
    ),
    "bdd100k": Rules("BDD100K", marked=True, regions=bdd.REGIONS, apart=True, counted=_counted(bdd.NAMES, bdd.SCORED)),
    "coco": Rules("COCO", marked=True, regions=(coco.CROWD,), apart=True),
}
# Rules of one class, by name, and other names of rules.
KITTI: Mapping[str, kitti.Kind] = {"kitti-car": "car", "kitti-pedestrian": "pedestrian"}
SINGLE = {
    **{f"visdrone-{name}": ("visdrone", name) for name in visdrone.SCORED},
    **{f"bdd100k-{name}": ("bdd100k", name) for name in bdd.SCORED},
}
ALIASES = {"mot16": "mot17", "dancetrack": "mot17", "sportsmot": "mot17"}
CHOICES = (
    *("auto", "mot15", "mot16", "mot17", "mot20", "dancetrack", "sportsmot", "plain", *KITTI),
    *("coco", "visdrone", "bdd100k", *SINGLE),
)


def _excused(frames: Frames, gt: Rows, results: Rows, same: BoolArray, rules: Rules) -> BoolArray:
    """Mask (S,) of the results that are left out after matching; same: mask (P,) of the pairs that may match."""
    region = np.isin(gt.classes, rules.regions)
    may = (frames.similarity >= _OVERLAP - EPS) & ~region[frames.row] & same
    near = np.where(may, frames.similarity, 0.0)
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
    low = size[:, 1] <= rules.least_height + EPS if rules.least_height else np.zeros(len(size), dtype=bool)
    left_out: BoolArray = excused | (~matched & (within | low))
    return left_out


def _within(rows: Rows, gt: Rows, regions: tuple[int, ...]) -> BoolArray:
    """Mask (N,) of rows that lie for half of their area or more in the regions of their frame, all taken together.

    Rounding and the regions' one pixel more at the left and at the top are the toolkit's, which counts pixels.
    """
    out = np.zeros(len(rows), dtype=bool)
    areas = gt.select(np.isin(gt.classes, regions))
    corner, size = _rounded(areas.boxes)
    covers = np.column_stack((corner - 1, corner + size))
    left_top, sides = _rounded(rows.boxes)
    boxes = np.column_stack((left_top, left_top + sides))
    for frame in np.unique(areas.frames).tolist():
        here = np.flatnonzero(rows.frames == frame)
        covered = _covered(boxes[here], covers[areas.frames == frame])
        out[here] = covered >= _OVERLAP * sides[here].prod(axis=1)
    return out


def _rounded(boxes: FloatArray) -> tuple[IntArray, IntArray]:
    """Left and top (N, 2), and width and height (N, 2), in whole pixels from 1."""
    whole = np.maximum(1, np.floor(np.column_stack((boxes[:, :2], boxes[:, 2:] - boxes[:, :2])) + 0.5)).astype(np.int64)
    return whole[:, :2], whole[:, 2:]


def _covered(boxes: IntArray, covers: IntArray) -> IntArray:
    """The area (N,) of boxes (N, 4) within the union of others (K, 4)."""
    xs, ys = (np.unique(covers[:, [axis, axis + 2]]) for axis in (0, 1))
    inside = np.zeros((len(xs) - 1, len(ys) - 1), dtype=np.int64)
    for left, top, right, bottom in covers.tolist():
        inside[np.ix_((xs[:-1] >= left) & (xs[1:] <= right), (ys[:-1] >= top) & (ys[1:] <= bottom))] = 1
    wide, high = (
        np.maximum(
            0,
            np.minimum(edges[None, 1:], boxes[:, [axis + 2]]) - np.maximum(edges[None, :-1], boxes[:, [axis]]),
        )
        for axis, edges in ((0, xs), (1, ys))
    )
    area: IntArray = np.einsum("ni,ij,nj->n", wide, inside, high)
    return area


def rules_by_name(name: str) -> Rules:
    """Rules by one of CHOICES other than "auto". Raises ValueError for an unknown name."""
    key = ALIASES.get(name.lower(), name.lower())
    if key in KITTI:
        return replace(RULES["kitti"], kind=KITTI[key])
    if key in SINGLE:
        base, only = SINGLE[key]
        return next(rules for rules in RULES[base].of_classes() if rules.counted[0][1] == only)
    if key not in RULES:
        raise ValueError(f"rules {name!r} are unknown{nearest(name, CHOICES)}; use one of {', '.join(CHOICES)}")
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
    told = next(((name, gt.layout) for name, gt in rows.items() if gt.layout in _OF_FORM), None)
    if told is not None:
        rules, why = _OF_FORM[told[1]]
        return RULES[rules], f"{told[0]} is of {why}"
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
            return f"{name} has VisDrone's columns, which --rules visdrone scores its way"
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


# The rules of the forms that have their own, and what the form is called.
_OF_FORM = {
    "coco": ("coco", "COCO's form"),
    "bdd100k": ("bdd100k", "BDD100K's form"),
    "cvat": ("plain", "CVAT's form, in which every box counts"),
}


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
    if rules.apart and len(gt) and not gt.has_classes:
        raise ValueError(f"{path}: {rules.name} rules score classes apart, and {name} has none; give --rules mot15")
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
