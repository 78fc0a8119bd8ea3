"""One suite for every algorithm there is, with its defaults and with each of its switches turned.

An algorithm needs only to exist in ``tracker/algorithms`` to be tested here; those that use embeddings get them. A
tracker of your own is tested by `pytest tests/conformance --tracker my_module:Mine`; see conftest.py for what a test
may demand of it.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from conformance.conftest import FRAME_RATE, Case
from crowds import WIDTH, Seen, crowd, lanes
from hypothesis import given, settings
from hypothesis import strategies as st
from published import Rows, assert_same_tracks

from tracker import Detections, Tracks
from tracker.algorithms import build
from tracker.log import Edits, Log
from tracker.settings import settings_of

NOTHING = lanes(1)[0][:0]


def assert_equal(a: Tracks, b: Tracks, but: Sequence[str] = ()) -> None:
    """Every column of the two agrees byte for byte."""
    assert type(a) is type(b)
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if f.name in but:
            continue
        if isinstance(x, np.ndarray):
            assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes()), f"frame {a.frame}: {f.name}"
        else:
            assert x == y, f"frame {a.frame}: {f.name}"


def assert_all_equal(a: Sequence[Tracks], b: Sequence[Tracks], but: Sequence[str] = ()) -> None:
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        assert_equal(x, y, but)


def assert_finite(tracks: Tracks) -> None:
    for f in fields(tracks):
        column = getattr(tracks, f.name)
        if isinstance(column, np.ndarray) and column.dtype.kind == "f":
            rows = tracks.detections >= 0 if f.name == "detection_boxes" else slice(None)
            assert np.isfinite(column[rows]).all(), f"frame {tracks.frame}: {f.name}"


def still(frames: int) -> list[Seen]:
    one = lanes(1, 1)[0]
    return [one] * frames


def last_id(case: Case, tracker: Any, scene: Sequence[Seen]) -> int:
    """The id of the only object once the scene was fed."""
    tracks = case.run(scene, tracker)[-1]
    assert len(tracks) == 1
    return int(tracks.ids[0])


# What a tracker does


@pytest.mark.cases
def test_a_hundred_empty_frames(case: Case) -> None:
    tracker = case.build()
    for coasting in (0, 50):  # what an algorithm still reports after the last detection is its own affair
        for tracks in case.run([NOTHING] * 100, tracker)[coasting:]:
            assert len(tracks) == 0
            assert tracks.boxes.shape == (0, 4)
        assert "tracks" not in case.promises or len(tracker.tracks) == 0
        assert len(case.run(lanes(), tracker)[-1]) == 6
    tracker.update(Detections.empty())
    for nothing in (None, [], np.empty((0, 4)), np.empty((0, 6))) if "edge" in case.promises else ():
        tracker.update(nothing)


@pytest.mark.cases
def test_a_still_box_keeps_its_id_and_its_place(case: Case) -> None:
    scene = still(60)
    reported = case.run(scene)[10:]
    assert {tuple(tracks.ids) for tracks in reported} == {(int(reported[0].ids[0]),)}
    for tracks in reported:
        np.testing.assert_allclose(tracks.boxes, scene[0].boxes, atol=1e-6)
        np.testing.assert_allclose(tracks.velocities, 0, atol=1e-6)
        assert tracks.states.tolist() == ["confirmed"]


@pytest.mark.cases
def test_walkers_side_by_side_keep_their_ids_and_their_velocity(case: Case) -> None:
    scene = lanes(frames=60, speed=3.0)
    id_of = {}
    for seen, tracks in list(zip(scene, case.run(scene), strict=True))[5:]:
        assert len(tracks) == len(seen)
        lane = (tracks.boxes[:, 1] / 150).round().astype(int)
        assert sorted(lane.tolist()) == seen.objects.tolist()
        for i, one in zip(tracks.ids.tolist(), lane.tolist(), strict=True):
            assert id_of.setdefault(one, i) == i
    if "predict" in case.promises:
        speeds = 3.0 * (1 + 0.1 * lane)
        np.testing.assert_allclose(tracks.velocities, np.column_stack((speeds, 0 * speeds)), atol=0.05)


@pytest.mark.cases("edge", switched=True)
def test_rows_of_the_report_agree_with_one_another_and_the_input(case: Case) -> None:
    tracker = case.build()
    for number, seen in enumerate(crowd(), start=1):
        tracks = tracker.update(case.detections(seen))
        assert (tracks.frame, tracks.time) == (number, None)
        for part in (tracks, tracker.tracks):
            matched = part.detections >= 0
            assert len(set(part.detections[matched].tolist())) == matched.sum()
            assert ((part.missed == 0) == matched).all()
            assert (part.hits >= 1).all()
            assert (part.ages >= part.hits).all()
            assert (part.boxes[:, 2:] > part.boxes[:, :2]).all()
            np.testing.assert_array_equal(part.detection_boxes[matched], seen.boxes[part.detections[matched]])
            np.testing.assert_array_equal(part.scores[matched], seen.scores[part.detections[matched]])
            np.testing.assert_array_equal(part.detection_classes[matched], seen.classes[part.detections[matched]])
            assert np.isnan(part.detection_boxes[~matched]).all()
        assert set(tracks.ids.tolist()) <= set(tracker.tracks.ids.tolist())


@pytest.mark.cases
def test_detections_named_in_a_report_are_those_of_the_input(case: Case) -> None:
    tracker = case.build()
    for seen in crowd():
        tracks = tracker.update(case.detections(seen))
        named = tracks.detections[tracks.detections >= 0].tolist()
        assert len(set(named)) == len(named)
        assert max(named, default=0) < max(len(seen), 1)
        assert (tracks.boxes[:, 2:] >= tracks.boxes[:, :2]).all()


@pytest.mark.cases("tracks", switched=True)
def test_ids_are_unique_and_never_reused(case: Case) -> None:
    tracker = case.build()
    living: set[int] = set()
    largest = 0
    for seen in crowd(frames=150, objects=40):
        reported = tracker.update(case.detections(seen)).ids.tolist()
        now = tracker.tracks.ids.tolist()
        for ids in (reported, now):
            assert len(set(ids)) == len(ids)
        assert all(i > 0 for i in reported)
        now = [i for i in now if i > 0]  # with ids_at_birth off the others have none yet
        born = {*now, *reported} - living
        assert all(i > largest for i in born), "an id came back after its track had ended"
        living = set(now)
        largest = max([largest, *now])
    assert largest >= 40


# What must not matter


@pytest.mark.cases
def test_permuted_detections_permute_only_the_order(case: Case) -> None:
    scene = crowd(seed=3)
    rng = np.random.default_rng(5)
    orders = [rng.permutation(len(seen)) for seen in scene]
    plain, permuted = Rows(), Rows()
    first, second = case.build(), case.build()
    for frame, (seen, order) in enumerate(zip(scene, orders, strict=True), start=1):
        a = first.update(case.detections(seen))
        b = second.update(case.detections(seen[order]))
        plain.add(frame, a)
        permuted.add(frame, b)
        assert sorted(a.detections.tolist()) == sorted(np.append(order, [-2, -1])[b.detections].tolist())
    assert_same_tracks(plain, *permuted.columns(), tolerance=1e-9)


@pytest.mark.cases
@pytest.mark.parametrize("offset", [(3000.25, -1700.5), (-1e5, 1e5)])
def test_a_shifted_scene_has_the_same_ids(case: Case, offset: tuple[float, float]) -> None:
    scene = crowd(seed=4)
    shift = np.tile(offset, 2)
    shifted = case.run([seen.with_boxes(seen.boxes + shift) for seen in scene])
    for a, b in zip(case.run(scene), shifted, strict=True):
        assert a.ids.tolist() == b.ids.tolist()
        np.testing.assert_allclose(b.boxes - shift, a.boxes, atol=1e-6)


@pytest.mark.cases
@pytest.mark.parametrize("factor", [0.25, 1.5, 8.0])
def test_a_scaled_scene_has_the_same_ids(case: Case, factor: float) -> None:
    scene = lanes(frames=30)
    scaled = case.run([seen.with_boxes(seen.boxes * factor) for seen in scene])
    for a, b in zip(case.run(scene), scaled, strict=True):
        assert (a.ids.tolist(), a.detections.tolist()) == (b.ids.tolist(), b.detections.tolist())


@pytest.mark.cases
def test_interleaved_trackers_equal_separate_ones(case: Case) -> None:
    scenes = [crowd(seed=seed) for seed in (1, 2)]
    separate = [case.run(scene) for scene in scenes]
    trackers = [case.build(), case.build()]
    together: list[list[Tracks]] = [[], []]
    for frames in zip(*scenes, strict=True):
        for tracker, seen, out in zip(trackers, frames, together, strict=True):
            out.append(tracker.update(case.detections(seen)))
        if "tracks" in case.promises:
            trackers[0].tracks  # noqa: B018 - reading changes nothing
    if "reset" in case.promises:
        trackers[1].reset()
    for alone, beside in zip(separate, together, strict=True):
        assert_all_equal(alone, beside)


@pytest.mark.cases("edge", "reset", switched=True)
def test_reset_equals_new(case: Case) -> None:
    tracker = case.build()
    case.run(crowd(seed=1), tracker, times=[100.0 + i for i in range(60)])
    with pytest.raises(ValueError, match="row 0"):
        tracker.update(np.full((1, 4), np.nan))
    tracker.reset()
    assert len(tracker.tracks) == 0
    assert_all_equal(case.run(crowd(seed=2), tracker), case.run(crowd(seed=2)))


@pytest.mark.cases("edge", switched=True)
def test_inputs_are_left_as_they_were_and_may_be_reused(case: Case) -> None:
    tracker = case.build()
    out = []
    for seen in crowd():
        mine = case.raw(seen)
        before = copy.deepcopy(mine)
        out.append(tracker.update(mine))
        for key, column in mine.items():
            np.testing.assert_array_equal(column, before[key])
            column[...] = 7  # the caller's buffer gets its next frame
    assert_all_equal(out, case.run(crowd()))


@pytest.mark.cases
def test_outputs_are_copies(case: Case) -> None:
    tracker = case.build()
    expected = case.run(crowd())
    for seen, unspoilt in zip(crowd(), expected, strict=True):
        tracks = tracker.update(case.detections(seen))
        assert_equal(tracks, unspoilt)
        for spoilt in (tracks, tracker.tracks) if "tracks" in case.promises else (tracks,):
            for f in fields(spoilt):
                column = getattr(spoilt, f.name)
                if isinstance(column, np.ndarray) and column.flags.writeable:
                    column[...] = 0


# State


def pickled(state: Any) -> Any:
    return pickle.loads(pickle.dumps(state))


@pytest.mark.cases("state", switched=True)
@pytest.mark.parametrize("save", [copy.deepcopy, pickled], ids=["copy", "pickle"])
def test_a_restored_state_continues_byte_for_byte(case: Case, save: Callable[[Any], Any]) -> None:
    scene, ends = crowd(frames=45), [1, 7, 30, 45]
    tracker, saved, out = case.build(), {}, []
    for start, end in zip([0, *ends], ends, strict=False):
        saved[start] = save(tracker.state)
        out += case.run(scene[start:end], tracker)
    other = case.build()
    for start in (7, 1, 30):
        other.state = save(saved[start])  # of a tracker that is elsewhere, or new
        assert_all_equal(case.run(scene[start:], other), out[start:])
    tracker.state = saved[7]
    assert_all_equal(case.run(scene[7:], tracker), out[7:])


def bad_calls(case: Case, seen: Seen) -> list[tuple[dict[str, Any], float | None]]:
    """Updates that must raise: what is given and its time."""
    out: list[tuple[dict[str, Any], float | None]] = []
    for column, value in (("boxes", np.nan), ("boxes", np.inf), ("scores", np.nan), ("boxes", 0.0)):
        given = case.raw(seen)
        given[column][-1] = value
        out.append((given, None))
    for embeddings in (np.ones((len(seen), WIDTH + 1)), np.full((len(seen), WIDTH), np.nan), np.ones((1, WIDTH))):
        if case.embeds:
            out.append(({**case.raw(seen), "embeddings": embeddings}, None))
    good = case.raw(seen)
    return [*out, (good, 0.0), (good, -1.0), (good, np.nan), (good, np.inf), ({"no": 1}, None)]


@pytest.mark.cases("edge", switched=True)
def test_a_call_that_raised_changes_nothing(case: Case) -> None:
    scene = crowd()
    times = [1 + i / FRAME_RATE for i in range(len(scene))]
    undisturbed = case.run(scene, times=times)
    tracker = case.build()
    for i, (seen, time) in enumerate(zip(scene, times, strict=True)):
        if i % 11 == 10 and len(seen) > 1:
            before = pickle.dumps(tracker.state)
            for bad, bad_time in bad_calls(case, seen):
                with pytest.raises(ValueError, match=r"^[^\n]{15,}$"):
                    tracker.update(bad, time=time if bad_time is None else bad_time)
                assert pickle.dumps(tracker.state) == before
        assert_equal(tracker.update(case.detections(seen), time=time), undisturbed[i])


class Breaking:
    """A motion model whose method ``breaks`` fails once, at its first call after ``armed`` is set."""

    def __init__(self, motion: Any, breaks: str) -> None:
        self.motion, self.breaks, self.armed = motion, breaks, False

    def __getattr__(self, name: str) -> Any:
        if name == self.breaks and self.armed:
            self.armed = False
            raise FloatingPointError("broken on purpose")
        return getattr(self.motion, name)


@pytest.mark.cases("edge", "motion")
@pytest.mark.parametrize("breaks", ["birth", "predict", "update", "boxes", "velocities"])
def test_a_motion_model_that_fails_changes_nothing(case: Case, breaks: str) -> None:
    scene = crowd(missing=0.3)
    undisturbed = case.run(scene, case.build(motion=Breaking(case.build().motion, "")))
    motion = Breaking(case.build().motion, breaks)
    tracker = case.build(motion=motion)
    failed = 0
    for seen, expected in zip(scene, undisturbed, strict=True):
        motion.armed = True
        try:
            tracks = tracker.update(case.detections(seen))
        except FloatingPointError:
            failed += 1
            tracks = tracker.update(case.detections(seen))
        motion.armed = False
        assert_equal(tracks, expected)
    assert failed > 10


@pytest.mark.cases("edge", "embedder")
def test_an_embedder_is_asked_once_a_frame_for_the_boxes_and_may_fail(case: Case) -> None:
    scene = crowd()
    asked = []

    def embedder(image: Any, boxes: Any) -> Any:
        asked.append(len(boxes))
        if image == "broken":
            raise OSError("no such image")
        np.testing.assert_array_equal(boxes, scene[image].boxes)
        return scene[image].embeddings

    tracker = case.build(embedder=embedder)
    out = []
    for i, seen in enumerate(scene):
        if len(seen):
            with pytest.raises(OSError, match="no such image"):
                tracker.update(seen.detections(embeddings=None), "broken")
        asked.clear()
        out.append(tracker.update(seen.detections(embeddings=None), i))
        assert asked == [len(seen)] * (len(seen) > 0)
    assert_all_equal(out, case.run(scene))


# The decision log


@pytest.mark.cases("edge", switched=True)
def test_a_log_changes_nothing_and_holds_what_happened(case: Case) -> None:
    scene = crowd(missing=0.2)
    tracker = case.build()
    tracker.log = Log()
    before = _by_birth(tracker)
    for seen, plain in zip(scene, case.run(scene), strict=True):
        assert_equal(tracker.update(case.detections(seen)), plain)
        now, decisions = _by_birth(tracker), tracker.log.frames[-1]
        assert decisions.frame == plain.frame
        born = [
            (i, row) for i, row in zip(now.ids.tolist(), now.detections.tolist(), strict=True) if i not in before.ids
        ]
        assert set(born) <= set(decisions.born)
        fresh = {i for i, _ in decisions.born}
        matched = {pair for pair in zip(now.ids.tolist(), now.detections.tolist(), strict=True) if pair[1] >= 0}
        assert {pair for pair in matched if pair[0] not in fresh} <= set(decisions.matched)
        assert (
            len(decisions.matched) == len({i for i, _ in decisions.matched}) == len({j for _, j in decisions.matched})
        )
        assert set(decisions.died) == ({*before.ids.tolist()} | fresh) - {*now.ids.tolist()}
        assert set(decisions.proved) == {*now.ids[now.confirmed].tolist()} - {*before.ids[before.confirmed].tolist()}
        for pair in decisions.matched:
            assert decisions.of_pair(*pair).reason == "matched"
        for track in sorted(set(decisions.ids.tolist()) - {i for i, _ in decisions.matched}):
            assert all(v.reason != "matched" for v in decisions.of_track(track))
        before = now
    assert len(tracker.log.frames) == len(scene)
    assert tracker.state.log is None


def _by_birth(tracker: Any) -> Tracks:
    """Every living track under the id that a log names it by."""
    tracks: Tracks = tracker.report(tracker.state, np.full(len(tracker.state), True))
    return tracks


@pytest.mark.cases("edge", "max_age", switched=True)
def test_a_replay_can_forbid_a_pair_keep_a_track_and_admit_a_pair(case: Case) -> None:
    scene = lanes(30, 1)
    gone = [*scene[:15], *[NOTHING] * 10, *scene[25:]]
    tracker = case.build(max_age=3)
    tracker.log = Log()
    ids = [tracks.ids.tolist() for tracks in case.run(gone, tracker)]
    (first,), (last,) = ids[14], ids[-1]
    assert first != last
    (died,) = [f for f in tracker.log.frames if first in f.died]
    assert died.died[first] == "expired"

    alive = {frame: Edits(keep=frozenset({first})) for frame in range(died.frame, 31)}
    alive[26] = Edits(keep=frozenset({first}), admit=frozenset({(first, 0)}))
    tracker = case.build(max_age=3)
    tracker.log = Log(edits=alive)
    assert case.run(gone, tracker)[-1].ids.tolist() == [first]

    tracker = case.build(max_age=3)
    tracker.log = Log(edits={10: Edits(forbid=frozenset({(first, 0)}))})
    case.run(scene[:9], tracker)
    assert tracker.tracks.ids.tolist() == [first]
    tracker.update(case.detections(scene[9]))
    assert (first, 0) not in tracker.log.frames[-1].matched
    assert [v.reason for v in tracker.log.frames[-1].of_track(first)] == ["below threshold"] * bool(
        tracker.log.frames[-1].of_track(first)
    )


# Odd input


@pytest.mark.cases("edge", switched=True)
def test_dropped_rows_are_counted_and_indices_point_to_the_input(case: Case) -> None:
    scene = crowd()
    clean, dirty = case.build(), case.build()
    for seen in scene:
        rows = np.sort(np.append(np.arange(len(seen)), [0, 0])) if len(seen) else np.arange(0)
        given = case.raw(seen[rows])
        if len(seen):
            given["boxes"][0, 2] = np.nan
            given["scores"][1] = np.inf
        a = clean.update(case.detections(seen))
        b = dirty.update(given, invalid="drop")
        assert_equal(a, b, but=["detections"])
        assert b.detections.tolist() == np.where(a.detections >= 0, a.detections + 2, -1).tolist()
    assert dirty.state.dropped == 2 * sum(len(seen) > 0 for seen in scene)
    assert clean.state.dropped == 0


@pytest.mark.cases("edge", "embedder")
@pytest.mark.parametrize("computed", [True, False])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_with_a_bad_embedding_are_dropped_and_counted_too(case: Case, bad: float, computed: bool) -> None:
    scene = crowd()
    clean, dirty = case.build(), case.build()
    for seen in scene:
        again = seen[np.sort(np.append(np.arange(len(seen)), [0, 0])) if len(seen) else np.arange(0)]
        given = case.raw(again)
        if len(seen):
            given["scores"][0] = bad
            given["embeddings"][1, 0] = bad
        a = clean.update(case.detections(seen))
        if computed:
            embeddings = given.pop("embeddings")
            dirty.embedder = lambda image, boxes: image[len(image) - len(boxes) :]
            if len(seen):
                before = pickle.dumps(dirty.state)
                with pytest.raises(ValueError, match=r"^detections row 0: score (nan|inf)"):
                    dirty.update(given, embeddings)
                with pytest.raises(ValueError, match=r"^detections row 1: embedding holds NaN or infinity"):
                    dirty.update({**given, "scores": again.scores}, embeddings)
                assert pickle.dumps(dirty.state) == before
            b = dirty.update(given, embeddings, invalid="drop")
        else:
            b = dirty.update(given, invalid="drop")
        assert_equal(a, b, but=["detections"])
        assert b.detections.tolist() == np.where(a.detections >= 0, a.detections + 2, -1).tolist()
    assert dirty.state.dropped == 2 * sum(len(seen) > 0 for seen in scene)
    empty = case.build(embedder=lambda image, boxes: np.full((len(boxes), 4), bad))
    assert len(empty.update([[0, 0, 9, 9]], "image", invalid="drop")) == 0
    assert empty.state.dropped == 1


@pytest.mark.cases("edge", switched=True)
def test_indices_of_a_part_count_within_the_part(case: Case) -> None:
    tracker = case.build()
    for seen in lanes(10):
        tracks = tracker.update(case.detections(seen)[seen.objects >= 2])
    assert sorted(tracks.detections.tolist()) == [0, 1, 2, 3]


@pytest.mark.cases(switched=False)
def test_two_thousand_boxes(case: Case) -> None:
    left, top = np.meshgrid(np.arange(50) * 60.0, np.arange(40) * 130.0)
    corner = np.column_stack((left.ravel(), top.ravel()))
    rng = np.random.default_rng(0)
    tracker = case.build()
    ids = []
    for frame in range(2):
        boxes = np.concatenate((corner + frame, corner + frame + (40, 100)), axis=1)
        seen_as = rng.normal(size=(2000, WIDTH)) if case.embeds else None
        tracks = tracker.update(Detections(boxes, np.full(2000, 0.9), embeddings=seen_as))
        assert_finite(tracks)
        if "tracks" in case.promises:
            ids.append(tracker.tracks.ids[np.argsort(tracker.tracks.detections)])
            assert len(tracker.tracks) == 2000
    if not case.embeds:
        assert all((i == ids[0]).all() for i in ids)


@pytest.mark.cases
def test_boxes_far_outside_the_image(case: Case) -> None:
    far = lanes(20)
    for offset in ((1e6, 1e6), (-1e6, 50), (0, -1e6)):
        runs = case.run([seen.with_boxes(seen.boxes + np.tile(offset, 2)) for seen in far])
        assert runs[-1].ids.tolist() == case.run(far)[-1].ids.tolist()
    tracker = case.build()
    for size in (1e-6, 1.0, 1e8, 2e8):
        for corner in (-1e8, -1e4, 0.0, 1e8 - size):
            if corner + size <= 1e8:
                box = np.array([[corner, corner, corner + size, corner + size]])
                if (box[:, 2:] - box[:, :2] >= 1e-6).all():
                    assert_finite(tracker.update(case.detections(far[0][:1], boxes=box)))
                    if "tracks" in case.promises:
                        assert_finite(tracker.tracks)


coordinate = st.one_of(st.floats(-1e3, 1e3), st.floats(-1e7, 1e7))
size = st.one_of(st.floats(1, 500), st.floats(1e-3, 1e7))
a_box = st.tuples(coordinate, coordinate, size, size)
a_scene = st.lists(st.lists(a_box, max_size=5), min_size=3, max_size=8)


@pytest.mark.cases
@given(scene=a_scene)
@settings(max_examples=25)
def test_any_valid_boxes_give_finite_tracks(case: Case, scene: list[list[tuple[float, ...]]]) -> None:
    tracker = case.build()
    for boxes in scene:
        given = np.array(boxes).reshape(-1, 4)
        given[:, 2:] += given[:, :2]
        seen_as = np.ones((len(given), WIDTH)) if case.embeds else None
        assert_finite(tracker.update(Detections(given, embeddings=seen_as)))
        if "tracks" in case.promises:
            assert_finite(tracker.tracks)


@pytest.mark.cases
def test_scores_outside_0_to_1_and_zero_or_huge_embeddings(case: Case) -> None:
    tracker = case.build()
    for factor in (1.0, 0.0, 1e30, 1e-30):
        for seen in lanes(6):
            changes = {"embeddings": factor * seen.embeddings.astype(float)} if case.embeds else {}
            tracks = tracker.update(case.detections(seen, scores=np.linspace(-60, 150, 6), **changes))
            assert_finite(tracks)


# Time


@pytest.mark.cases("edge", switched=True)
def test_times_at_the_frame_rate_equal_no_times(case: Case) -> None:
    scene = crowd()
    times = [5 + i / FRAME_RATE for i in range(len(scene))]
    timed = case.run(scene, times=times)
    assert [tracks.time for tracks in timed] == times
    assert_all_equal(timed, case.run(scene), but=["time"])


@pytest.mark.cases("predict", switched=True)
@pytest.mark.parametrize("every_kth", [2, 3])
def test_skipped_frames_keep_their_ids_when_time_is_given(case: Case, every_kth: int) -> None:
    scene = lanes(frames=60, speed=9.0)
    chosen = [*range(15), *range(15, 60, every_kth)]
    tracker = case.build()
    id_of: dict[int, int] = {}
    for frame in chosen:
        tracks = tracker.update(case.detections(scene[frame]), time=frame / FRAME_RATE)
        for i, detection in zip(tracks.ids.tolist(), tracks.detections.tolist(), strict=True):
            assert id_of.setdefault(int(scene[frame].objects[detection]), i) == i
    assert len(tracks) == len(id_of) == 6
    speeds = 9.0 * (1 + 0.1 * tracks.detections)
    np.testing.assert_allclose(tracks.velocities[:, 0], speeds, rtol=0.05)


@pytest.mark.cases("predict", switched=True)
def test_irregular_times_keep_their_ids(case: Case) -> None:
    rng = np.random.default_rng(8)
    time, tracker, ids = 0.0, case.build(), set()
    for _ in range(50):
        time += rng.uniform(0.2, 2.5) / FRAME_RATE
        (seen,) = lanes(frames=1)
        moved = seen.with_boxes(seen.boxes + 100 * time * np.array([1, 0, 1, 0]))
        ids |= set(tracker.update(case.detections(moved), time=time).ids.tolist())
    assert len(ids) == 6


@pytest.mark.cases("edge", "max_age")
def test_max_age_in_seconds(case: Case) -> None:
    frames = case.build(max_age=5, frame_rate=10)
    seconds = case.build(max_age="0.5s", frame_rate=10)
    assert_all_equal(case.run(crowd(missing=0.4), frames), case.run(crowd(missing=0.4), seconds))
    seen = still(1)[0]
    for step in (1, 2):  # frames between updates
        for gone, survives in ((0.4, True), (1.0, False)):  # seconds between two detections
            tracker = case.build(max_age="0.5s", frame_rate=10)
            time, ids = 0.0, []
            for part, count in ((seen, 20), (NOTHING, round(10 * gone / step) - 1), (seen, 20)):
                for _ in range(count):
                    time += step / 10
                    tracks = tracker.update(case.detections(part), time=time)
                ids.append(tracks.ids.tolist())
            assert len(ids[0]) == len(ids[2]) == 1
            assert (ids[0] == ids[2]) == survives
    for wrong in (-1, "soon", "1h", float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"^max_age=.*frames.*seconds"):
            case.build(max_age=wrong)


@pytest.mark.cases("edge", "max_age")
def test_a_gap_in_time_ends_tracks_as_empty_frames_do(case: Case) -> None:
    tracker = case.build(max_age="1s", frame_rate=10)
    seen = still(1)[0]
    for k in range(20):
        before = tracker.update(case.detections(seen), time=k / 10)
    for k in range(20):
        after = tracker.update(case.detections(seen), time=100 + k / 10)
    assert len(before) == len(after) == 1
    assert before.ids[0] != after.ids[0]


@pytest.mark.cases("edge", "per_class")
def test_classes_match_only_their_own_with_per_class(case: Case) -> None:
    cat = still(15)
    dog = [seen.__class__(seen.boxes, seen.scores, seen.classes + 1, seen.embeddings, seen.objects) for seen in cat]
    for per_class in (False, True):
        tracker = case.build(per_class=per_class)
        before, after = last_id(case, tracker, cat), last_id(case, tracker, dog)
        assert (before != after) == per_class
    tracker = case.build(per_class=True)
    class_of: dict[int, int] = {}
    for seen in crowd(frames=80, objects=30):
        tracker.update(case.detections(seen))
        for i, label in zip(tracker.tracks.ids.tolist(), tracker.tracks.classes.tolist(), strict=True):
            assert class_of.setdefault(i, label) == label


@pytest.mark.cases("edge")
def test_a_class_is_voted_and_what_was_detected_is_kept(case: Case) -> None:
    seen, person, dog = still(1)[0], 7, 3
    told = [person] * 12 + [dog] * 3 + [person] * 12 + [dog] * 12 + [person]
    tracker, classes, ids = case.build(), [], set()
    for label in told:
        tracks = tracker.update(case.detections(seen, classes=[label]))
        classes += tracker.tracks.classes.tolist()
        assert tracker.tracks.detection_classes.tolist() == [label]
        ids |= set(tracks.ids.tolist())
    assert len(ids) == 1
    # Three detections of another class change nothing, twelve do, and one of the old class does not turn it back.
    assert classes == [person] * classes.count(person) + [dog] * classes.count(dog)
    assert 30 <= classes.count(person) < 36


NOT_SWITCHES = ("no", 1, None, [True])
NOT_NUMBERS = (-5, float("nan"), float("inf"), -float("inf"), 10**400, "x", "", [1], {}, True)


@pytest.mark.cases("edge")
def test_parameters_are_keywords_and_bad_ones_are_named(case: Case) -> None:
    with pytest.raises(TypeError):
        case.cls(1)
    for name, setting in settings_of(case.cls).items():
        wrong = NOT_SWITCHES if setting.kind == "switch" else NOT_NUMBERS
        for value in (*wrong, *(() if setting.default is None else (None,))):
            with pytest.raises(ValueError, match=rf"^{name}=[^\n]*: give [^\n]*$"):
                case.cls(**{name: value})
            if type(value) in (int, float, str) and setting.kind != "switch":  # as the command line has it
                with pytest.raises(ValueError, match=rf"^{name}=[^\n]*: give [^\n]*$"):
                    build(case.name, {name: str(value)})
        if setting.kind == "share":
            with pytest.raises(ValueError, match=rf"^{name}=2.5: give a number from 0 to {setting.high}$"):
                case.cls(**{name: 2.5})
            assert getattr(case.cls(**{name: setting.high}), name) == setting.high


# Frames that lack something


@pytest.mark.cases
def test_frames_of_scores_below_the_floor_are_empty_frames(case: Case) -> None:
    floor = next((s.default for s in settings_of(case.cls).values() if s.role == "floor"), None)
    scene = crowd()
    weak = [replace(seen, scores=np.full(len(seen), 0.5 * (floor or 0.01))) for seen in scene]
    for tracks in case.run(weak):
        assert_finite(tracks)
        assert floor is None or len(tracks) == 0
    if floor is None:
        return
    dark = range(20, 30)  # nothing but weak detections for a while
    some = case.run([weak[i] if i in dark else seen for i, seen in enumerate(scene)])
    none = case.run([NOTHING if i in dark else seen for i, seen in enumerate(scene)])
    assert_all_equal(some, none)


@pytest.mark.cases("edge", "embedder")
def test_a_frame_without_embeddings_is_said_or_tracked_without(case: Case) -> None:
    scene = lanes(20)
    tracker = case.build()
    for i, seen in enumerate(scene):
        if i in (7, 8):
            bare = seen.detections(embeddings=None)
            if case.embeddings == "optional":
                tracks = tracker.update(bare)
                continue
            with pytest.raises(ValueError, match=r"^\w+ needs embeddings: give detections with embeddings, or [^\n]*$"):
                tracker.update(bare)
        tracks = tracker.update(seen.detections())
    assert sorted(tracks.ids.tolist()) == [1, 2, 3, 4, 5, 6]
