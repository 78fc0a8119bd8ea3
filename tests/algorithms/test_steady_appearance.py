"""Steady with embeddings: what they change, and that useless ones change nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tracker import Detections, Steady
from tracker.identity import ACCEPTED, CHANGED, DUE, EVERY, KNOWN
from tracker.log import RENAMED, Log
from tracker.tracks import Tracks

WIDTH = 16
RED, BLUE, GREEN, GREY = np.eye(WIDTH)[:4]
BOX = np.array([100.0, 100, 140, 200])
NEAR, FAR = BOX + [45, 0, 45, 0], BOX + [600, 0, 600, 0]  # within reach, and not


def seen(*people: tuple[np.ndarray, np.ndarray], scores: list[float] | None = None) -> Detections:
    """Detections of people, each a box and an embedding."""
    boxes = np.array([box for box, _ in people]).reshape(-1, 4)
    embeddings = np.array([embedding for _, embedding in people]).reshape(-1, WIDTH)
    return Detections(boxes, scores, embeddings=embeddings if len(people) else None)


def known(tracker: Steady, *people: tuple[np.ndarray, np.ndarray], frames: int = 40) -> list[int]:
    """The ids of people whom the tracker has seen for some frames."""
    for _ in range(frames):
        tracks = tracker.update(seen(*people))
    return ids_of(tracks, len(people))


def ids_of(tracks: Tracks, n: int) -> list[int]:
    """The id of each of n detections, 0 where no reported track has it."""
    found = dict(zip(tracks.detections.tolist(), tracks.ids.tolist(), strict=True))
    return [found.get(row, 0) for row in range(n)]


def crowd(kind: str, frames: int = 150) -> list[Detections]:
    """Eight people who cross each other's ways, some of whom are missed or hidden at times."""
    draw = np.random.default_rng(3)
    place, speed = draw.uniform(0, 300, (8, 2)), draw.normal(0, 3, (8, 2))
    looks = np.linalg.qr(draw.normal(size=(WIDTH, WIDTH)))[0][:8]
    out, away = [], np.zeros(8)
    for _ in range(frames):
        place = place + speed
        speed = np.where((place < 0) | (place > 300), -speed, speed)
        boxes = np.c_[place, place + [40, 100]] + draw.normal(0, 1, (8, 4))
        hidden = draw.random(8) < 0.15
        scores = np.where(hidden, 0.3, 0.9)
        embeddings = looks + draw.normal(0, 0.05, (8, WIDTH))
        if kind == "random":
            embeddings = draw.normal(size=(8, WIDTH))
        elif kind == "alike":
            embeddings = np.ones((8, WIDTH))
        elif kind == "nearly alike":
            embeddings = np.ones((8, WIDTH)) + draw.normal(0, 0.01, (8, WIDTH))
        away = np.where(away > 0, away - 1, np.where(draw.random(8) < 0.02, 12, 0))
        kept = away == 0
        found = Detections(boxes[kept], scores[kept], embeddings=embeddings[kept])
        out.append(Detections(found.boxes, found.scores) if kind == "none" else found)
    return out


def followed(found: list[Detections], tracker: Steady | None = None) -> list[tuple[list[int], list[list[float]]]]:
    tracker = tracker or Steady()
    reported = [tracker.update(one) for one in found]
    return [(tracks.ids.tolist(), tracks.boxes.tolist()) for tracks in reported]


@pytest.mark.parametrize("kind", ["random", "alike", "nearly alike"])
def test_useless_embeddings_change_no_row(kind: str) -> None:
    assert followed(crowd(kind)) == followed(crowd_without(kind))


def crowd_without(kind: str) -> list[Detections]:
    return [Detections(one.boxes, one.scores) for one in crowd(kind)]


def test_good_embeddings_change_rows() -> None:
    """Else the test above would say nothing."""
    assert followed(crowd("good")) != followed(crowd_without("good"))


def test_neighbours_that_change_places_are_told_apart() -> None:
    left, right = BOX, BOX + [12, 0, 12, 0]
    for looks in (True, False):
        tracker = Steady()
        one, other = known(tracker, (left, RED), (right, BLUE if looks else RED))
        tracks = tracker.update(seen((left, BLUE if looks else RED), (right, RED)))
        assert ids_of(tracks, 2) == ([other, one] if looks else [one, other])


def test_a_covered_detection_says_little_about_its_person() -> None:
    """The same as above, behind somebody who covers half of both."""
    left, right, front = BOX, BOX + [12, 0, 12, 0], BOX + [-10, 45, 30, 45]
    tracker = Steady()
    one, other = known(tracker, (left, RED), (right, BLUE))
    tracks = tracker.update(seen((left, BLUE), (right, RED), (front, GREEN)))
    assert ids_of(tracks, 2) == [one, other]


def test_a_covered_embedding_is_not_learned() -> None:
    tracker = Steady()
    known(tracker, (BOX, RED), (FAR, BLUE))
    for _ in range(20):
        tracker.update(seen((BOX, GREY), (FAR, BLUE), (BOX + [0, 10, 20, 20], GREEN)))
    np.testing.assert_allclose(tracker.state.embeddings[:, 0], RED, atol=1e-6)
    np.testing.assert_allclose(tracker.state.mean(0, np.array([0]))[0], RED, atol=1e-6)


def test_a_new_track_takes_back_the_id_of_a_lost_one() -> None:
    """Somebody comes back half hidden, and so as somebody new; four clean embeddings later it is who it was."""
    tracker = Steady(coast=0)
    first, _ = known(tracker, (BOX, RED), (FAR, BLUE))
    for _ in range(10):
        tracker.update(seen((FAR, BLUE)))
    ids = []
    for look in (GREY, *[RED] * 8):
        tracker.log = Log()
        ids.append(ids_of(tracker.update(seen((NEAR, look), (FAR, BLUE))), 1)[0])
        if ids[-1] == first and ids[-2] != first:
            assert tracker.log.frames[-1].renamed == {ids[-2]: first}
            assert tracker.log.frames[-1].died == {ids[-2]: RENAMED}
    assert first in ids
    assert ids[0] == ids[1] - ids[1] == 0  # tentative
    new = ids[1]
    assert new not in (0, first)
    assert ids == [0] + [new] * (ids.index(first) - 1) + [first] * (len(ids) - ids.index(first))
    assert ids.index(first) == DUE[0]
    assert len(tracker.state) == 2


def test_a_new_track_out_of_reach_stays_new() -> None:
    tracker = Steady(coast=0)
    known(tracker, (BOX, RED), (FAR, BLUE))
    for _ in range(10):
        tracker.update(seen((FAR, BLUE)))
    for look in (GREY, *[RED] * 8):
        tracks = tracker.update(seen((BOX + 300, look), (FAR, BLUE)))
    assert ids_of(tracks, 2) == [3, 2]


def test_tracks_that_took_each_others_person_change_ids() -> None:
    tracker = Steady()
    one, other = known(tracker, (BOX, RED), (NEAR, BLUE), frames=150)
    ids = [ids_of(tracker.update(seen((BOX, BLUE), (NEAR, RED))), 2) for _ in range(40)]
    swapped = ids.index([other, one])
    assert DUE[0] < swapped < 2 * EVERY
    assert ids == [[one, other]] * swapped + [[other, one]] * (40 - swapped)


def test_a_track_that_became_somebody_else_gives_its_id_back() -> None:
    """GREEN stands where RED was; when RED comes back it has its id, and GREEN a new one."""
    tracker = Steady(coast=0)
    red, blue = known(tracker, (BOX, RED), (FAR, BLUE))
    for _ in range(2 * EVERY):
        assert ids_of(tracker.update(seen((BOX, GREEN), (FAR, BLUE))), 1) == [red]
    for _ in range(12):
        tracks = tracker.update(seen((BOX, GREEN), (FAR, BLUE), (NEAR, RED)))
    green = ids_of(tracks, 3)[0]
    assert ids_of(tracks, 3) == [green, blue, red]
    assert green not in (red, blue)
    born = dict(zip(tracks.ids.tolist(), tracks.ages.tolist(), strict=True))[green]
    assert born < 3 * EVERY


def test_somebody_who_only_changed_keeps_the_id() -> None:
    """Nobody looks like the old RED; in time the new look is the track's own."""
    tracker = Steady()
    ids = known(tracker, (BOX, RED), (FAR, BLUE))
    for _ in range(ACCEPTED + EVERY):
        assert ids_of(tracker.update(seen((BOX, GREEN), (FAR, BLUE))), 2) == ids
    assert tracker.state.suspect.tolist() == [0, 0]
    np.testing.assert_allclose(tracker.state.mean(0, np.array([0]))[0], GREEN, atol=0.01)


def test_ids_of_classes_are_not_mixed_where_classes_count() -> None:
    for per_class in (False, True):
        tracker = Steady(coast=0, per_class=per_class)
        known(tracker, (BOX, RED), (FAR, BLUE))
        for _ in range(10):
            tracker.update(seen((FAR, BLUE)))
        for look in (GREY, *[RED] * 8):
            one = seen((NEAR, look), (FAR, BLUE))
            tracks = tracker.update(Detections(one.boxes, one.scores, [1, 0], embeddings=one.embeddings))
        assert ids_of(tracks, 1) == ([3] if per_class else [1])


def returning() -> list[Detections]:
    """RED goes out of sight, comes back half hidden, and is known again."""
    together, alone = seen((BOX, RED), (FAR, BLUE)), seen((FAR, BLUE))
    back = [seen((NEAR, look), (FAR, BLUE)) for look in (GREY, *[RED] * 8)]
    return [together] * 60 + [alone] * 10 + back


@pytest.mark.parametrize("found", [crowd("good"), returning()], ids=["crowd", "returning"])
def test_a_log_and_a_restored_state_change_nothing(found: list[Detections]) -> None:
    plain, logged = followed(found), Steady()
    logged.log = Log()
    assert followed(found, logged) == plain
    first, second = Steady(), Steady()
    head = followed(found[:70], first)
    second.state = copy.deepcopy(first.state)
    followed(found[70:], first)
    assert head + followed(found[70:], second) == plain


def test_ids_stay_unique() -> None:
    for ids, _ in followed(crowd("good", 300)):
        assert len(ids) == len(set(ids))


def test_an_id_without_a_track_moves_with_the_camera() -> None:
    tracker = Steady()
    _, blue = known(tracker, (BOX, RED), (NEAR, BLUE), frames=150)
    for _ in range(2 * EVERY):
        tracker.update(seen((BOX, GREEN), (NEAR, RED)))  # RED took BLUE's track and has its own id back: BLUE is gone
    assert [one.id for one in tracker.state.gone] == [blue]
    place = tracker.state.gone[0].place
    tracker.warp(np.array([[1.0, 0, 30], [0, 1, -20]]))
    np.testing.assert_allclose(tracker.state.gone[0].place, place + [30, -20])


def test_constants_agree() -> None:
    """A slow mean is known before the first comparison that could change its id, and nobody is a suspect at once."""
    assert DUE[0] < KNOWN < ACCEPTED
    assert 0 < CHANGED <= 1
