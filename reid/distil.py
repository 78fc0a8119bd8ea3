"""Distillation: a student learns a large teacher's embeddings, and how similar the teacher finds each pair of crops.

Sources: Park et al., "Relational Knowledge Distillation" (CVPR 2019), section 3, for similarities; Beyer et al.,
"Knowledge distillation: A good teacher is patient and consistent" (CVPR 2022), section 3: the same crop for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid import augment, losses
from reid.checkpoint import Facts
from reid.data import Crops
from reid.errors import ReidError
from reid.evaluate import Scores, check_scorable, evaluate_one_set, unit
from reid.models import ReidNet, to_input
from reid.sampler import pk_batches
from reid.train import Plan, Rows, embed, fit

Pixels = npt.NDArray[np.uint8]
Teacher = Callable[[Pixels], npt.NDArray[np.float32]]


def both_ways(teacher: Teacher, crops: Pixels) -> npt.NDArray[np.float32]:
    """The teacher's embeddings (N, D) of unit length, each the mean of a crop's and its mirror image's."""
    plain, mirrored = teacher(crops), teacher(np.ascontiguousarray(crops[:, :, ::-1]))
    return unit(unit(plain) + unit(mirrored)).astype(np.float32)


def distil(
    net: ReidNet,
    crops: Crops,
    targets: npt.NDArray[np.float32],
    test: Crops,
    out: str | Path,
    facts: Facts,
    plan: Plan,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> Scores:
    """Train ``net`` towards ``targets`` (N, D), the teacher's embeddings of ``crops``, and return its best scores on
    ``test``. It writes the files that ``train.train`` writes.

    Raises:
        ReidError: targets and crops differ in number, and all that ``train.fit`` raises.
    """
    if len(targets) != len(crops):
        raise ReidError(f"{len(targets)} teacher embeddings for {len(crops)} crops: embed the crops again")
    check_scorable(test.ids, test.cameras)
    labels = np.unique(crops.ids, return_inverse=True)[1].astype(np.int64)
    known = torch.from_numpy(labels)
    images, goals = crops.images, torch.from_numpy(unit(targets).astype(np.float32))
    torch.manual_seed(plan.seed)
    head = fitted_head(net, images, goals)

    def batches(rng: np.random.Generator) -> Iterator[Rows]:
        return pk_batches(labels, plan.people, plan.crops, rng)

    def objective(rows: Rows, rng: np.random.Generator, progress: float) -> Mapping[str, Tensor]:
        seen = augment.colour(augment.pad_crop(augment.flip(images[rows], rng), rng, 4), rng)
        outputs = net.outputs(to_input(augment.erase(seen, rng, 0.4, (0.02, 0.25))))
        terms = distillation(outputs.embeddings, head(outputs.embeddings), goals[rows])
        terms["triplet"] = 0.3 * losses.triplet(F.normalize(outputs.embeddings), known[rows])
        if net.classifier is not None:
            terms["softmax"] = 0.1 * losses.softmax(outputs.logits, known[rows])
        return terms

    def score(averaged: ReidNet) -> Scores:
        return evaluate_one_set(embed(averaged, test.images), test.ids, test.cameras)

    return fit(net, head, objective, batches, score, plan, Path(out), facts, resume, say)


def fitted_head(net: ReidNet, images: Pixels, goals: Tensor, about: int = 2048) -> nn.Linear:
    """The layer from the student's embeddings to its teacher's that fits best to begin with, by least squares on
    about ``about`` of the crops."""
    rows = np.arange(0, len(images), max(1, len(images) // about))
    mine = torch.from_numpy(embed(net, images[rows])).double()
    ridge = 1e-3 * mine.square().mean() * len(rows) * torch.eye(net.width, dtype=torch.float64)
    head = nn.Linear(net.width, goals.shape[1], bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.linalg.solve(mine.T @ mine + ridge, mine.T @ goals[rows].double()).T)
    return head


def distillation(embeddings: Tensor, projected: Tensor, targets: Tensor, similarity: float = 20.0) -> dict[str, Tensor]:
    """Two terms: 5 times the mean cosine distance from the ``projected`` embeddings (N, D) to ``targets`` (N, D), and
    ``similarity`` times the mean squared difference between the matrices of cosine similarity of ``embeddings`` and of
    ``targets``, without their diagonals."""
    n = len(embeddings)
    mine, theirs = F.normalize(embeddings), F.normalize(targets)
    difference = (mine @ mine.T - theirs @ theirs.T).square()
    return {
        "direction": 5 * (1 - F.cosine_similarity(projected, theirs)).mean(),
        "similarity": similarity * (difference.sum() - difference.diagonal().sum()) / max(1, n * (n - 1)),
    }
