from __future__ import annotations

import numpy as np
import pytest
from detect.pets import frames, people, recall_precision

from tracker.detect import HOG


@pytest.mark.slow
def test_people_on_real_frames(shared):
    hog, truth = HOG(), people(shared)
    seen = [(hog(image), truth[number]) for number, image in frames(shared, 6, 750, 75)]
    recall, precision = recall_precision([(found.boxes, boxes) for found, boxes in seen])
    assert recall > 0.75
    assert precision > 0.85
    scores = np.concatenate([found.scores for found, _ in seen])
    assert scores.min() >= 0.3
    assert scores.max() <= 1
    assert all(hog.class_names[kind] == "person" for found, _ in seen for kind in found.classes)


def test_the_same_image_at_another_size_gives_the_same_people(shared):
    import cv2

    image = frames(shared, 100, 100, 1)[0][1]
    hog = HOG()
    small = hog(image)
    large = hog(cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    recall, precision = recall_precision([(large.boxes / 3, small.boxes)])
    assert len(small) > 0
    assert min(recall, precision) > 0.5


def test_the_same_image_twice_gives_the_same_numbers(shared):
    image = frames(shared, 300, 300, 1)[0][1]
    hog = HOG()
    first = hog(image)
    assert len(first) > 3
    for _ in range(4):
        again = hog(image)
        np.testing.assert_array_equal(again.boxes, first.boxes)
        np.testing.assert_array_equal(again.scores, first.scores)


def test_images_no_window_fits_are_empty():
    hog = HOG()
    for shape in ((1, 1), (3000, 10), (2, 3000)):
        assert len(hog(np.zeros((*shape, 3), np.uint8))) == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"conf": 1.5}, "conf=1.5 is outside 0..1"),
        ({"height": 64}, "height=64 is outside 128"),
    ],
)
def test_parameters_out_of_range(wrong, words):
    with pytest.raises(ValueError, match=words):
        HOG(**wrong)


@pytest.mark.parametrize(
    "image", [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="image"):
        HOG()(image)
