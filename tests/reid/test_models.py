# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")
pytest.importorskip("onnx")

from reid.card import Card, read_card
from reid.errors import ReidError
from reid.export import export, ready
from reid.models import BACKBONES, build, to_input
from reid.models.external import timm_backbone
from reid.prune import prune


def shaken(net: torch.nn.Module) -> torch.nn.Module:
    """Give every batch norm statistics unlike its start, so that folding them wrongly shows."""
    torch.manual_seed(1)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.7, 1.3)
            if module.bias.requires_grad:
                module.bias.data.uniform_(-0.1, 0.1)
    return net.eval()


SMALL = [name for name in sorted(BACKBONES) if name not in {"osnet_x0_5", "osnet_x0_75", "osnet_x1_0", "resnet50"}]


@pytest.mark.parametrize("name", SMALL)
def test_every_model_trains_a_step_and_exports_the_same(name: str, tmp_path) -> None:
    torch.manual_seed(0)
    net = build(name, 32, 5)
    x = torch.randn(4, 3, 64, 32)
    outputs = net.outputs(x)
    assert [tuple(t.shape) for t in outputs] == [(4, 32), (4, 32), (4, 5)]
    outputs.logits.square().mean().backward()
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)
    shaken(net)
    assert export(net, tmp_path / "m.onnx", Card(name, (64, 32), 32)) < 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    for count in (1, 5):
        pixels = np.random.default_rng(0).integers(0, 256, (count, 64, 32, 3), dtype=np.uint8)
        with torch.inference_mode():
            wanted = net(to_input(pixels)).numpy()
        found = session.run(None, {"crops": pixels})[0]
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["osnet_x0_5", "osnet_x0_75", "osnet_x1_0", "resnet50"])
def test_the_large_models_run(name: str) -> None:
    assert build(name, 64).eval()(torch.randn(1, 3, 64, 32)).shape == (1, 64)


@pytest.mark.parametrize("name", ["repvgg_tiny", "residual", "mobilenetv2", "shufflenetv2", "resnet18"])
def test_squeeze_and_excitation_is_an_option(name: str) -> None:
    plain, gated = build(name, 16), build(name, 16, se=True)
    assert sum(p.numel() for p in gated.parameters()) > sum(p.numel() for p in plain.parameters())
    assert gated.eval()(torch.randn(2, 3, 64, 32)).shape == (2, 16)


def test_sizes_are_the_papers() -> None:
    def millions(name: str) -> float:
        return sum(p.numel() for p in BACKBONES[name]().parameters()) / 1e6

    assert millions("osnet_x1_0") == pytest.approx(2.2, abs=0.1)
    assert millions("resnet18") == pytest.approx(11.2, abs=0.1)
    assert millions("mobilenetv2") == pytest.approx(2.2, abs=0.1)
    assert millions("shufflenetv2") == pytest.approx(1.25, abs=0.1)
    for name, most in (("repvgg_small", 2e6), ("repvgg_medium", 2e6), ("repvgg_large", 2.2e6)):
        assert sum(p.numel() for p in ready(build(name, 128)).parameters()) <= most, name


def test_fusing_changes_nothing_but_the_speed() -> None:
    net = shaken(build("repvgg_small", 16)).double()
    x = torch.randn(2, 3, 64, 32, dtype=torch.float64)
    before = net(x)
    net.backbone.fuse()
    net.backbone.fuse()
    torch.testing.assert_close(net(x), before, atol=1e-10, rtol=0)


def test_pruning_nothing_is_the_same_and_pruning_half_is_smaller() -> None:
    net = shaken(build("repvgg_small", 16))
    x = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(prune(net, 0.0)(x), net(x), atol=1e-4, rtol=1e-4)
    half = prune(net, 0.5)
    assert half(x).shape == (2, 16)
    assert sum(p.numel() for p in half.parameters()) < 0.5 * sum(p.numel() for p in ready(net).parameters())
    torch.testing.assert_close(prune(half, 0.0)(x), half(x), atol=1e-4, rtol=1e-4)


def test_a_silent_channel_is_the_first_to_go() -> None:
    small = ready(shaken(build("repvgg_tiny", 16)))
    for block in small.backbone.blocks:
        half = len(block.fused.bias) // 2
        block.fused.weight.data[3 : 3 + half] = 0
        block.fused.bias.data[3 : 3 + half] = 0
    x = torch.randn(2, 3, 64, 32)
    torch.testing.assert_close(prune(small, 0.5, multiple=1)(x), small(x), atol=1e-4, rtol=1e-4)


def test_names_and_options_that_do_not_exist() -> None:
    with pytest.raises(ReidError, match="did you mean 'resnet18'"):
        build("resnet81")
    with pytest.raises(ReidError, match="its own channel gates"):
        build("osnet_x0_25", se=True)
    with pytest.raises(ReidError, match="only repvgg models"):
        prune(build("residual", 16), 0.1)
    with pytest.raises(ReidError, match="below 1"):
        prune(build("repvgg_tiny", 16), 1.0)


@pytest.mark.skipif(importlib.util.find_spec("timm") is not None, reason="timm is installed")
def test_timm_missing_is_one_line() -> None:
    with pytest.raises(ReidError, match="pip install timm torchvision"):
        timm_backbone("densenet121")


class Widened(torch.nn.Module):
    """Like timm's MobileNetV3: 6 features pooled, widened to 10 before the classifier."""

    num_features, head_hidden_size = 6, 10

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(1, 2, 3))[:, None].expand(-1, 10)


def test_a_timm_model_gives_the_width_it_puts_out(monkeypatch) -> None:
    timm = types.SimpleNamespace(create_model=lambda name, pretrained, num_classes: Widened())
    monkeypatch.setitem(sys.modules, "timm", timm)
    assert build("timm:widened", 16).eval()(torch.randn(2, 3, 64, 32)).shape == (2, 16)


def test_card_refuses_pickles_strangers_and_missing_files(tmp_path) -> None:
    with pytest.raises(ReidError, match="no such model file"):
        read_card(tmp_path / "no.onnx")
    pickled = tmp_path / "weights.pth"
    pickled.write_bytes(b"x")
    with pytest.raises(ReidError, match="a pickle, and opening one can run code"):
        read_card(pickled)
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"not a model")
    with pytest.raises(ReidError, match="not an ONNX model"):
        read_card(junk)
    with pytest.raises(ReidError, match="card cannot be read"):
        Card.parse('{"model": 1}')
    card = Card("m", (128, 64), 128, scores={"mAP": 0.8})
    assert Card.parse(card.dump()) == card
