from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from embed.market import crops, mean_average_precision

from tracker.embed import ONNXEmbedder, cut_crops, open_embedder
from tracker.embed.histogram import Histogram

OSNET = "data/models/osnet_x0_25_msmt17.onnx"
BOXES = np.array([[0.0, 0, 8, 16], [4, 2, 12, 18], [-5, -5, 3, 9], [90, 90, 99, 99]])


def picture() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (40, 30, 3)).astype(np.uint8)


@pytest.fixture
def mean_onnx(tmp_path):
    """A network [N, ...] -> [N, 3]: the mean of each channel, so that what goes in can be read off what comes out."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")

    def make(shape=("n", 3, 16, 8), dtype="FLOAT", card=None, keepdims=0):
        helper, types = onnx.helper, onnx.TensorProto
        axes = [2, 3] if shape[1] == 3 else [1, 2]
        nodes = [
            helper.make_node("Cast", ["images"], ["real"], to=types.FLOAT),
            helper.make_node("ReduceMean", ["real"], ["vectors"], axes=axes, keepdims=keepdims),
        ]
        source = helper.make_tensor_value_info("images", getattr(types, dtype), list(shape))
        target = helper.make_tensor_value_info("vectors", types.FLOAT, None)
        graph = helper.make_graph(nodes, "mean", [source], [target])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        if card is not None:
            helper.set_model_props(model, {"reid.card": card})
        (tmp_path / "mean.onnx").write_bytes(model.SerializeToString())
        return tmp_path / "mean.onnx"

    return make


def means() -> np.ndarray:
    """(N, 3) of the crops, blue first."""
    return cut_crops(picture(), BOXES, (8, 16)).reshape(len(BOXES), -1, 3).mean(axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)


def test_imagenet_by_default(mean_onnx):
    expected = (means()[:, ::-1] / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    vectors = ONNXEmbedder(mean_onnx())(picture(), BOXES)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, unit(expected), atol=1e-4)


@pytest.mark.parametrize("shape", [("n", 3, 16, 8), ("n", 16, 8, 3), (1, 3, 16, 8), (3, 16, 8, 3)])
@pytest.mark.parametrize("dtype", ["FLOAT", "UINT8", "FLOAT16"])
def test_layouts_types_and_batches(mean_onnx, shape, dtype):
    chosen = {} if dtype == "UINT8" else {"order": "BGR", "scale": 1.0, "mean": (0, 0, 0), "std": (1, 1, 1)}
    embed = ONNXEmbedder(mean_onnx(shape, dtype), **chosen)
    assert (embed.width, embed.size, embed.device) == (3, (8, 16), "cpu")
    np.testing.assert_allclose(embed(picture(), BOXES), unit(means()), atol=2e-3)
    assert embed(picture(), np.empty((0, 4))).shape == (0, 3)


def test_more_boxes_than_one_batch(mean_onnx):
    embed, boxes = ONNXEmbedder(mean_onnx()), np.tile(BOXES, (20, 1))
    np.testing.assert_allclose(embed(picture(), boxes), np.tile(embed(picture(), BOXES), (20, 1)), atol=1e-6)


def test_a_model_that_describes_itself(mean_onnx):
    card = json.dumps({"order": "BGR", "scale": 1.0, "mean": [10, 20, 30], "std": [2, 4, 8], "licence": "any"})
    path = mean_onnx(card=card)
    np.testing.assert_allclose(
        ONNXEmbedder(path)(picture(), BOXES), unit((means() - (10, 20, 30)) / (2, 4, 8)), atol=1e-4
    )
    np.testing.assert_allclose(  # what the caller says wins
        ONNXEmbedder(path, mean=(0, 0, 0))(picture(), BOXES), unit(means() / (2, 4, 8)), atol=1e-4
    )
    with pytest.raises(ValueError, match=r"'reid\.card' is not a JSON object"):
        ONNXEmbedder(mean_onnx(card="[1"))


def test_vectors_with_axes_of_one_behind(mean_onnx):
    assert ONNXEmbedder(mean_onnx(keepdims=1)).width == 3


def test_open_sizes(mean_onnx):
    path = mean_onnx(("n", 3, "h", "w"))
    assert ONNXEmbedder(path).size == (128, 256)
    assert ONNXEmbedder(path, size=(8, 16))(picture(), BOXES).shape == (4, 3)
    with pytest.raises(ValueError, match="fixed to 8x16"):
        ONNXEmbedder(mean_onnx(), size=(64, 128))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"order": "GBR"}, "order 'GBR' is unknown"),
        ({"mean": (0, 0)}, "three numbers each"),
        ({"std": (1, 0, 1)}, "std must be positive"),
        ({"threads": 0}, "threads=0"),
    ],
)
def test_parameters_that_do_not_fit(mean_onnx, wrong, words):
    with pytest.raises(ValueError, match=words):
        ONNXEmbedder(mean_onnx(), **wrong)


def test_uint8_pixels_cannot_be_normalised_outside(mean_onnx):
    with pytest.raises(ValueError, match="cannot be normalised outside"):
        ONNXEmbedder(mean_onnx(dtype="UINT8"), mean=(1, 2, 3))


@pytest.mark.parametrize("output", [np.zeros(5), np.zeros((2, 5, 7)), np.zeros((2, 5, 1)), np.zeros((1, 5))])
def test_outputs_that_are_no_vectors(constant_onnx, output):
    path = constant_onnx(output, input_shape=("n", 3, 16, 8))
    with pytest.raises(ValueError, match="is not one vector per crop") as error:
        ONNXEmbedder(path)
    assert "\n" not in str(error.value)


def test_osnet_on_real_people(shared):
    embed = ONNXEmbedder(shared / OSNET)
    images, ids, cameras = crops(shared, 6, (128, 256))
    vectors = embed.of_crops(images)
    assert vectors.shape == (len(ids), 512)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert mean_average_precision(vectors, ids, cameras) > 0.75
    np.testing.assert_allclose(embed.of_crops(images[3:5]), vectors[3:5], atol=1e-4)


def test_opened_by_a_word_or_a_file(shared, tmp_path):
    assert isinstance(open_embedder("histogram"), Histogram)
    assert open_embedder("default").width == 128
    assert open_embedder(str(shared / OSNET)).width == 512
    (tmp_path / "model.pt").write_bytes(b"weights")
    for spec, words in (
        ("histgram", r"unknown embedder 'histgram', did you mean 'histogram'\?;"),
        ("gone.onnx", r"gone\.onnx: no such file"),
        (f"{tmp_path}/model.pt", r"model\.pt: is no embedder; give default"),
        (str(shared / "data/models/yolox_nano.onnx"), "is not one vector per crop"),
    ):
        with pytest.raises(ValueError, match=words):
            open_embedder(spec)


@pytest.mark.parametrize("shape", [("n", 3, 16, 8), (3, 16, 8, 3)])
def test_openvino_gives_what_onnxruntime_gives(mean_onnx, shape):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    path, boxes = mean_onnx(shape), np.tile(BOXES, (3, 1))[:7]
    embed = ONNXEmbedder(path, runtime="openvino", threads=1)
    assert (embed.runtime, embed.width) == ("openvino", 3)
    vectors = embed(picture(), boxes)
    np.testing.assert_allclose(vectors, ONNXEmbedder(path)(picture(), boxes), atol=1e-5)
    with ThreadPoolExecutor(2) as pool:
        for again in pool.map(lambda _: embed(picture(), boxes), range(8)):
            np.testing.assert_array_equal(again, vectors)
    assert embed(picture(), np.empty((0, 4))).shape == (0, 3)


def test_runtimes_that_are_not_there(mean_onnx, monkeypatch):
    path = str(mean_onnx())
    with pytest.raises(ValueError, match=r"unknown runtime 'openvin', did you mean 'openvino'"):
        ONNXEmbedder(path, runtime="openvin")
    with pytest.raises(ValueError, match="leave them out"):
        ONNXEmbedder(path, runtime="openvino", providers=["CPUExecutionProvider"])
    with pytest.raises(ValueError, match="histogram is no network"):
        open_embedder("histogram", runtime="openvino")
    monkeypatch.setattr("tracker.embed.openvino.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'trackwhy\[openvino\]'"):
        open_embedder(path, runtime="openvino")
