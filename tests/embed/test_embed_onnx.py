from __future__ import annotations

import hashlib
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from embed.market import crops, mean_average_precision

from tracker.embed import Embedder, Histogram, ONNXEmbedder, cut_crops, model_files, open_embedder
from tracker.embed.runner import open_runner
from tracker.install import installing

OSNET = "data/models/osnet_x0_25_msmt17.onnx"
BOXES = np.array([[0.0, 0, 8, 16], [4, 2, 12, 18], [-5, -5, 3, 9], [90, 90, 99, 99]])


def an_image() -> np.ndarray:
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
    return cut_crops(an_image(), BOXES, (8, 16)).reshape(len(BOXES), -1, 3).mean(axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)


def test_imagenet_by_default(mean_onnx):
    expected = (means()[:, ::-1] / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    vectors = ONNXEmbedder(mean_onnx())(an_image(), BOXES)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, unit(expected), atol=1e-4)


@pytest.mark.parametrize("shape", [("n", 3, 16, 8), ("n", 16, 8, 3), (1, 3, 16, 8), (3, 16, 8, 3)])
@pytest.mark.parametrize("dtype", ["FLOAT", "UINT8", "FLOAT16"])
def test_layouts_types_and_batches(mean_onnx, shape, dtype):
    chosen = {} if dtype == "UINT8" else {"order": "BGR", "scale": 1.0, "mean": (0, 0, 0), "std": (1, 1, 1)}
    embed = ONNXEmbedder(mean_onnx(shape, dtype), **chosen)
    assert (embed.width, embed.size, embed.device) == (3, (8, 16), "cpu")
    np.testing.assert_allclose(embed(an_image(), BOXES), unit(means()), atol=2e-3)
    assert embed(an_image(), np.empty((0, 4))).shape == (0, 3)


def test_more_boxes_than_one_batch(mean_onnx):
    embed, boxes = ONNXEmbedder(mean_onnx()), np.tile(BOXES, (20, 1))
    np.testing.assert_allclose(embed(an_image(), boxes), np.tile(embed(an_image(), BOXES), (20, 1)), atol=1e-6)


def test_a_model_that_describes_itself(mean_onnx):
    card = json.dumps({"order": "BGR", "scale": 1.0, "mean": [10, 20, 30], "std": [2, 4, 8], "licence": "any"})
    path = mean_onnx(card=card)
    np.testing.assert_allclose(
        ONNXEmbedder(path)(an_image(), BOXES), unit((means() - (10, 20, 30)) / (2, 4, 8)), atol=1e-4
    )
    np.testing.assert_allclose(  # what the caller says wins
        ONNXEmbedder(path, mean=(0, 0, 0))(an_image(), BOXES), unit(means() / (2, 4, 8)), atol=1e-4
    )
    with pytest.raises(ValueError, match=r"'reid\.card' is not a JSON object"):
        ONNXEmbedder(mean_onnx(card="[1"))


def test_vectors_with_axes_of_one_behind(mean_onnx):
    assert ONNXEmbedder(mean_onnx(keepdims=1)).width == 3


def test_open_sizes(mean_onnx):
    path = mean_onnx(("n", 3, "h", "w"))
    assert ONNXEmbedder(path).size == (128, 256)
    assert ONNXEmbedder(path, size=(8, 16))(an_image(), BOXES).shape == (4, 3)
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


@pytest.mark.slow
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
        (f"{tmp_path}/model.pt", r"model\.pt: is no embedder; give default, histogram, MODEL\.onnx or"),
        (
            str(shared / "data/models/yolox_nano.onnx"),
            "not one vector per crop.*; if it is a detector, pass it as",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            open_embedder(spec)


@pytest.mark.parametrize("shape", [("n", 3, 16, 8), (3, 16, 8, 3)])
def test_openvino_gives_what_onnxruntime_gives(mean_onnx, shape):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    path, boxes = mean_onnx(shape), np.tile(BOXES, (3, 1))[:7]
    embed = ONNXEmbedder(path, runtime="openvino", threads=1)
    assert (embed.runtime, embed.width) == ("openvino", 3)
    vectors = embed(an_image(), boxes)
    np.testing.assert_allclose(vectors, ONNXEmbedder(path)(an_image(), boxes), atol=1e-5)
    with ThreadPoolExecutor(2) as pool:
        for again in pool.map(lambda _: embed(an_image(), boxes), range(8)):
            np.testing.assert_array_equal(again, vectors)
    assert embed(an_image(), np.empty((0, 4))).shape == (0, 3)


def test_runtimes_that_are_not_there(mean_onnx, monkeypatch):
    path = str(mean_onnx())
    with pytest.raises(ValueError, match=r"unknown runtime 'openvin', did you mean 'openvino'"):
        ONNXEmbedder(path, runtime="openvin")
    with pytest.raises(ValueError, match="leave them out"):
        ONNXEmbedder(path, runtime="openvino", providers=["CPUExecutionProvider"])
    with pytest.raises(ValueError, match="histogram is no network"):
        open_embedder("histogram", runtime="openvino")
    monkeypatch.setattr("tracker.embed.openvino.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=re.escape(installing("openvino"))):
        open_embedder(path, runtime="openvino")


def test_every_embedder_says_what_it_is(mean_onnx):
    for embedder, runtime in ((ONNXEmbedder(mean_onnx()), "onnxruntime"), (Histogram(), None)):
        assert isinstance(embedder, Embedder)
        assert (embedder.device, embedder.runtime) == ("cpu", runtime)
    assert not isinstance(cut_crops, Embedder)  # a function says none of it


def test_the_fingerprint_is_the_content_and_not_the_name(mean_onnx, tmp_path):
    path = mean_onnx()
    first = ONNXEmbedder(path).fingerprint
    assert first == hashlib.sha256(path.read_bytes()).hexdigest()
    shutil.copy(path, tmp_path / "other.onnx")
    assert ONNXEmbedder(tmp_path / "other.onnx", threads=1).fingerprint == first
    by_hand = [{"order": "BGR"}, {"scale": 1.0}, {"mean": (0, 0, 0)}, {"std": (1, 1, 1)}, {"size": (8, 16)}]
    assert len({first, *(ONNXEmbedder(path, **given).fingerprint for given in by_hand)}) == 6
    path = mean_onnx(card='{"order": "BGR"}')  # another model under the same name
    assert ONNXEmbedder(path).fingerprint != first


def test_the_fingerprint_of_a_histogram_follows_its_parameters():
    assert Histogram().fingerprint == Histogram(stripes=8).fingerprint != Histogram(stripes=4).fingerprint


def test_model_files_are_what_is_read(mean_onnx, tmp_path):
    path = mean_onnx()
    assert model_files("histogram") == []
    assert [file.suffix for file in model_files("default")] == [".onnx"]
    assert model_files(str(path)) == [path]
    with pytest.raises(ValueError, match=r"gone\.onnx: no such file"):
        model_files("gone.onnx")
    with pytest.raises(ValueError, match="unknown embedder 'histgram'"):
        model_files("histgram")
    (tmp_path / "m.xml").touch()
    with pytest.raises(ValueError, match=r"m\.bin: no such file beside m\.xml"):
        model_files(str(tmp_path / "m.xml"))


@pytest.mark.parametrize("name", ["w.data", "w" * 200])
def test_weights_in_a_file_of_their_own_belong_to_the_model(tmp_path, name):
    """As torch exports by default since 2.9; a name of 128 letters or more has its length in two bytes."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    helper, types = onnx.helper, onnx.TensorProto
    source = helper.make_tensor_value_info("images", types.FLOAT, ["n", 3, 16, 8])
    target = helper.make_tensor_value_info("vectors", types.FLOAT, None)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["vectors"]),
    ]

    def written(value):
        weights = onnx.numpy_helper.from_array(np.full((3, 4), value, np.float32), "weights")
        graph = helper.make_graph(nodes, "test", [source], [target], [weights])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(model, {"location": "no file, but metadata"})
        (tmp_path / name).unlink(missing_ok=True)
        onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, location=name, size_threshold=0)
        return tmp_path / "m.onnx"

    path = written(1.0)
    assert model_files(str(path)) == [path, tmp_path / name]
    first, head = ONNXEmbedder(path).fingerprint, path.read_bytes()
    assert written(2.0).read_bytes() == head
    assert ONNXEmbedder(path).fingerprint != first


@pytest.fixture
def mean_xml(mean_onnx, tmp_path):
    """The same network as ``mean_onnx`` in OpenVINO's own format."""
    openvino = pytest.importorskip("openvino", reason="needs the extra openvino")

    def make(*args, **more):
        openvino.save_model(openvino.convert_model(mean_onnx(*args, **more)), tmp_path / "mean.xml", False)
        return tmp_path / "mean.xml"

    return make


@pytest.mark.parametrize("shape", [("n", 3, 16, 8), (1, 3, 16, 8), (1, 16, 8, 3)])
def test_openvinos_own_format_takes_bgr_pixels_as_they_are(mean_xml, shape):
    path = mean_xml(shape)
    embed = open_embedder(str(path))
    assert (embed.name, embed.runtime, embed.device, embed.width) == ("mean.xml", "openvino", "cpu", 3)
    np.testing.assert_allclose(embed(an_image(), np.tile(BOXES, (3, 1))), np.tile(unit(means()), (3, 1)), atol=1e-5)
    assert open_runner(path).fixed is None  # though the file says 1
    both = path.read_bytes() + path.with_suffix(".bin").read_bytes()
    assert embed.fingerprint == hashlib.sha256(both).hexdigest()
    assert model_files(str(path)) == [path, path.with_suffix(".bin")]
    np.testing.assert_allclose(ONNXEmbedder(path, order="RGB")(an_image(), BOXES), unit(means()[:, ::-1]), atol=1e-5)


def test_what_openvino_cannot_take(mean_xml, tmp_path):
    path = mean_xml()
    with pytest.raises(ValueError, match="onnxruntime cannot run OpenVINO's own format; use the runtime openvino"):
        open_embedder(str(path), runtime="onnxruntime")
    with pytest.raises(ValueError, match="threads=0"):
        open_embedder(str(path), threads=0)
    for words, name in (("is not an OpenVINO model", "junk.xml"), ("no such file", "gone.xml")):
        if name == "junk.xml":
            (tmp_path / name).write_text("<net/>")
            (tmp_path / "junk.bin").touch()
        with pytest.raises(ValueError, match=words) as error:
            open_embedder(str(tmp_path / name))
        assert "\n" not in str(error.value)
    path.with_suffix(".bin").unlink()
    with pytest.raises(ValueError, match=r"mean\.bin: no such file beside mean\.xml"):
        open_embedder(str(path))


def test_an_openvino_model_whose_batch_is_fixed_is_fed_one_by_one(tmp_path):
    openvino = pytest.importorskip("openvino", reason="needs the extra openvino")
    from openvino import opset13

    images = opset13.parameter([1, 3, 16, 8], np.float32, name="images")
    mean = opset13.reduce_mean(images, np.array([2, 3]), keep_dims=False)
    vectors = opset13.reshape(mean, np.array([1, 3]), special_zero=False)
    openvino.save_model(openvino.Model([vectors], [images], "fixed"), tmp_path / "fixed.xml", False)
    assert open_runner(tmp_path / "fixed.xml").fixed == 1
    embed = open_embedder(str(tmp_path / "fixed.xml"))
    np.testing.assert_allclose(embed(an_image(), BOXES), unit(means()), atol=1e-5)


def test_retail_networks_find_people(shared):
    pytest.importorskip("openvino", reason="needs the extra openvino")
    embed = open_embedder(str(shared / "data/models/person-reidentification-retail-0288.xml"))
    images, ids, cameras = crops(shared, 6, (128, 256))
    vectors = embed.of_crops(images)
    assert vectors.shape == (len(ids), 256)
    assert mean_average_precision(vectors, ids, cameras) > 0.85


def test_a_classifier_is_no_embedder(mean_onnx):
    import onnx

    path = mean_onnx()
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"task": "classify", "names": "{0: 'cat'}"})
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"mean\.onnx: is a classifier \(task classify\), no embedder"):
        open_embedder(str(path))
