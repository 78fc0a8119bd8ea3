"""BoT-SORT and StrongSORT: what their appearance does, on scenes reckoned by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import Detections
from tracker.algorithms.botsort import BoTSORT
from tracker.algorithms.strongsort import StrongSORT

LEFT, RIGHT = np.array([100.0, 100, 140, 200]), np.array([112.0, 100, 152, 200])
EMBEDDINGS = np.eye(4)[:2]


def seen(boxes, embeddings=None, scores=None):
    return Detections(np.array(boxes).reshape(-1, 4), scores, embeddings=embeddings)


@pytest.mark.parametrize("embeddings", [False, True])
def test_botsort_tells_neighbours_by_their_embeddings(embeddings):
    tracker = BoTSORT()
    for _ in range(5):
        ids = tracker.update(seen([LEFT, RIGHT], EMBEDDINGS if embeddings else None)).ids
    # They change places between two frames; the detector is not quite sure, so that overlap costs more than appearance.
    tracks = tracker.update(seen([LEFT, RIGHT], EMBEDDINGS[::-1] if embeddings else None, [0.8, 0.8]))
    found = dict(zip(tracks.detections.tolist(), tracks.ids.tolist(), strict=True))
    assert found == ({0: ids[1], 1: ids[0]} if embeddings else {0: ids[0], 1: ids[1]})


def test_botsort_ignores_embeddings_that_are_far_away():
    tracker = BoTSORT()
    for _ in range(5):
        tracker.update(seen([LEFT], EMBEDDINGS[:1]))
    for _ in range(2):
        tracks = tracker.update(seen([LEFT + 300], EMBEDDINGS[:1]))
    assert tracks.ids.tolist() == [2]


def test_strongsort_matches_by_embeddings_and_forgets_old_ones_slowly():
    tracker = StrongSORT()
    for _ in range(5):
        ids = tracker.update(seen([LEFT, RIGHT], EMBEDDINGS)).ids
    tracks = tracker.update(seen([LEFT, RIGHT], EMBEDDINGS[::-1]))
    assert dict(zip(tracks.detections.tolist(), tracks.ids.tolist(), strict=True)) == {0: ids[1], 1: ids[0]}
    tracker.update(seen([LEFT, RIGHT], EMBEDDINGS[::-1] + np.array([0, 0, 0.5, 0])))
    known = tracker.state.embeddings
    np.testing.assert_allclose(np.linalg.norm(known, axis=0), 1, atol=1e-6)
    assert (known[2] > 0).all()
    assert (known[2] < 0.1).all()


def test_strongsort_trusts_a_sure_detection_more():
    boxes = {}
    for score in (0.1, 0.9):
        tracker = StrongSORT()
        for _ in range(5):
            tracker.update(seen([LEFT], EMBEDDINGS[:1], [score]))
        boxes[score] = tracker.update(seen([RIGHT], EMBEDDINGS[:1], [score])).boxes[0]
    assert abs(boxes[0.9] - RIGHT).max() < abs(boxes[0.1] - RIGHT).max()


def test_strongsort_needs_embeddings():
    with pytest.raises(ValueError, match="needs embeddings"):
        StrongSORT().update(seen([LEFT]))
    with pytest.raises(ValueError, match="needs the image"):
        StrongSORT(embedder=lambda image, boxes: EMBEDDINGS[:1]).update(seen([LEFT]))


@pytest.mark.parametrize("cls", [BoTSORT, StrongSORT])
def test_embeddings_of_another_width_are_said(cls):
    tracker = cls()
    tracker.update(seen([LEFT], EMBEDDINGS[:1]))
    with pytest.raises(ValueError, match="5 wide, those remembered 4"):
        tracker.update(seen([LEFT], np.eye(5)[:1]))
