"""Heads: found by their file, recognised from all outputs of a model, decoded, chosen by name, added by a file."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tracker.detect import ONNX, YuNet
from tracker.detect.grid import STRIDES, STRIDES_P6, Grid, cell_count
from tracker.detect.head import Decoded, Head, HeadError, Outputs, Preprocessing
from tracker.detect.heads import head, heads, recognise
from tracker.detect.heads.end_to_end import EndToEnd
from tracker.detect.heads.yolov8 import YOLOv8
from tracker.detect.heads.yolox import YOLOX
from tracker.detect.heads.yunet import YuNetHead

CELLS = cell_count((64, 64))
TALL = (96, 64)  # neither 84 nor 85 cells, the columns of 80 classes
TALL_CELLS = cell_count(TALL)
NAMES = {"names": "{0: 'person', 1: 'car'}"}
COCO_NAMES = {"names": str({k: f"class {k}" for k in range(80)})}
IMAGE = np.zeros((128, 128, 3), np.uint8)  # twice the input


def outputs(*arrays: Any, size: tuple[int, int] = (64, 64), **named: Any) -> Outputs:
    """All outputs of a run; shapes stand for arrays of zeros."""
    given = {f"output{k}": array for k, array in enumerate(arrays)} | named
    filled = {k: np.zeros(a, np.float32) if isinstance(a, tuple) else np.asarray(a) for k, a in given.items()}
    return Outputs(filled, (1, 3, *size), np.dtype(np.float32))


def yunet_outputs(size: tuple[int, int] = (64, 64)) -> dict[str, np.ndarray]:
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return {
        f"{part}_{stride}": np.zeros((1, cell_count(size, [stride]), width), np.float32)
        for part, width in widths.items()
        for stride in STRIDES
    }


# -- by name ---------------------------------------------------------------------------------------


def test_each_file_is_a_head_of_its_name() -> None:
    files = Path(sys.modules["tracker.detect.heads"].__file__ or "").parent.glob("[a-z]*.py")
    assert heads() == sorted(file.stem.replace("_", "-") for file in files)
    assert {"end-to-end", "yolov6", "yolov7-end2end", "yolov8", "yolox", "yunet"} <= set(heads())
    for name in heads():
        assert head(name).name == name
        assert isinstance(head(name).preprocessing, Preprocessing)
        assert "{" not in head(name).form.format(cells=84) or name == "yunet"
    assert head("End_To_End") is EndToEnd
    with pytest.raises(ValueError, match="no head 'yolo8', did you mean 'yolov8'"):
        head("yolo8")


# -- recognised ------------------------------------------------------------------------------------

SEGMENT = {**NAMES, "task": "segment"}
NAMES_34 = {"names": str([f"class {k}" for k in range(34)])}


@pytest.mark.parametrize(
    ("arrays", "metadata", "name", "classes"),
    [
        ([(1, 6, TALL_CELLS)], NAMES, "yolov8", 2),
        ([(1, 6, TALL_CELLS)], {}, "yolov8", 2),
        ([(1, 5, TALL_CELLS)], {}, "yolov8", 1),
        ([(1, 84, cell_count(TALL, STRIDES_P6))], {}, "yolov8", 80),
        ([(1, 38, TALL_CELLS), (1, 32, 16, 16)], SEGMENT, "yolov8", 2),
        ([(1, TALL_CELLS, 6)], NAMES, "yolov8", 2),
        ([(1, TALL_CELLS, 38), (1, 32, 16, 16)], SEGMENT, "yolov8", 2),
        ([(1, TALL_CELLS, 5)], {}, "yolov8", 1),
        ([(1, TALL_CELLS, 7)], {}, "yolox", 2),
        ([(1, TALL_CELLS, 7)], NAMES, "yolox", 2),
        ([(1, TALL_CELLS, 6)], {}, "yolox", 1),
        ([(1, TALL_CELLS, 85)], {}, "yolox", 80),
        ([(1, cell_count(TALL, STRIDES_P6), 7)], {}, "yolox", 2),
        ([(1, 3 * TALL_CELLS, 7)], NAMES, "yolov5", 2),
        ([(1, 3 * TALL_CELLS, 6)], {}, "yolov5", 1),
        ([(1, 3 * TALL_CELLS, 85)], COCO_NAMES, "yolov5", 80),
        ([(1, 7, TALL_CELLS)], {"task": "obb"}, "yolov8", 2),
        ([(1, TALL_CELLS, 7)], {"task": "obb"}, "yolov8", 2),
        ([(1, 300, 6)], NAMES, "end-to-end", 2),
        ([(1, 300, 6)], {}, "end-to-end", 80),
        ([(1, 300, 38), (1, 32, 16, 16)], SEGMENT, "end-to-end", 2),
        ([(1, 300, 38), (1, 32, 16, 16)], {**NAMES_34, "task": "segment"}, "end-to-end", 34),
    ],
)
def test_recognised(arrays: list[tuple[int, ...]], metadata: Mapping[str, str], name: str, classes: int) -> None:
    found = recognise("m.onnx", outputs(*arrays, size=TALL), metadata)
    assert (found.name, found.classes) == (name, classes)


def test_yunet_is_recognised_by_its_twelve_outputs() -> None:
    given = yunet_outputs()
    assert recognise("m.onnx", outputs(**given), {}).name == "yunet"
    del given["kps_32"]
    with pytest.raises(HeadError):
        recognise("m.onnx", outputs(**given), {})


@pytest.mark.parametrize(
    ("shape", "metadata"),
    [
        ((1, 3 * TALL_CELLS, 6), NAMES),  # YOLOv5 of one class, with the names of two
        ((1, 300, 84), {**COCO_NAMES, "task": "detect"}),  # RT-DETR of ultralytics
        ((1, 300, 38), {}),
        ((1, 100, 90), {}),
        ((1, 7, TALL_CELLS), {"task": "classify"}),
        ((1, 300, 8), {**NAMES, "task": "obb"}),
        ((2, 7, TALL_CELLS), {}),
        ((TALL_CELLS, 7), {}),
    ],
)
def test_other_heads_are_refused_and_not_read_wrongly(shape: tuple[int, ...], metadata: Mapping[str, str]) -> None:
    with pytest.raises(HeadError) as error:
        recognise("m.onnx", outputs(shape, size=TALL), metadata)
    assert error.value.outputs == ("output0",)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shape", [(1, CELLS, 84), (1, 84, CELLS)])
def test_an_output_of_two_readings_is_refused_with_both(shape: tuple[int, ...]) -> None:
    words = r"m\.onnx: output output0 \[1, 84, 84\] is no head known for certain: it can be read as yolov8 "
    words += r"\(80 classes\) or yolox \(79 classes\); choose with --head yolov8 or --head yolox"
    with pytest.raises(HeadError, match=words):
        recognise("m.onnx", outputs(shape), {})
    assert recognise("m.onnx", outputs(shape), {}, "yolox").classes == 79
    assert recognise("m.onnx", outputs(shape), COCO_NAMES).name == "yolov8"  # the names settle it


def test_a_name_settles_what_the_file_does_not_say() -> None:
    unnamed = outputs((1, CELLS, 7))
    assert recognise("m.onnx", unnamed, {}).name == "yolox"
    chosen = recognise("m.onnx", unnamed, {}, "yolov8")
    assert isinstance(chosen, YOLOv8)
    assert (chosen.rows, chosen.classes) == (True, 3)
    assert recognise("m.onnx", outputs((1, CELLS, 6)), {}, EndToEnd).name == "end-to-end"
    with pytest.raises(HeadError, match=r"\[1, 300, 6\] does not fit the head yolox, which reads \[1, 84, 5"):
        recognise("m.onnx", outputs((1, 300, 6)), {}, "yolox")
    with pytest.raises(ValueError, match="no head 'yolo'"):
        recognise("m.onnx", unnamed, {}, "yolo")


def test_finished_boxes_have_whole_numbers_as_classes_and_scores_up_to_1() -> None:
    rows = np.tile([10.0, 10, 50, 50, 0.9, 1], (1, 300, 1))
    assert recognise("m.onnx", outputs(rows), {}).name == "end-to-end"
    for column, value in ((5, 36.5), (4, 36.0), (5, -9.0)):
        other = rows.copy()
        other[0, 7, column] = value
        with pytest.raises(HeadError, match="choose --head end-to-end"):
            recognise("m.onnx", outputs(other), {})


# -- decoded ---------------------------------------------------------------------------------------


def test_cells_run_along_rows_from_the_finest_grid() -> None:
    grid = Grid.of((32, 64))
    assert len(grid.cells) == cell_count((32, 64)) == 4 * 8 + 2 * 4 + 1 * 2
    np.testing.assert_array_equal(
        grid.cells[[0, 1, 8, 31, 32, 36, 40, 41]], [[0, 0], [1, 0], [0, 1], [7, 3], [0, 0], [0, 1], [0, 0], [1, 0]]
    )
    np.testing.assert_array_equal(grid.strides[[0, 31, 32, 39, 40, 41], 0], [8, 8, 16, 16, 32, 32])


@pytest.mark.parametrize("decoded", [False, True])
def test_yolox(decoded: bool) -> None:
    rows = np.zeros((1, CELLS, 7), np.float32)
    grid = Grid.of((64, 64))
    rows[0, :, :2] = (grid.cells + 0.5) * grid.strides if decoded else 0.5
    # Cell (3, 1) of stride 8, cell (2, 1) of stride 16 and the last cell, (1, 1) of stride 32.
    for cell, pixels, offsets in (
        (11, (30, 12, 16, 8), (0.75, 0.5, np.log(2), 0)),
        (64 + 6, (40, 28, 16, 32), (0.5, 0.75, 0, np.log(2))),
        (83, (40, 60, 64, 32), (0.25, 0.875, np.log(2), 0)),
    ):
        rows[0, cell, :4] = pixels if decoded else offsets
    rows[0, [11, 70, 83], 4:] = [(0.9, 0.2, 0.8), (0.8, 0.5, 0.1), (0.5, 0.1, 0.7)]
    found = recognise("m.onnx", outputs(rows), {})
    assert isinstance(found, YOLOX)
    assert (found.grid is None) == decoded
    result = found.decode(outputs(rows), 0.36)
    np.testing.assert_allclose(result.boxes, [[22, 8, 38, 16], [32, 12, 48, 44]], rtol=1e-5)
    np.testing.assert_allclose(result.scores, [0.72, 0.4], rtol=1e-6)
    assert result.classes.tolist() == [1, 0]
    np.testing.assert_allclose(found.decode(outputs(rows), 0.3).boxes[2], [8, 44, 72, 76], rtol=1e-5)


@pytest.mark.parametrize("rows", [False, True])
def test_yolov8_in_both_layouts(rows: bool) -> None:
    columns = np.zeros((1, 8, CELLS), np.float32)
    columns[0, :, 5] = (30, 20, 10, 4, 0.6, 0.9, 50, -50)  # what follows the two classes is none
    columns[0, :, 9] = (8, 8, 4, 4, 0.5, 0.25, 50, -50)
    columns[0, :, 11] = (8, 8, 4, 4, 0.4375, 0.25, 50, -50)
    given = outputs(columns.transpose(0, 2, 1) if rows else columns)
    found = recognise("m.onnx", given, {**NAMES, "task": "pose"})
    assert isinstance(found, YOLOv8)
    assert found.rows == rows
    result = found.decode(given, 0.5)
    np.testing.assert_array_equal(result.boxes, [[25, 18, 35, 22], [6, 6, 10, 10]])
    np.testing.assert_allclose(result.scores, [0.9, 0.5])
    assert result.classes.tolist() == [1, 0]


def test_end_to_end_rows_are_corners_and_stay_as_they_are() -> None:
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, :3] = [(1, 2, 11, 22, 0.9, 1), (1, 2, 11, 22, 0.5, 0), (1, 2, 11, 22, 0.4, 0)]
    result = EndToEnd().decode(outputs(rows), 0.5)
    np.testing.assert_array_equal(result.boxes, [[1, 2, 11, 22]] * 2)
    np.testing.assert_allclose(result.scores, [0.9, 0.5])
    assert result.classes.tolist() == [1, 0]


def test_yunet_reads_four_outputs_per_stride() -> None:
    given = yunet_outputs()
    given["cls_16"][0, 6], given["obj_16"][0, 6] = 0.81, 1.5  # column 2, row 1 of stride 16; cut to 1
    given["bbox_16"][0, 6] = (0.5, 0.25, np.log(2), 0)
    given["kps_16"][0, 6] = np.tile((0.5, -0.5), 5)
    result = YuNetHead().decode(outputs(**given), 0.5)
    np.testing.assert_allclose(result.boxes, [[24, 12, 56, 28]], rtol=1e-6)
    np.testing.assert_allclose(result.scores, [0.9], rtol=1e-6)
    np.testing.assert_allclose(result.payload, [[[40, 8]] * 5])


def test_the_landmarks_of_yunet_come_back_to_the_image(constant_onnx: Any) -> None:
    given = yunet_outputs()
    given["cls_16"][0, 6] = given["obj_16"][0, 6] = 1
    given["kps_16"][0, 6] = np.tile((0.5, -0.5), 5)
    detector = ONNX(constant_onnx(*given.values(), names=tuple(given)))
    assert (detector.head, dict(detector.class_names)) == ("yunet", {0: "face"})
    found = detector(IMAGE)
    np.testing.assert_allclose(found.boxes, [[48, 16, 80, 48]], rtol=1e-6)
    np.testing.assert_allclose(found.payload, [[[80, 16]] * 5])


def test_yunet_by_this_head_equals_yunet_by_opencv(shared: Path) -> None:
    import cv2
    from detect.pets import frames

    ((_, street),) = frames(shared, 481, 481, 1)
    large = cv2.resize(street, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)[:1056]
    path = shared / "data/models/yunet_2026may.onnx"
    ours, theirs = ONNX(path, iou=0.3, size=(1056, 1440))(large), YuNet(path, conf=0.5)(large)
    assert len(ours) == len(theirs) == 2
    np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-3)
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-5)
    assert ours.payload is not None
    np.testing.assert_allclose(ours.payload, theirs.payload, atol=1e-3)
    halved = ONNX(path, iou=0.3, size=(1056, 1440))(large[::2, ::2])  # landmarks come back through the fit as well
    inside = (halved.payload > halved.boxes[:, None, :2]) & (halved.payload < halved.boxes[:, None, 2:])
    assert len(halved) == 2
    assert inside.all()


# -- preprocessing ---------------------------------------------------------------------------------


GRID = Grid.of((64, 64))
# Per head the parts of its output before and after the scores, the axis along which they join, and where the scores of
# three classes (of three objects for end-to-end) go.
BEFORE = {
    "yolox": np.concatenate([(GRID.cells + 0.5) * GRID.strides, np.tile((8.0, 8, 1), (CELLS, 1))], axis=1)[None],
    "yolov8": np.tile([[40.0], [24], [8], [8]], (1, 1, CELLS)),
    "end-to-end": np.array([[[10.0, 10, 20, 20], [30, 10, 40, 20], [50, 10, 60, 20]]]),
}
AFTER = {"yolox": np.zeros((1, CELLS, 0)), "yolov8": np.zeros((1, 0, CELLS)), "end-to-end": [[[0.0], [1], [2]]]}
AXIS = {"yolox": 2, "yolov8": 1, "end-to-end": 2}
WHERE = {
    "yolox": np.arange(CELLS)[None, :, None] == 70,
    "yolov8": np.arange(CELLS)[None, None] == 70,
    "end-to-end": 1.0,
}
SHAPE = {"yolox": [1, 1, 3], "yolov8": [1, 3, 1], "end-to-end": [1, 3, 1]}


def looking_onnx(path: Path, name: str, pixel: tuple[int, int], scale: float) -> Path:
    """A network whose scores of three classes are the three channels of one pixel of its input, times ``scale``."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    helper, types = onnx.helper, onnx.TensorProto

    def constant(name: str, array: Any, dtype: type = np.float32) -> Any:
        value = onnx.numpy_helper.from_array(np.asarray(array).astype(dtype), name)
        return helper.make_node("Constant", [], [name], value=value)

    nodes = [
        constant("before", BEFORE[name]),
        constant("after", AFTER[name]),
        constant("here", WHERE[name] * np.float32(scale)),
        constant("shape", SHAPE[name], np.int64),
        constant("flat", [-1], np.int64),
        constant("where", np.arange(3) * 64 * 64 + pixel[0] * 64 + pixel[1], np.int64),
        helper.make_node("Reshape", ["images", "flat"], ["pixels"]),
        helper.make_node("Gather", ["pixels", "where"], ["seen"]),
        helper.make_node("Reshape", ["seen", "shape"], ["channels"]),
        helper.make_node("Mul", ["channels", "here"], ["scores"]),
        helper.make_node("Concat", ["before", "scores", "after"], ["output"], axis=AXIS[name]),
    ]
    graph = helper.make_graph(
        nodes,
        "looking",
        [helper.make_tensor_value_info("images", types.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", types.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("name", "order", "scale"), [("yolox", "BGR", 1 / 255), ("yolov8", "RGB", 1.0), ("end-to-end", "RGB", 1.0)]
)
def test_each_network_sees_the_pixels_it_was_trained_on(tmp_path: Path, name: str, order: str, scale: float) -> None:
    colour = {"B": 204, "G": 102, "R": 51}
    # Columns of an image of 64 rows, row of the input, whether YOLOX and whether the others see the image in that row.
    # For YOLOX it begins at the top and has 32 rows; for the others it is centred and, of 126 columns, has 33 rows.
    for columns, row, top, around in (
        (128, 8, True, False),
        (128, 24, True, True),
        (128, 40, False, True),
        (126, 32, False, True),
        (126, 15, True, True),
        (126, 14, True, False),
    ):
        image = np.full((64, columns, 3), tuple(colour.values()), np.uint8)
        seen = top if name == "yolox" else around
        channels = [colour[letter] if seen else 114 for letter in order]
        found = ONNX(looking_onnx(tmp_path / "m.onnx", name, (row, 60), scale), conf=0.1, head=name)(image)
        if name == "end-to-end":
            np.testing.assert_allclose(found.scores, np.array(channels) / 255, rtol=1e-5)
        else:
            assert found.classes.tolist() == [int(np.argmax(channels))]
            np.testing.assert_allclose(found.scores, [max(channels) / 255], rtol=1e-5)


# -- added -----------------------------------------------------------------------------------------


class Everything(Head):
    """Corners as parts of the input, scores per class, a vector and a point per object: four outputs."""

    name = "everything"
    form = "everything [1, N, 4], [1, N, C], [1, N, D], [1, N, 2]"
    preprocessing = Preprocessing(order="RGB", fit="stretch")
    embeds = True

    def __init__(self, classes: int = 2) -> None:
        self.classes = classes

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> Everything | None:
        return cls(outputs["scores"].shape[2]) if "boxes" in outputs and "vectors" in outputs else None

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        height, width = outputs.size
        scores = outputs["scores"][0].max(axis=1)
        kept = scores >= conf
        return Decoded(
            outputs["boxes"][0][kept] * (width, height, width, height),
            scores[kept],
            outputs["scores"][0].argmax(axis=1)[kept],
            embeddings=outputs["vectors"][0][kept],
            payload=outputs["points"][0][kept],
        )

    def to_image(self, payload: Any, fit: Any) -> Any:
        return fit.to_image(payload)


BOXES = np.array([[[0.1, 0.1, 0.3, 0.3], [0, 0, 0.5, 0.5], [0.5, 0.5, 0.5, 0.9], [0, 0, 0.5, 0.48], [0.6, 0.6, 1, 1]]])
SCORES = np.array([[[0.3, 0.2], [0.7, 0.1], [0.9, 0], [0.95, 0.1], [0.2, 0.6]]])
VECTORS = np.arange(10.0).reshape(1, 5, 2)
POINTS = VECTORS * 4


@pytest.fixture
def everything(constant_onnx: Any) -> Path:
    """Below conf, suppressed, without width, best, of class 1."""
    path: Path = constant_onnx(BOXES, SCORES, VECTORS, POINTS, names=("boxes", "scores", "vectors", "points"))
    return path


@pytest.mark.parametrize("given", [Everything, Everything(2)])
def test_a_head_of_ones_own_reads_all_outputs(everything: Path, given: Any) -> None:
    with pytest.raises(HeadError, match=r"output boxes \[1, 5, 4\], scores \[1, 5, 2\], vectors .* is no head known"):
        ONNX(everything)
    detector = ONNX(everything, head=given, class_names=["one", "two"])
    assert (detector.head, dict(detector.class_names)) == ("everything", {0: "one", 1: "two"})
    assert detector.embedded
    found = detector(np.zeros((32, 128, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, [[0, 0, 64, 15.36], [76.8, 19.2, 128, 32]], rtol=1e-6)
    np.testing.assert_allclose(found.scores, [0.95, 0.6])
    assert found.classes.tolist() == [0, 1]
    assert found.dropped == 1
    # Rows 3 and 4: vectors and points follow their boxes, points in pixels of the image.
    np.testing.assert_array_equal(found.embeddings, VECTORS[0, 3:])
    np.testing.assert_allclose(found.payload, POINTS[0, 3:] * (2, 0.5))
    only = ONNX(everything, head=given, class_names=["one", "two"], classes=["two"])(IMAGE)
    np.testing.assert_array_equal(only.embeddings, VECTORS[0, 4:])
    np.testing.assert_allclose(only.payload, POINTS[0, 4:] * 2)


def test_boxes_of_two_classes_do_not_suppress_each_other(constant_onnx: Any) -> None:
    boxes = np.tile([0.0, 0, 0.5, 0.5], (1, 3, 1))
    scores = np.array([[[0.9, 0], [0.6, 0], [0, 0.8]]])
    empty = np.zeros((1, 3, 2))
    path = constant_onnx(boxes, scores, empty, empty, names=("boxes", "scores", "vectors", "points"))
    assert ONNX(path, head=Everything, nms="per-class")(IMAGE).scores.round(3).tolist() == [0.9, 0.8]


def test_an_instance_that_does_not_fit_is_refused(everything: Path) -> None:
    with pytest.raises(HeadError, match=r"cannot be decoded by the head yolox") as error:
        ONNX(everything, head=YOLOX(80, None))
    assert "\n" not in str(error.value)

    class Flat(Everything):
        def decode(self, outputs: Outputs, conf: float) -> Decoded:
            return replace(super().decode(outputs, conf), boxes=np.zeros((3, 6)))

    with pytest.raises(HeadError, match=r"decoded by the head everything to boxes \(3, 6\).*give \(N, 4\)"):
        ONNX(everything, head=Flat())


def snippet() -> str:
    """The head that CONTRIBUTING shows."""
    text = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## A head", 1)[1]
    return re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)[0]


def test_adding_the_file_that_contributing_shows_adds_a_head(
    constant_onnx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.import_module("tracker.detect.heads")
    (tmp_path / "corners.py").write_text(snippet())
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        assert "corners" in heads()
        boxes = np.array([[[1.0, 2, 11, 22], [30, 30, 40, 40]]])
        path = constant_onnx(boxes, np.array([[0.9, 0.2]]), names=("boxes", "scores"))
        detector = ONNX(path)
        assert detector.head == "corners"
        np.testing.assert_allclose(detector(IMAGE).boxes, [[2, 4, 22, 44]])
    finally:
        sys.modules.pop("tracker.detect.heads.corners", None)
