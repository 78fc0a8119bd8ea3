"""Identity and attributes learnt together."""

# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")
pytest.importorskip("onnx")
pytest.importorskip("safetensors")

from reid.attributes import accuracies, read_attributes
from reid.card import read_card
from reid.checkpoint import load_net
from reid.cli import main
from reid.data import Crops
from reid.errors import ReidError
from reid.models.heads import AttributeHeads
from tracker import open_embedder

TABLE = "identity,tone,hat\n1,dark,no\n2,dark,yes\n3,light,\n4,light,yes\n5,dark,no\n6,light,yes\n"
TINY = [
    "--model", "repvgg_tiny", "--width", "16", "--size", "64x32", "--epochs", "2", "--people", "3", "--crops", "2",
    "--held-out", "2",
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, noise: Crops) -> Path:
    folder = tmp_path / "crops"
    folder.mkdir()
    for index, (image, identity, camera) in enumerate(zip(noise.images, noise.ids, noise.cameras, strict=True)):
        cv2.imwrite(str(folder / f"{identity:04}_c{camera}s1_{index:06}_00.png"), image)
    (tmp_path / "a.csv").write_text(TABLE)
    return folder


def test_a_table_becomes_labels(data: Path) -> None:
    found = read_attributes(data.parent / "a.csv", data, np.arange(1, 5))
    assert list(found.groups.items()) == [("hat", ["no", "yes"]), ("tone", ["dark", "light"])]
    assert found.labels(np.array([3, 1, 9])).tolist() == [[-1, 1], [0, 0], [-1, -1]]


def test_identities_are_named_by_their_folders(tmp_path: Path) -> None:
    for name in ("anna", "bert", "10"):
        (tmp_path / "d" / name).mkdir(parents=True)
    table = tmp_path / "a.csv"
    table.write_text("identity,hat\nbert,yes\n10,no\nnobody,no\nno one,yes\n")
    found = read_attributes(table, tmp_path / "d", np.array([1, 2, 3]))
    assert found.noted == {1: [0], 3: [1]}  # natural order: 10, anna, bert


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line must be identity,NAME"),
        ("id,hat\n1,yes\n", "the first line must be identity,NAME"),
        ("identity,hat,hat\n1,yes,no\n", "with a name once for each attribute"),
        ("identity,hat\n1,yes,no\n", "line 2: 3 fields, the first line has 2"),
        ("identity,hat\n1,yes\n\n1,no\n", "line 4: identity '1' comes twice"),
        ("identity,hat\nanna,yes\n", "line 2: 'anna' is no identity's number"),
        ("identity,hat\n77,yes\n88,no\n", "none of its 2 identities has crops to train on"),
        ("identity,hat\n1,yes\n2,yes\n3,\n5,no\n", "'hat' has 1 value among the people to train on"),
        ("identity,hat\n1,\xff\n".encode("latin-1"), "cannot be read as a CSV file"),
    ],
)
def test_a_bad_table_is_one_line_before_training(
    data: Path, text: str | bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = data.parent / "bad.csv"
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["train", str(data), "-o", str(data.parent / "run"), "--attributes", str(table), *TINY]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (data.parent / "run").exists()


def test_missing_tables_and_bad_weights_are_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["train", str(data), "-o", str(data.parent / "run"), *TINY]
    assert main([*run, "--attributes", str(data / "no.csv")]) == 2
    assert "no.csv: cannot be read as a CSV file of attributes" in capsys.readouterr().err
    assert main([*run, "--attribute-weight", "nan"]) == 2
    assert capsys.readouterr().err == "reid: --attribute-weight must be above 0, not nan\n"


def test_the_loss_is_the_mean_of_the_cross_entropies_of_what_is_known() -> None:
    torch.manual_seed(0)
    heads = AttributeHeads(4, {"a": ["x", "y"], "b": ["p", "q", "r"]})
    e, labels = torch.randn(3, 4), torch.tensor([[0, -1], [1, 2], [-1, 0]])
    logits = heads.classifier(e)
    first, second = logits[:, :2].log_softmax(1), logits[:, 2:].log_softmax(1)
    slow = (-(first[0, 0] + first[1, 1]) / 2 - (second[1, 2] + second[2, 0]) / 2) / 2
    torch.testing.assert_close(heads.loss(e, labels), slow)
    assert heads.loss(e, torch.full((3, 2), -1)).item() == 0
    torch.testing.assert_close(heads(e), torch.cat([first.exp(), second.exp()], 1))


def test_accuracy_counts_what_is_known() -> None:
    told = np.array([[0.9, 0.1, 0.2, 0.8], [0.6, 0.4, 0.7, 0.3], [0.2, 0.8, 0.1, 0.9]], dtype=np.float32)
    found = accuracies(told, np.array([[0, -1], [1, -1], [1, -1]]), {"a": ["x", "y"], "b": ["p", "q"]})
    assert found.keys() == {"a"}
    assert (found["a"].right, found["a"].frequent, found["a"].crops) == (pytest.approx(2 / 3), pytest.approx(2 / 3), 3)


def test_from_a_table_to_a_model_with_two_outputs(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, table = data.parent / "run", str(data.parent / "a.csv")
    train = ["train", str(data), "-o", str(run), "--attributes", table, *TINY]
    assert main(train) == 0
    said = capsys.readouterr().out
    assert "tone: " in said
    assert "% of 8 held-out crops right; always the most frequent value: 50.0 %" in said
    assert "attributes" in (run / "curves.csv").read_text().splitlines()[0].split(",")
    assert main([*train, "--resume", "--attribute-weight", "1"]) == 2
    assert "a checkpoint with loss 'triplet+softmax+0.125*attributes', this run has" in capsys.readouterr().err
    best, model = str(run / "best.safetensors"), str(data.parent / "m.onnx")
    assert main(["export", best, "-o", model, "--attributes", "--mirror"]) == 2
    assert "--mirror averages embeddings, not attributes" in capsys.readouterr().err
    assert main(["export", best, "-o", model, "--attributes"]) == 0
    net, facts = load_net(best)
    assert list(read_card(model).attributes.items()) == list(facts["attributes"].items())
    assert facts["attributes"] == {"tone": ["dark", "light"], "hat": ["no", "yes"]}
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 32, 3), dtype=np.uint8)
    embeddings, told = onnxruntime.InferenceSession(model).run(None, {"crops": pixels})
    with torch.inference_mode():
        np.testing.assert_allclose(told, net.heads(torch.from_numpy(embeddings)).numpy(), atol=1e-4)
    np.testing.assert_allclose(told[:, :2].sum(1), 1, atol=1e-5)
    assert open_embedder(model).width == 16


def test_a_model_without_attributes_says_so(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, model = data.parent / "run", data.parent / "m.onnx"
    assert main(["train", str(data), "-o", str(run), *TINY]) == 0
    best = str(run / "best.safetensors")
    assert main(["export", best, "-o", str(model), "--attributes"]) == 2
    assert "trained without attributes; leave out --attributes" in capsys.readouterr().err
    assert main(["export", best, "-o", str(model)]) == 0
    assert main(["card", str(model)]) == 0
    assert "attributes" not in capsys.readouterr().out
    with pytest.raises(ReidError, match="none of its"):
        read_attributes(data.parent / "a.csv", data, np.array([40]))
