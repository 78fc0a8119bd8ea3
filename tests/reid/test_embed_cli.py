# ruff: noqa: E402 - the imports below need torch, and are skipped with a reason where it is absent
from __future__ import annotations

import builtins
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'trackwhy[reid]'")
onnx = pytest.importorskip("onnx")
pytest.importorskip("safetensors")

import reid
from reid import Embedder, ReidError, cli
from reid.calibrate import calibrate
from reid.card import Card, read_card
from reid.data import Crops
from reid.export import export, mirror
from reid.models import build, to_input
from reid.quantise import quantise
from tracker.install import installing

CARD = Card("repvgg_tiny", (64, 32), 16, trained_on="noise", licence="none")
PEOPLE = Crops(
    np.random.default_rng(0).integers(0, 256, (6, 64, 32, 3), dtype=np.uint8),
    np.arange(1, 7),
    np.ones(6, dtype=np.int64),
)
RUNTIMES = ["onnxruntime", *(["openvino"] if importlib.util.find_spec("openvino") else [])]


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return build("repvgg_tiny", 16).eval()


@pytest.fixture(scope="module")
def model(net, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    export(net, path, CARD)
    return path


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_crop_to_embedding_equals_torch_crop_by_crop(net, model: Path, runtime: str) -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (240, 320, 3), dtype=np.uint8)
    corner = rng.uniform(0, 150, (70, 2))
    boxes = np.hstack([corner, corner + rng.uniform(20, 80, (70, 2))])
    boxes[0] = (-30, -20, 40, 60)
    found = Embedder(model, runtime, threads=1)(frame, boxes)
    crops = []
    for x1, y1, x2, y2 in boxes:
        part = frame[max(0, int(np.floor(y1))) : int(np.ceil(y2)), max(0, int(np.floor(x1))) : int(np.ceil(x2))]
        crops.append(cv2.resize(part, (32, 64)))
    with torch.inference_mode():
        wanted = torch.nn.functional.normalize(net(to_input(np.stack(crops)))).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_auto_takes_onnxruntime_where_openvino_cannot_run_the_model(model: Path, monkeypatch) -> None:
    class Refusing:
        def __init__(self, *args: object, **more: object) -> None:
            raise ValueError("OpenVINO cannot run it")

    monkeypatch.setattr("tracker.embed.runner.OpenVINO", Refusing)
    monkeypatch.setattr("reid.embed.find_spec", lambda name: name)
    assert Embedder(model).runtime == "onnxruntime"
    with pytest.raises(ReidError, match="OpenVINO cannot run it"):
        Embedder(model, "openvino")


def test_boxes_outside_empty_and_bad(model: Path) -> None:
    embedder = Embedder(model, "onnxruntime")
    frame = np.zeros((50, 60, 3), dtype=np.uint8)
    assert embedder(frame, np.empty((0, 4))).shape == (0, 16)
    assert np.isfinite(embedder(frame, np.array([[500.0, 500, 600, 600], [5, 5, 5, 5]]))).all()
    for wrong, words in (
        (np.array([[0, 0, np.nan, 5]]), "box 0 is not finite"),
        (np.zeros((2, 5)), r"expected \(N, 4\)"),
    ):
        with pytest.raises(ReidError, match=words):
            embedder(frame, wrong)
    with pytest.raises(ReidError, match="BGR uint8"):
        embedder(frame.astype(np.float32), np.zeros((1, 4)))
    with pytest.raises(ReidError, match="unknown runtime 'openvin', did you mean 'openvino'"):
        Embedder(model, "openvin")


def test_without_preprocessing_the_result_is_the_same(net, model: Path, tmp_path: Path) -> None:
    export(net, tmp_path / "f.onnx", replace(CARD, normalised=False))
    images = np.random.default_rng(0).integers(0, 256, (40, 128, 64, 3), dtype=np.uint8)
    np.testing.assert_allclose(
        Embedder(tmp_path / "f.onnx", "onnxruntime").crops(images),
        Embedder(model, "onnxruntime").crops(images),
        atol=1e-4,
    )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_int8_keeps_the_embeddings(net, model: Path, tmp_path: Path, runtime: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (48, 64, 32, 3), dtype=np.uint8)
    quantise(net, tmp_path / "q.onnx", CARD, images)
    card = read_card(tmp_path / "q.onnx")
    assert (card.layout, card.normalised, card.trained_on) == ("NHWC", True, "noise")
    a, b = Embedder(model, "onnxruntime").crops(images), Embedder(tmp_path / "q.onnx", runtime).crops(images)
    assert (a * b).sum(1).min() > 0.97
    with pytest.raises(ReidError, match="calibration needs crops of 64x32"):
        quantise(net, tmp_path / "q.onnx", CARD, images[:, :32])


@pytest.mark.parametrize("int8", [False, True])
def test_mirrored_is_the_mean_of_both_sides(net, tmp_path: Path, int8: bool) -> None:
    images = np.random.default_rng(0).integers(0, 256, (33, 64, 32, 3), dtype=np.uint8)
    if int8:
        quantise(net, tmp_path / "m.onnx", CARD, images)
    else:
        export(net, tmp_path / "m.onnx", CARD)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    a, b = (session.run(None, {"crops": np.ascontiguousarray(x)})[0] for x in (images, images[:, :, ::-1]))
    mirror(tmp_path / "m.onnx")
    wanted = (a + b) / np.linalg.norm(a + b, axis=1, keepdims=True)
    for runtime in RUNTIMES:
        found = Embedder(tmp_path / "m.onnx", runtime).crops(images)
        assert (found * wanted).sum(1).min() > (0.97 if int8 else 0.9999)
    assert read_card(tmp_path / "m.onnx").mirrored
    with pytest.raises(ReidError, match="only once"):
        mirror(tmp_path / "m.onnx")


def test_calibration_moves_the_distances_and_keeps_the_ranking(net, crops: Crops, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    export(net, path, CARD)
    some = crops[np.arange(0, len(crops), 5)]
    before = Embedder(path, "onnxruntime").crops(some.images)
    edge = np.quantile((1 - before @ before.T)[np.triu(some.ids[:, None] != some.ids)], 0.01)
    square = calibrate(path, some, at=float(edge) / 2, rate=0.01)
    assert square == pytest.approx(1, abs=0.1)
    for runtime in RUNTIMES:
        after = Embedder(path, runtime).crops(some.images)
        assert after.shape == before.shape
        now, then = (1 - after @ after.T).ravel() * (1 + square), (1 - before @ before.T).ravel()
        assert np.corrcoef(now, then)[0, 1] > 0.99
        assert abs(np.median(now) / np.median(then) - 1) < 0.05
    with pytest.raises(ReidError, match="calibrate at less than that"):
        calibrate(path, some, at=0.9)
    with pytest.raises(ReidError, match="at least two people"):
        calibrate(path, some[some.ids == some.ids[0]])
    with pytest.raises(ReidError, match="calibrated already"):
        calibrate(path, some, at=0.01, rate=0.5)
    assert cli.main(["calibrate", str(path), str(tmp_path)]) == 2


@pytest.mark.parametrize("change", [mirror, lambda path: calibrate(path, PEOPLE, at=1e-9, rate=0.5)])
def test_no_space_leaves_the_model_as_it_was(net, tmp_path: Path, monkeypatch, change) -> None:
    path = tmp_path / "m.onnx"
    export(net, path, CARD)
    before = path.read_bytes()

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reid.card.os.replace", full)
    with pytest.raises(ReidError, match="No space left on device"):
        change(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_that_differs_is_refused_and_leaves_nothing(net, tmp_path: Path) -> None:
    with pytest.raises(ReidError, match="differs from torch"):
        export(net, tmp_path / "m.onnx", CARD, tolerance=-1)
    assert not list(tmp_path.iterdir())


def test_no_space_for_the_export_is_one_line(net, tmp_path: Path, monkeypatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("reid.export.os.replace", full)
    with pytest.raises(ReidError, match="No space left on device"):
        export(net, tmp_path / "m.onnx", CARD)
    assert not list(tmp_path.iterdir())


def test_train_resume_eval_export_quantise_prune_card(folder: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "run"
    common = ["--people", "8", "--size", "64x32", "--held-out", "10"]
    train = ["train", str(folder), "-o", str(out), "--model", "repvgg_tiny", "--epochs", "1", "--width", "16", *common]
    assert cli.main(train) == 0
    assert cli.main([*train, "--resume"]) == 0
    best = str(out / "best.safetensors")
    note = ["--trained-on", "a test", "--licence", "none"]
    assert cli.main(["export", best, "-o", str(tmp_path / "m.onnx"), *note]) == 0
    assert cli.main(["quantise", best, str(folder), "-o", str(tmp_path / "q.onnx"), "--last", "10", "--mirror"]) == 0
    assert (
        cli.main(["prune", best, str(folder), "-o", str(tmp_path / "p.onnx"), "--epochs", "1", "--held-out", "10"]) == 0
    )
    distil = ["distil", str(folder), "--teacher", str(tmp_path / "m.onnx"), "-o", str(tmp_path / "d")]
    assert cli.main([*distil, "--model", "repvgg_tiny", "--epochs", "1", *common]) == 0
    capsys.readouterr()
    assert cli.main(["eval", str(tmp_path / "p" / "best.safetensors"), str(folder)]) == 2
    assert "use the .onnx file it wrote" in capsys.readouterr().err
    scores = []
    for name in ("m.onnx", "q.onnx", "p.onnx", "run/best.safetensors"):
        assert cli.main(["eval", str(tmp_path / name), str(folder), "--last", "10", "--json"]) == 0
        scores.append(json.loads(capsys.readouterr().out)["mean_ap"])
    assert scores[0] == pytest.approx(scores[3], abs=2e-3)
    assert scores[1] == pytest.approx(scores[0], abs=0.05)
    assert cli.main(["eval", str(tmp_path / "m.onnx"), str(folder), "--query", str(folder)]) == 0
    assert cli.main(["card", str(tmp_path / "m.onnx")]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1])["trained_on"] == "a test"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["eval", "no.onnx", "."], "no such model file"),
        (["train", "no", "-o", "x"], "no such folder"),
        (["export", "no.safetensors", "-o", "x.onnx"], "no such checkpoint"),
        (["train", ".", "-o", "x", "--epochs", "0"], "--epochs must be at least 1"),
        (["train", ".", "-o", "x", "--width", "0"], "--width must be at least 1"),
        (["train", ".", "-o", "x", "--seed", "-1"], "--seed must be at least 0"),
        (["train", ".", "-o", "x", "--held-out", "-1"], "--held-out must be at least 0"),
        (["train", ".", "-o", "x", "--held-out", "0"], "no identity is held out for scoring"),
        (["train", ".", "-o", "done"], "--resume continues it, --overwrite starts again"),
        (["distil", ".", "-o", "done", "--teacher", "t.xml"], "--resume continues it, --overwrite starts again"),
        (["distil", ".", "-o", "x", "--teacher", "t.xml", "--held-out", "0"], "no identity is held out for scoring"),
        (
            ["export", "a.safetensors", "-o", "done.onnx"],
            "done.onnx: exists; give another name with -o, or --overwrite",
        ),
        (["quantise", "a.safetensors", ".", "-o", "done.onnx"], "done.onnx: exists"),
        (["prune", "a.safetensors", ".", "-o", "done.onnx"], "done.onnx: exists"),
        (["prune", "a.safetensors", ".", "-o", "x"], "must end in .onnx"),
        (["prune", "a.safetensors", ".", "-o", "x.onnx", "--epochs", "0"], "--epochs must be at least 1"),
        (["quantise", "a.safetensors", ".", "-o", "x.onnx", "--crops", "0"], "--crops must be at least 1"),
        (["export", "a.safetensors", "-o", "x.onnx", "--mirror", "--no-preprocessing"], "leave out --no-preprocessing"),
        (["eval", "default", ".", "--last", "-1"], "--last must be at least 0"),
        (["calibrate", "m.onnx", ".", "--last", "-1"], "--last must be at least 0"),
        (["card", "done/last.safetensors"], "a checkpoint; track reid export"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: list[str], words: str, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for index in range(2):
        for camera in (1, 2):
            cv2.imwrite(f"000{index + 1}_c{camera}s1_1_1.jpg", np.zeros((64, 32, 3), dtype=np.uint8))
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "last.safetensors").touch()
    (tmp_path / "done.onnx").touch()
    assert cli.main(arguments) == 2
    assert not {"x", "x.onnx"} & {path.name for path in tmp_path.iterdir()}
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_torch_missing_names_the_extra(monkeypatch, capsys, tmp_path) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **more: object) -> object:
        if name in {"torch", "reid.train", "reid.checkpoint"}:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert cli.main(["train", str(tmp_path), "-o", "x"]) == 2
    assert installing("reid") in capsys.readouterr().err


@pytest.mark.parametrize("package", ["torch", "safetensors"])
def test_a_missing_package_is_named_as_itself_before_any_work(package: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from reid.cli import main; sys.exit(main(sys.argv[1:]))"
    for command in (
        ["train", "nowhere", "-o", str(tmp_path / "run")],
        ["export", "no", "-o", str(tmp_path / "m.onnx")],
    ):
        ended = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
        assert ended.stderr == f"reid: needs {package}, which is not installed: {installing('reid')}\n"
        assert ended.returncode == 2


def test_train_again_is_asked_for_and_a_students_size_goes_on_its_card(folder: Path, tmp_path: Path) -> None:
    out, common = str(tmp_path / "d"), ["--people", "8", "--size", "64x32", "--held-out", "10", "--epochs", "1"]
    train = ["train", str(folder), "-o", out, "--model", "repvgg_tiny", "--width", "16", *common]
    assert cli.main(train) == 0
    before = (tmp_path / "d" / "last.safetensors").read_bytes()
    assert cli.main(train) == 2
    assert (tmp_path / "d" / "last.safetensors").read_bytes() == before
    best, teacher = f"{out}/best.safetensors", str(tmp_path / "m.onnx")
    assert cli.main(["export", best, "-o", teacher]) == 0
    assert cli.main(["export", best, "-o", teacher]) == 2
    assert cli.main(["export", best, "-o", teacher, "--overwrite"]) == 0
    distil = ["distil", str(folder), "--teacher", teacher, "-o", out, "--model", "repvgg_tiny", *common]
    assert cli.main(distil) == 2
    assert cli.main([*distil, "--overwrite"]) == 0
    assert cli.main(["export", best, "-o", teacher, "--overwrite"]) == 0
    assert read_card(teacher).size == (64, 32)


def test_ctrl_c_is_one_line_and_130(monkeypatch, capsys) -> None:
    def stop(args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reid.commands.run_card", stop)
    assert cli.main(["card"]) == 130
    assert "--resume" in capsys.readouterr().err


def test_mounts_under_another_command() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    cli.add_parsers(parser.add_subparsers())
    assert parser.parse_args(["reid", "card", "x.onnx"]).run is not None


def test_the_public_list() -> None:
    assert set(reid.__all__) == {
        "Card", "Embedder", "ReidError", "Scores", "default_model", "evaluate", "evaluate_one_set", "read_card",
    }  # fmt: skip


def test_galleries_of_another_width_are_refused(crops: Crops, model: Path) -> None:
    rows = Embedder(model, "onnxruntime").crops(crops.images[:20])
    with pytest.raises(ReidError, match="come from different models"):
        reid.evaluate(rows, crops.ids[:20], crops.cameras[:20], rows[:, :8], crops.ids[:20], crops.cameras[:20])


def test_eval_takes_a_model_without_a_card(net, folder: Path, tmp_path: Path, capsys) -> None:
    export(net, tmp_path / "m.onnx", CARD)
    model = onnx.load(str(tmp_path / "m.onnx"))
    del model.metadata_props[:]
    onnx.save(model, str(tmp_path / "bare.onnx"))
    scores = []
    for name in ("m.onnx", "bare.onnx"):
        assert cli.main(["eval", str(tmp_path / name), str(folder), "--last", "5", "--json"]) == 0
        scores.append(json.loads(capsys.readouterr().out))
    assert scores[0] == scores[1]
    with pytest.raises(ReidError, match="has no reid card"):
        Embedder(tmp_path / "bare.onnx")
