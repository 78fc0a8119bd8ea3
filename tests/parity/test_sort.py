"""SORT with published_order reproduces the published SORT's rows and ids on the MOT15 training sequences."""

from __future__ import annotations

import configparser
from pathlib import Path

import numpy as np
import pytest
from published import Rows, assert_same_tracks

from tracker import SORT, Detections
from tracker.io.mot import read_detections

LARGE = ("ADL-Rundle-6", "ADL-Rundle-8", "ETH-Bahnhof", "ETH-Pedcross2", "ETH-Sunnyday", "PETS09-S2L1", "Venice-2")
SEQUENCES = [
    *("KITTI-13", "KITTI-17", "TUD-Campus", "TUD-Stadtmitte"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE),
]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_rows_and_ids_of_the_published_sort(shared: Path, sequence: str) -> None:
    folder = shared / "data" / "MOT15" / "train" / sequence
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    seen = read_detections(folder / "det" / "det.txt")
    sort = SORT(published_order=True)
    rows = Rows()
    for frame in range(1, info.getint("Sequence", "seqLength") + 1):
        here = seen.at(frame)
        rows.add(frame, sort.update(Detections(seen.boxes[here], seen.scores[here])))
    with np.load(shared / "reference" / "sort" / f"{sequence}.npz") as published:
        assert_same_tracks(rows, published["frame"], published["id"], published["xyxy"])
