"""Training: epochs over the frames of the first part of the video, checked on the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import iou_xyxy
from tracker.io.whole import whole
from tracker.learn.loss import Classify, Localise, Targets, loss_of
from tracker.learn.net import Anchors, SmallNet

BATCH = 8
RATE = 2e-3
DECAY = 1e-4
PASTE_P, MOVE_P, FLIP, ZOOM, PASTE_OVER, HALF = 0.5, 0.5, 0.0, (0.9, 1.15), 0.1, True
PASTED = 4  # objects at most that an image gets from others
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """What a training depends on, beside its images.

    epochs, width, seed     passes over the images, channels, and the seed of everything drawn
    classify, localise      the loss
    """

    epochs: int = 40
    width: int = 64
    seed: int = 0
    classify: Classify = "focal"
    localise: Localise = "giou"


@dataclass(eq=False)
class Objects:
    """What is in one image.

    boxes     (K, 4) corners in pixels of the image
    kinds     (K,) classes
    trust     (K,) how sure whoever labelled it was, 0..1
    doubtful  (D, 4) neither objects nor background
    """

    boxes: FloatArray
    kinds: IntArray
    trust: FloatArray
    doubtful: FloatArray


@dataclass(eq=False)
class Samples:
    """Images as the network sees them, (N, H, W, 3) uint8 RGB, with what is in each."""

    images: Pixels
    objects: list[Objects]

    def __len__(self) -> int:
        return len(self.images)


def train(
    samples: Samples,
    anchors: Anchors,
    classes: int,
    recipe: Recipe,
    *,
    keep: Path | None = None,
    key: str = "",
    told: Callable[[int, float], None] | None = None,
) -> SmallNet:
    """A network trained on the samples; the weights are the moving average over the steps.

    keep  a file that holds the state after each epoch; a training of the same ``key`` goes on from it
    told  told(epoch, loss) is called after each epoch
    """
    torch.manual_seed(recipe.seed)  # of the weights; what is drawn afterwards has a generator of its own
    net = SmallNet(classes, recipe.width)
    average = SmallNet(classes, recipe.width)
    average.load_state_dict(net.state_dict())
    size = (samples.images.shape[1], samples.images.shape[2])
    laid = torch.from_numpy(anchors.boxes(size)).float()
    steps = recipe.epochs * -(-len(samples) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=steps, pct_start=0.1)
    first = 0
    if keep is not None and keep.is_file():
        state = torch.load(keep, weights_only=True)
        if state["key"] == key:
            net.load_state_dict(state["net"])
            average.load_state_dict(state["average"])
            optimiser.load_state_dict(state["optimiser"])
            schedule.load_state_dict(state["schedule"])
            first = int(state["epoch"])
    for epoch in range(first, recipe.epochs):
        rng = np.random.default_rng([recipe.seed, epoch])
        loss = _epoch(net, average, laid, samples, recipe, rng, optimiser, schedule)
        if keep is not None:
            state = {"key": key, "epoch": epoch + 1, "net": net.state_dict(), "average": average.state_dict()}
            state |= {"optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
            with whole(keep) as part:
                torch.save(state, part)
        if told is not None:
            told(epoch + 1, loss)
    return average.eval()


def _epoch(
    net: SmallNet,
    average: SmallNet,
    laid: torch.Tensor,
    samples: Samples,
    recipe: Recipe,
    rng: np.random.Generator,
    optimiser: torch.optim.Optimizer,
    schedule: Any,
) -> float:
    """One pass; returns the mean loss."""
    net.train()
    losses = []
    order = rng.permutation(len(samples))
    for start in range(0, len(order), BATCH):
        drawn = [varied(samples, int(n), rng) for n in order[start : start + BATCH]]
        images = torch.from_numpy(np.stack([image for image, _ in drawn])).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
            logits, offsets = net(images)
        targets = batched([objects for _, objects in drawn])
        loss = loss_of(
            logits.float(), offsets.float(), laid, targets, classify=recipe.classify, localise=recipe.localise
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        _follow(average, net, min(0.998, 1 - 10 / (10 + schedule.last_epoch)))
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def batched(objects: Sequence[Objects]) -> Targets:
    """What is in several images, padded to one length."""
    most, unsure = (max(len(one.boxes) for one in objects), max(len(one.doubtful) for one in objects))
    boxes, doubtful = torch.zeros(len(objects), most, 4), torch.zeros(len(objects), unsure, 4)
    kinds, trust = torch.zeros(len(objects), most, dtype=torch.int64), torch.zeros(len(objects), most)
    for n, one in enumerate(objects):
        boxes[n, : len(one.boxes)] = torch.from_numpy(one.boxes)
        kinds[n, : len(one.boxes)] = torch.from_numpy(one.kinds)
        trust[n, : len(one.boxes)] = torch.from_numpy(one.trust)
        doubtful[n, : len(one.doubtful)] = torch.from_numpy(one.doubtful)
    return Targets(boxes, kinds, trust, doubtful)


def _follow(average: SmallNet, net: SmallNet, memory: float) -> None:
    with torch.no_grad():
        for mine, its in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.mul_(memory).add_(its, alpha=1 - memory)
            else:
                mine.copy_(its)


def varied(samples: Samples, n: int, rng: np.random.Generator) -> tuple[Pixels, Objects]:
    """Image n with other light, noise, a small move, and objects of other images at their own place.

    The camera stands still, so an object cut out with the background around it fits where it was.
    """
    import cv2

    image, own = samples.images[n].copy(), samples.objects[n]
    boxes, kinds, trust, doubtful = list(own.boxes), list(own.kinds), list(own.trust), own.doubtful
    if rng.random() < PASTE_P:
        for _ in range(int(rng.integers(1, PASTED + 1))):
            _paste(samples, int(rng.integers(len(samples))), image, boxes, kinds, trust, rng)
    gain, shift = rng.uniform(0.75, 1.3), rng.uniform(-20, 20)
    image = cv2.convertScaleAbs(image, alpha=gain, beta=shift).astype(np.uint8, copy=False)
    if rng.random() < 0.3:
        image = cv2.add(image, _noise(image.shape, rng) * np.float32(rng.uniform(2, 8)), dtype=cv2.CV_8U)
    every = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    keep = np.ones(len(every), dtype=bool)
    if rng.random() < MOVE_P:
        height, width = image.shape[:2]
        zoom = rng.uniform(*ZOOM)
        mirror = rng.random() < FLIP
        move = rng.uniform(-0.06, 0.06, 2) * (width, height) + (1 - zoom) * np.array([width, height]) / 2
        matrix = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
        if mirror:
            matrix[0] = [-zoom, 0, width - move[0]]
        image = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.uint8)
        limit = np.tile([width, height], 2)
        every = every * zoom + np.tile(move, 2)
        doubtful = doubtful * zoom + np.tile(move, 2)
        if mirror:
            every = np.stack([width - every[:, 2], every[:, 1], width - every[:, 0], every[:, 3]], axis=1)
            doubtful = np.stack([width - doubtful[:, 2], doubtful[:, 1], width - doubtful[:, 0], doubtful[:, 3]], axis=1)
        inside, doubtful = every.clip(0, limit), doubtful.clip(0, limit)
        whole_area = (every[:, 2:] - every[:, :2]).prod(axis=1)
        keep = (inside[:, 2:] - inside[:, :2]).clip(0).prod(axis=1) > 0.4 * whole_area
        every = inside
    kinds_, trust_ = np.array(kinds, dtype=np.int64), np.array(trust, dtype=np.float64)
    return image, Objects(every[keep], kinds_[keep], trust_[keep], doubtful)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Normal noise: a few thousand values in another order, because a new one for every pixel takes long."""
    values = rng.standard_normal(4093, dtype=np.float32)
    return np.resize(values, shape)


def _paste(
    samples: Samples,
    other: int,
    image: Pixels,
    boxes: list[FloatArray],
    kinds: list[Any],
    trust: list[Any],
    rng: np.random.Generator,
) -> None:
    objects = samples.objects[other]
    if not len(objects.boxes):
        return
    k = int(rng.integers(len(objects.boxes)))
    box = objects.boxes[k]
    grown = box + np.array([-3, -3, 3, 3])
    if boxes and iou_xyxy(grown[None], np.array(boxes)).max() > PASTE_OVER:
        return
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.rint(grown.clip(0, [width, height, width, height])).astype(int).tolist()
    if x2 - x1 < 4 or y2 - y1 < 4:
        return
    image[y1:y2, x1:x2] = samples.images[other, y1:y2, x1:x2]
    boxes.append(box)
    kinds.append(objects.kinds[k])
    trust.append(objects.trust[k])
