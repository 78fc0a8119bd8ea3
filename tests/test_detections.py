"""Detections: one check at the edge, and whatever detectors of other libraries give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tracker import Detections, as_detections

BOXES = [[10.0, 20, 50, 100], [60, 20, 90, 80], [5, 5, 8, 9]]


def test_columns_and_defaults() -> None:
    plain = Detections(BOXES)
    assert plain.boxes.tolist() == BOXES
    assert plain.scores.tolist() == [1, 1, 1]
    assert plain.classes.tolist() == [0, 0, 0]
    assert (plain.embeddings, plain.payload, plain.dropped, len(plain)) == (None, None, 0, 3)
    full = Detections(BOXES, [0.5, -3, 150], [1, 2, 3], embeddings=np.eye(3), payload=["a", "b", "c"])
    assert full.scores.tolist() == [0.5, -3, 150]  # public detectors have unbounded scores
    assert full.embeddings is not None
    assert (full.embeddings.dtype, full.classes.dtype) == (np.float32, np.int64)
    assert repr(full) == "Detections(3 boxes, embeddings 3-d, dropped 0)"


def test_parts_by_mask_slice_index_and_number() -> None:
    full = Detections(BOXES, [0.1, 0.2, 0.3], [1, 2, 3], embeddings=np.eye(3), payload=["a", "b", "c"])
    for which in (full.scores > 0.15, slice(1, None), [1, 2], np.array([1, 2])):
        part = full[which]
        assert part.boxes.tolist() == BOXES[1:]
        assert (part.classes.tolist(), part.rows.tolist()) == ([2, 3], [1, 2])
        assert part.payload is not None
        assert part.payload.tolist() == ["b", "c"]
        assert part.numbered().rows.tolist() == [0, 1]
    assert full[2].boxes.tolist() == [BOXES[2]]
    assert len(full[full.scores > 1]) == 0
    assert full[[2, 0]].rows.tolist() == [2, 0]


def test_the_callers_arrays_are_copied_and_ours_cannot_be_written() -> None:
    mine = np.array(BOXES)
    looks = np.eye(3, dtype=np.float32)
    detections = Detections(mine, embeddings=looks, payload=looks)
    mine[:] = 0
    looks[:] = 0
    assert detections.boxes.tolist() == BOXES
    for array in (detections.boxes, detections.scores, detections.embeddings, detections.payload, detections.rows):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 1
    with pytest.raises(ValueError, match="read-only"):
        detections[:1].boxes[:] = 1
    assert detections.payload is not None
    assert detections.payload.tolist() == np.eye(3).tolist()


@pytest.mark.parametrize(
    "payload",
    [
        ["a", {"b": 1}, None],
        [[1, 2], [3, 4], [5, 6]],
        [[1], [2, 3], []],
        [np.zeros((4, 4)), np.ones((4, 4)), np.ones((4, 4))],
        np.ones((3, 17, 2)),
    ],
)
def test_any_payload_of_one_entry_per_detection(payload: Any) -> None:
    carried = Detections(BOXES, payload=payload)[[2, 1]].payload
    assert carried is not None
    assert len(carried) == 2
    np.testing.assert_array_equal(carried[0], payload[2])


NAN, INF = float("nan"), float("inf")
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("nan", {"boxes": [BOXES[0], [0, NAN, 1, 1]]}, r"row 1: box \[0, nan, 1, 1\] is not finite"),
    ("infinite", {"boxes": [BOXES[0], [0, 0, INF, 1]]}, r"row 1: box \[0, 0, inf, 1\] is not finite"),
    ("huge", {"boxes": [BOXES[0], [0, 0, 1e9, 1]]}, r"row 1: .*beyond 1e\+08 pixels"),
    ("negative", {"boxes": [BOXES[0], [10, 0, 5, 9]]}, r"row 1: box \[10, 0, 5, 9\] has no positive width and height"),
    ("zero", {"boxes": [BOXES[0], [1, 1, 1, 9]]}, r"row 1: .*no positive width and height \(expected left, top"),
    ("score", {"scores": [1, NAN]}, r"row 1: score nan is not finite"),
    ("infinite score", {"scores": [1, -INF]}, r"row 1: score -inf is not finite"),
    ("class", {"classes": [0, 1.5]}, r"row 1: class 1.5 is not an integer"),
    ("nan class", {"classes": [0, NAN]}, r"row 1: class nan is not an integer"),
    ("huge class", {"classes": [0, 1e300]}, r"row 1: class 1e\+300 is not an integer"),
    ("embedding", {"embeddings": [[1, 2], [1, NAN]]}, r"row 1: embedding holds NaN or infinity"),
    ("huge embedding", {"embeddings": [[1, 2], [1, 1e300]]}, r"row 1: embedding holds NaN or infinity"),
]
MISFITS: list[tuple[str, dict[str, Any], str]] = [
    ("one box", {"boxes": [1, 2, 3, 4]}, r"boxes have shape \(4,\); expected \(N, 4\)"),
    ("five columns", {"boxes": np.ones((2, 5))}, r"boxes have shape \(2, 5\); expected \(N, 4\)"),
    ("words", {"boxes": "people"}, r"boxes are not numbers"),
    ("ragged", {"boxes": [[1, 2, 3, 4], [1, 2]]}, r"boxes are not numbers in a regular array"),
    ("short scores", {"scores": [1]}, r"scores have 1 rows for 2 boxes; give one per box"),
    ("score matrix", {"scores": [[1], [2]]}, r"scores have shape \(2, 1\); expected \(N,\)"),
    ("long classes", {"classes": [1, 2, 3]}, r"classes have 3 rows for 2 boxes"),
    ("class names", {"classes": ["cat", "dog"]}, r"classes are not numbers"),
    ("embeddings of nothing", {"embeddings": np.ones((2, 0))}, r"embeddings have shape \(2, 0\); expected \(N, D\)"),
    ("flat embeddings", {"embeddings": [1, 2]}, r"embeddings have shape \(2,\); expected \(N, D\)"),
    ("few embeddings", {"embeddings": [[1, 2]]}, r"embeddings have 1 rows for 2 boxes"),
    ("short payload", {"payload": ["a"]}, r"payload have 1 rows for 2 boxes"),
    ("mode", {"invalid": "ignore"}, r"invalid='ignore': use 'raise' or 'drop'"),
]


def ids(table: list[tuple[str, dict[str, Any], str]]) -> list[str]:
    return [name for name, *_ in table]


@pytest.mark.parametrize(("name", "given", "message"), BAD, ids=ids(BAD))
def test_a_bad_row_is_named_or_dropped(name: str, given: dict[str, Any], message: str) -> None:
    given = {"boxes": BOXES[:2], **given}
    with pytest.raises(
        ValueError, match=rf"^detections {message}[^\n]*; correct the row, or pass invalid='drop'[^\n]*$"
    ):
        Detections(**given)
    kept = Detections(**given, invalid="drop")
    assert (len(kept), kept.dropped, kept.rows.tolist(), kept.boxes.tolist()) == (1, 1, [0], [BOXES[0]])


@pytest.mark.parametrize(("name", "given", "message"), MISFITS, ids=ids(MISFITS))
def test_arrays_that_do_not_fit_are_named(name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^[^\n]*{message}[^\n]*$"):
        Detections(**{"boxes": BOXES[:2], **given})


def test_dropping_keeps_every_column_together() -> None:
    boxes = np.array([*BOXES, [0, 0, NAN, 1]])[[3, 0, 1, 3, 2]]
    kept = Detections(boxes, range(5), range(5), embeddings=np.eye(5), payload="abcde", invalid="drop")
    assert (kept.rows.tolist(), kept.dropped) == ([1, 2, 4], 2)
    assert kept.scores.tolist() == kept.classes.tolist() == [1, 2, 4]
    assert kept.payload is not None
    assert kept.payload.tolist() == ["b", "c", "e"]
    assert kept.embeddings is not None
    assert kept.embeddings.argmax(axis=1).tolist() == [1, 2, 4]


def test_embeddings_can_come_later() -> None:
    detections = Detections(BOXES, [0.1, 0.2, 0.3], [1, 2, 3], payload="abc")
    later = detections.with_embeddings(np.eye(3))
    assert later.embeddings is not None
    assert later.payload is not None
    assert (later.scores.tolist(), later.payload.tolist()) == ([0.1, 0.2, 0.3], ["a", "b", "c"])
    for wrong in (np.eye(2), np.full((3, 2), NAN)):
        with pytest.raises(ValueError, match="embedding"):
            detections.with_embeddings(wrong)


@pytest.mark.parametrize(
    "nothing", [None, [], (), np.empty((0, 4)), np.empty((0, 6)), np.empty(0), {"boxes": []}, Detections.empty()]
)
def test_nothing_seen(nothing: Any) -> None:
    found = as_detections(nothing)
    assert (len(found), found.boxes.shape, found.classes.shape) == (0, (0, 4), (0,))


class Tensor:
    """Like a torch tensor on a GPU that remembers gradients: only detach().cpu().numpy() gives the numbers."""

    def __init__(self, value: Any, steps: tuple[str, ...] = ("detach", "cpu", "numpy")) -> None:
        self.value, self.steps = value, steps

    def _next(self, step: str) -> Any:
        assert self.steps[0] == step, f"{step}() before {self.steps[0]}()"
        return Tensor(self.value, self.steps[1:]) if len(self.steps) > 1 else np.array(self.value)

    def detach(self) -> Any:
        return self._next("detach")

    def cpu(self) -> Any:
        return self._next("cpu")

    def numpy(self) -> Any:
        return self._next("numpy")


SCORES, CLASSES = [0.9, 0.8, 0.7], [2, 0, 5]


def rows(width: int) -> Any:
    return np.column_stack((BOXES, SCORES, CLASSES))[:, :width]


def ultralytics(kind: Any) -> Any:
    return SimpleNamespace(
        boxes=SimpleNamespace(xyxy=kind(BOXES), conf=kind(SCORES), cls=kind(CLASSES)), names={0: "x"}
    )


def supervision(**columns: Any) -> Any:
    given = {"xyxy": np.array(BOXES), "confidence": np.array(SCORES), "class_id": np.array(CLASSES), "mask": None}
    return SimpleNamespace(**{**given, **columns})


SOURCES: dict[str, tuple[Any, bool, bool]] = {  # what, whether it has scores, whether it has classes
    "array of 4": (rows(4), False, False),
    "array of 5": (rows(5), True, False),
    "array of 6": (rows(6), True, True),
    "float32 array": (rows(6).astype(np.float32), True, True),
    "lists": (rows(6).tolist(), True, True),
    "tensor": (Tensor(rows(6)), True, True),
    "torchvision": ({"boxes": Tensor(BOXES), "scores": Tensor(SCORES), "labels": Tensor(CLASSES)}, True, True),
    "torchvision list": ([{"boxes": Tensor(BOXES), "scores": Tensor(SCORES), "labels": Tensor(CLASSES)}], True, True),
    "dict with classes": ({"boxes": BOXES, "scores": SCORES, "classes": CLASSES}, True, True),
    "dict of boxes": ({"boxes": BOXES}, False, False),
    "supervision": (supervision(), True, True),
    "supervision without scores": (supervision(confidence=None, class_id=None), False, False),
    "ultralytics on cpu": (ultralytics(np.array), True, True),
    "ultralytics on gpu": (ultralytics(Tensor), True, True),
    "ultralytics list": ([ultralytics(Tensor)], True, True),
    "supervision list": ([supervision()], True, True),
    "Detections": (Detections(BOXES, SCORES, CLASSES), True, True),
}


@pytest.mark.parametrize("name", SOURCES)
def test_what_detectors_give(name: str) -> None:
    value, scored, classed = SOURCES[name]
    found = as_detections(value)
    np.testing.assert_allclose(found.boxes, BOXES, rtol=1e-6)
    np.testing.assert_allclose(found.scores, SCORES if scored else 1.0, rtol=1e-6)
    assert found.classes.tolist() == (CLASSES if classed else [0, 0, 0])
    assert found.rows.tolist() == [0, 1, 2]


def test_a_generator_gives_rows() -> None:
    rows = [[10, 20, 30, 40, 0.9], [1, 2, 3, 4, 0.5]]
    np.testing.assert_array_equal(as_detections(row for row in rows).boxes, np.array(rows)[:, :4])
    assert len(as_detections(iter(()))) == 0


def test_masks_and_embeddings_of_detectors_are_carried() -> None:
    masks = np.arange(12).reshape(3, 2, 2)
    for value in (supervision(mask=masks), {"boxes": BOXES, "masks": Tensor(masks), "embeddings": np.eye(3)}):
        found = as_detections(value)
        np.testing.assert_array_equal(found.payload, masks)
    assert found.embeddings is not None


def test_real_torch_tensors() -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra")
    boxes = torch.tensor(BOXES, requires_grad=True)
    found = as_detections({"boxes": boxes, "scores": torch.tensor(SCORES), "labels": torch.tensor(CLASSES)})
    np.testing.assert_allclose(found.boxes, BOXES)
    np.testing.assert_allclose(found.scores, SCORES, rtol=1e-6)
    assert found.classes.tolist() == CLASSES
    assert as_detections(torch.tensor(rows(6))).classes.tolist() == CLASSES


@pytest.mark.parametrize("name", ["bfloat16", "float16", "float64"])
def test_torch_tensors_of_any_type(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is an extra")
    kind = getattr(torch, name)
    boxes = torch.tensor(BOXES, dtype=kind, requires_grad=True)
    found = as_detections([{"boxes": boxes, "scores": torch.tensor(SCORES, dtype=kind)}])
    np.testing.assert_array_equal(found.boxes, boxes.detach().double().numpy())
    np.testing.assert_allclose(found.scores, SCORES, rtol=2**-8)
    np.testing.assert_array_equal(as_detections(boxes).boxes, found.boxes)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, r"array has shape \(\); expected \(N, 4\), \(N, 5\) or \(N, 6\)"),
        (np.ones((2, 3)), r"array has shape \(2, 3\); expected"),
        (np.ones((2, 7)), r"array has shape \(2, 7\); expected"),
        ([1, 2, 3, 4], r"array has shape \(4,\); expected"),
        ("people", r"of type str are not understood; give Detections, an \(N, 4..6\) array"),
        (object(), r"of type object are not understood"),
        (SimpleNamespace(boxes=None), r"of type SimpleNamespace are not understood"),
        ({}, r"dict has no 'boxes' \(keys: none\)"),
        ({"bbox": [], "score": []}, r"dict has no 'boxes' \(keys: bbox, score\)"),
        ([{"boxes": BOXES}] * 2, r"list holds the output for 2 images; give that of one"),
        ([ultralytics(np.array)] * 3, r"list holds the output for 3 images"),
        ([{"scores": SCORES}], r"dict has no 'boxes'"),
        ({"boxes": BOXES, "scores": [1]}, r"scores have 1 rows for 3 boxes"),
        (np.array([[0, 0, -1, 5, 0.5]]), r"row 0: box \[0, 0, -1, 5\] has no positive width and height"),
    ],
)
def test_what_is_not_understood_is_said_in_one_line(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^detections {message}[^\n]*$"):
        as_detections(value)


def test_adapters_drop_on_request() -> None:
    bad = rows(6)
    bad[1, 0] = NAN
    for value in (bad, {"boxes": bad[:, :4], "scores": SCORES}, supervision(xyxy=bad[:, :4])):
        found = as_detections(value, invalid="drop")
        assert (found.dropped, found.rows.tolist()) == (1, [0, 2])


def test_embeddings_that_come_later_keep_the_rows_of_those_left() -> None:
    seen = Detections([[0.0, 0, 9, 9], [10, 0, 19, 9], [20, 0, 29, 9]], classes=[3, 4, 5])[1:]
    left = seen.with_embeddings([[np.nan, 0], [1, 0]], invalid="drop")
    assert (left.rows.tolist(), left.classes.tolist(), left.dropped) == ([2], [5], 1)


HUGE = 10**400


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[0, 0, HUGE, 9]], r"row 0: box \[0, 0, inf, 9\] is not finite"),
        (
            np.ma.masked_greater(np.array([[0.0, 0, 9, 9], [0, 0, 99, 9]]), 50),
            r"row 1: box \[0, 0, nan, 9\] is not finite",
        ),
        (np.array([[0, 0, 9 + 3j, 9]]), "of type ndarray are not understood|boxes are not numbers"),
        ([["0", "0", "9", "9"]], "of type list are not understood|boxes are not numbers"),
        (
            np.array([["2026-01-01"] * 4], dtype="M8[s]"),
            "of type ndarray are not understood|boxes are not numbers",
        ),
    ],
)
def test_numbers_that_are_no_coordinates_are_refused(boxes: Any, message: str) -> None:
    for make in (Detections, as_detections):
        with pytest.raises(ValueError, match=rf"^detections ({message})[^\n]*$"):
            make(boxes)


def test_masked_rows_are_dropped_where_that_is_asked_for() -> None:
    boxes = np.ma.masked_greater(np.array([[0.0, 0, 9, 9], [0, 0, 99, 9]]), 50)
    found = Detections(boxes, scores=[0.5, 0.6], invalid="drop")
    assert (len(found), found.dropped) == (1, 1)
    assert Detections([[0, 0, 9, 9]], scores=np.ma.array([0.7])).scores.tolist() == [0.7]
    with pytest.raises(ValueError, match=r"^detections row 0: score inf is not finite"):
        Detections([[0, 0, 9, 9]], scores=[HUGE])
