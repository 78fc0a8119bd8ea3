from __future__ import annotations

import copy
import sys

import numpy as np
import pytest
from detect.pets import frames, people, recall_precision

from tracker.detect import ONNX
from tracker.detect.coco import COCO
from tracker.detect.grid import STRIDES_P6, Grid, cell_count
from tracker.detect.head import HeadError

CELLS = cell_count((64, 64))  # 84 on a 64x64 input
NAMES = {"names": "{0: 'person', 1: 'car'}", "task": "detect"}
IMAGE = np.zeros((128, 128, 3), np.uint8)  # twice the input


def yolov8(*objects: tuple[float, ...], extra: int = 0, classes: int = 2) -> np.ndarray:
    """[1, 4 + classes + extra, cells] with objects (cx, cy, w, h, scores...)."""
    answer = np.zeros((1, 4 + classes + extra, CELLS), np.float32)
    for cell, numbers in enumerate(objects):
        answer[0, : len(numbers), 7 * cell] = numbers
    return answer


def yolox(*objects: tuple[float, ...], decoded: bool, classes: int = 2) -> np.ndarray:
    """[1, cells, 5 + classes] with objects (cell, cx, cy, w, h, objectness, scores...), pixels either way."""
    grid = Grid.of((64, 64))
    answer = np.zeros((1, CELLS, 5 + classes), np.float32)
    answer[0, :, :2] = (grid.cells + 0.5) * grid.strides
    answer[0, :, 2:4] = grid.strides
    for cell, *numbers in objects:
        answer[0, cell] = numbers
    if not decoded:
        answer[0, :, :2] = answer[0, :, :2] / grid.strides - grid.cells
        answer[0, :, 2:4] = np.log(answer[0, :, 2:4] / grid.strides)
    return answer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conf", "expected"),
    [(0.3, (0.91, 0.77)), (0.5, (0.88, 0.83))],
)
def test_yolox_on_real_frames(shared, conf, expected):
    detector = ONNX(shared / "data/models/yolox_nano.onnx", conf=conf, classes=["person"])
    truth = people(shared)
    seen = [(detector(image).boxes, truth[number]) for number, image in frames(shared, 1, 795, 20)]
    recall, precision = recall_precision(seen)
    # 40 of the 795 frames: within .05 of the figures of all, and no worse than .01 below
    assert expected[0] - 0.01 < recall < expected[0] + 0.05
    assert expected[1] - 0.01 < precision < expected[1] + 0.05
    assert detector.head == "yolox"
    assert detector.size == (416, 416)
    assert detector.device == "cpu"
    assert list(detector.class_names.values()) == list(COCO)


@pytest.mark.parametrize("decoded", [False, True])
def test_yolox_rows_decoded_or_not(constant_onnx, decoded):
    answer = yolox((3, 30.0, 6, 8, 4, 0.9, 0.1, 0.8), (80, 20.0, 40, 30, 20, 0.5, 0.9, 0), decoded=decoded)
    found = ONNX(constant_onnx(answer), conf=0.4, class_names=["person", "car"])(IMAGE)
    np.testing.assert_allclose(found.boxes, 2 * np.array([[26.0, 4, 34, 8], [5, 30, 35, 50]]), rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.72, 0.45], rtol=1e-5)
    assert found.classes.tolist() == [1, 0]


def test_yolox_with_a_fourth_grid(constant_onnx):
    answer = np.zeros((1, cell_count((64, 64), STRIDES_P6), 7), np.float32)
    answer[0, -1] = (0.5, 0.5, 0, 0, 1, 1, 0)  # the one cell of stride 64
    np.testing.assert_allclose(ONNX(constant_onnx(answer))(IMAGE).boxes, [[0, 0, 128, 128]])


@pytest.mark.parametrize("extra", [0, 32])
def test_yolov8_with_names_and_mask_weights_behind_the_classes(constant_onnx, extra):
    answer = yolov8((32, 32, 10, 20, 0.9, 0.2), (10, 10, 4, 4, 0.1, 0.6), (10, 10, 4, 4, 0.2, 0.4), extra=extra)
    answer[0, 6:] = 50.0
    detector = ONNX(constant_onnx(answer, metadata=NAMES))
    found = detector(IMAGE)
    assert detector.head == "yolov8"
    assert [detector.class_names[kind] for kind in found.classes] == ["person", "car"]
    np.testing.assert_allclose(found.boxes, 2 * np.array([[27.0, 22, 37, 42], [8, 8, 12, 12]]), rtol=1e-6)


def test_boxes_come_back_through_the_borders(constant_onnx):
    detector = ONNX(constant_onnx(yolov8((32, 32, 10, 20, 0.9, 0.0)), metadata=NAMES))
    wide = detector(np.zeros((64, 128, 3), np.uint8))  # 32 rows of 64, 16 of grey above
    np.testing.assert_allclose(wide.boxes, [[54.0, 12, 74, 52]])


def test_end_to_end(constant_onnx):
    answer = np.zeros((1, 300, 6), np.float32)
    answer[0, :3] = [(1, 2, 11, 22, 0.9, 1), (1, 2, 11, 22, 0.8, 0), (1, 2, 11, 22, 0.4, 0)]
    found = ONNX(constant_onnx(answer, metadata=NAMES), nms="per-class")(IMAGE)
    np.testing.assert_allclose(found.boxes, [[2.0, 4, 22, 44]] * 2)
    assert found.classes.tolist() == [1, 0]
    only = ONNX(constant_onnx(answer, metadata=NAMES), classes=["Person"])(IMAGE)
    assert only.classes.tolist() == [0]
    answer[0, 1, 5] = 5  # a number without a name is nobody's choice
    assert ONNX(constant_onnx(answer, metadata=NAMES), nms="per-class")(IMAGE).classes.tolist() == [1, 5]
    assert ONNX(constant_onnx(answer, metadata=NAMES))(IMAGE).classes.tolist() == [1]
    assert ONNX(constant_onnx(answer, metadata=NAMES), classes=["car"])(IMAGE).classes.tolist() == [1]


def test_one_box_per_object_and_class(constant_onnx):
    same = [(32.0, 32, 20, 20), (33.0, 32, 20, 20)]
    answer = yolov8((*same[0], 0.9, 0), (*same[1], 0.8, 0), (*same[1], 0, 0.7))
    path = constant_onnx(answer, metadata=NAMES)
    np.testing.assert_allclose(ONNX(path, nms="per-class")(IMAGE).scores, [0.9, 0.7])
    assert len(ONNX(path, iou=0.95, nms="per-class")(IMAGE)) == 3


def test_bad_rows_are_dropped_and_counted(constant_onnx):
    answer = yolov8(
        (32, 32, 10, 20, 0.9, 0), (np.nan, 5, 5, 5, 0.9, 0), (20, 20, 0, 5, 0.9, 0), (5, 5, 5, 5, np.nan, 0)
    )
    found = ONNX(constant_onnx(answer, metadata=NAMES))(IMAGE)
    assert len(found) == 1
    assert found.dropped == 2  # a NaN score is below every threshold


@pytest.mark.parametrize("dtype", ["FLOAT16", "UINT8"])
@pytest.mark.parametrize("shape", [("batch", 3, "height", "width"), (1, "h", "w", 3)])
def test_other_inputs_and_open_sizes(constant_onnx, dtype, shape):
    path = constant_onnx(
        yolov8((32, 32, 10, 20, 0.9, 0)), input_shape=shape, dtype=dtype, metadata={**NAMES, "imgsz": "[64, 64]"}
    )
    np.testing.assert_allclose(ONNX(path)(IMAGE).boxes, [[54.0, 44, 74, 84]])
    with pytest.raises(ValueError, match="multiples of 32"):
        ONNX(path, size=(100, 64))


def test_names_given_win_and_unnamed_classes_are_numbers(constant_onnx):
    path = constant_onnx(yolov8((32, 32, 10, 20, 0, 0.9)))
    assert dict(ONNX(path).class_names) == {0: "0", 1: "1"}
    assert len(ONNX(path, classes=["0"])(IMAGE)) == 0
    assert len(ONNX(path, class_names=["cat", "dog"], classes=["dog"])(IMAGE)) == 1
    for answer, head in ((yolov8(), None), (yolox(decoded=True), "yolox")):
        with pytest.raises(ValueError, match="the model has 2 classes"):
            ONNX(constant_onnx(answer), class_names=["a", "b", "c"], head=head)


def test_unknown_class_names_the_nearest(shared):
    with pytest.raises(ValueError, match=r"no class 'persn', did you mean 'person'\?;"):
        ONNX(shared / "data/models/yolox_nano.onnx", classes=["persn"])


def one_line(error: pytest.ExceptionInfo[ValueError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_files_that_are_no_model(tmp_path, capfd):
    for name, content in (
        ("junk.onnx", b"\x89PNG not a model"),
        ("empty.onnx", b""),
        ("page.onnx", b"<html>404</html>"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="not an ONNX model") as error:
            ONNX(tmp_path / name)
        one_line(error, name)
    with pytest.raises(ValueError, match="no such file") as error:
        ONNX(tmp_path / "gone.onnx")
    one_line(error, "gone.onnx")
    with pytest.raises(ValueError, match="is a folder"):
        ONNX(tmp_path)
    assert capfd.readouterr() == ("", "")  # onnxruntime itself says nothing


def test_truncated_model(shared, tmp_path):
    whole = (shared / "data/models/yolox_nano.onnx").read_bytes()
    (tmp_path / "half model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="half model") as error:
        ONNX(tmp_path / "half model.onnx")
    one_line(error)


@pytest.mark.parametrize(
    ("output", "metadata", "words"),
    [
        (np.zeros((1, 100, 90)), {}, "[1, 100, 90] is no head known here"),
        (np.ones((1, 512)), {}, "one vector per image; if it is an embedder, pass it as --reid"),
        (np.ones((1, 256, 1, 1)), {}, "one vector per image"),
        (np.full((1, 1000), 0.001), {}, "is no head known here"),  # a classifier
        (np.ones((1, 512)), {"task": "classify"}, "is no head known here"),
        (np.ones((1, 7)), {}, "is no head known here"),
        (np.ones((2, 512)), {}, "is no head known here"),
        (np.ones((300, 6)), {}, "is no head known here"),
        (np.zeros((1, 7, CELLS)), {"task": "classify"}, "(task classify) is no head known here"),
        (np.zeros((4,)), {}, "is no head known here"),
    ],
)
def test_other_heads(constant_onnx, output, metadata, words):
    with pytest.raises(ValueError, match=r"model\.onnx") as error:
        ONNX(constant_onnx(output, metadata=metadata))
    one_line(error, words)


@pytest.mark.parametrize(
    ("shape", "dtype", "words"),
    [
        ((1, 10), "FLOAT", "is not one batch of images"),
        ((64, 64), "FLOAT", "input images [64, 64] is not one batch of images"),
        ((1, 1, 3, 64, 64), "FLOAT", "is not one batch of images"),
        ((1, 1, 64, 64), "FLOAT", "input images [1, 1, 64, 64] is not one batch of images"),
        ((1, 3, 64, 64), "INT64", "type tensor(int64)"),
        ((1, 3, 64, 64), "INT8", "type tensor(int8); export it with float32, float16 or uint8 pixels"),
        ((8, 3, 64, 64), "FLOAT", "takes 8 images at a time"),
    ],
)
def test_other_inputs(constant_onnx, shape, dtype, words):
    with pytest.raises(ValueError, match=r"model\.onnx") as error:
        ONNX(constant_onnx(yolov8(), input_shape=shape, dtype=dtype))
    one_line(error, words)


def test_other_parameters(constant_onnx):
    path = constant_onnx(yolov8())
    for wrong, words in (
        ({"conf": 2.0}, "conf=2"),
        ({"threads": 0}, "threads=0"),
        ({"providers": ["NoSuchProvider"]}, "NoSuchProvider"),
        ({"size": (32, 32)}, "fixed to"),
        ({"classes": "person"}, "one string"),
    ):
        with pytest.raises(ValueError, match=words):
            ONNX(path, **wrong)


def test_all_outputs_run_and_the_first_is_enough_for_these_heads(constant_onnx):
    answer = yolov8((32, 32, 10, 20, 0.9, 0.2), extra=32)
    masks = np.ones((1, 32, 16, 16))
    detector = ONNX(constant_onnx(answer, masks, metadata={**NAMES, "task": "segment"}))
    assert detector.head == "yolov8"
    assert len(detector(IMAGE)) == 1
    with pytest.raises(HeadError, match=r"output output \[1, 32, 16, 16\], output1 \[1, 38, 84\] .* is no head"):
        ONNX(constant_onnx(masks, answer, metadata=NAMES))


def test_the_head_may_be_named(constant_onnx):
    answer = yolov8((32, 32, 10, 20, 0.9, 0.2), classes=3).transpose(0, 2, 1)
    path = constant_onnx(answer)
    assert ONNX(path).head == "yolox"  # the shape allows both
    detector = ONNX(path, head="yolov8")
    assert detector.head == "yolov8"
    np.testing.assert_allclose(detector(IMAGE).boxes, [[54.0, 44, 74, 84]])
    with pytest.raises(HeadError, match="does not fit the head end-to-end"):
        ONNX(path, head="end-to-end")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"opset_imports": {"": 99}}, "has opset 99, and this onnxruntime reads up to"),
        ({"ir_version": 99}, "has IR version 99, and this onnxruntime reads up to"),
        ({"domain": "com.mine"}, "uses the custom operator com.mine:Mine, which onnxruntime does not have"),
        ({"op": "Nope"}, "onnxruntime cannot run it (This is an invalid model. In Node"),
        ({"op": "Constant"}, "onnxruntime cannot run it ("),
    ],
)
def test_models_that_this_onnxruntime_cannot_run(tmp_path, capfd, file, words):
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    helper, types = onnx.helper, onnx.TensorProto
    domain = file.get("domain", "")
    node = helper.make_node(file.get("op", "Mine"), ["images"], ["output"], domain=domain)
    graph = helper.make_graph(
        [node],
        "test",
        [helper.make_tensor_value_info("images", types.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", types.FLOAT, None)],
    )
    opsets = {"": 17, domain: 17} | file.get("opset_imports", {})
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(name, version) for name, version in opsets.items()],
        ir_version=file.get("ir_version", 8),
    )
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"model\.onnx: ") as error:
        ONNX(tmp_path / "model.onnx")
    one_line(error, words)
    assert ".cc:" not in str(error.value)
    assert ".h:" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_opening_is_silent(shared, capfd):
    for name in ("ultraface_rfb_320", "ultraface_rfb_320_raw", "faceboxes"):  # hundreds of warnings of onnxruntime
        ONNX(shared / f"data/models/{name}.onnx")
    assert capfd.readouterr() == ("", "")


def test_model_files_name_the_weights_outside(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    helper, types = onnx.helper, onnx.TensorProto
    weights = onnx.numpy_helper.from_array(yolov8((32, 32, 10, 20, 0.9, 0.2)), "weights")
    graph = helper.make_graph(
        [helper.make_node("Identity", ["weights"], ["output"])],
        "test",
        [helper.make_tensor_value_info("images", types.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", types.FLOAT, None)],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "model.onnx"
    for outside in ("weights.bin", "w" * 150 + ".bin"):  # a length of one byte, and of two
        onnx.save_model(copy.deepcopy(model), path, save_as_external_data=True, location=outside, size_threshold=0)
        detector = ONNX(path)
        assert detector.model_files == (path, tmp_path / outside)
        assert len(detector(IMAGE)) == 1
        (tmp_path / outside).write_bytes(b"cut")
        with pytest.raises(ValueError, match=rf"model\.onnx: its weights in {outside} cannot be read"):
            ONNX(path)
        (tmp_path / outside).unlink()
        with pytest.raises(
            ValueError, match=rf"model\.onnx: keeps its weights in {outside}, which is not there"
        ) as error:
            ONNX(path)
        one_line(error)


def test_the_same_image_twice_and_the_image_untouched(shared):
    detector = ONNX(shared / "data/models/yolox_nano.onnx", conf=0.3)
    (_, image), (_, other) = frames(shared, 1, 200, 199)
    before = image.copy()
    first = detector(image)
    detector(other)
    second = detector(image)
    np.testing.assert_array_equal(first.boxes, second.boxes)
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(image, before)


def test_importing_the_detectors_loads_nothing_heavy():
    import subprocess

    heavy = ["cv2", "onnxruntime", "torch"]
    code = f"import sys, tracker.detect, tracker.embed; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_yolov7_end_to_end(constant_onnx):
    answer = [[0, 10, 10, 20, 30, 2, 0.9], [0, 11, 10, 20, 30, 2, 0.8], [0, 1, 2, 3, 4, 0, 0.1]]
    detector = ONNX(constant_onnx(answer))
    assert (detector.head, detector.class_names[2], len(detector.class_names)) == ("yolov7-end2end", "car", 80)
    found = detector(IMAGE)
    np.testing.assert_allclose(found.boxes, [[20, 20, 40, 60], [22, 20, 40, 60]])  # thinned out inside already
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    assert found.classes.tolist() == [2, 2]
    nothing = ONNX(constant_onnx(np.zeros((0, 7)), metadata=NAMES))
    assert (nothing.head, len(nothing.class_names), len(nothing(IMAGE))) == ("yolov7-end2end", 2, 0)


def test_yolov6_has_a_constant_where_yolox_has_its_objectness(constant_onnx):
    answer = yolox((3, 30.0, 6, 8, 4, 1, 0.1, 0.8), decoded=True)
    answer[..., 4] = 1
    detector = ONNX(constant_onnx(answer))
    assert (detector.head, len(detector.class_names)) == ("yolov6", 2)
    found = detector(np.zeros((64, 128, 3), np.uint8))  # 32 rows of 64, 16 of grey above
    np.testing.assert_allclose(found.boxes, [[52, -24, 68, -16]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.8], rtol=1e-5)
    assert ONNX(constant_onnx(answer), head="yolox").head == "yolox"


def test_names_and_values_choose_between_yolov8_in_rows_and_yolox(constant_onnx):
    answer = yolox((11, 28.0, 12, 8, 4, 0.9, 0.02, 0.01), (20, 36, 20, 8, 8, 0.02, 0.01, 0.8), decoded=True)
    background = answer.copy()
    background[..., 4:] = np.maximum(background[..., 4:], 1e-4)  # YOLOv8: all classes are tiny
    unsettled = yolox((20, 36.0, 20, 8, 8, 0.02, 0.01, 0.8), decoded=True)
    for given, metadata, expected in (
        (answer, {}, "yolov8"),
        (background, {}, "yolov8"),
        (unsettled, {"names": "a,b,c"}, "yolov8"),
        (unsettled, {"names": "a,b"}, "yolox"),
        (unsettled, {"task": "detect"}, "yolov8"),
    ):
        assert ONNX(constant_onnx(given, metadata=metadata)).head == expected
    learned = unsettled.copy()
    learned[..., 5:] = 0.15  # YOLOX: what class a background has is not learned
    assert ONNX(constant_onnx(learned)).head == "yolox"
    with pytest.raises(HeadError, match=r"yolov8 \(3 classes\) or yolox \(2 classes\); choose with --head yolov8 or"):
        ONNX(constant_onnx(unsettled))
    distances = yolox(decoded=False, classes=34)
    distances[..., 7:] = -3  # NanoDet
    assert ONNX(constant_onnx(distances)).head == "nanodet"


def test_mask_prototypes_tell_where_unnamed_classes_end(constant_onnx):
    answer = yolov8((32, 32, 10, 20, 0.9, 0.2), extra=32)
    answer[0, 6:] = -50.0
    detector = ONNX(constant_onnx(answer, np.ones((1, 32, 16, 16))))
    assert len(detector.class_names) == 2
    assert len(detector(IMAGE)) == 1
    with pytest.raises(HeadError, match="is no head known here"):
        ONNX(constant_onnx(answer))


def test_yolox_decoded_in_the_file_is_told_by_what_a_real_network_says_of_grey(shared):
    from tracker.detect.head import Outputs
    from tracker.detect.heads import recognise
    from tracker.detect.session import open_session

    size = (416, 416)
    block = np.full((1, 3, *size), 114 / 255, np.float32)
    (raw,) = open_session(shared / "data/models/yolox_nano.onnx").run(None, {"images": block})
    grid = Grid.of(size)
    decoded = raw.copy()
    decoded[0, :, :2] = (raw[0, :, :2] + grid.cells) * grid.strides
    decoded[0, :, 2:4] = np.exp(raw[0, :, 2:4]) * grid.strides
    for rows, columns in ((raw, 85), (decoded, 85), (decoded, 84), (decoded, 10)):
        found = recognise("m.onnx", Outputs({"output": rows[..., :columns]}, block.shape, block.dtype), {}, None)
        assert (found.name, found.classes) == ("yolox", columns - 5)


def with_inputs(path, *inputs, scaled=()):
    """The model with more inputs: (name, type, shape); its first output times the concatenated ``scaled`` ones."""
    import onnx

    model = onnx.load(path)
    for name, kind, shape in inputs:
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, getattr(onnx.TensorProto, kind), shape))
    if scaled:
        old = model.graph.output[0].name
        for number, name in enumerate(scaled):
            model.graph.node.append(onnx.helper.make_node("Cast", [name], [f"cast{number}"], to=onnx.TensorProto.FLOAT))
        casts = [f"cast{number}" for number in range(len(scaled))]
        model.graph.node.append(onnx.helper.make_node("Concat", casts, ["factors"], axis=1))
        model.graph.node.append(onnx.helper.make_node("Mul", [old, "factors"], ["scaled"]))
        model.graph.output[0].name = "scaled"
    path.write_bytes(model.SerializeToString())
    return path


def test_inputs_that_take_the_size_of_the_image_are_fed(constant_onnx):
    rows = [[2, 0.9, 12 / 96, 16 / 64, 20 / 96, 48 / 64]]  # as parts of an input of 64 x 96
    model = constant_onnx(rows, [1], input_shape=(1, 3, 64, 96))
    sizes = [("scale_factor", "FLOAT", [1, 2]), ("orig_target_sizes", "INT64", ["n", 2]), ("im_shape", "FLOAT", [1, 2])]
    path = with_inputs(model, *sizes, scaled=("scale_factor", "orig_target_sizes", "orig_target_sizes"))
    found = ONNX(path, head="ppyoloe-plus")(np.zeros((32, 48, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[6, 8, 10, 24]], rtol=1e-6)
    session = ONNX(path, head="ppyoloe-plus")._sizes
    assert {name: value.tolist() for name, value in session.items()} == {
        "scale_factor": [[1, 1]],
        "orig_target_sizes": [[96, 64]],
        "im_shape": [[64, 96]],
    }


@pytest.mark.parametrize(
    ("name", "kind", "shape"), [("second", "FLOAT", [1, 3, 64, 64]), ("scale_factor", "FLOAT", [1, 2, 2])]
)
def test_other_inputs_beside_the_image_are_refused(constant_onnx, name, kind, shape):
    path = with_inputs(constant_onnx(yolov8()), (name, kind, shape))
    with pytest.raises(ValueError, match=r"input images .* is not one batch of images") as error:
        ONNX(path)
    one_line(error, f"{name} [")


def test_a_batch_of_open_size_takes_one_image(constant_onnx):
    answer = yolov8((32, 32, 10, 20, 0.9, 0))
    assert len(ONNX(constant_onnx(answer, input_shape=("batch", 3, 64, 64), metadata=NAMES))(IMAGE)) == 1
