"""The recipe of the packaged model: its teacher in torch, the people it makes up, and one step of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch")
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import teach_reid as teach

from reid.errors import ReidError

CPU = torch.device("cpu")


@pytest.fixture
def images() -> torch.Tensor:
    """(12, 3, 128, 64): people in two colours before a third."""
    chance = np.random.default_rng(3)
    made = np.empty((12, 3, 128, 64), dtype=np.uint8)
    made[:] = chance.integers(0, 256, (12, 3, 1, 1))
    made[:, :, 10:64, 16:48] = chance.integers(0, 256, (12, 3, 1, 1))
    made[:, :, 64:, 16:48] = chance.integers(0, 256, (12, 3, 1, 1))
    return torch.from_numpy(made)


def test_the_teacher_is_what_openvino_runs(shared: Path) -> None:
    ov = pytest.importorskip("openvino")
    path = shared / "data/models/person-reidentification-retail-0277.xml"
    crops = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 256, 128)).astype(np.float32))
    crops = torch.nn.functional.avg_pool2d(crops, 9, 1, 4)
    core = ov.Core()
    network = core.read_model(str(path))
    network.reshape([1, 3, 256, 128])
    run = core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    wanted = torch.stack([torch.from_numpy(run(crop[None].numpy())[0].reshape(-1).copy()) for crop in crops])
    with torch.no_grad():
        found = teach.Teacher(path, CPU, torch.float32)(crops)
    cosine = torch.nn.functional.cosine_similarity(found, wanted)
    assert cosine.min() > 0.9999
    assert torch.nn.functional.cosine_similarity(wanted[:1], wanted[1:]) < 0.999


@pytest.mark.parametrize("change", ["made", "damaged"])
def test_crops_stay_pixels_and_are_seeded(change: str, images: torch.Tensor) -> None:
    def run(seed: int) -> torch.Tensor:
        chance = teach.Chance(CPU, seed)
        return teach.people_made(images, 16, chance) if change == "made" else teach.damaged(images.float(), chance)

    out = run(0)
    assert out.shape[1:] == images.shape[1:]
    assert out.min() >= 0
    assert out.max() <= 255
    assert torch.equal(out, out.round())
    assert torch.equal(out, run(0))
    assert not torch.equal(out, run(1))


def test_some_crops_stay_whole(images: torch.Tensor) -> None:
    many = images.float().repeat(20, 1, 1, 1)
    whole = (teach.damaged(many, teach.Chance(CPU, 0)) == many).flatten(1).all(1).float().mean()
    assert 0.2 < whole < 0.5


def test_jpegs_blocks_keep_the_mean_and_lose_detail() -> None:
    noise = 128 + 30 * torch.randn(4, 3, 128, 64, generator=torch.Generator().manual_seed(0))
    out = teach.blocks(noise, teach.Chance(CPU, 0))
    assert (out.mean(dim=(2, 3)) - noise.mean(dim=(2, 3))).abs().max() < 2
    assert out.std() < 0.95 * noise.std()
    flat = torch.full((1, 3, 16, 16), 100.0)
    assert (teach.blocks(flat, teach.Chance(CPU, 0)) - flat).abs().max() < 8


def test_a_student_comes_nearer_to_its_teacher(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    aim = torch.nn.functional.normalize(torch.randn(3, 256))
    labels = torch.arange(12) // 4
    student = teach.Student(3, aim[labels], CPU, 2e-3)
    losses = [student.learn(images.float(), aim[labels], labels, 0.0).sum().item() for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]
    assert student.steps == 12


def test_labelled_rows_are_groups_of_one_person() -> None:
    labels = torch.arange(40) // 5
    rows = teach.labelled_rows(labels, 6, 4, teach.Chance(CPU, 0))
    groups = labels[rows].view(6, 4)
    assert (groups == groups[:, :1]).all()
    assert len(rows.unique()) == 24
    assert len(groups[:, 0].unique()) == 6


@pytest.mark.parametrize(
    ("device", "teacher", "said"),
    [("cpu", "none.xml", "none.xml: no such file"), ("bogus", "t.xml", "--device bogus cannot be used here")],
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, device: str, teacher: str, said: str) -> None:
    for name in ("t.xml", "t.bin"):
        (tmp_path / name).touch()
    args = argparse.Namespace(teacher=tmp_path / teacher, device=device)
    with pytest.raises(ReidError, match=said) as caught:
        teach.check(args)
    assert "\n" not in str(caught.value)
