# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")
pytest.importorskip("safetensors")

from reid import checkpoint, losses, train
from reid.card import read_card
from reid.cli import main
from reid.data import Crops, split
from reid.distil import distil
from reid.errors import ReidError
from reid.evaluate import evaluate_one_set, unit
from reid.models import build
from reid.objective import label_objective
from reid.prune import prune

TINY = train.Plan(epochs=2, people=3, crops=2, rate=2e-3, warmup=2, average=0.5, size=(64, 32))


def run(noise: Crops, out: Path, plan: train.Plan = TINY, **more) -> train.Scores:
    return train.train(
        noise, out, model="repvgg_tiny", plan=plan, width=16, held_out=2, **{"say": lambda line: None, **more}
    )


def same(a: Path, b: Path) -> bool:
    left, right = checkpoint.load(a)[0], checkpoint.load(b)[0]
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def test_training_on_real_crops_raises_map(crops: Crops, tmp_path: Path) -> None:
    plan = train.Plan(epochs=6, people=8, crops=4, rate=3e-3, warmup=5, average=0.9, size=(64, 32))
    _, test = split(crops, 10)
    torch.manual_seed(0)
    before = evaluate_one_set(train.embed(build("repvgg_tiny", 32), test.images), test.ids, test.cameras)
    said: list[str] = []
    after = train.train(crops, tmp_path, model="repvgg_tiny", plan=plan, width=32, held_out=10, say=said.append)
    assert after.mean_ap > before.mean_ap + 0.05
    assert len(said) == 6
    assert "ETA" in said[0]
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 7
    assert (tmp_path / "curves.svg").read_text().startswith("<svg")


def test_two_runs_and_an_interrupted_one_give_the_same_weights(noise: Crops, tmp_path: Path) -> None:
    plan = replace(TINY, epochs=3)
    for name in ("a", "b"):
        run(noise, tmp_path / name, plan, loss="triplet+softmax+center+0.5*arcface")
    assert same(tmp_path / "a/last.safetensors", tmp_path / "b/last.safetensors")

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(noise, tmp_path / "c", plan, loss="triplet+softmax+center+0.5*arcface", say=stop)
    said: list[str] = []
    run(noise, tmp_path / "c", plan, loss="triplet+softmax+center+0.5*arcface", resume=True, say=said.append)
    assert said[0] == "resuming after epoch 1 of 3"
    assert same(tmp_path / "a/last.safetensors", tmp_path / "c/last.safetensors")
    assert (tmp_path / "a/curves.csv").read_text() == (tmp_path / "c/curves.csv").read_text()
    run(noise, tmp_path / "a", plan, loss="triplet+softmax+center+0.5*arcface", resume=True)
    other = replace(plan, seed=1)
    run(noise, tmp_path / "d", other, loss="triplet+softmax+center+0.5*arcface")
    assert not same(tmp_path / "a/last.safetensors", tmp_path / "d/last.safetensors")


def test_a_checkpoint_of_other_settings_or_another_model(noise: Crops, tmp_path: Path) -> None:
    run(noise, tmp_path)
    with pytest.raises(ReidError, match="a checkpoint with width 16, this run has 8"):
        train.train(noise, tmp_path, model="repvgg_tiny", plan=TINY, width=8, held_out=2, resume=True)
    tensors, _ = checkpoint.load(tmp_path / "best.safetensors")
    with pytest.raises(ReidError, match="a checkpoint of another model"):
        checkpoint.fill(build("residual", 16), checkpoint.part(tensors, "ema"), "x")
    with pytest.raises(ReidError, match="no such checkpoint"):
        run(noise, tmp_path / "empty", resume=True)
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(ReidError, match="not a safetensors checkpoint"):
        checkpoint.load(tmp_path / "junk.safetensors")


def test_nan_stops_at_its_step_and_keeps_the_last_good_checkpoint(noise: Crops, tmp_path: Path, monkeypatch) -> None:
    real, calls = losses.triplet, []

    def broken(e: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return real(e, y) * (float("nan") if len(calls) == 5 else 1.0)

    monkeypatch.setattr(losses, "triplet", broken)
    steps = 2  # of an epoch here
    with pytest.raises(
        ReidError, match=rf"nan at step 5 \(epoch {4 // steps + 1}\); the checkpoint of epoch 2 is kept"
    ):
        run(noise, tmp_path, replace(TINY, epochs=4))
    assert len(checkpoint.load(tmp_path / "last.safetensors")[1]["history"]) == 2


def test_no_space_keeps_the_earlier_checkpoint(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "last.safetensors"
    checkpoint.save(target, {"a": torch.ones(2)}, {"model": "x"})

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ReidError, match=r"No space left on device.*earlier checkpoint is kept"):
        checkpoint.save(target, {"a": torch.zeros(2)}, {"model": "x"})
    assert checkpoint.load(target)[0]["a"].sum() == 2
    assert [p.name for p in tmp_path.iterdir()] == ["last.safetensors"]


def test_losses_by_name() -> None:
    names = (
        "triplet+0.5*triplet_soft+triplet_semi+triplet_all+contrastive+quadruplet+ccl+center+softmax+sphereface+cosface"
    )
    net = build("repvgg_tiny", 16, 3)
    outputs = net.outputs(torch.randn(6, 3, 64, 32))
    terms = label_objective(names, 3, 16)
    assert terms["triplet_soft"][0] == 0.5
    assert all(torch.isfinite(term(outputs, torch.tensor([0, 0, 1, 1, 2, 2]))) for _, term in terms.values())
    with pytest.raises(ReidError, match="unknown loss 'tripled'"):
        label_objective("tripled", 3, 16)
    with pytest.raises(ReidError, match="'x' is not a weight"):
        label_objective("x*triplet", 3, 16)
    for bad in ("nan*triplet", "-1*triplet", "0*softmax", "triplet+0.5*triplet"):
        with pytest.raises(ReidError, match="each name once, with a weight above 0"):
            label_objective(bad, 3, 16)


def test_metric_learning_by_name_or_one_line() -> None:
    try:
        import pytorch_metric_learning  # noqa: F401
    except ImportError:
        with pytest.raises(ReidError, match="pip install pytorch-metric-learning"):
            label_objective("pml:CircleLoss", 3, 16)
        return
    outputs = build("repvgg_tiny", 16, 3).outputs(torch.randn(6, 3, 64, 32))
    for name in ("CircleLoss", "ArcFaceLoss"):
        weight, term = label_objective(f"pml:{name}", 3, 16)[f"pml_{name}"]
        assert torch.isfinite(weight * term(outputs, torch.tensor([0, 0, 1, 1, 2, 2])))
    with pytest.raises(ReidError, match="has no loss"):
        label_objective("pml:NoLoss", 3, 16)


def test_distilling_moves_the_student_towards_its_teacher(noise: Crops, tmp_path: Path) -> None:
    learn, test = split(noise, 2)
    targets = unit(np.eye(7)[learn.ids] + 0.01).astype(np.float32)
    torch.manual_seed(0)
    net = build("repvgg_tiny", 16, 4)

    def agreement() -> float:
        mine = unit(train.embed(net, learn.images))
        return float(np.corrcoef((mine @ mine.T).ravel(), (targets @ targets.T).ravel())[0, 1])

    before = agreement()
    facts = {"model": "repvgg_tiny", "width": 16, "classes": 4, "size": [64, 32]}
    plan = replace(TINY, epochs=8, people=4)
    distil(net, learn, targets, test, tmp_path, facts, plan, say=lambda line: None)
    assert agreement() > before + 0.05
    with pytest.raises(ReidError, match="3 teacher embeddings for 16 crops"):
        distil(net, learn, targets[:3], test, tmp_path, facts, plan)
    small = prune(net, 0.5)
    distil(small, learn, targets, test, tmp_path / "p", {**facts, "model": "pruned"}, TINY, say=lambda line: None)


@pytest.mark.parametrize("name", ["weights.pth", "weights", "old.safetensors", "list.pkl"])
def test_pickles_are_refused_unopened(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    class Evil:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    file = tmp_path / name
    if name == "list.pkl":
        file.write_bytes(pickle.dumps([Evil()]))
    else:
        torch.save({"a": Evil()}, file, _use_new_zipfile_serialization=not name.startswith("old"))
    with pytest.raises(ReidError, match=r"^[^\n]*: a pickle, and opening one can run code; export the model to ONNX"):
        checkpoint.load(file)
    with pytest.raises(ReidError, match="a pickle"):
        read_card(file)
    assert main(["export", str(file), "-o", str(tmp_path / "out.onnx")]) == 2
    assert capsys.readouterr().err.startswith(f"reid: {file}: a pickle")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out.onnx").exists()


def test_a_checkpoint_whose_header_length_begins_like_a_pickle_is_read(tmp_path: Path) -> None:
    for filler in range(300):
        checkpoint.save(tmp_path / "c", {"a": torch.ones(1)}, {"model": "x" * filler})
        assert checkpoint.load(tmp_path / "c")[1]["model"] == "x" * filler
        if (tmp_path / "c").read_bytes()[0] == 0x80:
            return
    pytest.fail("no such header was made")
