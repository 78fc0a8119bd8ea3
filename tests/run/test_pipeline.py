"""The pipeline: lazy, bounded, any callable as detector or embedder, clear words for what does not fit."""

from __future__ import annotations

import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_video
from numpy.typing import NDArray

import tracker
from tracker.algorithms import algorithms, build
from tracker.algorithms.deepsort import DeepSORT
from tracker.algorithms.sort import SORT
from tracker.evaluate.benchmark import load_ground_truth
from tracker.io.mot import read_results
from tracker.io.video import Frame, Source, open_source
from tracker.rows import results_of
from tracker.run.open import Options, open_run
from tracker.run.pipeline import Pipeline
from tracker.scene.street import Scene


def open_pipeline(source: Any, **options: Any) -> Pipeline:
    return open_run(Options(source, **options)).pipeline


class Truth:
    """A perfect detector of the scene: counts the images that it was given."""

    name = "truth"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.asked = 0

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.asked += 1
        _, boxes, visible = self.scene.truth(self.asked)
        return boxes[visible > 0.5]


def mean_colour(image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    corners = np.clip(boxes.astype(int), 0, (image.shape[1] - 1, image.shape[0] - 1) * 2)
    return np.stack([image[y1 : y2 + 1, x1 : x2 + 1].mean(axis=(0, 1)) - 128 for x1, y1, x2, y2 in corners])


def test_yields_image_and_tracks_lazily() -> None:
    scene = Scene(n_frames=20)
    detector = Truth(scene)
    run = tracker.track(scene.source(), algo="sort", detector=detector)
    assert detector.asked == 0
    image, tracks = next(run)
    assert detector.asked == 1
    assert image is not None
    assert image.shape == (480, 640, 3)
    assert tracks.frame == 1
    assert [t.frame for _, t in run] == list(range(2, 21))


def test_no_frame_is_kept() -> None:
    import gc
    import weakref

    scene = Scene(n_frames=8)
    alive: list[weakref.ref[Any]] = []
    for image, _ in tracker.track(scene.source(), detector=Truth(scene)):
        alive.append(weakref.ref(image))
    del image
    gc.collect()
    assert not any(ref() is not None for ref in alive)


@pytest.mark.parametrize("algo", ["deepsort", DeepSORT(n_init=2)])
def test_any_callable_embeds(algo: Any) -> None:
    scene = Scene(n_frames=12)
    *_, (_, tracks) = tracker.track(scene.source(), algo=algo, detector=Truth(scene), reid=mean_colour)
    assert len(tracks) >= 2


class Parallel:
    """A detector that several threads may call: its boxes follow from the image. Knows which threads asked."""

    concurrent = True

    def __init__(self, broken: int | None = None) -> None:
        self.broken = broken
        self.threads: set[str] = set()

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        self.threads.add(threading.current_thread().name)
        number = int(image[0, 0, 0])
        if number == self.broken:
            raise ValueError("the network gave up")
        return np.array([[10.0 + number, 10, 40 + number, 90], [200, 10, 230, 90 + number % 3]])


def numbered(n: int) -> Source:
    """A source of n small images, each filled with its number."""
    frames = [Frame(np.full((120, 320, 3), k, np.uint8), k, (k - 1) / 10) for k in range(1, n + 1)]
    return Source("list", "video", lambda _: (frame for frame in frames), frame_rate=10)


def rows_of(pipeline: Pipeline) -> list[Any]:
    return [(s.frame.number, s.tracks.ids.tolist(), s.tracks.boxes.tobytes()) for s in pipeline]


@pytest.mark.parametrize("algo", ["sort", "deepsort"])
def test_frames_side_by_side_change_nothing(algo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracker.run.pipeline.processors", lambda: [0, 1, 2])
    before = set(threading.enumerate())
    detector = Parallel()
    alone = rows_of(open_pipeline(numbered(60), algo=algo, detector=lambda image: detector(image), reid=mean_colour))
    assert detector.threads == {threading.current_thread().name}
    detector.threads.clear()
    assert rows_of(open_pipeline(numbered(60), algo=algo, detector=detector, reid=mean_colour)) == alone
    assert threading.current_thread().name not in detector.threads
    assert set(threading.enumerate()) <= before


def test_an_embedder_joins_the_threads_only_where_it_may() -> None:
    class Colour:
        def __init__(self, concurrent: bool) -> None:
            self.concurrent = concurrent
            self.threads: set[bool] = set()

        def __call__(self, image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
            self.threads.add(threading.current_thread() is threading.main_thread())
            return mean_colour(image, boxes)

    for concurrent in (False, True):
        reid = Colour(concurrent)
        pipeline = open_pipeline(numbered(10), algo="deepsort", detector=Parallel(), reid=reid)
        assert len(list(pipeline)) == 10
        assert reid.threads == {not concurrent}
        assert pipeline.seconds["embed"] > 0


@pytest.mark.parametrize("moving", [False, True])
def test_a_tracker_that_looks_only_where_it_must_calls_the_embedder_itself(moving: bool, tmp_path: Path) -> None:
    camera = tmp_path / "gmc.txt"
    camera.write_text("".join(f"{n} 1 0 0 0 1 0\n" for n in range(60)))
    asked: list[int] = []

    def colour(image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        asked.append(len(boxes))
        return mean_colour(image, boxes)

    options: dict[str, Any] = {"algo": "deepsort", "reid": colour, "camera_motion": str(camera) if moving else "off"}
    rows_of(open_pipeline(numbered(60), detector=Parallel(), **options))
    every, asked[:] = sum(asked), []
    pipeline = open_pipeline(numbered(60), detector=Parallel(), settings={"lone_iou": 0.5}, **options)
    assert rows_of(pipeline)[-1][1] == [1, 2]
    assert 0 < sum(asked) < every / 2
    assert pipeline.seconds["embed"] > 0


def test_a_detector_that_fails_side_by_side_gives_what_came_before() -> None:
    before = set(threading.enumerate())
    steps = iter(open_pipeline(numbered(40), detector=Parallel(broken=13)))
    assert [next(steps).frame.number for _ in range(12)] == list(range(1, 13))
    with pytest.raises(ValueError, match="the network gave up"):
        next(steps)
    assert set(threading.enumerate()) <= before


def test_a_loop_that_is_left_ends_its_threads() -> None:
    before = set(threading.enumerate())
    for step in open_pipeline(numbered(200), detector=Parallel()):
        if step.frame.number == 5:
            break
    del step
    assert set(threading.enumerate()) <= before


def test_live_frames_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def frames(_: Source) -> Any:
        for k in range(1, 20):
            taken.append(k)
            yield Frame(np.full((120, 320, 3), k, np.uint8), k, k / 10)

    detector = Parallel()
    source = Source("camera", "webcam", frames, frame_rate=10, live=True)
    for step in open_pipeline(source, detector=detector):
        assert taken[-1] == step.frame.number
    assert detector.threads == {threading.current_thread().name}


@pytest.mark.slow
def test_real_frames_side_by_side_give_the_same_bytes(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from itertools import islice

    def run(processors: int) -> list[Any]:
        monkeypatch.setattr("tracker.run.pipeline.processors", lambda: list(range(processors)))
        pipeline = open_pipeline(
            shared / "data/video/vtest_480x360.mp4", algo="deepsort", detector=shared / "data/models/yolox_nano.onnx"
        )
        steps = list(islice(pipeline, 12))
        pipeline.source.close()
        return [
            (s.detections.floats.tobytes(), np.asarray(s.detections.embeddings).tobytes(), s.tracks.boxes.tobytes())
            for s in steps
        ]

    assert run(1) == run(3)


def test_saves_text_and_video(tmp_path: Path) -> None:
    scene = Scene(n_frames=15)
    shown = [(t.frame, t.ids.tolist()) for _, t in tracker.track(scene.source(), detector=Truth(scene), save=tmp_path)]
    rows = read_results(tmp_path / "tracks.txt")
    for number, ids in shown:
        assert rows.ids[rows.at(number)].tolist() == ids
    with open_source(tmp_path / "tracks.mp4") as written:
        assert sum(1 for _ in written) == 15
    with pytest.raises(ValueError, match="not empty"):
        tracker.track(scene.source(), detector=Truth(scene), save=tmp_path)


def test_files_are_complete_when_the_loop_is_left(tmp_path: Path) -> None:
    scene = Scene(n_frames=30)
    for _, tracks in tracker.track(scene.source(), detector=Truth(scene), save=tmp_path):
        if tracks.frame == 10:
            break
    del _, tracks
    with open_source(tmp_path / "tracks.mp4") as written:
        assert sum(1 for _ in written) == 10
    assert read_results(tmp_path / "tracks.txt").last_frame == 10


def test_supervision_like_results_and_min_score() -> None:
    seen = types.SimpleNamespace(
        xyxy=np.array([[10.0, 10, 50, 90], [100, 10, 140, 90]]), confidence=np.array([0.9, 0.2]), class_id=None
    )
    scene = Scene(n_frames=3)
    for _, tracks in tracker.track(scene.source(), detector=lambda image: seen, conf=0.5):
        assert tracks.boxes[:, 0].tolist() == pytest.approx([10], abs=1e-6)


def test_detections_whose_foot_is_outside_the_region_are_left_out() -> None:
    boxes = [[10, 10, 50, 90], [60, 10, 100, 95], [100, 10, 140, 40]]  # in, foot below, foot above
    for roi in ("0,50 160,50 160,92 0,92", [[0, 50], [160, 50], [160, 92], [0, 92]]):
        for _, tracks in tracker.track(Scene(n_frames=3).source(), detector=lambda image: boxes, roi=roi):
            assert tracks.boxes[:, 0].tolist() == pytest.approx([10], abs=1e-6)


@pytest.mark.parametrize(
    ("roi", "said"),
    [
        ("0,0 10,10", "--roi: has 2 corners; give three or more"),
        ("0,0 10,10 0,10 10,0", "--roi: edges 1 and 3 cross or touch"),
        ("0,0 x", "--roi: 'x' is no point"),
    ],
)
def test_a_region_that_is_no_polygon(roi: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        tracker.track(Scene(n_frames=3).source(), detector=lambda image: [], roi=roi)


def test_time_of_the_frames_reaches_the_tracker() -> None:
    times = [0.0, 0.1, 0.5, 0.5]  # the last one repeated, as some containers do
    frames = [Frame(np.zeros((60, 80, 3), np.uint8), n, t) for n, t in enumerate(times, 1)]
    source = Source("list", "video", lambda _: (frame for frame in frames), frame_rate=10)
    steps = list(Pipeline(source, lambda image: [[10, 10, 20, 30]], SORT(frame_rate=10)))
    assert [s.tracks.time for s in steps] == pytest.approx([0.0, 0.1, 0.5, 0.51])


def test_bad_rows_name_the_frame_or_are_counted() -> None:
    def detector(image: NDArray[np.uint8]) -> list[list[float]]:
        return [[10, 10, 20, 30], [5, 5, float("nan"), 9]]

    scene = Scene(n_frames=4)
    with pytest.raises(ValueError, match=r"frame 1: detections row 1: box .* is not finite"):
        list(tracker.track(scene.source(), detector=detector))
    pipeline = open_pipeline(scene.source(), detector=detector, invalid="drop")
    assert len(list(pipeline)) == 4
    assert pipeline.dropped == 4


def test_sequence_without_images(tmp_path: Path) -> None:
    (tmp_path / "seq" / "det").mkdir(parents=True)
    (tmp_path / "seq" / "seqinfo.ini").write_text("[Sequence]\nname=seq\nframeRate=10\nseqLength=5\n")
    det = tmp_path / "seq" / "det" / "det.txt"
    det.write_text("".join(f"{n},-1,{10 + n},10,20,40,0.9\n" for n in range(1, 6)))
    found = list(tracker.track(tmp_path / "seq", detector=det))
    assert [image for image, _ in found] == [None] * 5
    assert [t.ids.tolist() for _, t in found] == [[1]] * 5
    with pytest.raises(ValueError, match="no images to run a detector on"):
        list(tracker.track(tmp_path / "seq", detector=lambda image: []))
    with pytest.raises(ValueError, match="no images to embed"):
        list(tracker.track(tmp_path / "seq", algo="deepsort", detector=det))


def test_joint_models_bring_their_embeddings() -> None:
    def detector(image: NDArray[np.uint8]) -> tracker.Detections:
        return tracker.Detections([[10, 10, 30, 60]], embeddings=[[1.0, 0.0]])

    def never(image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        raise AssertionError("the embedder ran")

    scene = Scene(n_frames=5)
    *_, (_, tracks) = tracker.track(scene.source(), algo="deepsort", detector=detector, reid=never)
    assert tracks.ids.tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"algo": "sorted"}, "no algorithm 'sorted', did you mean 'sort'"),
        ({"settings": {"max_agee": 3}}, "did you mean 'max_age'"),
        ({"algo": SORT(), "settings": {"max_age": 3}}, "an instance has its own"),
        ({"detector": "hogg"}, "did you mean 'hog'"),
        ({"algo": "deepsort", "reid": "histogramm"}, "did you mean 'histogram'"),
        ({"detector": lambda image: None, "classes": ["person"]}, "filter in your own callable"),
        ({"algo": "deepsort", "reid": mean_colour, "reid_runtime": "openvino"}, "not with a callable"),
        ({"algo": "deepsort", "reid_runtime": "openvin"}, "did you mean 'openvino'"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tracker.track(Scene(n_frames=3).source(), **arguments)


@pytest.mark.parametrize("source", [[np.zeros((40, 40, 3))], iter([]), None, True])
def test_what_is_no_source_is_one_short_line(source: Any) -> None:
    with pytest.raises(ValueError, match=r"source: cannot be a .*; give a file") as refused:
        tracker.track(source)
    assert len(str(refused.value)) < 150


def test_a_cut_video_ends_with_an_error_unless_told_otherwise(shared: Path, tmp_path: Path) -> None:
    whole = (shared / "data/video/vtest_480x360.mp4").read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 8])
    given = []

    def count(**options: Any) -> None:
        for _, tracks in tracker.track(cut, detector=lambda image: [[10, 10, 30, 60]], **options):
            given.append(tracks.frame)

    with pytest.raises(ValueError, match=r"cut\.mp4: \d+ frames could not be read"):
        count()
    read = len(given)
    assert read > 10
    count(invalid="drop")
    assert len(given) == 2 * read


def test_an_embedding_that_is_none_drops_its_row_where_asked() -> None:
    def broken(image: NDArray[np.uint8], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.ones((len(boxes), 3))
        out[0] = np.nan
        return out

    scene = Scene(n_frames=4)
    found = [[10.0, 10, 30, 60], [100, 10, 130, 60]]
    with pytest.raises(ValueError, match="NaN"):
        list(tracker.track(scene.source(), algo="deepsort", detector=lambda image: found, reid=broken))
    run = list(
        tracker.track(scene.source(), algo="deepsort", detector=lambda image: found, reid=broken, invalid="drop")
    )
    assert run[-1][1].detection_boxes[:, 0].tolist() == [100]


class Uniform:
    """Two boxes that move by (2, 1) and (-1.5, .5) pixels a frame, in a source without images."""

    name, live, frame_rate, missing = "uniform", False, 10.0, 0

    def __init__(self, frames: int = 40) -> None:
        self.n_frames = frames
        self.asked: list[int] = []

    def __iter__(self) -> Any:
        return (Frame(None, number, (number - 1) / self.frame_rate) for number in range(1, self.n_frames + 1))

    def truth(self, number: int) -> NDArray[np.float64]:
        a, b = np.array([50.0, 40, 90, 140]), np.array([400.0, 60, 450, 170])
        return np.stack([a + (number - 1) * np.array([2, 1, 2, 1]), b + (number - 1) * np.array([-1.5, 0.5] * 2)])

    def at(self, number: int) -> tracker.Detections:
        self.asked.append(number)
        return tracker.Detections(self.truth(number), scores=[0.9, 0.9], embeddings=[[1.0, 0], [0, 1]])


@pytest.mark.parametrize("algo", algorithms())
@pytest.mark.parametrize("every", [2, 3, 5])
def test_between_detected_frames_tracks_are_predicted(algo: str, every: int) -> None:
    source = Uniform()
    steps = list(open_pipeline(source, algo=algo, detector=source, every=every))  # type: ignore[arg-type]
    assert source.asked == list(range(1, 41, every))
    assert [s.tracks.frame for s in steps] == list(range(1, 41))
    assert [s.tracks.time for s in steps] == pytest.approx([k / 10 for k in range(40)])
    for k, step in enumerate(steps):
        look = steps[k - k % every].tracks
        assert step.tracks.ids.tolist() == look.ids.tolist()
        if k % every:
            assert len(step.detections) == 0
            assert (step.tracks.detections == -1).all()
            assert np.isnan(step.tracks.detection_boxes).all()
            assert step.tracks.states.tolist() == look.states.tolist()
    for number, step in enumerate(steps[25:], start=26):  # velocities are known by now
        assert step.tracks.ids.tolist() == [1, 2]
        assert step.tracks.boxes == pytest.approx(source.truth(number), abs=3)


@pytest.mark.parametrize("algo", algorithms())
def test_prediction_leaves_the_tracker_as_it_is(algo: str) -> None:
    """It is given the detected frames and nothing else, so it ends as one that is given them alone."""
    source = Uniform()
    every = open_pipeline(source, algo=algo, detector=source, every=4)  # type: ignore[arg-type]
    looked = [step.tracks for step in every][::4]
    alone = build(algo, {"max_age": every.tracker.max_age}, frame_rate=10)  # type: ignore[attr-defined]
    for mine, number in zip(looked, range(1, 41, 4), strict=True):
        its = alone.update(source.at(number), time=(number - 1) / 10)
        for name in ("ids", "boxes", "detections", "missed", "ages", "hits", "velocities"):
            assert np.array_equal(getattr(mine, name), getattr(its, name)), name


@pytest.mark.parametrize("every", [2, 5])
def test_a_track_may_be_missed_in_one_detected_frame(every: int) -> None:
    class Blinks(Uniform):
        def at(self, number: int) -> tracker.Detections:
            return super().at(number) if number != 1 + 5 * every else tracker.Detections.empty()

    source = Blinks(10 * every)
    *_, (_, last) = tracker.track(source, detector=source, every=every)  # type: ignore[arg-type]
    assert last.ids.tolist() == [1, 2]  # SORT's max_age is 1 frame
    *_, (_, last) = tracker.track(source, detector=source, every=every, settings={"max_age": 0})  # type: ignore[arg-type]
    assert last.ids.tolist() != [1, 2]


def test_camera_motion_of_frames_without_detection_counts(tmp_path: Path) -> None:
    """The camera pans by 6 pixels a frame; boxes that stand still in the world must be predicted where they appear."""
    file = tmp_path / "gmc.txt"
    file.write_text("".join(f"{k} 1 0 -6 0 1 2\n" for k in range(40)))

    class Pan(Uniform):
        def truth(self, number: int) -> NDArray[np.float64]:
            return np.array([[500.0, 40, 540, 140], [400.0, 60, 450, 170]]) + (number - 1) * np.array([-6, 2, -6, 2])

    source = Pan()
    run = tracker.track(source, detector=source, camera_motion=str(file), every=4)  # type: ignore[arg-type]
    for number, (_, tracks) in enumerate(run, start=1):
        if len(tracks):
            assert tracks.boxes == pytest.approx(source.truth(number), abs=1e-6)
            assert tracks.velocities == pytest.approx(np.zeros((2, 2)), abs=1e-6)
    assert len(tracks) == 2


@pytest.mark.parametrize("every", [0, -2, 1.5])
def test_every_must_be_a_whole_number(every: Any) -> None:
    with pytest.raises(ValueError, match=rf"every={every}: give a whole number, 1 or more"):
        tracker.track(Scene(n_frames=3).source(), every=every)


@pytest.mark.slow
def test_predicted_boxes_are_better_than_boxes_held_still(shared: Path) -> None:
    """MOT17-09, five frames a look: where tracks are predicted they must fit the truth of the frames between better."""
    folder = shared / "data/MOT17/train"
    sequence = folder / "MOT17-09"
    options: dict[str, Any] = {"detector": sequence / "det/det.txt", "algo": "bytetrack", "every": 5}
    reports = [tracks for _, tracks in tracker.track(sequence, **options)]
    held = [reports[k - k % 5] for k in range(len(reports))]
    truth = load_ground_truth(folder, sequences=["MOT17-09"])
    scores = []
    for given in (reports, held):
        scores.append(truth.score({"MOT17-09": results_of(given)}, look=False).combined.summary())
    assert scores[0]["HOTA"] > scores[1]["HOTA"] + 0.01
    assert scores[0]["MOTA"] > 0.8


def test_the_same_tracker_goes_on_in_a_second_clip(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 8)
    still = [[10.0, 20, 60, 180, 0.9]]
    bytetrack = tracker.ByteTrack(frame_rate=25)
    seen: list[list[int]] = []
    times: list[float] = []
    for _ in range(2):
        for _, tracks in tracker.track(tmp_path / "a.mp4", algo=bytetrack, detector=lambda image: still):
            seen.append(tracks.ids.tolist())
            times.append(tracks.time or 0.0)
    assert seen == [[1]] * 16
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=1e-6)
    bytetrack.reset()
    _, first = next(tracker.track(tmp_path / "a.mp4", algo=bytetrack, detector=lambda image: still))
    assert first.time == 0
