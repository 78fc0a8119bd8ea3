from __future__ import annotations

import numpy as np
import pytest

from tracker.detect import Motion


def scene(step: int, scale: int = 1) -> np.ndarray:
    """A textured street 160x120 with a bright 12x30 figure that walks 2 pixels a step."""
    image = np.random.default_rng(7).integers(90, 110, (120, 160, 3)).astype(np.uint8)
    image[40:70, 10 + 2 * step : 22 + 2 * step] = 230
    return image.repeat(scale, axis=0).repeat(scale, axis=1)


def run(motion: Motion, steps: range, scale: int = 1) -> list[np.ndarray]:
    return [motion(scene(step, scale)).boxes for step in steps]


def test_the_figure_is_found_where_it_is():
    motion = Motion()
    for step, boxes in zip(range(40), run(motion, range(40)), strict=True):
        if step < motion.warmup:
            assert len(boxes) == 0
        elif step > 25:  # the ghost of where it stood in the first image has gone
            truth = np.array([10 + 2 * step, 40, 22 + 2 * step, 70])
            assert np.abs(boxes - truth).max(axis=1).min() <= 3


def test_large_images_are_reduced_and_boxes_brought_back():
    boxes = run(Motion(), range(30), scale=6)[-1]
    truth = 6 * np.array([10 + 2 * 29, 40, 22 + 2 * 29, 70])
    assert np.abs(boxes - truth).max(axis=1).min() <= 18


def test_reset_and_another_size_start_again():
    motion = Motion()
    first = run(motion, range(30))
    motion.reset()
    second = run(motion, range(30))
    motion(scene(0, 2))
    third = run(motion, range(30))
    for one, two, three in zip(first, second, third, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_scores_are_the_moving_part_and_can_be_thresholded():
    scores = [Motion()(scene(0)).scores] + [found.scores for found in map(Motion(warmup=0), map(scene, range(1, 30)))]
    scores = np.concatenate(scores)
    assert scores.min() > 0
    assert scores.max() <= 1
    strict = Motion(conf=0.95, warmup=0)
    assert all((strict(scene(step)).scores >= 0.95).all() for step in range(10))


@pytest.mark.slow
def test_people_on_real_frames(shared):
    from detect.pets import frames, people, recall_precision

    motion, truth = Motion(), people(shared)
    seen = [(motion(image).boxes, truth[number]) for number, image in frames(shared, 1, 250, 1)]
    recall, precision = recall_precision(seen[60::10])
    assert recall > 0.5
    assert precision > 0.6


@pytest.mark.parametrize("wrong", [{"threshold": 0}, {"history": 0}, {"warmup": -1}, {"min_area": 2}, {"conf": -1}])
def test_parameters_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Motion(**wrong)
