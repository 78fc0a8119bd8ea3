"""Models from elsewhere, without a card: as teachers of ``reid distil`` and in ``reid eval``."""

# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")
pytest.importorskip("onnx")
pytest.importorskip("safetensors")

from onnx import TensorProto, helper, save

from reid.cli import main
from reid.data import Crops
from reid.embed import open_model
from reid.errors import ReidError
from reid.reading import reading

TINY = [
    "--model", "repvgg_tiny", "--width", "8", "--size", "64x32", "--epochs", "1", "--people", "3", "--crops", "2",
    "--held-out", "2",
]  # fmt: skip


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A model without a card and without a crop size: the mean of each of its three input channels."""
    crops = helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["n", 3, "h", "w"])
    means = helper.make_tensor_value_info("means", TensorProto.FLOAT, ["n", 3])
    node = helper.make_node("ReduceMean", ["crops"], ["means"], axes=[2, 3], keepdims=0)
    graph = helper.make_graph([node], "plain", [crops], [means])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    save(model, str(tmp_path / "plain.onnx"))
    return tmp_path / "plain.onnx"


@pytest.fixture
def data(tmp_path: Path, noise: Crops) -> Path:
    (tmp_path / "crops").mkdir()
    for index, (image, identity, camera) in enumerate(zip(noise.images, noise.ids, noise.cameras, strict=True)):
        cv2.imwrite(str(tmp_path / "crops" / f"{identity:04}_c{camera}s1_{index:06}_00.png"), image)
    return tmp_path / "crops"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("pixels", (200.0, 100.0, 50.0)),
        ("bgr-pixels", (50.0, 100.0, 200.0)),
        ("unit", (200 / 255, 100 / 255, 50 / 255)),
        ("symmetric", (200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1)),
        (None, ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225)),
        ("imagenet", ((200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225)),
    ],
)
def test_crops_arrive_as_the_option_says(plain: Path, name: str | None, wanted: tuple[float, ...]) -> None:
    crop = np.empty((1, 40, 20, 3), dtype=np.uint8)
    crop[:] = (50, 100, 200)  # BGR
    model = open_model(plain, "onnxruntime", given=reading((40, 20), name))
    assert model.size == (20, 40)
    np.testing.assert_allclose(model.of_crops(crop)[0], wanted / np.linalg.norm(wanted), atol=1e-5)


def test_a_plain_model_teaches_and_is_scored(plain: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["distil", str(data), "--teacher", str(plain), "-o", str(plain.parent / "run"), *TINY]
    assert main([*run, "--teacher-size", "64x32", "--teacher-normalise", "bgr-pixels"]) == 0
    assert (plain.parent / "run" / "best.safetensors").is_file()
    scored = ["eval", str(plain), str(data), "--size", "64x32", "--normalise"]
    assert main([*scored, "pixels", "--json"]) == 0
    capsys.readouterr()


def test_bad_options_are_one_line_and_nothing_is_written(
    plain: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = plain.parent / "run"
    run = ["distil", str(data), "--teacher", str(plain), "-o", str(out), *TINY]
    assert main([*run, "--teacher-normalise", "imagnet"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("reid: --teacher-normalise 'imagnet' is unknown, did you mean 'imagenet'?; choose imagenet,")
    assert main(["eval", str(plain), str(data), "--normalise", "bgr-"]) == 2
    assert "--normalise 'bgr-' is unknown; choose" in capsys.readouterr().err
    assert main(["eval", "x.safetensors", str(data), "--size", "64x32"]) == 2
    assert "a checkpoint knows what it takes; leave out --size and --normalise" in capsys.readouterr().err
    assert main([*run, "--model", "lenet", "--size", "32x16"]) == 2
    assert "lenet cannot take crops of 32x16" in capsys.readouterr().err
    assert not out.exists()


def test_what_the_file_fixes_cannot_be_said_otherwise() -> None:
    with pytest.raises(ReidError, match="crops are fixed to 64x128; leave size out"):
        open_model("default", "onnxruntime", given=reading((64, 32), None))
    with pytest.raises(ReidError, match="takes uint8 pixels, which cannot be normalised outside"):
        open_model("default", "onnxruntime", given=reading(None, "imagenet"))
