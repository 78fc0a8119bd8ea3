"""Masks of segmentation networks: combined from prototypes, cut to the rows that stay, and held by the tracks."""

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
from tracker.detect.head import Fit
from tracker.detect.masks import masks_of

METADATA = {"names": "{0: 'person', 1: 'car'}", "task": "segment"}
IMAGE = np.zeros((64, 128, 3), np.uint8)  # half the input's height: 16 rows of padding above
CELLS = cell_count((64, 64))
# Centre x, y, width, height, scores of two classes; the second is suppressed by the first.
OBJECTS = [((20, 32, 16, 24), (0.9, 0.0), 0), ((21, 32, 16, 24), (0.8, 0.0), 1), ((48, 32, 8, 16), (0.0, 0.7), 1)]


def prototypes(count: int = 8) -> np.ndarray:
    """The first is positive everywhere, the second in the lower half, at a quarter of the input's 64 pixels."""
    planes = np.zeros((1, count, 16, 16))
    planes[0, 0] = 4
    planes[0, 1] = -4
    planes[0, 1, 8:] = 4
    return planes


def yolov8(rows: bool) -> np.ndarray:
    columns = np.zeros((1, 4 + 2 + 8, CELLS))
    for cell, (box, scores, prototype) in enumerate(OBJECTS):
        columns[0, :6, cell] = *box, *scores
        columns[0, 6 + prototype, cell] = 1
    return columns.transpose(0, 2, 1) if rows else columns


def yolov5() -> np.ndarray:
    rows = np.zeros((1, 3 * CELLS, 5 + 2 + 8))
    for row, (box, scores, prototype) in enumerate(OBJECTS):
        rows[0, row, :7] = *box, 1, *scores
        rows[0, row, 7 + prototype] = 1
    return rows


def end_to_end() -> np.ndarray:
    rows = np.zeros((1, 300, 6 + 8))
    for row, (x, y, width, height) in ((0, OBJECTS[0][0]), (1, OBJECTS[2][0])):
        rows[0, row, :6] = x - width / 2, y - height / 2, x + width / 2, y + height / 2, 0.9 - row / 5, row
        rows[0, row, 6 + row] = 1
    return rows


KINDS = {"yolov8": yolov8(False), "yolov8 rows": yolov8(True), "yolov5": yolov5(), "end-to-end": end_to_end()}


@pytest.fixture(params=KINDS)
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    given = {"output0": KINDS[request.param], "output1": prototypes()}
    return answering(tmp_path / f"{request.param}.onnx", given, metadata=METADATA)


def test_an_object_has_its_mask_within_its_box(path: Path) -> None:
    detector = ONNX(path)
    found = detector(IMAGE)
    assert detector.head == path.stem.split()[0]
    np.testing.assert_allclose(found.boxes, [[24, 8, 56, 56], [88, 16, 104, 48]])
    assert found.payload is not None
    assert (found.payload.shape, found.payload.dtype) == ((2, 64, 128), bool)
    expected = np.zeros((2, 64, 128), bool)
    expected[0, 8:56, 24:56] = expected[1, 32:48, 88:104] = True  # all of the box, and its lower half
    for mask, true in zip(found.payload, expected, strict=True):
        assert (mask & true).sum() > 0.9 * (mask | true).sum()  # corners are rounded by the interpolation


def test_nothing_seen_has_no_masks(path: Path) -> None:
    found = ONNX(path, conf=0.95)(IMAGE)
    assert found.payload is not None
    assert found.payload.shape == (0, 64, 128)


def test_masks_reach_the_tracks(path: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"frames/{number + 1:06d}.png"), IMAGE)
    run = tracker.track(tmp_path / "frames", detector=str(path), algo="sort", settings={"min_hits": 1})
    for _, tracks in run:
        masks = run.detections.payload
        assert masks is not None
        for track, mask in zip(tracks, masks[tracks.detections], strict=True):
            rows, columns = np.nonzero(mask)
            left, top, right, bottom = track.box
            assert left - 1 <= columns.min() < columns.max() <= right
            assert top - 1 <= rows.min() < rows.max() <= bottom
    assert len(tracks) == 2


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("shift", [(0, 0), (7, 3)])
def test_only_the_window_of_an_object_is_drawn_and_nothing_is_lost(zoom: float, shift: tuple[float, float]) -> None:
    maps = np.full((3, 16, 16), -1.0)
    maps[0, 5:9, 2:14] = 1
    maps[1] = np.add.outer(np.arange(16.0), np.arange(16.0)) - 25  # up to the corner
    fit = Fit(np.array(shift, float), np.full(2, zoom), (int(60 / zoom), int(56 / zoom)), (64, 64))
    masks = masks_of(maps, fit, above=0.0)
    height, width = fit.image
    matrix = np.array([[zoom / 4, 0, 0.0], [0, zoom / 4, 0.0]])
    matrix[:, 2] = np.array(shift) / 4 + zoom / 8 - 0.5
    for one, mask in zip(maps, masks, strict=True):
        flags: Any = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        whole = cv2.warpAffine(
            one.astype(np.float32), matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        # OpenCV rounds the places to 1/32 of a cell.
        assert np.count_nonzero((whole > 0) != mask) <= 0.02 * mask.sum()
    assert masks[0].any()
    assert masks[1].any()
    assert not masks[2].any()
