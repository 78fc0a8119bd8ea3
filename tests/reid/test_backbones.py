"""Attention, LeNet, and backbones of other packages."""

# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")
pytest.importorskip("onnx")

from reid.card import Card
from reid.errors import ReidError
from reid.export import export
from reid.models import ReidNet, build, check_size
from reid.models.attention import ResidualAttention, SpatialAttention
from reid.models.se import SqueezeExcite

GATED = ["repvgg_tiny", "residual", "mobilenetv2", "shufflenetv2", "resnet18"]


def package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision of another torch
        pytest.skip(f"{name} cannot be imported ({str(error)[:80]})")


def trains_and_exports(name: str, tmp_path: Path, size: tuple[int, int] = (128, 64)) -> None:
    torch.manual_seed(0)
    net = build(name, 16, 3)
    outputs = net.outputs(torch.randn(2, 3, *size))
    outputs.logits.square().mean().backward()
    assert net.embed.weight.grad.abs().sum() > 0
    assert export(net.eval(), tmp_path / "m.onnx", Card(name, size, 16)) < 1e-4


@pytest.mark.parametrize(
    "name",
    [
        "inception_v3", "densenet121", "legacy_xception", "mobilenetv1_100", "mobilenetv2_100", "mobilenetv3_small_100",
        "ghostnet_100",
    ],
)  # fmt: skip
def test_the_classic_backbones_of_timm_train_and_export(name: str, tmp_path: Path) -> None:
    package("timm")
    trains_and_exports(f"timm:{name}", tmp_path, (160, 80) if "inception" in name else (128, 64))


def test_what_torch_cannot_export_is_one_line(tmp_path: Path) -> None:
    class Awkward(torch.nn.Module):
        """As timm's VGG at crops that are not 224x224."""

        features = 3 * 49

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.adaptive_avg_pool2d(x, 7).flatten(1)

    with pytest.raises(ReidError, match=r"^[^\n]*m.onnx: torch cannot export vgg at crops of 64x32 \([^\n]*\)$"):
        export(ReidNet(Awkward(), 16).eval(), tmp_path / "m.onnx", Card("vgg", (64, 32), 16))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "squeezenet1_1", "shufflenet_v2_x0_5", "vgg11"])
def test_the_classic_backbones_of_torchvision_train_and_export(name: str, tmp_path: Path) -> None:
    package("torchvision")
    trains_and_exports(f"torchvision:{name}", tmp_path)


class Features(torch.nn.Module):
    """As torchvision builds AlexNet, VGG, SqueezeNet and DenseNet."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(3, 7, 3)
        self.classifier = torch.nn.Linear(7, 1000)


class Dense(torch.nn.Module):
    """As torchvision builds GoogLeNet, Inception, ResNet and ShuffleNet."""

    def __init__(self, aux_logits: bool, init_weights: bool) -> None:
        super().__init__()
        assert not aux_logits
        assert not init_weights
        self.conv, self.fc = torch.nn.Conv2d(3, 9, 3), torch.nn.Linear(9, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).mean(dim=(2, 3)))


def test_a_torchvision_model_is_cut_before_its_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"alexnet": Features, "googlenet": Dense, "maskrcnn": torch.nn.Identity}

    def builder(name: str):
        if name not in made:
            raise ValueError(f"Unknown model {name}")
        return lambda weights, **more: made[name](**more)

    models = SimpleNamespace(get_model_builder=builder)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    assert build("torchvision:alexnet", 16).embed.in_features == 7
    assert build("torchvision:googlenet", 16).eval()(torch.randn(2, 3, 64, 32)).shape == (2, 16)
    with pytest.raises(ReidError, match=r"^torchvision has no model 'alexnot'; python -c [^\n]*$"):
        build("torchvision:alexnot")
    with pytest.raises(ReidError, match="no classifier with feature maps"):
        build("torchvision:maskrcnn")


@pytest.mark.parametrize(("name", "module"), [("timm:vgg11", "timm"), ("torchvision:vgg11", "torchvision.models")])
def test_a_package_that_is_broken_is_one_line(monkeypatch: pytest.MonkeyPatch, name: str, module: str) -> None:
    real = importlib.import_module

    def broken(wanted: str) -> ModuleType:
        if wanted == module:
            raise RuntimeError("operator torchvision::nms does not exist\nmore")
        return real(wanted)

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ReidError, match=r"^the model [^\n]* cannot be built \(operator [^\n]*\): pip install [^\n]*$"):
        build(name)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("lenet5", "lenet"), ("alexnet", "torchvision:alexnet"), ("GoogLeNet", "torchvision:googlenet"),
        ("squeezenet", "torchvision:squeezenet1_1"), ("vgg16", "torchvision:vgg11_bn"),
        ("mobilenet_v3", "timm:mobilenetv3_small_100"),
        ("mobilenet", "mobilenetv2"), ("shufflenet", "shufflenetv2"), ("resnet34", "resnet50"),
        ("osnet", "osnet_x0_25"),
    ],
)  # fmt: skip
def test_the_suggestion_is_a_model_of_that_kind(wrong: str, meant: str) -> None:
    with pytest.raises(ReidError, match=f"unknown model {wrong!r}, did you mean {meant!r}\\?"):
        build(wrong)


@pytest.mark.parametrize("wrong", ["capsnet", "swin", "nonsense", ""])
def test_a_name_that_is_near_to_none_gets_no_suggestion(wrong: str) -> None:
    with pytest.raises(ReidError, match=f"^unknown model {wrong!r}; choose one of repvgg"):
        build(wrong)


def test_crops_too_small_for_a_model_are_one_line() -> None:
    net = build("lenet", 16)
    check_size(net, "lenet", (32, 32))
    assert net.training
    with pytest.raises(ReidError, match=r"^lenet cannot take crops of 24x12 \([^\n]*\): give a larger --size$"):
        check_size(net, "lenet", (24, 12))


@pytest.mark.parametrize("kind", ["spatial", "residual"])
@pytest.mark.parametrize("name", GATED)
def test_attention_takes_the_place_of_every_gate(name: str, kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    gates = sum(isinstance(m, SqueezeExcite) for m in build(name, 16, attention="channel").modules())
    net = build(name, 16, 3, attention=kind)
    block = {"spatial": SpatialAttention, "residual": ResidualAttention}[kind]
    assert sum(isinstance(m, block) for m in net.modules()) == gates > 0
    assert not any(isinstance(m, SqueezeExcite) for m in net.modules())
    net.outputs(torch.randn(2, 3, 64, 32)).logits.square().mean().backward()
    assert all(p.grad is not None for m in net.modules() if isinstance(m, block) for p in m.parameters())
    assert export(net.eval(), tmp_path / "m.onnx", Card(name, (64, 32), 16)) < 1e-4


def test_attention_blocks_equal_their_definition() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 8, 6, 4)
    spatial = SpatialAttention(8)
    seen = torch.stack([x.mean(1), x.max(1).values], 1)
    torch.testing.assert_close(spatial(x), x * torch.sigmoid(spatial.gate(seen)))
    residual = ResidualAttention(8).eval()
    share = residual(x) / x  # 1 + mask
    assert ((share > 1) & (share < 2)).all()
    torch.nn.init.constant_(residual.mask.bias, -50.0)
    torch.testing.assert_close(residual(x), x)
    assert residual(torch.randn(1, 8, 5, 1)).shape == (1, 8, 5, 1)


def test_attention_that_cannot_be() -> None:
    with pytest.raises(ReidError, match=r"unknown attention 'spacial', did you mean 'spatial'\?"):
        build("repvgg_tiny", attention="spacial")
    for name in ("lenet", "timm:vgg11", "torchvision:vgg11"):
        with pytest.raises(ReidError, match=f"^{name} has no place for attention: leave out --se and --attention$"):
            build(name, attention="spatial")
    with pytest.raises(ReidError, match="its own channel gates"):
        build("osnet_x0_25", attention="residual")


def test_attention_comes_back_from_a_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from reid.checkpoint import facts_of, load_net, save

    net = build("repvgg_tiny", 16, attention="spatial").eval()
    weights = {f"ema.{name}": value for name, value in net.state_dict().items()}
    save(tmp_path / "c.safetensors", weights, {**facts_of("repvgg_tiny", net), "attention": "spatial"})
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 64, 32)).astype(np.float32))
    torch.testing.assert_close(load_net(tmp_path / "c.safetensors")[0](x), net(x))
