"""MOT17 with people on it: what appearance is worth to a tracker, under the occlusions of real scenes.

    python scripts/dressed.py make CACHE [--people unknown|chosen] [--half first|second] [--seeds 1 2 ...]
    python scripts/dressed.py score CACHE ...

MOT17's images are not here, its boxes are. ``make`` paints a person into every box of the ground truth, the farthest
first, so that they hide each other as they did; encodes each image as JPEG; and embeds the detector's boxes with the
packaged model, as ``track --reid default`` does. Each person of a scene is one of Market-1501, seen by one camera,
whose crops follow each other to and fro. CACHE gets one file for each sequence and seed; a seed gives other people.

Nobody painted was among the crops that the model learned from:

    unknown  the 50 people of ../shared/data/reid/market1501_test50 and the 49 of market1501_train from 1400 on
    chosen   the other 51 of the last hundred of market1501_train: those that settings were chosen on

The teacher of the model has probably seen those of market1501_train. Where a scene has more people than there are, two
of its people look alike; those that share a person are not seen at once while there are others to choose from.

``score`` gives HOTA / IDF1 / MOTA of every tracker, by its own defaults: the mean over the seeds, and the worst seed
against Steady without embeddings.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import generality_sets as sets
import numpy as np

from tracker.algorithms import build
from tracker.arrays import EmbeddingArray, FloatArray, Image, IntArray
from tracker.detections import Detections
from tracker.embed import open_embedder
from tracker.evaluate.benchmark import GroundTruth
from tracker.rows import Rows, results_of

LAST, UNKNOWN = 100, 1400  # identities that the model did not learn from; of those, the first that is reported on
CROP = (64, 128)  # width and height of Market-1501's crops
PEOPLE = (1, 2, 7, 8)  # classes of MOT17 that are people
LEAST = 0.3  # score of the detections that are embedded: no tracker here uses the embedding of a weaker one
STAND = 10  # frames for which a person keeps a pose
QUALITY = 70  # of the JPEG


def people(reid: Path, which: str) -> list[list[Image]]:
    """Crops of each person under the camera that has most of them."""
    train = sorted((reid / "market1501_train").glob("*.jpg"))
    last = sorted({path.name[:4] for path in train})[-LAST:]
    held = [path for path in train if path.name[:4] in last]
    if which == "chosen":
        files = [path for path in held if int(path.name[:4]) < UNKNOWN]
    else:
        files = sorted((reid / "market1501_test50").glob("*.jpg"))
        files += [path for path in held if int(path.name[:4]) >= UNKNOWN]
    by: dict[str, dict[str, list[Path]]] = {}
    for path in files:
        by.setdefault(f"{path.parent.name}/{path.name[:4]}", {}).setdefault(path.name[5:7], []).append(path)
    most = [max(sorted(cameras.items()), key=lambda item: len(item[1]))[1] for cameras in by.values()]
    return [[_read(path) for path in paths] for paths in most]


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path}: cannot be read as an image")
    out: Image = np.asarray(image, dtype=np.uint8)
    return out


def outline() -> FloatArray:
    """(128, 64) opacity of a crop: a person stands in the middle, and the corners show what is behind."""
    x, y = (np.arange(64) - 31.5) / 32, (np.arange(128) - 63.5) / 64
    out: FloatArray = np.clip((1.08 - (np.abs(x)[None] ** 3 + np.abs(y)[:, None] ** 5)) * 6, 0, 1)
    return out


def cast(scene: sets.Scene, ids: IntArray, n: int, draw: np.random.Generator) -> dict[int, int]:
    """A person for each id: one that nobody seen at the same time has, while there is one."""
    spans = {}
    for one in ids.tolist():
        frames = scene.truth.frames[scene.truth.ids == one]
        spans[one] = (int(frames.min()), int(frames.max()))
    order = draw.permutation(n).tolist()
    until = dict.fromkeys(order, 0)
    given = {}
    for one in sorted(spans, key=lambda i: (spans[i][0], i)):
        person = min(order, key=lambda p: (until[p], order.index(p)))  # the one out of sight for longest
        given[one], until[person] = person, max(until[person], spans[one][1])
    return given


@dataclass
class Painter:
    """Paints a scene; ``crops`` of everybody, and what is behind them."""

    scene: sets.Scene
    crops: list[list[Image]]
    behind: list[Path]
    seed: int

    def __post_init__(self) -> None:
        self.draw = np.random.default_rng([self.seed, len(self.scene.found), *self.scene.name.encode()])
        truth = self.scene.truth
        self.truth = truth.select(np.isin(truth.classes, PEOPLE))
        ids = np.unique(self.truth.ids)
        self.person = cast(replace(self.scene, truth=self.truth), ids, len(self.crops), self.draw)
        self.phase = {one: int(self.draw.integers(1000)) for one in ids.tolist()}
        self.alpha = outline().astype(np.float32)
        self.background = self._background()

    def _background(self) -> Image:
        """Blurred pieces of crops of other people: streets, grass and clothes."""
        width, height = self.scene.size
        image = np.zeros((height, width, 3), np.uint8)
        for top in range(0, height, 180):
            for left in range(0, width, 120):
                crop = _read(self.behind[int(self.draw.integers(len(self.behind)))])
                first = int(self.draw.integers(90))
                tile = cv2.resize(crop[first : first + 38], (120, 180))
                image[top : top + 180, left : left + 120] = tile[: height - top, : width - left]
        return np.asarray(cv2.GaussianBlur(image, (0, 0), 3), dtype=np.uint8)

    def images(self) -> Iterator[Image]:
        for frame in range(1, len(self.scene.found) + 1):
            image = self.background.copy()
            here = self.truth.at(frame)
            boxes, ids = self.truth.boxes[here], self.truth.ids[here]
            for k in np.argsort(boxes[:, 3], kind="stable").tolist():
                self._paint(image, boxes[k], int(ids[k]), frame)
            _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            yield np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), dtype=np.uint8)

    def _paint(self, image: Image, box: FloatArray, one: int, frame: int) -> None:
        left, top, right, bottom = (round(side) for side in box.tolist())
        width, height = right - left, bottom - top
        x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, image.shape[1]), min(bottom, image.shape[0])
        noise = self.draw.normal(size=(CROP[1], CROP[0], 1)) * 4
        if width < 2 or height < 2 or x1 <= x0 or y1 <= y0:
            return
        crops, moment = self.crops[self.person[one]], frame + self.phase[one]
        turn = max(2 * len(crops) - 2, 1)
        place = moment // STAND % turn
        crop = crops[min(place, turn - place)].astype(np.float32)
        crop = np.clip(crop * (1 + 0.08 * np.sin(moment / 40)) + noise, 0, 255).astype(np.float32)
        how = cv2.INTER_AREA if height < CROP[1] else cv2.INTER_LINEAR
        crop, alpha = cv2.resize(crop, (width, height), interpolation=how), cv2.resize(self.alpha, (width, height))
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        over, alpha = image[y0:y1, x0:x1], alpha[part][..., None]
        image[y0:y1, x0:x1] = (alpha * crop[part] + (1 - alpha) * over).astype(np.uint8)


def make(shared: Path, cache: Path, which: str, half: str, seeds: Sequence[int], only: Sequence[str]) -> None:
    cv2.setNumThreads(1)
    reid = shared / "data/reid"
    crops, embedder = people(reid, which), open_embedder("default", threads=1)
    train = sorted((reid / "market1501_train").glob("*.jpg"))
    behind = [path for path in train if int(path.name[:4]) < UNKNOWN]
    cache.mkdir(parents=True, exist_ok=True)
    print(f"{len(crops)} people, {sum(map(len, crops))} crops")
    for seed in seeds:
        for scene in halves(shared, half):
            path = cache / f"{which}-{half}-{scene.name}-{seed}.npz"
            if path.exists() or (only and scene.name not in only):
                continue
            started, parts = time.perf_counter(), []
            for image, found in zip(Painter(scene, crops, behind, seed).images(), scene.found, strict=True):
                good = found.scores >= LEAST
                if np.count_nonzero(good):
                    parts.append(embedder(image, found.boxes[good]))
            partial = path.with_suffix(".part.npz")
            np.savez_compressed(partial, embeddings=np.concatenate(parts).astype(np.float16))
            partial.replace(path)
            print(f"{path.name}: {time.perf_counter() - started:.0f} s", flush=True)


def halves(shared: Path, half: str) -> list[sets.Scene]:
    """MOT17's sequences: their second halves, or their first ones, which the detector was trained on."""
    folder = shared / "data/MOT17/train"
    second = {scene.name: scene for scene in sets.mot(folder, half=True)}
    if half == "second":
        return list(second.values())
    scenes = []
    for scene in sets.mot(folder, half=False):
        count = len(scene.found) - len(second[scene.name].found)
        truth = scene.truth.select(scene.truth.frames <= count)
        scenes.append(replace(scene, found=scene.found[:count], truth=truth))
    return scenes


def dressed(cache: Path, which: str, half: str, scene: sets.Scene, seed: int) -> list[Detections]:
    """The scene's detections with embeddings; weak ones, which none was made for, have one like nobody's."""
    with np.load(cache / f"{which}-{half}-{scene.name}-{seed}.npz") as file:
        rows = file["embeddings"].astype(np.float32)
    out, first = [], 0
    nobody = np.zeros(rows.shape[1], np.float32)
    nobody[0] = 1.0
    for found in scene.found:
        embeddings: EmbeddingArray = np.tile(nobody, (len(found), 1))
        good = found.scores >= LEAST
        last = first + int(np.count_nonzero(good))
        embeddings[good] = rows[first:last]
        out.append(found.with_embeddings(embeddings) if len(found) else found)
        first = last
    return out


@dataclass(frozen=True)
class Contestant:
    """``least``: of the scores that it gets. ``embeddings``: "none", "own", "random", or "alike" (all equal)."""

    name: str
    algorithm: str
    embeddings: str = "own"
    least: float = 0.0


# Those of the published trackers that have no threshold of their own get what their papers gave them.
CONTESTANTS = [
    Contestant("Steady, no embeddings", "steady", "none"),
    Contestant("Steady", "steady"),
    Contestant("Steady, all alike", "steady", "alike"),
    Contestant("Steady, random", "steady", "random"),
    Contestant("DeepSORT", "deepsort", least=0.6),
    Contestant("StrongSORT", "strongsort", least=0.6),
    Contestant("BoT-SORT", "botsort"),
]


def given(found: Sequence[Detections], contestant: Contestant) -> list[Detections]:
    """What the contestant gets of detections with embeddings."""
    out, draw = [], np.random.default_rng(0)
    for one in found:
        one = one[one.scores >= contestant.least]
        if contestant.embeddings == "none":
            one = Detections(one.boxes, one.scores)
        elif contestant.embeddings != "own" and one.embeddings is not None:
            shape = one.embeddings.shape
            new = np.ones(shape) if contestant.embeddings == "alike" else draw.normal(size=shape)
            one = one.with_embeddings(new.astype(np.float32))
        out.append(one)
    return out


def follow(contestant: Contestant, found: Sequence[Detections], rate: float, settings: Mapping[str, Any]) -> Rows:
    tracker = build(contestant.algorithm, {"frame_rate": rate, **settings})
    return results_of([tracker.update(one) for one in given(found, contestant)])


Score = tuple[float, float, float, float]  # HOTA, IDF1, MOTA, switches


def summary(truth: GroundTruth, results: Mapping[str, Rows]) -> Score:
    summary = truth.score(results, look=False).combined.summary()
    return 100 * summary["HOTA"], 100 * summary["IDF1"], 100 * summary["MOTA"], summary["IDSW"]


def table(runs: Mapping[str, Sequence[Score]], against: str) -> None:
    """Mean of each contestant's runs, and its worst HOTA against another's."""
    print("| | HOTA | IDF1 | MOTA | switches | worst HOTA |\n|---|---|---|---|---|---|")
    base = np.array(runs[against])
    for name, scores in runs.items():
        each = np.array(scores)
        hota, idf1, mota, switches = each.mean(axis=0)
        low, high = each[:, 0].min(), each[:, 0].max()
        worst = (each - base)[:, 0].min()
        spread = f"{hota:.2f} ({low:.1f} to {high:.1f})"
        print(f"| {name} | {spread} | {idf1:.2f} | {mota:.2f} | {switches:.0f} | {worst:+.2f} |")


def score(shared: Path, cache: Path, which: str, half: str, seeds: Sequence[int]) -> None:
    scenes = halves(shared, half)
    truth = sets.Cell("dressed", half, "mot17", scenes).ground_truth()
    runs: dict[str, list[Score]] = {}
    for seed in seeds:
        found = {scene.name: dressed(cache, which, half, scene, seed) for scene in scenes}
        for contestant in CONTESTANTS:
            rows = {scene.name: follow(contestant, found[scene.name], scene.rate, {}) for scene in scenes}
            runs.setdefault(contestant.name, []).append(summary(truth, rows))
    table(runs, CONTESTANTS[0].name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("what", choices=["make", "score"])
    add("cache", type=Path)
    add("--shared", type=Path, default=Path("../shared"))
    add("--people", choices=["unknown", "chosen"], default="unknown")
    add("--half", choices=["first", "second"], default="second")
    add("--seeds", type=int, nargs="+", default=[11, 12, 13])
    add("--only", nargs="+", default=[], help="names of sequences")
    args = parser.parse_args()
    if args.what == "make":
        make(args.shared, args.cache, args.people, args.half, args.seeds, args.only)
    else:
        score(args.shared, args.cache, args.people, args.half, args.seeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
