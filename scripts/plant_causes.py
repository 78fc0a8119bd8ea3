"""Plants faults of known kinds into clean scenes, and counts how often ``tracker.explain`` names the kind.

    python scripts/plant_causes.py [SHARED] [--algos steady,bytetrack,sort,deepsort] [--kinds gap,jump] [--each 100]

A scene is the ground truth of some 10 objects for 2 to 3 seconds, given to the tracker as detections that score .9 and
have an embedding each. It is used where the tracker follows the object without an error. Then one fault of one
kind is planted, and the first error of that object from there on is explained. A plant that causes no error, since the
tracker bridges it, is counted apart. Scenes are of MOT15, MOT17 and KITTI, where SHARED (default ../shared) has them,
and made ones. docs/why.md has the table that this prints.
"""

from __future__ import annotations

import argparse
import time as clock
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from generality_sets import kitti, mot

from tracker.algorithms import build
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, IntArray
from tracker.boxes import iou_xyxy
from tracker.detections import Detections
from tracker.evaluate.rules import RULES
from tracker.explain.errors import false_rows, misses
from tracker.explain.recording import Recorded, Recording
from tracker.explain.removals import NONE
from tracker.explain.truth import Truth
from tracker.explain.why import Cause, Why
from tracker.rows import Rows, as_rows
from tracker.tracker import Tracker

BEFORE, AFTER = 30, 45  # frames before and after the fault
MOST_LOST = 30  # frames that may be lost at once
NEAREST = 10  # objects of a scene beside the one that has the fault
APART = 0.05  # IoU up to which the object counts as free of others
CROSSED = 0.25  # least IoU of two that cross
MIXED = 3  # frames in which two that cross have each other's embedding
MAX_AGE = 15  # of all trackers, so that scenes can be short
ABSENT = MAX_AGE + 5  # frames in which an object is not seen, or weakly
FEEBLE = 10  # frames in which an object that comes is weak
WIDTH = 32  # of the embeddings
GOOD, WEAK, NOTHING = 0.9, 0.3, 0.01  # scores
SETTLED = 10  # frames until a tracker has confirmed what was there at the start

ALGOS: dict[str, float | None] = {"steady": None, "bytetrack": None, "sort": 0.5, "deepsort": 0.5}  # least score given


@dataclass(frozen=True, eq=False)
class Scene:
    """Ground truth around one object. Frames count from 0; the fault comes at ``BEFORE``.

    boxes   by identity: (F, 4), NaN where the object is not there
    x, y    the object with the fault, and the one that it crosses, or None
    """

    name: str
    boxes: Mapping[int, FloatArray]
    x: int
    y: int | None
    rate: float

    def __len__(self) -> int:
        return len(self.boxes[self.x])


@dataclass(eq=False)
class Plant:
    """What a tracker gets and what is true, with one fault. Detections are those of the truth but for what is named.

    truth    by identity: (F, 4)
    scores   by identity: (F,), NaN where the object is not detected; others score GOOD
    classes  by identity: (F,); others are 0
    looks    by identity: (F,) whose embedding its detection has; others have their own
    further  by identity that they look like: (F, 4) of detections that are no object's, NaN for none
    """

    truth: dict[int, FloatArray]
    rate: float
    scores: dict[int, FloatArray] = field(default_factory=dict)
    classes: dict[int, IntArray] = field(default_factory=dict)
    looks: dict[int, IntArray] = field(default_factory=dict)
    further: dict[int, FloatArray] = field(default_factory=dict)

    def found(self, chance: np.random.Generator) -> list[Detections]:
        """The detections of each frame."""
        likeness: dict[int, EmbeddingArray] = {
            name: chance.normal(size=WIDTH).astype(np.float32) for name in sorted(self.truth)
        }
        length = len(next(iter(self.truth.values())))
        out = []
        for frame in range(length):
            rows = [self._row(name, boxes, frame) for name, boxes in self.truth.items()]
            rows += [(boxes[frame], GOOD, 0, name) for name, boxes in self.further.items()]
            kept = [row for row in rows if np.isfinite(row[0]).all() and row[1] == row[1]]
            vectors = [likeness[row[3]] + 0.1 * chance.normal(size=WIDTH).astype(np.float32) for row in kept]
            out.append(
                Detections(
                    np.array([row[0] for row in kept]).reshape(-1, 4),
                    np.array([row[1] for row in kept]),
                    np.array([row[2] for row in kept], dtype=np.int64),
                    embeddings=np.array(vectors, dtype=np.float32).reshape(-1, WIDTH),
                )
            )
        return out

    def _row(self, name: int, boxes: FloatArray, frame: int) -> tuple[FloatArray, float, int, int]:
        score = float(self.scores[name][frame]) if name in self.scores else GOOD
        kind = int(self.classes[name][frame]) if name in self.classes else 0
        look = int(self.looks[name][frame]) if name in self.looks else name
        return boxes[frame], score, kind, look

    def rows(self) -> Rows:
        """The ground truth."""
        some = [(name, boxes, np.flatnonzero(np.isfinite(boxes).all(axis=1))) for name, boxes in self.truth.items()]
        return as_rows(
            np.concatenate([there + 1 for _, _, there in some]),
            np.concatenate([np.full(len(there), name) for name, _, there in some]),
            np.concatenate([boxes[there] for _, boxes, there in some]),
        )


# Faults.

Planter = Callable[[Scene, np.random.Generator], Plant | None]


def _clean(scene: Scene) -> Plant:
    return Plant({name: boxes[: BEFORE + AFTER].copy() for name, boxes in scene.boxes.items()}, scene.rate)


def _scored(scene: Scene, score: Callable[[FloatArray], None]) -> Plant:
    """The scene with other scores of x from the fault on."""
    plant = _clean(scene)
    scores = np.full(BEFORE + AFTER, GOOD)
    score(scores[BEFORE:])
    plant.scores[scene.x] = scores
    return plant


def _shifted(scene: Scene, names: list[int], shift: FloatArray) -> Plant:
    """The scene with these objects elsewhere from the fault on."""
    plant = _clean(scene)
    for name in names:
        plant.truth[name][BEFORE:] += np.tile(shift, 2)
    return plant


def _height(scene: Scene) -> float:
    box = scene.boxes[scene.x][BEFORE]
    return float(box[3] - box[1])


def _direction(chance: np.random.Generator) -> FloatArray:
    angle = chance.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


def gap(scene: Scene, chance: np.random.Generator) -> Plant:
    """x is not detected for longer than tracks live."""

    def score(scores: FloatArray) -> None:
        scores[:ABSENT] = np.nan

    return _scored(scene, score)


def weak(scene: Scene, chance: np.random.Generator) -> Plant:
    """x is detected weakly for longer than tracks live: hardly at all, or after two frames in which it is not."""
    faint = chance.random() < 0.5

    def score(scores: FloatArray) -> None:
        scores[:ABSENT] = NOTHING if faint else WEAK
        scores[:2] = np.nan

    return _scored(scene, score)


def jump(scene: Scene, chance: np.random.Generator) -> Plant | None:
    """x goes on three of its heights away, where nobody is."""
    for _ in range(20):
        plant = _shifted(scene, [scene.x], 3 * _height(scene) * _direction(chance))
        if _free(plant.truth, scene.x, BEFORE):
            return plant
    return None


def false_boxes(scene: Scene, chance: np.random.Generator) -> Plant:
    """x is not detected for a few frames, while boxes of nothing that look like it begin there and lead away."""
    away = int(chance.integers(3, 7))

    def score(scores: FloatArray) -> None:
        scores[:away] = np.nan

    plant = _scored(scene, score)
    boxes = plant.truth[scene.x].copy()
    boxes[:BEFORE] = np.nan
    step = np.arange(1, AFTER + 1)[:, None] * 0.08 * _height(scene) * _direction(chance)
    boxes[BEFORE:] = boxes[BEFORE] + np.tile(step, (1, 2))
    plant.further[scene.x] = boxes
    return plant


def crossing(scene: Scene, chance: np.random.Generator) -> Plant | None:
    """x and y exchange their paths where they cross, and for some frames look as if they had not."""
    if scene.y is None:
        return None
    plant = _clean(scene)
    x, y = plant.truth[scene.x], plant.truth[scene.y]
    x[BEFORE:], y[BEFORE:] = y[BEFORE:].copy(), x[BEFORE:].copy()
    frames = np.arange(BEFORE + AFTER)
    mixed = (frames >= BEFORE) & (frames < BEFORE + MIXED)
    plant.looks[scene.x] = np.where(mixed, scene.y, scene.x)
    plant.looks[scene.y] = np.where(mixed, scene.x, scene.y)
    return plant


def class_flip(scene: Scene, chance: np.random.Generator) -> Plant:
    """x is of another class from there on; trackers match within a class."""
    plant = _clean(scene)
    plant.classes[scene.x] = (np.arange(BEFORE + AFTER) >= BEFORE).astype(np.int64)
    return plant


def jerk(scene: Scene, chance: np.random.Generator) -> Plant:
    """The camera turns at once: all are elsewhere."""
    return _shifted(scene, list(scene.boxes), 3 * _height(scene) * _direction(chance))


def lost_frames(scene: Scene, chance: np.random.Generator) -> Plant | None:
    """So many frames are lost that x is found beside where it was."""
    own = scene.boxes[scene.x]
    here = iou_xyxy(own[BEFORE - 1][None], own[BEFORE : BEFORE + MOST_LOST])[0]
    gone = np.flatnonzero(here == 0)
    if not len(gone):
        return None
    kept = np.delete(np.arange(len(scene)), slice(BEFORE, BEFORE + int(gone[0]) + 1))[: BEFORE + AFTER]
    return Plant({name: boxes[kept] for name, boxes in scene.boxes.items()}, scene.rate)


def late_birth(scene: Scene, chance: np.random.Generator) -> Plant:
    """x comes then, and is too weak at first to start a track."""

    def score(scores: FloatArray) -> None:
        scores[:FEEBLE] = WEAK

    plant = _scored(scene, score)
    plant.truth[scene.x][:BEFORE] = np.nan
    return plant


def double(scene: Scene, chance: np.random.Generator) -> Plant:
    """x is detected twice from there on, a fifth of its width apart."""
    plant = _clean(scene)
    boxes = plant.truth[scene.x].copy()
    boxes[:BEFORE] = np.nan
    boxes[:, ::2] += 0.2 * (boxes[:, 2:3] - boxes[:, :1])
    plant.further[scene.x] = boxes
    return plant


def control(scene: Scene, chance: np.random.Generator) -> Plant:
    """Half a pixel of jitter, which is no fault."""
    plant = _clean(scene)
    for boxes in plant.truth.values():
        boxes += chance.uniform(-0.5, 0.5, boxes.shape)
    return plant


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    plant  makes it
    right  the causes that name it
    event  where it shows: "switch", "miss" or "false"
    """

    plant: Planter
    right: frozenset[str]
    event: str = "switch"


PLACES = frozenset({"out-of-reach", "below-threshold"})
OTHERS = frozenset({"stolen", "outbid"})
KINDS: dict[str, Kind] = {
    "gap": Kind(gap, frozenset({"expired-undetected", "hidden"})),
    "weak": Kind(weak, frozenset({"expired-weak", "wrong-stage"})),
    "jump": Kind(jump, PLACES),
    "false": Kind(false_boxes, frozenset({"clutter", "hidden"})),
    "crossing": Kind(crossing, OTHERS),
    "class": Kind(class_flip, frozenset({"class"})),
    "jerk": Kind(jerk, PLACES | OTHERS),
    "lost": Kind(lost_frames, PLACES | OTHERS),
    "late": Kind(late_birth, frozenset({"weak"}), "miss"),
    "double": Kind(double, frozenset({"double"}), "false"),
    "control": Kind(control, frozenset()),
}


# Scenes.


def _free(boxes: Mapping[int, FloatArray], x: int, first: int, but: int | None = None) -> bool:
    """Whether the object overlaps no other from a frame on."""
    own = boxes[x][first:]
    for name, other in boxes.items():
        if name not in (x, but):
            side = np.minimum(own[:, 2:], other[first:, 2:]) - np.maximum(own[:, :2], other[first:, :2])
            area = (own[:, 2:] - own[:, :2]).prod(axis=1) + (other[first:, 2:] - other[first:, :2]).prod(axis=1)
            inter = np.where(np.isfinite(side), side, 0).clip(0).prod(axis=1)
            if (inter > APART / (1 + APART) * np.nan_to_num(area, nan=np.inf)).any():
                return False
    return True


def scenes_of(name: str, truth: Rows, rate: float, chance: np.random.Generator, crossed: bool) -> Iterator[Scene]:
    """Scenes cut from the ground truth of a sequence, in a random order: of an object that is free of others, or of two
    that cross.
    """
    paths = {int(one): _path(truth, int(one)) for one in np.unique(truth.ids)}
    length = BEFORE + AFTER + MOST_LOST
    last = truth.last_frame - length
    starts = [(x, t) for x in paths for t in range(0, last, 10) if np.isfinite(paths[x][t : t + length]).all()]
    for k in chance.permutation(len(starts)).tolist():
        x, t = starts[k]
        here = {one: boxes[t : t + length] for one, boxes in paths.items()}
        near = sorted(here, key=lambda one: _distance(here[x][BEFORE], here[one][BEFORE]))[: NEAREST + 1]
        kept = {one: here[one] for one in near}
        if not crossed:
            if _free(kept, x, BEFORE - 10):
                yield Scene(f"{name} {x} {t + 1}", kept, x, None, rate)
            continue
        y = next((one for one in near if one != x and _crosses(kept[x], kept[one])), None)
        if y is not None and _free(kept, x, BEFORE - 10, y) and _free(kept, y, BEFORE - 10, x):
            yield Scene(f"{name} {x} {t + 1}", kept, x, y, rate)


def _path(truth: Rows, name: int) -> FloatArray:
    """(frames, 4) of an object, NaN where it is not there."""
    own = truth.select(truth.ids == name)
    out = np.full((truth.last_frame, 4), np.nan)
    out[own.frames - 1] = own.boxes
    return out


def _distance(one: FloatArray, other: FloatArray) -> float:
    apart = float(np.hypot(*(one[:2] + one[2:] - other[:2] - other[2:])))
    return apart if apart == apart else float("inf")


def _crosses(one: FloatArray, other: FloatArray) -> bool:
    here = other[BEFORE - 10 : BEFORE + AFTER]
    if not np.isfinite(here).all():
        return False
    return bool(iou_xyxy(one[BEFORE][None], other[BEFORE][None])[0, 0] >= CROSSED)


def sequences(shared: Path) -> Iterator[tuple[str, Rows, float]]:
    """Name, ground truth and frame rate of the sequences there are, and of three made ones."""
    for seed in range(3):
        yield f"walks {seed}", walks(12, 400, seed), 30.0
    data = shared / "data"
    for name, rules in (("MOT15", "mot15"), ("MOT17", "mot17")):
        if (data / name).is_dir():
            for one in mot(data / name / "train", half=False):
                yield one.name, _counted(one.truth, rules), one.rate
    if (data / "KITTI").is_dir():
        for one in kitti(data / "KITTI", "car"):
            yield one.name, _counted(one.truth, "kitti"), one.rate


def _counted(truth: Rows, rules: str) -> Rows:
    known = Truth(truth, RULES[rules], np.arange(1, truth.last_frame + 1))
    kept: BoolArray = known.counts & (known.rows.boxes[:, 2:] > known.rows.boxes[:, :2] + 4).all(axis=1)
    return known.rows.select(kept)


def walks(people: int, frames: int, seed: int) -> Rows:
    """People who walk to and fro in an image of 1280 x 720."""
    chance = np.random.default_rng(seed)
    ids, numbers, boxes = [], [], []
    for one in range(1, people + 1):
        height = chance.uniform(60, 140)
        feet = chance.uniform((100, 200), (1180, 700)) + np.zeros((frames, 2))
        pace = _direction(chance) * chance.uniform(1, 5)
        for frame in range(1, frames):
            pace = np.where((feet[frame - 1] + pace < (40, 180)) | (feet[frame - 1] + pace > (1240, 715)), -pace, pace)
            feet[frame] = feet[frame - 1] + pace
        size = np.array([0.4 * height, height])
        boxes.append(np.column_stack((feet - size * (0.5, 1), feet + size * (0.5, 0))))
        ids.append(np.full(frames, one))
        numbers.append(np.arange(1, frames + 1))
    return as_rows(np.concatenate(numbers), np.concatenate(ids), np.concatenate(boxes)).by_frame()


class _Kept:
    """The scenes of all sequences, one of each in turn, each made once."""

    def __init__(self, known: list[tuple[str, Rows, float]], crossed: bool) -> None:
        self._made: list[Scene] = []
        self._rest = alternating(
            [
                scenes_of(name, rows, rate, np.random.default_rng(k), crossed)
                for k, (name, rows, rate) in enumerate(known)
            ]
        )

    def __iter__(self) -> Iterator[Scene]:
        place = 0
        while True:
            if place == len(self._made):
                new = next(self._rest, None)
                if new is None:
                    return
                self._made.append(new)
            yield self._made[place]
            place += 1


def alternating(given: list[Iterator[Scene]]) -> Iterator[Scene]:
    """One of each in turn."""
    return (one for one in chain.from_iterable(zip_longest(*given)) if one is not None)


# What is said.


@dataclass
class Said:
    """Of the plants of one kind: named  those whose cause or chain names it; by_cause  what the causes were.

    wrong: the scenes where neither does. without: plants that caused no error
    """

    named: int = 0
    by_cause: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    without: int = 0

    @property
    def explained(self) -> int:
        return self.by_cause.total()


def explained(algo: str, plant: Plant, per_class: bool, seed: int) -> Why:
    """A run over the scene."""
    settings: dict[str, object] = {"max_age": MAX_AGE, **({"per_class": True} if per_class else {})}
    tracker = build(algo, settings, frame_rate=plant.rate)
    assert isinstance(tracker, Tracker)
    recording = Recording.of(plant.found(np.random.default_rng(seed)), ALGOS[algo], rate=plant.rate)
    return Why(Recorded(tracker, recording), Truth(plant.rows(), RULES["plain"], recording.numbers))


def errors_of(why: Why, name: int, event: str) -> list[tuple[str, frozenset[str]]]:
    """Of the first error of an object from the fault on: its cause, and all that its chain names. Of misses and false
    rows each is one.
    """
    (x,) = np.flatnonzero(why.truth.names == name).tolist()
    if event == "switch":
        first = next((s for s in why.judge.all_switches if s.truth == x and s.frame >= BEFORE), None)
        return [] if first is None else [_named(why.cause_of(first))]
    some = misses(why) if event == "miss" else false_rows(why)
    last = BEFORE + (FEEBLE if event == "miss" else AFTER)
    return [(one.cause, frozenset({one.cause})) for one in some if one.truth == x and BEFORE <= one.frame < last]


def _named(cause: Cause) -> tuple[str, frozenset[str]]:
    if cause.level == NONE:  # its chain says where it happened and proves nothing
        return cause.code, frozenset()
    late = [one for one in cause.chain if one.frame >= BEFORE]
    codes = {one.code for one in late}
    codes |= {"class" for one in late if one.verdict is not None and one.verdict.detail == "class"}
    return cause.code, frozenset(codes | ({cause.code} if late else set()))


@cache
def is_clean(algo: str, scene: Scene, per_class: bool, seed: int) -> bool:
    """Whether the tracker follows x and y without an error, once it has begun."""
    why = explained(algo, _clean(scene), per_class, seed)
    names = [scene.x] if scene.y is None else [scene.x, scene.y]
    xs = set(np.flatnonzero(np.isin(why.truth.names, names)).tolist())
    if any(one.truth in xs for one in why.judge.all_switches):
        return False
    return not any(one.truth in xs and one.frame >= SETTLED for one in [*misses(why), *false_rows(why)])


def try_kind(name: str, algo: str, scenes: Iterator[Scene], each: int) -> Said:
    """Plant one kind until ``each`` plants have caused an error, or there are no more scenes."""
    kind, said = KINDS[name], Said()
    for seed, scene in enumerate(scenes):
        if said.explained == each or (name == "control" and said.without == each):
            break
        chance = np.random.default_rng(seed)
        plant = kind.plant(scene, chance)
        if plant is None or not is_clean(algo, scene, name == "class", seed):
            continue
        why = explained(algo, plant, name == "class", seed)
        if name == "control":
            found = [one for event in ("switch", "miss", "false") for one in errors_of(why, scene.x, event)]
        else:
            found = errors_of(why, scene.x, kind.event)
        if not found:
            said.without += 1
            continue
        said.by_cause[Counter(cause for cause, _ in found).most_common(1)[0][0]] += 1
        if all(codes & kind.right for _, codes in found):
            said.named += 1
        else:
            said.wrong.append(f"{scene.name}: {found[0][0]}")
    return said


def table(results: Mapping[tuple[str, str], Said], algos: list[str], kinds: list[str]) -> str:
    """How many of the plants that caused an error are named, and what the causes were."""
    lines = [f"| planted | {' | '.join(algos)} |", f"|---|{'---|' * len(algos)}"]
    for kind in kinds:
        cells = []
        for algo in algos:
            said = results[algo, kind]
            apart = f", {said.without} without an error" if said.without else ""
            cells.append(f"{said.named} of {said.explained}{apart}")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    total = {kind: sum((results[algo, kind].by_cause for algo in algos), Counter()) for kind in kinds}
    causes = sorted({cause for one in total.values() for cause in one})
    lines += ["", f"| planted \\ said | {' | '.join(causes)} |", f"|---|{'---:|' * len(causes)}"]
    for kind in kinds:
        lines.append(f"| {kind} | {' | '.join(str(total[kind][cause] or '') for cause in causes)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", nargs="?", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--algos", default=",".join(ALGOS))
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--each", type=int, default=100, help="plants of each kind that cause an error (100)")
    parser.add_argument("--wrong", action="store_true", help="also list the scenes where the kind is not named")
    options = parser.parse_args()
    algos, kinds = options.algos.split(","), options.kinds.split(",")
    known = list(sequences(options.shared))
    scenes = {crossed: _Kept(known, crossed) for crossed in (False, True)}
    results: dict[tuple[str, str], Said] = {}
    for algo in algos:
        for kind in kinds:
            started = clock.process_time()
            results[algo, kind] = said = try_kind(kind, algo, iter(scenes[kind == "crossing"]), options.each)
            print(
                f"{algo} {kind}: {said.named} of {said.explained} named, {said.without} without an error, "
                f"{dict(said.by_cause)}, {clock.process_time() - started:.0f} s",
                flush=True,
            )
            for one in said.wrong if options.wrong else ():
                print(f"    {one}", flush=True)
    print(table(results, algos, kinds))


if __name__ == "__main__":
    main()
