# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")

from reid import losses
from reid.errors import ReidError

METRIC = {
    "hard": losses.triplet,
    "soft": lambda e, y: losses.triplet(e, y, None),
    "semi": lambda e, y: losses.triplet(e, y, mining="semi-hard"),
    "all": lambda e, y: losses.triplet(e, y, mining="all"),
    "contrastive": losses.contrastive,
    "quadruplet": losses.quadruplet,
    "ccl": losses.coupled_clusters,
}


def batch(seed: int, people: int = 4, crops: int = 3, width: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(people).repeat_interleave(crops)
    return torch.randn(people * crops, width, generator=generator, dtype=torch.float64), labels


def slow_triplets(e: torch.Tensor, y: torch.Tensor, margin: float, mining: str) -> float:
    """The definition as loops."""
    n = len(y)
    d = [[math.dist(e[i].tolist(), e[j].tolist()) for j in range(n)] for i in range(n)]
    found = []
    for a in range(n):
        positives = [d[a][p] for p in range(n) if p != a and y[p] == y[a]]
        negatives = [d[a][k] for k in range(n) if y[k] != y[a]]
        if mining == "hard":
            found.append(max(0.0, max(positives) - min(negatives) + margin))
        for p in positives:
            beyond = [k for k in negatives if k > p]
            if mining == "semi-hard":
                found.append(max(0.0, p - (min(beyond) if beyond else max(negatives)) + margin))
            if mining == "all":
                found += [p - k + margin for k in negatives if p - k + margin > 0]
    return sum(found) / max(1, len(found))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["hard", "semi-hard", "all"]), st.floats(0.0, 2.0))
def test_triplets_equal_a_triple_loop(seed: int, mining: str, margin: float) -> None:
    e, y = batch(seed)
    assert losses.triplet(e, y, margin, mining).item() == pytest.approx(slow_triplets(e, y, margin, mining), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(METRIC)))
def test_order_of_a_batch_does_not_matter(seed: int, name: str) -> None:
    e, y = batch(seed)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    assert METRIC[name](e[order], y[order]).item() == pytest.approx(METRIC[name](e, y).item(), abs=1e-9)


@pytest.mark.parametrize("name", ["hard", "semi", "all", "contrastive", "quadruplet", "ccl"])
def test_zero_where_people_are_far_apart(name: str) -> None:
    _, y = batch(0)
    apart = 100.0 * torch.nn.functional.one_hot(y, 5).double()
    assert METRIC[name](apart, y).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", sorted(METRIC))
def test_a_step_down_the_gradient_lowers_the_loss(name: str) -> None:
    e, y = batch(3)
    e.requires_grad_()
    before = METRIC[name](e, y)
    before.backward()
    assert torch.isfinite(e.grad).all()
    with torch.no_grad():
        assert METRIC[name](e - 1e-3 * e.grad, y) < before


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.0, 20.0), st.lists(st.integers(0, 3), min_size=2, max_size=8))
def test_coupled_clusters_equal_their_loops(seed: int, margin: float, people: list[int]) -> None:
    generator = torch.Generator().manual_seed(seed)
    e, y = torch.randn(len(people), 4, generator=generator, dtype=torch.float64), torch.tensor(people)
    found = []
    for who in set(people):
        mine, others = e[y == who], e[y != who]
        if len(mine) > 1 and len(others):
            centre = mine.mean(0)
            nearest = min(float((n - centre) @ (n - centre)) for n in others)
            found += [max(0.0, float((x - centre) @ (x - centre)) + margin - nearest) / 2 for x in mine]
    slow = sum(found) / max(1, len(found))
    assert losses.coupled_clusters(e, y, margin).item() == pytest.approx(slow, abs=1e-9)


def test_the_positive_is_pulled_and_the_negative_pushed() -> None:
    e = torch.tensor([[0.0], [1.0], [1.5], [9.0]], requires_grad=True)
    losses.triplet(e[:3], torch.tensor([0, 0, 1])).backward()
    assert e.grad is not None
    assert e.grad[1] > 0  # down the gradient is towards the anchor at 0
    assert e.grad[2] < 0


def test_equal_rows_have_a_finite_gradient() -> None:
    e = torch.ones(6, 4, requires_grad=True)
    losses.triplet(e, torch.tensor([0, 0, 1, 1, 2, 2])).backward()
    assert e.grad is not None
    assert torch.isfinite(e.grad).all()


@pytest.mark.parametrize("name", ["hard", "semi", "all", "contrastive", "quadruplet", "ccl"])
def test_one_identity_or_no_pair_is_zero_not_nan(name: str) -> None:
    e = torch.randn(4, 3)
    assert math.isfinite(METRIC[name](e, torch.zeros(4, dtype=torch.long)).item())
    assert math.isfinite(METRIC[name](e, torch.arange(4)).item())


@pytest.mark.parametrize("kind", sorted(losses.AngularSoftmax.MARGINS))
def test_margin_softmax_is_harder_than_plain_and_can_be_learnt(kind: str) -> None:
    torch.manual_seed(0)
    loss = losses.AngularSoftmax(kind, 4, 5)
    e, y = batch(1)
    e = e.float()
    plain = losses.AngularSoftmax(kind, 4, 5)
    plain.weight = loss.weight
    plain.margins = (1.0, 0.0, 0.0)
    assert loss(e, y) > plain(e, y)
    with torch.no_grad():
        loss.weight.copy_(torch.eye(4, 5))
    assert loss(torch.eye(4, 5), torch.arange(4)) < 0.01


def test_center_is_zero_on_the_centre_and_label_smoothing_matches_its_definition() -> None:
    center = losses.Center(3, 4)
    y = torch.tensor([2, 0])
    assert center(center.centers[y], y).item() == 0
    logits = torch.randn(5, 3)
    labels = torch.tensor([0, 1, 2, 0, 1])
    target = torch.full((5, 3), 0.1 / 3).scatter_add_(1, labels[:, None], torch.full((5, 1), 0.9))
    slow = -(target * logits.log_softmax(1)).sum(1).mean()
    assert losses.softmax(logits, labels).item() == pytest.approx(slow.item(), abs=1e-6)


def test_unknown_names_are_one_line() -> None:
    with pytest.raises(ReidError, match="unknown triplet mining 'x'"):
        losses.triplet(torch.ones(2, 2), torch.tensor([0, 1]), mining="x")
    with pytest.raises(ReidError, match="unknown margin softmax"):
        losses.AngularSoftmax("x", 2, 2)
