"""What every tracker of the library shares: prediction between detections."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import DeepSORT, Detections


def test_between_detections_a_lost_track_keeps_the_size_it_has() -> None:
    """It comes nearer, growing 5 % a frame; from the frame that misses it on it only moves on."""
    deepsort, size, red = DeepSORT(), np.array([40.0, 100]), np.ones((1, 4))
    for frame in range(8):
        centre = np.array([300 + 6.0 * frame, 200])
        box = np.concatenate((centre - size / 2, centre + size / 2))
        deepsort.update(Detections(box[None], embeddings=red))
        size = 1.05 * size
    reported = deepsort.update([])
    expected = deepsort.predict(reported)
    (before,), (after,) = (boxes[:, 3] - boxes[:, 1] for boxes in (reported.boxes, expected.boxes))
    assert after == pytest.approx(before)
    assert expected.boxes[0, 0] > reported.boxes[0, 0]
