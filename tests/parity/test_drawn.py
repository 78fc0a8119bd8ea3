"""Made scenes of 8, 20 and 45 people: rows and ids of the published programs, in every checkout.

The scenes and the rows lie in tests/drawn. SORT and DeepSORT were given the detections that score above 0.5, ByteTrack
and OC-SORT all of them; the programs started at frame 1, before the first detection of some scenes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published import Rows, assert_same_tracks

from tracker import OCSORT, SORT, ByteTrack, DeepSORT, Detections

FOLDER = Path(__file__).parents[1] / "drawn"
PUBLISHED: dict[str, tuple[Callable[[], Any], float]] = {  # the tracker, and the score that detections must exceed
    "sort": (lambda: SORT(published_order=True), 0.5),
    "deepsort": (DeepSORT, 0.5),
    "bytetrack": (lambda: ByteTrack(published_iou=True), -1.0),
    "ocsort": (lambda: OCSORT(published_order=True), -1.0),
}


@cache
def drawn(scene: str) -> dict[str, Any]:
    with np.load(FOLDER / f"{scene}.npz") as content:
        return dict(content)


@pytest.mark.parametrize("algorithm", PUBLISHED)
@pytest.mark.parametrize("scene", ["drawn-08", "drawn-20", "drawn-45"])
def test_rows_and_ids_are_the_published_ones(scene: str, algorithm: str) -> None:
    z = drawn(scene)
    build, above = PUBLISHED[algorithm]
    tracker, rows = build(), Rows()
    for frame in range(1, int(z["det_frame"].max()) + 1):
        here = (z["det_frame"] == frame) & (z["det_score"] > above)
        embeddings = z["embedding"][here] if algorithm == "deepsort" else None
        rows.add(frame, tracker.update(Detections(z["det_xyxy"][here], z["det_score"][here], embeddings=embeddings)))
    assert_same_tracks(rows, z[f"{algorithm}_frame"], z[f"{algorithm}_id"], z[f"{algorithm}_xyxy"])
