"""The data of ``scripts/generality.py``: detections and truth of real scenes, and the changes made to them.

A change is a function of a ``Scene`` that gives another; what it draws by chance is seeded by the scene's name.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import warp_boxes
from tracker.detections import Detections
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.sequences import Sequence, find_detections
from tracker.io.kitti import Kind, read_kitti_detections, read_kitti_labels
from tracker.io.mot import read_detections, read_ground_truth
from tracker.rows import Rows, as_rows
from tracker.study.split import part_of

KITTI_SIZE, KITTI_RATE = (1242, 375), 10.0


@dataclass(frozen=True, eq=False)
class Scene:
    """One sequence: what a tracker gets, and what is true.

    found  detections of each frame, the first of which is frame 1 of ``truth``
    rate   frames per second
    size   width and height of the image in pixels
    """

    name: str
    found: list[Detections]
    truth: Rows
    rate: float
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Cell:
    """Scenes that are scored together, under one change. ``group``: the set they come from."""

    group: str
    change: str
    rules: str
    scenes: list[Scene]

    @property
    def name(self) -> str:
        return f"{self.group}, {self.change}"

    def ground_truth(self) -> GroundTruth:
        """The truth of all scenes, which end with their last frame and not with their last box."""
        rows = {scene.name: scene.truth for scene in self.scenes}
        known = {s.name: Sequence(s.name, Path(s.name), length=len(s.found)) for s in self.scenes}
        plain = load_ground_truth(rows, self.rules)
        return GroundTruth(known, plain.rows, plain.rules, plain.why)


def detections_of(rows: Rows, first: int, count: int) -> list[Detections]:
    slices = [rows.at(frame) for frame in range(first, first + count)]
    return [Detections(rows.boxes[here], rows.scores[here]) for here in slices]


def mot(folder: Path, half: bool, det: str = "det.txt") -> list[Scene]:
    """The sequences of a MOTChallenge folder that have ``det``; ``half``: their second half alone."""
    scenes = []
    for sequence in find_detections(folder, file=det):
        where = folder / sequence.name
        rows, truth = read_detections(where / "det" / det), read_ground_truth(where / "gt/gt.txt")
        first, count = part_of("second-half" if half else "full", sequence.length or truth.last_frame)
        kept = truth.select((truth.frames >= first) & (truth.frames < first + count))
        kept = replace(kept, frames=kept.frames - (first - 1))
        rate, size = sequence.fps or 30.0, (sequence.width or 1920, sequence.height or 1080)
        scenes.append(Scene(sequence.name, detections_of(rows, first, count), kept, rate, size))
    return scenes


def kitti(folder: Path, kind: Kind) -> list[Scene]:
    """The KITTI sequences in ``folder``, with PointRCNN's detections and their raw logits."""
    scenes = []
    for path in sorted((folder / "label_02").glob("*.txt")):
        truth = read_kitti_labels(path, kind)
        rows = read_kitti_detections(folder / "det_pointrcnn" / kind.title() / path.name, kind)
        count = 1 + max(int(line.split()[0]) for line in path.read_text(encoding="utf-8").splitlines())
        scenes.append(Scene(path.stem, detections_of(rows, 1, count), truth, KITTI_RATE, KITTI_SIZE))
    return scenes


def drawn(folder: Path) -> list[Scene]:
    """The drawn scenes of 8, 20 and 45 people.

    Of the truth only the detections that each person caused are kept. As they are they would favour whoever returns
    detections as they came and reports nobody hidden: so they are interpolated over gaps and smoothed over five frames.
    """
    scenes = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            frames, boxes, scores, truth = (file[k] for k in ("det_frame", "det_xyxy", "det_score", "truth"))
        order = np.argsort(frames, kind="stable")
        frames, boxes, scores, truth = frames[order], boxes[order], scores[order], truth[order]
        first, real = int(frames.min()), truth >= 0
        numbers = range(first, int(frames.max()) + 1)
        found = [Detections(boxes[frames == f], scores[frames == f]) for f in numbers]
        rows = _smooth(frames[real] - first + 1, truth[real], boxes[real])
        width, height = (int(np.ceil(side)) for side in boxes[:, 2:].max(axis=0))
        scenes.append(Scene(path.stem, found, rows, 30.0, (width, height)))
    return scenes


def _smooth(frames: IntArray, ids: IntArray, boxes: FloatArray) -> Rows:
    """The paths of boxes (R, 4): interpolated, then the mean of five frames, fewer at the ends."""
    columns: list[tuple[IntArray, IntArray, FloatArray]] = []
    for person in np.unique(ids):
        own = ids == person
        every = np.arange(frames[own].min(), frames[own].max() + 1)
        path = np.column_stack([np.interp(every, frames[own], side) for side in boxes[own].T])
        near = np.abs(every[:, None] - every) <= 2
        columns.append((every, np.full(len(every), person), near @ path / near.sum(axis=1)[:, None]))
    every, people, paths = (np.concatenate(column) for column in zip(*columns, strict=True))
    return as_rows(every, people, paths).by_frame()


# Changes.

Change = Callable[[Scene], Scene]


def chance(scene: Scene) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(scene.name.encode()))


def scores(rule: Callable[[FloatArray], FloatArray]) -> Change:
    """All scores of a scene through ``rule``."""

    def change(scene: Scene) -> Scene:
        every = np.concatenate([found.scores for found in scene.found])
        parts = np.split(rule(every), np.cumsum([len(found) for found in scene.found])[:-1])
        found = [Detections(old.boxes, new) for old, new in zip(scene.found, parts, strict=True)]
        return replace(scene, found=found)

    return change


def logit(p: FloatArray) -> FloatArray:
    p = p.clip(1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def sigmoid(x: FloatArray) -> FloatArray:
    out: FloatArray = 1 / (1 + np.exp(-x))
    return out


def rank(s: FloatArray) -> FloatArray:
    """Each score's place among all, 0 to 1: only their order is left."""
    return np.argsort(np.argsort(s, kind="stable"), kind="stable") / max(1, len(s) - 1)


def drop_detections(share: float) -> Change:
    def change(scene: Scene) -> Scene:
        draw = chance(scene)
        return replace(scene, found=[found[draw.random(len(found)) >= share] for found in scene.found])

    return change


def drop_frames(share: float) -> Change:
    """The detector finds nothing in a share of the frames."""

    def change(scene: Scene) -> Scene:
        lost = chance(scene).random(len(scene.found)) < share
        return replace(scene, found=[d[:0] if gone else d for d, gone in zip(scene.found, lost, strict=True)])

    return change


def jitter(share: float) -> Change:
    """Each side of a box moves by a normal share of the box's size."""

    def change(scene: Scene) -> Scene:
        draw, out = chance(scene), []
        for found in scene.found:
            size = np.tile(found.boxes[:, 2:] - found.boxes[:, :2], 2)
            boxes = found.boxes + draw.normal(0, share, size.shape) * size
            solid = (boxes[:, 2:] > boxes[:, :2] + 0.5).all(axis=1)
            out.append(Detections(boxes[solid], found.scores[solid]))
        return replace(scene, found=out)

    return change


def every(n: int) -> Change:
    """Every n-th frame alone, as a video of that rate."""

    def change(scene: Scene) -> Scene:
        kept = scene.truth.select((scene.truth.frames - 1) % n == 0)
        truth = replace(kept, frames=(kept.frames - 1) // n + 1)
        return replace(scene, found=scene.found[::n], truth=truth, rate=scene.rate / n)

    return change


def resized(factor: float) -> Change:
    """The same in an image ``factor`` times as large."""

    def change(scene: Scene) -> Scene:
        found = [Detections(d.boxes * factor, d.scores) for d in scene.found]
        width, height = (round(side * factor) for side in scene.size)
        truth = replace(scene.truth, boxes=scene.truth.boxes * factor)
        return replace(scene, found=found, truth=truth, size=(width, height))

    return change


def cropped(share: float) -> Change:
    """Only the middle of the image, ``share`` of its width and height: boxes are cut at the border."""

    def change(scene: Scene) -> Scene:
        size = np.array(scene.size, dtype=np.float64)
        low, high = size * (1 - share) / 2, size * (1 + share) / 2

        def cut(boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
            inside = np.clip(boxes, np.tile(low, 2), np.tile(high, 2))
            left = (inside[:, 2:] - inside[:, :2]).prod(axis=1) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
            return inside - np.tile(low, 2), left

        found = []
        for d in scene.found:
            boxes, left = cut(d.boxes)
            found.append(Detections(boxes[left > 0.25], d.scores[left > 0.25]))
        boxes, left = cut(scene.truth.boxes)
        truth = replace(scene.truth, boxes=boxes).select(left > 0.25)
        width, height = (round(side * share) for side in scene.size)
        return replace(scene, found=found, truth=truth, size=(width, height))

    return change


def filmed(motion: Callable[[int, tuple[int, int]], FloatArray]) -> Change:
    """Seen by a camera that moves: ``motion`` gives, for n frames of a size, maps (n, 2, 3) of the points."""

    def change(scene: Scene) -> Scene:
        maps = motion(len(scene.found), scene.size)
        found = [Detections(warp_boxes(d.boxes, m), d.scores) for d, m in zip(scene.found, maps, strict=True)]
        truth, boxes = scene.truth, scene.truth.boxes.copy()
        for frame in np.unique(truth.frames).tolist():
            here = truth.frames == frame
            boxes[here] = warp_boxes(boxes[here], maps[frame - 1])
        return replace(scene, found=found, truth=replace(truth, boxes=boxes))

    return change


def _maps(x: FloatArray, y: FloatArray, zoom: FloatArray, size: tuple[int, int]) -> FloatArray:
    """A zoom about the middle of the image, then a shift."""
    maps = np.zeros((len(x), 2, 3))
    maps[:, 0, 0] = maps[:, 1, 1] = zoom
    maps[:, 0, 2] = (1 - zoom) * size[0] / 2 + x
    maps[:, 1, 2] = (1 - zoom) * size[1] / 2 + y
    return maps


def pan(n: int, size: tuple[int, int]) -> FloatArray:
    """To and fro: at most 0.7 % of the width a frame, in four seconds at 30 frames/s."""
    x = np.cumsum(0.0073 * size[0] * np.sin(2 * np.pi * np.arange(n) / 120))
    return _maps(x, np.zeros(n), np.ones(n), size)


def shake(n: int, size: tuple[int, int]) -> FloatArray:
    """A hand that trembles: half of the last offset, and a normal one of 0.5 % of the width."""
    draw, x, y = np.random.default_rng(1), np.zeros(n), np.zeros(n)
    for i in range(1, n):
        x[i] = 0.5 * x[i - 1] + draw.normal() * 0.0047 * size[0]
        y[i] = 0.5 * y[i - 1] + draw.normal() * 0.0047 * size[0]
    return _maps(x, y, np.ones(n), size)


def walk(n: int, size: tuple[int, int]) -> FloatArray:
    """A person who walks with the camera: up and down twice a second, sideways once, and a slow turn."""
    t, u = np.arange(n), size[0] / 1920
    x = 10 * u * np.sin(2 * np.pi * t / 30 + 1) + np.cumsum(3 * u * np.sin(2 * np.pi * t / 200))
    return _maps(x, 14 * u * np.sin(2 * np.pi * t / 15), np.ones(n), size)


def zoom(n: int, size: tuple[int, int]) -> FloatArray:
    """In and out by 40 %, in five seconds at 30 frames/s."""
    return _maps(np.zeros(n), np.zeros(n), np.exp(0.35 * np.sin(2 * np.pi * np.arange(n) / 150)), size)


SCORES: dict[str, Change] = {
    "scores as logits": scores(logit),
    "scores x .3": scores(lambda s: 0.3 * s),
    "scores x 100": scores(lambda s: 100 * s),
    "scores + .2": scores(lambda s: s + 0.2),
    "scores as ranks": scores(rank),
}
LOSSES: dict[str, Change] = {
    "10 % of detections lost": drop_detections(0.1),
    "30 % of detections lost": drop_detections(0.3),
    "10 % of frames lost": drop_frames(0.1),
    "30 % of frames lost": drop_frames(0.3),
    "jitter 3 %": jitter(0.03),
    "jitter 6 %": jitter(0.06),
}
RATES: dict[str, Change] = {f"every {n}. frame": every(n) for n in (2, 3, 5)}
CAMERAS: dict[str, Change] = {f"camera: {m.__name__}": filmed(m) for m in (pan, shake, walk, zoom)}
IMAGES: dict[str, Change] = {"image x .5": resized(0.5), "image x 2": resized(2.0), "cut at the border": cropped(0.7)}
ALL = SCORES | LOSSES | RATES | CAMERAS | IMAGES


def cells(shared: Path, quick: bool = False) -> Iterator[Cell]:
    """Every cell but those of the video. ``quick``: a few, for the tests."""
    data = shared / "data"
    halves = mot(data / "MOT17/train", half=True)
    raw, raw_people = kitti(data / "KITTI", "car"), kitti(data / "KITTI", "pedestrian")
    cars, people = ([scores(sigmoid)(scene) for scene in scenes] for scenes in (raw, raw_people))
    yield Cell("MOT17 halves", "as given", "mot17", halves)
    yield Cell("KITTI cars", "as given", "kitti", cars)
    if quick:
        few = ("scores as logits", "30 % of detections lost", "every 3. frame", "camera: shake")
        yield from (Cell("MOT17 halves", name, "mot17", [ALL[name](s) for s in halves]) for name in few)
        return
    yield from (Cell("MOT17 halves", name, "mot17", [c(s) for s in halves]) for name, c in ALL.items())
    yield Cell("KITTI cars", "scores as logits", "kitti", raw)
    rest = {name: change for name, change in ALL.items() if name != "scores as logits"}
    yield from (Cell("KITTI cars", name, "kitti", [c(s) for s in cars]) for name, c in rest.items())
    yield Cell("KITTI pedestrians", "as given", "kitti", people)
    yield Cell("KITTI pedestrians", "scores as logits", "kitti", raw_people)
    some = {name: change for name, change in (LOSSES | CAMERAS | RATES).items() if name != "every 5. frame"}
    yield from (Cell("KITTI pedestrians", name, "kitti", [c(s) for s in people]) for name, c in some.items())
    whole = mot(data / "MOT15/train", half=False)
    yield Cell("MOT15", "as given", "mot15", whole)
    yield Cell("MOT15 ACF", "as given", "mot15", mot(data / "MOT15/train", half=False, det="det-acf.txt"))
    some = SCORES | LOSSES | RATES | CAMERAS
    yield from (Cell("MOT15", name, "mot15", [c(s) for s in whole]) for name, c in some.items())
    scenes = drawn(shared / "reference/drawn")
    yield Cell("drawn", "as given", "plain", scenes)
    yield from (Cell("drawn", name, "plain", [c(s) for s in scenes]) for name, c in LOSSES.items())
