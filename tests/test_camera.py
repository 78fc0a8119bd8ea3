"""Camera motion: estimated from images of known motion, read from files, and what it does for every algorithm."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from crowds import lanes
from filters import distances

from tracker import SORT, Detections, Log, track
from tracker.algorithms import algorithm, algorithms
from tracker.boxes import warp_boxes
from tracker.camera import METHODS, STILL, CameraEstimate, CameraFile, Compensated, open_camera
from tracker.io.video import Frame, Source
from tracker.motion import XYAH, XYSR, XYWH

cv2 = pytest.importorskip("cv2")
MOVE = np.array([[1.0, 0.0, 7.3], [0.0, 1.0, -4.6]])
TURN = np.column_stack((cv2.getRotationMatrix2D((320, 180), 1.0, 1.01)[:, :2], [9.0, -2.0]))


def picture(seed=0, size=(360, 640)):
    rough = np.random.default_rng(seed).integers(0, 256, (size[0] // 8, size[1] // 8, 3), dtype=np.uint8)
    return cv2.resize(rough, size[::-1], interpolation=cv2.INTER_CUBIC)


def moved(image, matrix):
    return cv2.warpAffine(image, matrix, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("longest", [640, 320])
@pytest.mark.parametrize("matrix", [STILL, MOVE, TURN], ids=["still", "move", "turn"])
@pytest.mark.parametrize("method", METHODS)
def test_known_motion_is_found(method, matrix, longest):
    camera = CameraEstimate(method, longest=longest)
    image = picture()
    assert np.array_equal(camera(image), STILL)
    corners = np.array([[0.0, 0, 1], [639, 0, 1], [0, 359, 1], [639, 359, 1]]).T
    assert np.abs(camera(moved(image, matrix)) @ corners - matrix @ corners).max() < 2.0
    assert camera.failures == 0


def test_what_moves_in_a_box_is_no_camera_motion():
    image = picture()
    image[:, 450:] = 128  # most of what there is to see moves
    other = image.copy()
    other[40:340, 40:340] = moved(image, MOVE)[40:340, 40:340]
    camera = CameraEstimate("flow")
    boxes = np.array([[30.0, 30, 350, 350]])
    camera(image, boxes)
    np.testing.assert_allclose(camera(other, boxes), STILL, atol=0.01)
    camera(image)
    np.testing.assert_allclose(camera(other)[:, 2], MOVE[:, 2], atol=0.5)  # as it looks without the box


def test_a_box_as_large_as_the_image_hides_nothing():
    image = picture()
    everything = np.array([[-5.0, -5, 700, 400], [0, 0, 600, 350], [100, 100, 140, 180]])
    camera, free = CameraEstimate("flow"), CameraEstimate("flow")
    for seen in (image, moved(image, TURN)):
        found, expected = camera(seen, everything), free(seen, everything[2:])
    np.testing.assert_array_equal(found, expected)
    assert camera.failures == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_scene_cut_is_taken_as_still_and_said_once(method):
    camera = CameraEstimate(method)
    camera(picture(0))
    with pytest.warns(UserWarning, match="scene cut"):
        assert np.array_equal(camera(picture(1)), STILL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(camera(np.zeros((360, 640, 3), np.uint8)), STILL)
        assert np.array_equal(camera(picture(1, (180, 320))), STILL)  # another size: nothing to compare with
    assert camera.failures == 2


def test_bad_images_and_names_are_said():
    with pytest.raises(ValueError, match="needs an image for each frame, and there is none; give a file"):
        CameraEstimate()(None)
    with pytest.raises(ValueError, match="needs an image"):
        CameraEstimate()(np.zeros((4, 4)))
    with pytest.raises(ValueError, match="unknown"):
        CameraEstimate("sift")
    with pytest.raises(ValueError, match="32 pixels"):
        CameraEstimate(longest=8)
    with pytest.raises(ValueError, match="is neither a method nor a file"):
        open_camera("floww")
    assert open_camera("off") is None
    assert open_camera("ecc").method == "ecc"


def write(path, rows):
    path.write_text("\n".join("\t".join(map(str, row)) for row in rows) + "\n")
    return path


def test_a_file_gives_a_matrix_a_frame(tmp_path):
    file = write(tmp_path / "gmc.txt", [(0, 1, 0, 0, 0, 1, 0), (1, *MOVE.ravel()), (2, *TURN.ravel())])
    camera = open_camera(str(file), frames=3)
    assert np.array_equal(camera(), STILL)
    np.testing.assert_allclose(camera(), MOVE)
    np.testing.assert_allclose(camera(), TURN)
    with pytest.raises(ValueError, match="ends after 3 frames"):
        camera()
    camera.reset()
    assert np.array_equal(camera(), STILL)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0 1 0 0 0 1\n", r"txt:1: expected frame"),
        ("0 1 0 0 0 1 x\n", r"txt:1: expected frame"),
        ("0 1 0 nan 0 1 0\n", r"txt:1: expected frame"),
        ("0 1 0 0 0 1 0\n2 1 0 0 0 1 0\n", r"txt:2: frame 2, expected 1"),
        ("0 1 0 0 0 1 0\n", r"camera motion of 1 frames for a video of 5"),
        ("0 1 0 0 0 1 0\n1 0 0 0 0 0 0\n", r"txt:2: not a camera.s motion"),
        ("0 1 0 0 0 1 0\n1 -1 0 0 0 1 0\n", r"txt:2: not a camera.s motion"),
        ("0 1 0 0 0 1 0\n1 1e300 0 0 0 1 0\n", r"txt:2: not a camera.s motion"),
        ("0 1 0 0 0 1 0\n1 1 0 1e9 0 1 0\n", r"txt:2: not a camera.s motion"),
    ],
)
def test_a_bad_file_is_said(tmp_path, text, complaint):
    (tmp_path / "gmc.txt").write_text(text)
    with pytest.raises(ValueError, match=complaint):
        CameraFile(tmp_path / "gmc.txt", frames=5)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        CameraFile(tmp_path / "none.txt")


@pytest.mark.parametrize("model", [XYSR(), XYAH(), XYWH()], ids=lambda model: type(model).__name__)
def test_warping_and_measuring_commute(model):
    rng = np.random.default_rng(0)
    boxes = rng.uniform(0, 500, (20, 4))
    boxes[:, 2:] = boxes[:, :2] + rng.uniform(20, 100, (20, 2))
    state = model.update(model.predict(model.birth(boxes), 1.0), boxes + 3)
    for matrix in (MOVE, TURN, np.array([[1.2, 0, 5], [0, 1.2, -9]])):
        warped = model.warp(state, matrix)
        np.testing.assert_allclose(model.boxes(warped), warp_boxes(model.boxes(state), matrix))
        np.testing.assert_allclose(model.velocities(warped), model.velocities(state) @ matrix[:, :2].T)
        # Back again, by the inverse.
        inverse = np.linalg.inv(np.vstack((matrix, [0, 0, 1])))[:2]
        np.testing.assert_allclose(model.boxes(model.warp(warped, inverse)), model.boxes(state))
    # A shift is exact for the covariance as well: the distances do not change.
    there = warp_boxes(boxes, MOVE)
    np.testing.assert_allclose(distances(model, model.warp(state, MOVE), there), distances(model, state, boxes))


@pytest.mark.parametrize("name", algorithms())
def test_a_shaken_camera_costs_no_id_when_its_motion_is_known(name):
    ids = {}
    for compensated in (True, False):
        matrices = []

        def camera(image, boxes, matrices=matrices):
            return matrices[-1]

        tracker = algorithm(name)()
        if compensated:
            tracker = Compensated(tracker, camera)
        rng, at, found = np.random.default_rng(1), np.zeros(2), set()
        for seen in lanes(frames=40):
            to = rng.uniform(-60, 60, 2)
            matrices.append(np.column_stack((np.eye(2), to - at)))
            at = to
            shaken = seen.with_boxes(seen.boxes + np.tile(at, 2)).detections()
            found |= set(tracker.update(shaken).ids.tolist())
        ids[compensated] = len(found)
    assert ids[True] == 6
    # DeepSORT and StrongSORT know them by their looks; everyone else loses them.
    assert (ids[False] != 6) == (name not in ("deepsort", "strongsort"))


def test_a_compensated_tracker_that_raises_is_as_it_was():
    tracker = Compensated(algorithm("sort")(), lambda image, boxes: MOVE)
    boxes = Detections(np.array([[0.0, 0, 10, 20]]))
    tracker.update(boxes, time=1.0)
    before = copy.deepcopy(tracker.state)
    with pytest.raises(ValueError, match="does not follow"):
        tracker.update(boxes, time=0.5)
    assert tracker.state.motion.tobytes() == before.motion.tobytes()
    assert tracker.frame_rate == 30.0
    assert len(tracker.tracks) == 1
    tracker.reset()
    assert len(tracker.tracks) == 0


def test_a_compensated_tracker_can_be_pickled(tmp_path):
    file = write(tmp_path / "gmc.txt", [(0, 1, 0, 0, 0, 1, 0), (1, *MOVE.ravel())])
    tracker = Compensated(algorithm("steady")(), CameraFile(file))
    tracker.update(Detections(np.array([[0.0, 0, 10, 20]])))
    again = pickle.loads(pickle.dumps(tracker))
    assert again.camera.frame == 1
    assert len(again.tracks) == 1


def test_what_is_set_on_a_compensated_tracker_is_the_trackers() -> None:
    sort = SORT()
    tracker = Compensated(sort, lambda image, boxes: MOVE)
    tracker.log = Log()
    tracker.update([[0, 0, 10, 20]])
    assert sort.log is tracker.log
    assert [decisions.born for decisions in tracker.log.frames] == [[(1, 0)]]
    saved = copy.deepcopy(tracker.state)
    tracker.update([[0, 0, 10, 20]])
    tracker.state = saved
    assert sort.state.frame == 1
    again = pickle.loads(pickle.dumps(Compensated(SORT(), CameraEstimate())))
    assert len(again.tracks) == 0


def test_a_tracker_that_cannot_be_warped_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^object has no method warp\(matrix\), so no camera motion can be applied$"):
        Compensated(object(), lambda image, boxes: MOVE)


def test_pixels_of_a_smaller_image_are_counted_by_their_centres(monkeypatch):
    camera, small = CameraEstimate("flow", longest=160), np.array([[1.3, -0.2, 5.0], [0.2, 1.3, -3.0]])
    monkeypatch.setattr("tracker.camera._flow", lambda *images: small)
    camera(picture())
    matrix, scale = camera(picture()), 160 / 640
    point = np.array([400.0, 90.0])
    after = small[:, :2] @ (scale * (point + 0.5) - 0.5) + small[:, 2]
    np.testing.assert_allclose(matrix[:, :2] @ point + matrix[:, 2], (after + 0.5) / scale - 0.5)


def test_patches_that_move_each_their_own_way_are_no_camera_motion():
    image, rng = picture(), np.random.default_rng(3)
    other = image.copy()
    for top in range(0, 360, 60):
        for left in range(0, 640, 80):
            patch = np.s_[top : top + 60, left : left + 80]
            other[patch] = moved(image, np.column_stack((np.eye(2), rng.uniform(-8, 8, 2))))[patch]
    camera = CameraEstimate("flow", longest=640)
    camera(image)
    with pytest.warns(UserWarning, match="camera motion not found"):
        assert np.array_equal(camera(other), STILL)


def test_the_motion_of_lost_frames_is_not_lost(tmp_path):
    file = tmp_path / "gmc.txt"
    file.write_text("".join(f"{k} 1 0 {10 * k} 0 1 0\n" for k in range(6)))
    camera = CameraFile(file)
    camera.at(1)
    np.testing.assert_array_equal(camera(), STILL)
    np.testing.assert_array_equal(camera()[:, 2], [20, 0])
    camera.at(5)
    np.testing.assert_array_equal(camera()[:, 2], [30 + 40 + 50, 0])
    camera.reset()
    assert camera.frame == 0


@pytest.mark.parametrize("every", [1, 2])
def test_a_run_asks_for_the_motion_of_the_frame_it_shows(tmp_path, every):
    """An object that rests on the ground, seen by a camera that moves 30 pixels a frame, keeps its id over a loss."""
    file = tmp_path / "gmc.txt"
    file.write_text("".join(f"{k} 1 0 {30 if k else 0} 0 1 0\n" for k in range(12)))
    source = Source(
        "lost",
        "video",
        lambda _: (Frame(None, n, (n - 1) / 10) for n in range(1, 13) if n not in (2, 6, 7)),
        frame_rate=10,
        n_frames=12,
    )
    det = tmp_path / "det.txt"
    det.write_text("".join(f"{n},-1,{30 * n},10,20,40,0.9,-1,-1,-1\n" for n in range(1, 13)))
    run = track(source, detector=det, algo="bytetrack", camera_motion=str(file), every=every, invalid="drop")
    rows = [(int(id), float(box[0])) for _, tracks in run for id, box in zip(tracks.ids, tracks.boxes, strict=True)]
    assert {id for id, _ in rows} == {1}
    np.testing.assert_allclose([left for _, left in rows], [30 * n for n in (1, 3, 4, 5, 8, 9, 10, 11, 12)], atol=3)
