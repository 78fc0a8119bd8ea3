"""A tree of made sequences, and trackers of one's own in the folder that the test runs in."""

from __future__ import annotations

from pathlib import Path

import pytest
from made import write_sequence

FRAMES = 41

MINE = """\
import numpy as np
from tracker import Tracks
from {helper} import LEAST
from tracker.boxes import iou_xyxy


class Mine:
    def __init__(self, least=LEAST, patience=3, gentle=True):
        self.least, self.patience, self.gentle = least, patience, gentle
        self.last = []  # id, box, updates since

    def update(self, detections, frame=None, time=None):
        self.last = [(i, box, missed + 1) for i, box, missed in self.last if missed < self.patience]
        ids = []
        for box in detections.boxes:
            known = [(iou_xyxy(box[None], other[None])[0, 0], i) for i, other, missed in self.last if i not in ids]
            overlap, best = max(known, default=(0.0, 0))
            ids.append(best if overlap >= self.least else 1 + max([i for i, _, _ in self.last] + ids, default=0))
        self.last = [row for row in self.last if row[0] not in ids]
        self.last += [(i, box, 0) for i, box in zip(ids, detections.boxes)]
        return Tracks.of_boxes(np.array(ids, dtype=np.int64), detections.boxes)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two sequences of three objects that move apart; detections are the truth."""
    for name in ("a", "b"):
        write_sequence(tmp_path / name, FRAMES)
    return tmp_path


@pytest.fixture
def mine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a tracker of one's own: ``./mine.py:Mine``, or by a module's name of this test's own."""
    folder = tmp_path_factory.mktemp("own")
    number = folder.name.replace("-", "_")
    (folder / f"helper_{number}.py").write_text("LEAST = 0.3\n")
    for name in ("mine", f"mine_{number}"):
        (folder / f"{name}.py").write_text(MINE.format(helper=f"helper_{number}"))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder
