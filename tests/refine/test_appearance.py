"""Mean embeddings: which crops of which tracks, and from which frames."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tracklets import together, track

from tracker.refine import as_rows, mean_embeddings


def video(length: int, size: tuple[int, int] = (200, 300)) -> list[Any]:
    return [SimpleNamespace(number=k, image=np.full((*size, 3), k, np.uint8)) for k in range(1, length + 1)]


def left_and_frame(image: Any, boxes: Any) -> Any:
    """An embedder whose vectors hold where and when a crop was taken."""
    return np.column_stack([boxes[:, 0], np.full(len(boxes), float(image[0, 0, 0]))])


def unit(*values: float) -> Any:
    return np.array(values) / np.linalg.norm(values)


def test_a_track_is_the_mean_of_crops_spread_over_it() -> None:
    cropped = []

    def embedder(image: Any, boxes: Any) -> Any:
        cropped.append(int(image[0, 0, 0]))
        return np.eye(2)[[cropped[-1] % 2] * len(boxes)]

    means = mean_embeddings(track(range(1, 33)), video(40), embedder, crops=4)
    assert cropped == [1, 9, 17, 25]
    assert means.tolist() == [[0, 1]]


def test_rows_that_others_cover_are_avoided() -> None:
    still = {"velocity": (0.0, 0.0)}
    rows = together(track(range(1, 5), 1, **still), track(range(1, 4), 2, box=(15, 20, 55, 120), **still))
    means = mean_embeddings(rows, video(4), left_and_frame, crops=1)
    np.testing.assert_allclose(means[0], unit(10, 4))
    np.testing.assert_array_equal(mean_embeddings(rows.by_frame(), video(4), left_and_frame, crops=1), means)


def test_interpolated_rows_are_not_cropped() -> None:
    rows = track([1, 2, 3], velocity=(0, 0))
    marked = as_rows(rows.frames, rows.ids, rows.boxes, interpolated=[True, True, False])
    np.testing.assert_allclose(mean_embeddings(marked, video(3), left_and_frame), [unit(10, 3)])
    every = as_rows(rows.frames, rows.ids, rows.boxes, interpolated=[True, True, True])
    assert np.isnan(mean_embeddings(every, video(3), left_and_frame)).all()


def test_a_track_outside_the_image_has_none() -> None:
    rows = together(track([1], 1), track([1], 2, box=(900, 20, 950, 120)))
    means = mean_embeddings(rows, video(1), left_and_frame)
    assert np.isfinite(means[0]).all()
    assert np.isnan(means[1]).all()


def test_no_rows_need_no_video() -> None:
    assert mean_embeddings(as_rows([], [], []), [], left_and_frame).shape[0] == 0


def test_another_video_is_one_line() -> None:
    rows = track(range(1, 9))
    with pytest.raises(ValueError, match="the tracks go on to frame 8, the video ends at 5; give the video of these"):
        mean_embeddings(rows, video(5), left_and_frame)
    with pytest.raises(ValueError, match="8 of the 8 boxes to crop lie outside the image"):
        mean_embeddings(rows, video(8, size=(10, 10)), left_and_frame)
    blind = [SimpleNamespace(number=k, image=None) for k in range(1, 9)]
    with pytest.raises(ValueError, match="frame 1 has no image"):
        mean_embeddings(rows, blind, left_and_frame)
    with pytest.raises(ValueError, match="crops=0: give 1 or more"):
        mean_embeddings(rows, video(8), left_and_frame, crops=0)
