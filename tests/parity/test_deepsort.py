"""DeepSORT reproduces the published DeepSORT's rows and ids from the same detections and embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from published import Rows, assert_same_tracks

from tracker import DeepSORT, Detections


@pytest.mark.parametrize("sequence", ["MOT17-09", "PETS09-S2L1", "TUD-Campus"])
def test_rows_and_ids_of_the_published_deepsort(shared: Path, sequence: str) -> None:
    with np.load(shared / "reference" / "deepsort" / f"{sequence}.npz") as published:
        z = dict(published)
    boxes = z["det_tlwh"].copy()
    boxes[:, 2:] += boxes[:, :2]
    deepsort = DeepSORT()
    rows = Rows()
    missed = []
    for frame in range(1, int(max(z["det_frame"].max(), z["frame"].max())) + 1):
        here = z["det_frame"] == frame
        tracks = deepsort.update(Detections(boxes[here], z["det_score"][here], embeddings=z["embedding"][here]))
        rows.add(frame, tracks)
        missed.append(tracks.missed)
    assert_same_tracks(rows, z["frame"], z["id"], z["xyxy"])
    assert np.concatenate(missed).sum() == z["time_since_update"].sum()
