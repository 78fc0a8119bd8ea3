"""Training: epochs over the frames of the first part of the video, checked on the last."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from tracker.arrays import BoolArray, FloatArray, IntArray
from tracker.boxes import iou_xyxy
from tracker.io.whole import whole
from tracker.learn.loss import Classify, Localise, Targets, loss_of
from tracker.learn.net import Anchors, SmallNet

BATCH = 8
RATE = 2e-3
DECAY = 1e-4
EMBEDDING = 64  # numbers that tell objects apart
SURER = 1.6  # logits; chosen by Steady's scores on frames 1 to 150 of vtest with a network of 151 to 500
PASTED = 4  # objects at most that an image gets from others
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """What a training depends on, beside its images.

    epochs, width, seed     passes over the images, channels, and the seed of everything drawn
    classify, localise      the loss
    embedding               length of the vectors that tell objects apart; 0: none are learned
    """

    epochs: int = 40
    width: int = 64
    seed: int = 0
    classify: Classify = "focal"
    localise: Localise = "giou"
    embedding: int = 0


@dataclass(eq=False)
class Objects:
    """What is in one image.

    boxes     (K, 4) corners in pixels of the image
    kinds     (K,) classes
    ids       (K,) identities, from 0 without a gap over all images
    trust     (K,) how sure whoever labelled it was, 0..1
    doubtful  (D, 4) neither objects nor background
    """

    boxes: FloatArray
    kinds: IntArray
    ids: IntArray
    trust: FloatArray
    doubtful: FloatArray

    def select(self, which: BoolArray | IntArray) -> Objects:
        """Those objects, and all that is doubtful."""
        return Objects(self.boxes[which], self.kinds[which], self.ids[which], self.trust[which], self.doubtful)

    def with_(self, others: Objects) -> Objects:
        """These objects and others; what is doubtful stays."""
        return Objects(
            np.concatenate((self.boxes, others.boxes)),
            np.concatenate((self.kinds, others.kinds)),
            np.concatenate((self.ids, others.ids)),
            np.concatenate((self.trust, others.trust)),
            self.doubtful,
        )


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
    course = _Course(samples, anchors, classes, recipe)
    first = 0
    if keep is not None and keep.is_file():
        state = torch.load(keep, weights_only=True)
        if state["key"] == key:
            course.load(state)
            first = int(state["epoch"])
    for epoch in range(first, recipe.epochs):
        loss = course.epoch(np.random.default_rng([recipe.seed, epoch]))
        if keep is not None:
            state = io.BytesIO()  # torch's own writing ends on a full disk in an error of no use
            torch.save({"key": key, "epoch": epoch + 1, **course.state()}, state)
            with whole(keep) as part:
                part.write_bytes(state.getvalue())
        if told is not None:
            told(epoch + 1, loss)
    return course.finished()


class _Course:
    """A network while it is trained, and the moving average of its weights."""

    def __init__(self, samples: Samples, anchors: Anchors, classes: int, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)  # of the weights; what is drawn afterwards has a generator of its own
        self.samples, self.recipe, self.half = samples, recipe, half_is_quick()
        self.net: SmallNet = SmallNet(classes, recipe.width, recipe.embedding).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average: SmallNet = deepcopy(self.net)
        identities = 1 + max((int(one.ids.max()) for one in samples.objects if len(one.ids)), default=0)
        self.centres = nn.Parameter(torch.randn(identities, recipe.embedding)) if recipe.embedding else None
        self.anchors = torch.from_numpy(anchors.boxes(samples.images.shape[1:3])).float()
        learned = [*self.net.parameters(), *([] if self.centres is None else [self.centres])]
        self.optimiser = torch.optim.AdamW(learned, lr=RATE, weight_decay=DECAY)
        steps = recipe.epochs * -(-len(samples) // BATCH)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, max_lr=RATE, total_steps=steps, pct_start=0.1
        )

    def state(self) -> dict[str, Any]:
        """All that ``load`` needs to go on."""
        return {**{name: part.state_dict() for name, part in self._parts()}, "centres": self.centres}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what ``state`` gave."""
        for name, part in self._parts():
            part.load_state_dict(state[name])
        if self.centres is not None:
            with torch.no_grad():
                self.centres.copy_(state["centres"])

    def _parts(self) -> list[tuple[str, Any]]:
        named = {"net": self.net, "average": self.average, "optimiser": self.optimiser, "schedule": self.schedule}
        return list(named.items())

    def epoch(self, rng: np.random.Generator) -> float:
        """One pass; returns the mean loss."""
        self.net.train()
        order = rng.permutation(len(self.samples))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        return float(np.mean([self._step([varied(self.samples, int(n), rng) for n in batch]) for batch in batches]))

    def _step(self, drawn: Sequence[tuple[Pixels, Objects]]) -> float:
        images = torch.from_numpy(np.stack([image for image, _ in drawn])).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            logits, offsets, vectors = self.net(images)
        loss = loss_of(
            logits.float(),
            offsets.float(),
            self.anchors,
            batched([objects for _, objects in drawn]),
            classify=self.recipe.classify,
            localise=self.recipe.localise,
            shares=None if self.centres is None else self._shares(vectors.float(), self.centres),
        )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.schedule.step()
        self._follow(min(0.998, 1 - 10 / (10 + self.schedule.last_epoch)))
        return float(loss.detach())

    def finished(self) -> SmallNet:
        """The average, its scores made as high as those of other detectors: focal losses leave them low."""
        if self.recipe.classify == "focal" and self.average.head.bias is not None:
            with torch.no_grad():
                self.average.head.bias[: self.average.classes] += SURER
        self.average.eval()
        return self.average

    @staticmethod
    def _shares(vectors: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
        """Logits of the identities: cosines, spread as JDE does (Wang et al. 2020, its published training)."""
        spread = 2**0.5 * math.log(max(len(centres) - 1, 2))
        return spread * F.normalize(vectors, dim=-1) @ F.normalize(centres, dim=-1).T

    @torch.no_grad()
    def _follow(self, memory: float) -> None:
        for mine, its in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.mul_(memory).add_(its, alpha=1 - memory)
            else:
                mine.copy_(its)


def half_is_quick() -> bool:
    """Whether this processor multiplies bfloat16 natively, which halves the time of a training."""
    return hasattr(torch.cpu, "get_capabilities") and bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def batched(objects: Sequence[Objects]) -> Targets:
    """What is in several images, padded to one length."""
    most, unsure = (max(len(one.boxes) for one in objects), max(len(one.doubtful) for one in objects))
    boxes, doubtful = torch.zeros(len(objects), most, 4), torch.zeros(len(objects), unsure, 4)
    kinds, ids = torch.zeros(2, len(objects), most, dtype=torch.int64)
    trust = torch.zeros(len(objects), most)
    for n, one in enumerate(objects):
        boxes[n, : len(one.boxes)] = torch.from_numpy(one.boxes)
        kinds[n, : len(one.boxes)] = torch.from_numpy(one.kinds)
        ids[n, : len(one.boxes)] = torch.from_numpy(one.ids)
        trust[n, : len(one.boxes)] = torch.from_numpy(one.trust)
        doubtful[n, : len(one.doubtful)] = torch.from_numpy(one.doubtful)
    return Targets(boxes, kinds, ids, trust, doubtful)


def varied(samples: Samples, n: int, rng: np.random.Generator) -> tuple[Pixels, Objects]:
    """Image n with other light, noise, a small move, and objects of other images at their own place.

    The camera stands still, so an object cut out with the background around it fits where it was.
    """
    import cv2

    image, own = samples.images[n].copy(), samples.objects[n]
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, PASTED + 1))):
            own = _pasted(samples, int(rng.integers(len(samples))), image, own, rng)
    gain, shift = rng.uniform(0.75, 1.3), rng.uniform(-20, 20)
    image = cv2.convertScaleAbs(image, alpha=gain, beta=shift).astype(np.uint8, copy=False)
    if rng.random() < 0.3:
        image = cv2.add(image, _noise(image.shape, rng) * np.float32(rng.uniform(2, 8)), dtype=cv2.CV_8U)
    every, doubtful, keep = own.boxes, own.doubtful, np.ones(len(own.boxes), dtype=bool)
    if rng.random() < 0.5:
        height, width = image.shape[:2]
        zoom = rng.uniform(0.9, 1.15)
        move = rng.uniform(-0.06, 0.06, 2) * (width, height) + (1 - zoom) * np.array([width, height]) / 2
        matrix = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
        image = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.uint8)
        limit = np.tile([width, height], 2)
        every = every * zoom + np.tile(move, 2)
        doubtful = doubtful * zoom + np.tile(move, 2)
        inside, doubtful = every.clip(0, limit), doubtful.clip(0, limit)
        whole_area = (every[:, 2:] - every[:, :2]).prod(axis=1)
        keep = (inside[:, 2:] - inside[:, :2]).clip(0).prod(axis=1) > 0.4 * whole_area
        every = inside
    return image, replace(own.select(keep), boxes=every[keep], doubtful=doubtful)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Normal noise: a few thousand values in another order, because a new one for every pixel takes long."""
    values = rng.standard_normal(4093, dtype=np.float32)
    return np.resize(values, shape)


def _pasted(samples: Samples, other: int, image: Pixels, own: Objects, rng: np.random.Generator) -> Objects:
    """The objects of ``image`` after one of another image was copied into it, unless it would cover others."""
    objects = samples.objects[other]
    if not len(objects.boxes):
        return own
    k = int(rng.integers(len(objects.boxes)))
    box = objects.boxes[k]
    grown = box + np.array([-3, -3, 3, 3])
    if iou_xyxy(grown[None], own.boxes).max(initial=0) > 0.1:
        return own
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.rint(grown.clip(0, [width, height, width, height])).astype(int).tolist()
    if x2 - x1 < 4 or y2 - y1 < 4:
        return own
    image[y1:y2, x1:x2] = samples.images[other, y1:y2, x1:x2]
    return own.with_(objects.select(np.array([k])))
