"""Training: epochs over the frames of the first part of the video, checked on the last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.arrays import FloatArray, IntArray
from tracker.boxes import iou_xyxy
from tracker.io.whole import whole
from tracker.learn.loss import Classify, Localise, loss_of, matched
from tracker.learn.net import Anchors, SmallNet, decoded

BATCH = 8
RATE = 2e-3
DECAY = 1e-4
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
class Samples:
    """Images as the network sees them, with what is in each.

    images    (N, H, W, 3) uint8 RGB
    boxes     (K, 4) of each, in pixels of the image
    kinds     (K,) classes of each
    doubtful  (K, 4) of each
    """

    images: Pixels
    boxes: list[FloatArray]
    kinds: list[IntArray]
    doubtful: list[FloatArray]

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
    net = SmallNet(anchors, classes, recipe.width)
    average = SmallNet(anchors, classes, recipe.width)
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
    corners = decoded(torch.zeros_like(laid), laid)
    losses = []
    order = rng.permutation(len(samples))
    for start in range(0, len(order), BATCH):
        drawn = [varied(samples, int(n), rng) for n in order[start : start + BATCH]]
        images = torch.from_numpy(np.stack([image for image, *_ in drawn])).permute(0, 3, 1, 2).float() / 255
        boxes = [torch.from_numpy(own).float() for _, own, _, _ in drawn]
        kinds = [torch.from_numpy(own) for _, _, own, _ in drawn]
        doubtful = [torch.from_numpy(own).float() for *_, own in drawn]
        targets = torch.stack([matched(corners, own, no) for own, no in zip(boxes, doubtful, strict=True)])
        logits, offsets = net(images)
        loss = loss_of(logits, offsets, laid, targets, boxes, kinds, classify=recipe.classify, localise=recipe.localise)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        _follow(average, net, min(0.998, 1 - 10 / (10 + schedule.last_epoch)))
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _follow(average: SmallNet, net: SmallNet, memory: float) -> None:
    with torch.no_grad():
        for mine, its in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.mul_(memory).add_(its, alpha=1 - memory)
            else:
                mine.copy_(its)


def varied(samples: Samples, n: int, rng: np.random.Generator) -> tuple[Pixels, FloatArray, IntArray, FloatArray]:
    """Image n with other light, noise, a small move, and objects of other images at their own place.

    The camera stands still, so an object cut out with the background around it fits where it was.
    """
    import cv2

    image, boxes = samples.images[n].copy(), list(samples.boxes[n])
    kinds, doubtful = list(samples.kinds[n]), samples.doubtful[n]
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, PASTED + 1))):
            _paste(samples, int(rng.integers(len(samples))), image, boxes, kinds, rng)
    gain, shift = rng.uniform(0.75, 1.3), rng.uniform(-20, 20)
    image = cv2.convertScaleAbs(image, alpha=gain, beta=shift).astype(np.uint8, copy=False)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(2, 8), image.shape)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    every = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    if rng.random() < 0.5:
        height, width = image.shape[:2]
        zoom = rng.uniform(0.9, 1.15)
        move = rng.uniform(-0.06, 0.06, 2) * (width, height) + (1 - zoom) * np.array([width, height]) / 2
        matrix = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
        image = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.uint8)
        limit = np.tile([width, height], 2)
        every = every * zoom + np.tile(move, 2)
        inside = every.clip(0, limit)
        doubtful = (doubtful * zoom + np.tile(move, 2)).clip(0, limit)
        whole_area = (every[:, 2:] - every[:, :2]).prod(axis=1)
        kept = (inside[:, 2:] - inside[:, :2]).clip(0).prod(axis=1) > 0.4 * whole_area
        every, kinds = inside[kept], [kind for kind, keep in zip(kinds, kept, strict=True) if keep]
    return image, every, np.array(kinds, dtype=np.int64), doubtful


def _paste(
    samples: Samples, other: int, image: Pixels, boxes: list[FloatArray], kinds: list[Any], rng: np.random.Generator
) -> None:
    if not len(samples.boxes[other]):
        return
    k = int(rng.integers(len(samples.boxes[other])))
    box = samples.boxes[other][k]
    grown = box + np.array([-3, -3, 3, 3])
    if boxes and iou_xyxy(grown[None], np.array(boxes)).max() > 0.1:
        return
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.rint(grown.clip(0, [width, height, width, height])).astype(int).tolist()
    if x2 - x1 < 4 or y2 - y1 < 4:
        return
    image[y1:y2, x1:x2] = samples.images[other, y1:y2, x1:x2]
    boxes.append(box)
    kinds.append(samples.kinds[other][k])
