"""Low frame rates on real data: MOT17 thinned to a half, a third and a fifth of its frames, detections and truth."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crowds import lanes

from tracker.algorithms import algorithm, algorithms, needs_embeddings

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


@pytest.fixture(scope="module")
def script() -> Any:
    """scripts/frame_rates.py, which measures the table in docs/measurements.md."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        spec = importlib.util.spec_from_file_location("frame_rates", SCRIPTS / "frame_rates.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def halves(request: pytest.FixtureRequest, script: Any) -> Any:
    """The scenes of MOT17's second halves."""
    return script.mot(request.getfixturevalue("shared") / "data/MOT17/train", half=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in algorithms() if not needs_embeddings(algorithm(name))])
def test_a_low_frame_rate_costs_little_where_time_is_given(halves: Any, script: Any, name: str) -> None:
    full, _, _ = script.figures(halves, name, 1, False)
    timed = {every: script.figures(halves, name, every, True)[0] for every in (2, 3, 5)}
    untimed = {every: script.figures(halves, name, every, False)[0] for every in (2, 3, 5)}
    assert min(timed.values()) > full - 3
    # The further apart, the more time says; close together both know as much, up to what one association is worth.
    assert timed[5] > untimed[5] + 0.3
    assert all(timed[every] > untimed[every] - 0.6 for every in (2, 3))


@pytest.mark.parametrize("name", ["sort", "bytetrack", "ocsort", "steady"])
@pytest.mark.parametrize("every", [1, 3])
def test_one_missed_detection_does_not_end_a_track(name: str, every: int) -> None:
    tracker = algorithm(name)(max_age=1, frame_rate=30)
    before: list[int] = []
    for i, seen in enumerate(lanes(frames=20)):
        found = seen.detections(embeddings=None)
        tracks = tracker.update(found[:0] if i == 12 else found, time=i * every / 30)
        if i == 11:
            before = sorted(tracks.ids.tolist())
    assert sorted(tracks.ids.tolist()) == before
    assert len(before) == 6
    for i in range(20, 24):
        tracks = tracker.update(np.empty((0, 4)), time=i * every / 30)
    assert len(tracker.tracks) == 0
