"""Heads of heat maps, and those that embed: CenterNet, FairMOT, JDE; a tracker then runs no embedder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from detect.made_onnx import answering

import tracker
from tracker.detect import ONNX
from tracker.detect.grid import cell_count
from tracker.detect.head import HeadError
from tracker.detect.heads import head
from tracker.detect.heatmap import peaks

IMAGE = np.zeros((128, 256, 3), np.uint8)
SIZE = (64, 128)
CELLS = (16, 32)


def test_a_peak_is_a_cell_that_no_neighbour_exceeds() -> None:
    maps = np.zeros((2, 4, 5))
    maps[0, 0, 0], maps[0, 1, 1], maps[0, 3, 4], maps[1, 2, 2] = 0.9, 0.8, 0.7, 0.6
    assert [each.tolist() for each in peaks(maps, 0.65)] == [[0, 0], [0, 3], [0, 4]]
    assert [each.tolist() for each in peaks(maps, 0.5)] == [[0, 0, 1], [0, 3, 2], [0, 4, 2]]


def maps(classes: int = 1, extent: int = 4, *, logits: bool = False) -> dict[str, np.ndarray]:
    """Objects in cells (row 4, column 10), 0.9, and (8, 20), 0.6, of the last class, and one too weak."""
    heat = np.zeros((1, classes, *CELLS))
    heat[0, -1, [4, 8, 12], [10, 20, 3]] = 0.9, 0.6, 0.3
    heat[0, -1, 4, 11] = 0.8  # the slope of the first
    if logits:
        heat = np.log((heat + 1e-4) / (1 - heat + 1e-4))
    wh, reg = np.zeros((1, extent, *CELLS)), np.zeros((1, 2, *CELLS))
    wh[0, :, 4, 10] = (2, 4, 3, 5)[:extent]
    wh[0, :, 8, 20] = (4, 6, 4, 6)[:extent]
    reg[0, :, 4, 10] = 0.5, 0.25
    return {"hm": heat, "wh": wh, "reg": reg}


# Centre 10.5, 4.25 in cells of 4 pixels, width 2, height 4; in an image twice the input.
CENTRED = np.array([[9.5, 2.25, 11.5, 6.25], [18, 5, 22, 11]]) * 8
AROUND = np.array([[8.5, 0.25, 13.5, 9.25], [16, 2, 24, 14]]) * 8


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_centernet(tmp_path: Path, logits: bool, named: bool) -> None:
    given = maps(80, 2, logits=logits)
    outputs = given if named else dict(zip("abc", given.values(), strict=True))
    detector = ONNX(answering(tmp_path / "m.onnx", outputs, image=(1, 3, *SIZE)))
    found = detector(IMAGE)
    assert (detector.head, found.classes.tolist()) == ("centernet", [79, 79])
    np.testing.assert_allclose(found.boxes, CENTRED)
    np.testing.assert_allclose(found.scores, [0.9, 0.6], atol=1e-3)
    assert not detector.embedded


def fairmot(*, last: bool = False, pooled: bool = False) -> dict[str, np.ndarray]:
    given = maps()
    vectors = np.zeros((1, 32, *CELLS))
    vectors[0, 3, 4, 10], vectors[0, 7, 8, 20] = 5.0, 0.5
    pool = {"hm_pool": given["hm"].copy()} if pooled else {}
    return {**given, **pool, "id": vectors.transpose(0, 2, 3, 1) if last else vectors}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("named", [False, True])
def test_fairmot_gives_boxes_and_embeddings(tmp_path: Path, last: bool, named: bool) -> None:
    given = fairmot(last=last, pooled=last)
    outputs = given if named else {f"output{k}": array for k, array in enumerate(given.values())}
    detector = ONNX(answering(tmp_path / "m.onnx", outputs, image=(1, 3, *SIZE)))
    found = detector(IMAGE)
    assert (detector.head, dict(detector.class_names), detector.embedded) == ("fairmot", {0: "person"}, True)
    np.testing.assert_allclose(found.boxes, AROUND)
    np.testing.assert_allclose(found.scores, [0.9, 0.6])
    np.testing.assert_array_equal(found.embeddings, np.eye(32)[[3, 7]])  # of unit length


def test_fairmot_with_a_width_and_a_height(tmp_path: Path) -> None:
    given = {**fairmot(), "wh": maps(1, 2)["wh"]}
    found = ONNX(answering(tmp_path / "m.onnx", given, image=(1, 3, *SIZE)))(IMAGE)
    np.testing.assert_allclose(found.boxes, CENTRED)


def jde(size: tuple[int, int] = SIZE) -> np.ndarray:
    rows = np.zeros((1, 4 * cell_count(size), 6 + 512))
    rows[0, 5, :5], rows[0, 9, :5], rows[0, 12, :5] = (30, 20, 10, 16, 0.9), (90, 40, 8, 20, 0.6), (1, 1, 9, 9, 0.3)
    rows[0, 6, :5] = 30, 20, 10, 15, 0.8  # another anchor's box of the first
    rows[0, 5, 6 + 3] = rows[0, 9, 6 + 7] = 1
    return rows


def test_jde_gives_boxes_and_embeddings(tmp_path: Path) -> None:
    detector = ONNX(answering(tmp_path / "m.onnx", {"output": jde()}, image=(1, 3, *SIZE)))
    found = detector(IMAGE)
    assert (detector.head, dict(detector.class_names), detector.embedded) == ("jde", {0: "person"}, True)
    np.testing.assert_allclose(found.boxes, [[50, 24, 70, 56], [172, 60, 188, 100]])
    np.testing.assert_array_equal(found.embeddings, np.eye(512)[[3, 7]])


def test_a_cameras_own_detector_gives_boxes_and_embeddings(tmp_path: Path) -> None:
    rows = np.array([[[25, 12, 35, 28, 0.9, 0], [1, 1, 9, 9, 0.3, 0], [86, 30, 94, 50, 0.6, 0]]])
    vectors = np.eye(16)[None, [3, 5, 7]]
    given = {"detections": rows, "embeddings": vectors}
    detector = ONNX(answering(tmp_path / "m.onnx", given, image=(1, 3, *SIZE)))
    found = detector(IMAGE)
    assert (detector.head, detector.embedded) == ("camera", True)
    np.testing.assert_allclose(found.boxes, [[50, 24, 70, 56], [172, 60, 188, 100]])
    np.testing.assert_array_equal(found.embeddings, np.eye(16)[[3, 7]])
    for other in (vectors[:, :2], vectors[0]):  # not one for each box
        with pytest.raises(HeadError):
            ONNX(answering(tmp_path / "m.onnx", {"detections": rows, "embeddings": other}, image=(1, 3, *SIZE)))


def test_each_network_sees_what_it_was_trained_on() -> None:
    hows = [head(name).preprocessing for name in ("centernet", "fairmot", "jde")]
    assert [how.order for how in hows] == ["BGR", "RGB", "RGB"]
    assert [how.mean for how in hows] == [(0.408, 0.447, 0.470), (0, 0, 0), (0, 0, 0)]
    assert [(how.scale, how.pad) for how in hows] == [(1 / 255, "around")] * 3


@pytest.mark.parametrize("name", ["fairmot", "jde"])
def test_deepsort_runs_no_embedder(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = fairmot() if name == "fairmot" else {"output": jde()}
    path = answering(tmp_path / "m.onnx", given, image=(1, 3, *SIZE))

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("an embedder was opened")

    monkeypatch.setattr("tracker.embed.open_embedder", refused)
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number + 1:06d}.png"), IMAGE)
    run = tracker.track(tmp_path, detector=str(path), algo="deepsort")
    *_, (_, tracks) = run
    assert tracks.ids.tolist() == [1, 2]
    assert run.detections.embeddings is not None
