"""Boxes of different classes on one object become one, and the other class counts in the vote."""

from __future__ import annotations

import numpy as np
import pytest

from tracker import XYSR, Detections, track
from tracker.boxes import iou_xyxy
from tracker.detect import ONNX, open_detector
from tracker.detect.coco import COCO
from tracker.detect.twins import KNOWN, TOGETHER, UNKNOWN, Twins
from tracker.state import State

IMAGE = np.zeros((64, 64, 3), np.uint8)
NAMES = {0: "person", 1: "Car", 2: "truck", 3: "bus", 4: "bicycle", 5: "helmet", 6: "head", 7: "bowl", 8: "orange"}
TWINS = Twins(NAMES, len(NAMES))


def wide(iou: float) -> list[float]:
    """A box whose IoU with (0, 0, 100, 50) is ``iou``."""
    return [0.0, 0, 100 * iou, 50]


@pytest.mark.parametrize(
    ("one", "other", "limit"),
    [(1, 2, KNOWN), (0, 1, KNOWN), (0, 4, TOGETHER), (4, 0, TOGETHER), (8, 7, TOGETHER), (5, 6, UNKNOWN)],
)
def test_two_classes_are_one_object_above_their_limit(one, other, limit):
    classes = np.array([one, other])
    for iou, stays in ((limit - 0.01, 2), (limit + 0.01, 1)):
        kept = TWINS(np.array([wide(1), wide(iou)]), np.array([0.5, 0.6]), classes)
        assert (2 if kept is None else kept.mask.sum()) == stays
    assert kept.mask.tolist() == [False, True], "the better score"
    assert (kept.classes[1], kept.scores[1]) == (one, 0.5)


def test_three_classes_leave_the_best_and_remember_the_second():
    kept = TWINS(np.array([wide(0.95), wide(1), wide(0.9)]), np.array([0.3, 0.9, 0.6]), np.array([3, 1, 2]))
    assert kept.mask.tolist() == [False, True, False]
    assert (kept.classes.tolist(), kept.scores.tolist()) == ([-1, 2, -1], [0, 0.6, 0])


def test_a_box_that_went_takes_no_other_with_it():
    # The third overlaps the second by .75, and the first by .6 only: it stays.
    kept = TWINS(np.array([wide(1), wide(0.8), wide(0.6)]), np.array([0.9, 0.6, 0.3]), np.array([1, 2, 3]))
    assert kept.mask.tolist() == [True, False, True]


def test_one_class_and_numbers_without_names():
    assert TWINS(np.array([wide(1), wide(1)]), np.array([0.9, 0.6]), np.array([1, 1])) is None
    kept = TWINS(np.array([wide(1), wide(0.9)]), np.array([0.6, 0.6]), np.array([1, 90]))
    assert kept.mask.tolist() == [True, False]
    assert Twins({}, 0)(np.array([wide(1), wide(0.8)]), np.array([0.6, 0.5]), np.array([0, 1])) is None


def detected(constant_onnx, finished: bool = False, **options):
    """What a network sees that gives car .9, truck .8 and bicycle .3 on one spot, and a car that overlaps it."""
    if finished:
        answer = np.zeros((1, 300, 6), np.float32)
        answer[0, :3] = [(2, 2, 42, 42, 0.8, 7), (2, 2, 42, 43, 0.9, 2), (2, 2, 42, 42, 0.3, 1)]
    else:
        answer = np.zeros((1, 84, 84), np.float32)
        for column, (width, label, score) in enumerate([(40, 7, 0.8), (41, 2, 0.9), (40, 1, 0.3), (30, 2, 0.7)]):
            answer[0, [0, 1, 2, 3, 4 + label], column] = 22, 22, width, 40, score
    path = constant_onnx(answer, metadata={"names": str(dict(enumerate(COCO)))})
    return open_detector(str(path), conf=0.2, head=None if finished else "yolov8", **options)(IMAGE)


@pytest.mark.parametrize("finished", [False, True])
def test_modes(constant_onnx, finished):
    found = detected(constant_onnx, finished)
    assert (found.classes.tolist(), found.twins.tolist()) == ([2], [[7], [found.twins[1, 0]]])
    assert found.twins[1, 0] == pytest.approx(0.8)
    both = detected(constant_onnx, finished, nms="per-class")
    assert (sorted(both.classes.tolist()), both.twins) == ([1, 2, 7], None)
    assert detected(constant_onnx, finished, nms="agnostic").classes.tolist() == [2]


def test_soft_keeps_an_overlapping_one_with_a_lower_score(constant_onnx):
    iou = 30 / 41
    np.testing.assert_allclose(
        detected(constant_onnx, nms="soft").scores, [0.9, 0.7 * np.exp(-(iou**2) / 0.5)], rtol=1e-6
    )
    assert len(detected(constant_onnx, nms="soft-linear")) == 1, "0.7 * (1 - 30/41) is below conf"


def test_bad_modes_and_where_they_do_not_belong(constant_onnx):
    with pytest.raises(ValueError, match=r"unknown nms 'agnostik', did you mean 'agnostic'\?; choose from per-object"):
        detected(constant_onnx, nms="agnostik")
    with pytest.raises(ValueError, match=r"nms goes with MODEL.onnx or MODEL.xml, not with hog; .* \(--nms\)"):
        open_detector("hog", nms="soft")
    with pytest.raises(ValueError, match=r"nms goes with the file of a model .* leave nms out \(--nms\)"):
        next(track(_frames(), detector=lambda image: [], nms="soft"))


class _frames:
    frame_rate = 10

    def __iter__(self):
        return iter(())


def test_detections_carry_twins():
    found = Detections([wide(1), wide(0.5)], [0.9, 0.8], [2, 0]).with_twins(np.array([7, -1]), np.array([0.6, 0.0]))
    assert (found.whole, found.twins.tolist()) == (True, [[7, -1], [0.6, 0]])
    assert found[1:].twins.tolist() == [[-1], [0]]
    assert found.numbered().with_payload(["a", "b"]).twins.tolist() == found.twins.tolist()
    bad = found.with_embeddings([[np.nan, 1.0], [1.0, 0.0]], invalid="drop")
    assert bad.twins.tolist() == [[-1], [0]]
    assert not found.twins.flags.writeable


def voted(steps: int, twin: float) -> int:
    """The class of a track born as a car (2), after ``steps`` detections of a truck (7) with a twin that is a car."""
    motion, state = XYSR(), State.start(XYSR())
    state.birth(motion, Detections([wide(1)], [0.9], [2]), np.array([0]))
    for _ in range(steps):
        seen = Detections([wide(1)], [0.9], [7]).with_twins(np.array([2]), np.array([twin]))
        state.predict(motion, 1)
        state.update(motion, np.array([0]), seen, np.array([0]))
    return int(state.classes[0])


def test_the_weaker_class_counts_in_the_vote():
    assert (voted(10, 0.0), voted(10, 0.5)) == (7, 2), "0.4 a frame takes longer than 0.9"
    assert (voted(30, 0.5), voted(1000, 0.8)) == (7, 2), "what is nearly a tie keeps the class"


def test_a_twin_of_the_candidate_class_keeps_its_votes_longer():
    votes = []
    for twin in (0.0, 0.5):
        motion, state = XYSR(), State.start(XYSR())
        state.birth(motion, Detections([wide(1)], [0.9], [2]), np.array([0]))
        seen = [Detections([wide(1)], [0.9], [7])] * 3
        seen.append(Detections([wide(1)], [0.9], [2]).with_twins(np.array([7]), np.array([twin])))
        for one in seen:
            state.predict(motion, 1)
            state.update(motion, np.array([0]), one, np.array([0]))
        votes.append(float(state.votes[0]))
    assert votes[1] - votes[0] == pytest.approx(0.5)


@pytest.mark.parametrize(("clip", "most"), [("vtest_480x360", 60), ("cars_bridge_640x360", 60)])
def test_real_frames(shared, clip, most):
    """Below 1 % of the rows overlap another at IoU > .7; per class it is more than 15 %."""
    from tracker.io.video import open_source

    path = shared / "data/models/yolox_nano.onnx"
    counted = {}
    for nms in ("per-object", "per-class"):
        detector, rows, doubled = ONNX(path, conf=0.1, nms=nms), 0, 0
        with open_source(shared / f"data/video/{clip}.mp4") as video:
            for frame in video:
                if frame.number > most:
                    break
                if frame.number % 6 == 0:
                    boxes = detector(frame.image).boxes
                    overlap = iou_xyxy(boxes, boxes) - np.eye(len(boxes))
                    rows, doubled = rows + len(boxes), doubled + int((overlap > 0.7).any(axis=1).sum())
        counted[nms] = doubled / rows
    assert counted["per-object"] < 0.01
    assert counted["per-class"] > 0.15
