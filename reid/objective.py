"""The losses of a training by name, joined with weights: ``triplet+0.5*arcface``."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable

from torch import Tensor, nn

from reid import losses
from reid.errors import ReidError
from reid.models import Outputs

Term = Callable[[Outputs, Tensor], Tensor]


class OnEmbeddings(nn.Module):
    """A loss with weights of its own, of the embeddings after the neck."""

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Outputs, labels: Tensor) -> Tensor:
        value: Tensor = self.loss(outputs.embeddings, labels)
        return value


def label_objective(text: str, classes: int, width: int) -> dict[str, tuple[float, Term]]:
    """The terms in ``text``: names joined by ``+``, each with an optional weight, e.g. ``triplet+0.5*arcface``.

    Names: triplet, triplet_soft, triplet_semi, triplet_all, contrastive, quadruplet, ccl, center, softmax, sphereface,
    cosface, arcface; any loss class of an installed pytorch-metric-learning as ``pml:CircleLoss``.

    Raises:
        ReidError: an unknown name or weight, or pytorch-metric-learning missing.
    """
    metric: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "triplet": losses.triplet,
        "triplet_soft": lambda e, y: losses.triplet(e, y, None),
        "triplet_semi": lambda e, y: losses.triplet(e, y, mining="semi-hard"),
        "triplet_all": lambda e, y: losses.triplet(e, y, mining="all"),
        "contrastive": losses.contrastive,
        "quadruplet": losses.quadruplet,
        "ccl": losses.coupled_clusters,
    }
    terms: dict[str, tuple[float, Term]] = {}
    for item in text.split("+"):
        head, _, name = item.strip().rpartition("*")
        try:
            weight = float(head) if head else 1.0
        except ValueError as error:
            raise ReidError(f"loss {item!r}: {head!r} is not a weight; write e.g. triplet+0.5*softmax") from error
        if not 0 < weight < math.inf or name in terms:
            raise ReidError(f"loss {item!r}: each name once, with a weight above 0, e.g. triplet+0.5*softmax")
        if name in metric:
            terms[name] = (weight, lambda o, y, loss=metric[name]: loss(o.features, y))  # type: ignore[misc]
        elif name == "softmax":
            terms[name] = (weight, lambda o, y: losses.softmax(o.logits, y))
        elif name == "center":
            # Weight 5e-4 beside the others is the published balance (Luo et al., section 2.7)
            terms[name] = (weight if head else 5e-4, OnEmbeddings(losses.Center(classes, width)))
        elif name in losses.AngularSoftmax.MARGINS:
            terms[name] = (weight, OnEmbeddings(losses.AngularSoftmax(name, classes, width)))
        elif name.startswith("pml:"):
            terms[name.replace(":", "_")] = (weight, OnEmbeddings(metric_learning(name[4:], classes, width)))
        else:
            known = [*metric, "softmax", "center", *losses.AngularSoftmax.MARGINS]
            raise ReidError(f"unknown loss {name!r}: choose from {', '.join(known)} or pml:NAME, joined by +")
    return terms


def metric_learning(name: str, classes: int, width: int) -> nn.Module:
    """The named loss of pytorch-metric-learning, with classes and width where it takes them."""
    try:
        module = importlib.import_module("pytorch_metric_learning.losses")
    except ImportError as error:
        raise ReidError(f"the loss pml:{name} needs: pip install pytorch-metric-learning") from error
    found = getattr(module, name, None)
    if not inspect.isclass(found):
        raise ReidError(f"pytorch-metric-learning has no loss {name!r}")
    asked = inspect.signature(found).parameters
    given = {name: value for name, value in (("num_classes", classes), ("embedding_size", width)) if name in asked}
    loss = found(**given)
    assert isinstance(loss, nn.Module)
    return loss
