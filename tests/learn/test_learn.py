"""A camera's own detector: labels, anchors, loss, export, and a training that goes on where it was stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tracker.arrays import Image
from tracker.commands.main import main
from tracker.detect.detector import Detector
from tracker.detect.scene_check import IMAGES, SceneCheck, thumbnail_of
from tracker.detections import Detections
from tracker.learn.agreement import average_precision

torch = pytest.importorskip("torch", reason="needs the extra reid")
pytest.importorskip("onnx", reason="needs the extra reid")

from tracker.detect.onnx import ONNX  # noqa: E402
from tracker.learn.camera import Disagrees, input_size, samples_of, train_camera  # noqa: E402
from tracker.learn.export import export  # noqa: E402
from tracker.learn.labels import labels_of, labels_of_truth  # noqa: E402
from tracker.learn.loss import assigned, giou_loss, iou, loss_of  # noqa: E402
from tracker.learn.net import Anchors, CReLU, SmallNet, anchors_for, decoded  # noqa: E402
from tracker.learn.train import Objects, Recipe, batched, train, varied  # noqa: E402

SIZE = (96, 128)
FRAMES = 60


def scene(n: int) -> tuple[Image, list[list[float]]]:
    """Frame n of two bright blocks that cross a dark, structured scene, and their boxes."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(20, 90, (12, 16, 3), dtype=np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    boxes = []
    for k, (y, speed) in enumerate([(15, 1.3), (50, -1.1)]):
        x = (10 + speed * n) if speed > 0 else (100 + speed * n)
        box = [x, y, x + 14, y + 30 + 4 * k]
        image[round(box[1]) : round(box[3]), round(box[0]) : round(box[2])] = (60, 200, 230)
        boxes.append(box)
    return image.astype(np.uint8), boxes


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    writer = cv2.VideoWriter("cam.mp4", cv2.VideoWriter_fourcc(*"mp4v"), 10, SIZE[::-1])
    for n in range(FRAMES):
        writer.write(scene(n)[0])
    writer.release()
    return Path("cam.mp4")


class Teacher(Detector):
    """Knows the scene; misses every ninth frame, and now and then sees what is not there."""

    name = "teacher"
    class_names = {0: "person", 2: "car"}  # noqa: RUF012

    def __init__(self, blind: bool = False) -> None:
        self.n, self.blind = -1, blind

    def __call__(self, image: Image, /) -> Detections:
        self.n += 1
        if self.blind or self.n % 9 == 8:
            return Detections.empty()
        boxes = scene(self.n)[1]
        scores = [0.9, 0.9]
        if self.n % 13 == 0:
            boxes, scores = [*boxes, [60.0, 5.0, 75.0, 40.0]], [*scores, 0.5]
        return Detections(boxes, scores=scores, classes=[0, 2, *[0] * (len(boxes) - 2)])


def test_labels_are_the_teachers_tracks_without_its_slips(video: Path) -> None:
    labels = labels_of(video, Teacher())
    assert labels.names == ("person", "car")
    assert (labels.size, labels.frames) == (SIZE[::-1], FRAMES)
    for n in (9, 18, 30):  # 9 and 18: missed by the teacher, filled by repair
        rows = labels.at(n)
        assert sorted(rows.classes.tolist()) == [0, 1]
        order = np.argsort(rows.classes)
        assert np.abs(rows.boxes[order] - np.array(scene(n - 1)[1])).max() < 3
    assert {n: len(boxes) for n, boxes in labels.doubtful.items()}[14] == 1  # seen once, of nobody
    with pytest.raises(ValueError, match="the teacher teacher sees nothing that lasts"):
        labels_of(video, Teacher(blind=True))


def test_ground_truth_may_stand_in_for_a_teacher(video: Path) -> None:
    lines = [f"{n},{k},{b[0]},{b[1]},{b[2] - b[0]},{b[3] - b[1]},1,1,1" for n in range(1, FRAMES + 1)
             for k, b in enumerate(scene(n - 1)[1], start=1)]  # fmt: skip
    Path("gt.txt").write_text("\n".join(lines) + "\n")
    labels = labels_of_truth(video, "gt.txt")
    assert labels.names == ("person",)
    assert len(labels.rows) == 2 * FRAMES
    Path("other.txt").write_text(lines[0] + f"\n{FRAMES + 9},1,5,5,9,9,1,1,1\n")
    with pytest.raises(ValueError, match="is it the truth of another video"):
        labels_of_truth(video, "other.txt")


def test_every_cell_has_an_anchor_of_the_usual_size() -> None:
    boxes = np.array([[0, 0, 10, 20], [0, 0, 14, 30], [0, 0, 20, 44], [0, 0, 40, 90], [0, 0, 60, 140]], dtype=float)
    anchors = anchors_for(boxes)
    assert anchors == Anchors(20, 44)
    laid = anchors.boxes((32, 48))
    assert len(laid) == 4 * 6
    assert laid[:2].tolist() == [[4, 4, 20, 44], [12, 4, 20, 44]]
    assert laid[6].tolist() == [4, 12, 20, 44]
    logits, offsets, vectors = SmallNet(2, width=16)(torch.zeros(1, 3, 32, 48))
    assert logits.shape == (1, len(laid), 2)
    assert offsets.shape == (1, len(laid), 4)
    assert vectors is None
    zero = decoded(torch.zeros(len(laid), 4), torch.from_numpy(laid).float())
    assert zero[0].tolist() == [-6, -18, 14, 26]


def objects(boxes: list[list[float]], doubtful: list[list[float]], trust: float = 1.0) -> Objects:
    count = len(boxes)
    own, unsure = (np.array(one, dtype=float).reshape(-1, 4) for one in (boxes, doubtful))
    return Objects(own, np.zeros(count, int), np.arange(count), np.full(count, trust), unsure)


def assign(scores: list[float], found: list[list[float]], what: Objects) -> tuple[list[int], list[float]]:
    corners = torch.tensor(found)
    anchors = torch.cat(((corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]), dim=1)
    which, aim = assigned(torch.tensor(scores)[None, :, None], corners[None], anchors, batched([what]))
    return which[0].tolist(), aim[0].tolist()


def test_the_cells_that_say_an_object_best_stand_for_it() -> None:
    found = [[0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60], [90, 0, 99, 9.0], [30, 30, 39, 39.0]]
    what = objects([[0, 0, 10, 11], [50, 50, 62, 63]], [[90, 0, 99, 9]])
    which, aim = assign([0.5] * 5, found, what)
    assert which == [0, 0, 1, -2, -1]  # the fourth is doubtful, the last background
    assert aim[0] == 1  # the best of its object
    assert 0 < aim[1] < aim[0]
    assert aim[3:] == [0, 0]
    sure = assign([0.01, 0.99, 0.5, 0.5, 0.5], found, what)[1]
    assert sure[1] / sure[0] > aim[1] / aim[0]  # a cell that is sure counts for more
    assert assign([0.5] * 5, found, objects([], []))[0] == [-1] * 5
    assert assign([0.5] * 5, found, objects([], [[90, 0, 99, 9]]))[0] == [-1, -1, -1, -2, -1]
    far = [[0, 0, 0.1, 0.1], [20, 20, 20.1, 20.1]]  # no box overlaps yet: the cell at its place learns all the same
    assert assign([0.01, 0.01], far, objects([[0, 0, 9, 9]], []))[0] == [0, -1]
    assert float(iou(torch.tensor(found[:1]), torch.tensor([[0, 0, 10, 11.0]]))) == pytest.approx(100 / 110)


def test_losses_fall_to_nothing_where_all_is_right() -> None:
    anchors = torch.tensor([[5, 5, 10, 10], [55, 55, 10, 10.0]])
    targets = batched([objects([[0, 0, 10, 10]], [])])
    right, wrong = torch.tensor([[[12.0], [-12.0]]]), torch.tensor([[[-12.0], [12.0]]])
    still, off = torch.zeros(1, 2, 4), torch.full((1, 2, 4), 0.5)
    mine, other = torch.tensor([[[9.0, -9], [0, 0]]]), torch.tensor([[[-9.0, 9], [0, 0]]])
    for classify in ("focal", "ohem"):
        for localise in ("giou", "smooth-l1"):
            words: dict[str, Any] = {"classify": classify, "localise": localise}
            values = [
                float(loss_of(a, b, anchors, targets, **words))
                for a, b in ((right, still), (wrong, still), (right, off))
            ]
            assert values[0] < 1e-3 < min(values[1:])
    known = [float(loss_of(right, still, anchors, targets, shares=shares)) for shares in (mine, other)]
    assert known[0] < 1e-3 < 1 < known[1]
    box = torch.tensor([[0, 0, 10, 10.0]])
    assert giou_loss(box, box).tolist() == [0]
    assert float(giou_loss(box, box + 100)) > 1.5  # apart, and how far tells


def test_the_score_of_a_cell_follows_how_sure_the_teacher_was() -> None:
    anchors, still = torch.tensor([[5, 5, 10, 10.0]]), torch.zeros(1, 1, 4)
    half = batched([objects([[0, 0, 10, 10]], [], trust=0.5)])
    losses = {p: float(loss_of(torch.logit(torch.tensor([[[p]]])), still, anchors, half)) for p in (0.25, 0.5, 0.75)}
    assert losses[0.5] < 1e-6 < min(losses[0.25], losses[0.75])


def test_crelu_is_one_convolution_when_deployed() -> None:
    torch.manual_seed(0)
    layer = CReLU(3, 5, 4, 4)
    for _ in range(3):
        layer(torch.rand(2, 3, 16, 24))
    layer.eval()
    x = torch.rand(1, 3, 16, 24)
    assert torch.allclose(layer.plain(1 / 255)(x * 255), layer(x), atol=1e-5)


def test_agreement_is_average_precision() -> None:
    truth = [np.array([[0, 0, 10, 10.0]]), np.array([[0, 0, 10, 10.0], [50, 0, 60, 10]])]
    found = [Detections(truth[0], scores=[0.9]), Detections(truth[1], scores=[0.8, 0.7])]
    assert average_precision(found, truth) == 1
    with_false = [Detections([*truth[0], [80, 0, 90, 10]], scores=[0.9, 0.85]), found[1]]
    assert average_precision(with_false, truth) == pytest.approx((1 + 2 * 3 / 4) / 3)
    assert average_precision(with_false, truth, {0: np.array([[80, 0, 90, 10.0]])}) == 1
    missed = [found[0], Detections(truth[1][:1], scores=[0.8])]
    assert average_precision(missed, truth) == pytest.approx(2 / 3)
    double = [Detections([*truth[0], *truth[0]], scores=[0.9, 0.95]), found[1]]
    assert average_precision(double, truth) < 1
    assert np.isnan(average_precision([Detections.empty()], [np.empty((0, 4))]))


def sharp_net(embedding: int = 0) -> SmallNet:
    torch.manual_seed(1)
    net = SmallNet(2, width=16, embedding=embedding).eval()
    with torch.no_grad():
        net.head.weight.normal_(0, 3)
        net.head.bias.fill_(-1.0)
    return net


def test_the_file_gives_what_the_network_says(tmp_path: Path) -> None:
    anchors = Anchors(14, 30)
    net = sharp_net()
    image = scene(3)[0]
    export(net, anchors, SIZE, ("person", "car"), tmp_path / "a.onnx", metadata={})
    detector = ONNX(tmp_path / "a.onnx", conf=0.3)
    assert detector.head == "end-to-end"
    assert dict(detector.class_names) == {0: "person", 1: "car"}
    found = detector(image)
    with torch.no_grad():
        rgb = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        logits, offsets, _ = net(rgb)
        boxes = decoded(offsets[0], torch.from_numpy(anchors.boxes(SIZE)).float()).numpy()
        scores = torch.sigmoid(logits[0]).numpy()
    assert len(found)
    for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True):
        place = int(np.abs(boxes - box).sum(axis=1).argmin())
        assert np.abs(boxes[place] - box).max() < 0.01
        assert scores[place, kind] == pytest.approx(score, abs=1e-4)
    best = np.unravel_index(scores.argmax(), scores.shape)
    assert found.scores.max() == pytest.approx(scores[best], abs=1e-4)


def test_a_file_with_embeddings_gives_one_for_each_box(tmp_path: Path) -> None:
    anchors, net, image = Anchors(14, 30), sharp_net(embedding=8), scene(3)[0]
    for name, images in (("float", None), ("int8", image[None])):
        export(net, anchors, SIZE, ("person", "car"), tmp_path / name, metadata={}, calibration=images)
        detector = ONNX(tmp_path / name, conf=0.3)
        assert (detector.head, detector.embedded) == ("camera", True)
        found = detector(image)
        assert len(found)
        assert found.embeddings is not None
        assert found.embeddings.shape == (len(found), 8)
        assert np.linalg.norm(found.embeddings, axis=1) == pytest.approx(1, abs=1e-5)
        if name == "int8":
            continue
        with torch.no_grad():
            rgb = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
            _, offsets, vectors = net(rgb)
        assert vectors is not None
        boxes = decoded(offsets[0], torch.from_numpy(anchors.boxes(SIZE)).float()).numpy()
        for box, vector in zip(found.boxes, found.embeddings, strict=True):
            own = vectors[0, int(np.abs(boxes - box).sum(axis=1).argmin())].numpy()
            assert vector == pytest.approx(own / np.linalg.norm(own), abs=1e-4)


def test_a_varied_image_keeps_its_boxes_on_their_objects(video: Path) -> None:
    labels = labels_of(video, Teacher())
    samples = samples_of(video, labels, input_size(labels.size), 1, 40)
    for n in range(20):
        image, found = varied(samples, n, np.random.default_rng(n))
        assert len(found.boxes) == len(found.kinds) == len(found.ids) == len(found.trust)
        for x1, y1, x2, y2 in found.boxes.tolist():
            inside = image[round(y1) + 3 : round(y2) - 3, round(x1) + 3 : round(x2) - 3]
            assert inside.size == 0 or np.median(inside[:, :, 1]) > 120, n  # green of a block, not of the scene
    again, and_again = (varied(samples, 3, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(again[0], and_again[0])
    assert np.array_equal(again[1].boxes, and_again[1].boxes)


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(video: Path) -> None:
    labels = labels_of(video, Teacher())
    samples = samples_of(video, labels, input_size(labels.size), 1, 24)
    anchors = anchors_for(np.concatenate([one.boxes for one in samples.objects]))
    recipe = Recipe(epochs=3, width=16, embedding=8)
    whole = train(samples, anchors, 2, recipe)

    class Stop(Exception):
        pass

    def stop(epoch: int, _: float) -> None:
        if epoch == 2:
            raise Stop

    keep = Path("state")
    with pytest.raises(Stop):
        train(samples, anchors, 2, recipe, keep=keep, key="a", told=stop)
    epochs: list[int] = []
    rest = train(samples, anchors, 2, recipe, keep=keep, key="a", told=lambda epoch, _: epochs.append(epoch))
    assert epochs == [3]
    for mine, its in zip(whole.state_dict().values(), rest.state_dict().values(), strict=True):
        assert torch.equal(mine, its)
    epochs.clear()
    ohem = train(samples, anchors, 2, replace(recipe, epochs=1, classify="ohem"))
    focal = train(samples, anchors, 2, replace(recipe, epochs=1))
    start = SmallNet(2).head.bias
    assert start is not None
    assert (focal.head.bias[:2] - start[:2] > 1).all()  # focal loss leaves scores low; they are raised
    assert (ohem.head.bias[:2] - start[:2] < 1).all()
    train(samples, anchors, 2, recipe, keep=keep, key="b", told=lambda epoch, _: epochs.append(epoch))
    assert epochs == [1, 2, 3]  # of another video: from the start


def test_a_full_disk_ends_a_training_in_one_line(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource", reason="sets a limit on the size of files")
    lines = [f"{n},1,{20 + n},15,14,30,1,1,1\n" for n in range(1, FRAMES + 1)]
    Path("gt.txt").write_text("".join(lines))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        code = main(
            ["detector", "train", str(video), "--truth", "gt.txt", "-o", "cam.onnx", "--epochs", "1", "--holdout", ".4"]
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert code == 2
    assert ".cam.onnx.state: cannot be written" in said
    assert "Traceback" not in said
    assert not list(Path().glob("*cam.onnx*")) + list(Path().glob(".cam.onnx*"))


@pytest.mark.slow
def test_a_small_detector_learns_a_small_scene(video: Path) -> None:
    labels = labels_of(video, Teacher())
    with pytest.raises(Disagrees, match=r"agrees with the labels of the last 24 frames to AP50 .*: nothing is written"):
        train_camera(video, labels, Path("bad.onnx"), recipe=Recipe(epochs=1, width=16), holdout=0.4, least=0.9)
    assert not list(Path().glob("*bad*"))
    out = Path("good.onnx")
    report = train_camera(video, labels, out, recipe=Recipe(epochs=25, width=16), holdout=0.4, least=0.5)
    assert report.agreement > 0.5
    assert report.images == (36, 24)
    detector = ONNX(out)
    assert dict(detector.class_names) == {0: "person", 1: "car"}
    for n in range(30):
        detector(scene(n)[0])
    assert detector.note is None
    detector.reset()
    for n in range(30):
        detector(np.ascontiguousarray(scene(n)[0][::-1, ::-1]))
    assert "trained for another scene" in str(detector.note)


def test_a_scene_is_known_again_in_other_light() -> None:
    import base64

    empty = np.median([thumbnail_of(scene(n)[0]) for n in range(0, 60, 3)], axis=0).astype(np.uint8)
    known = base64.b64encode(empty.tobytes()).decode()
    check = SceneCheck({"trackwhy_scene": known})
    for n in range(IMAGES):
        check.see((scene(2 * n)[0] * 0.5 + 40).astype(np.uint8))
    assert check.line is None
    check.reset()
    for n in range(IMAGES):
        assert check.line is None
        check.see(np.ascontiguousarray(scene(n)[0][:, ::-1]))
    assert "another scene" in str(check.line)
    for text in ("", "!!", "AAAA"):
        none = SceneCheck({"trackwhy_scene": text})
        none.see(scene(0)[0])
        assert none.line is None


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["cam.mp4", "--teacher", "hog", "-o", "cam.pt"], "-o cam.pt: does not end in .onnx"),
        (["cam.mp4", "--teacher", "hog", "-o", "no/cam.onnx"], "no such folder"),
        (["cam.mp4", "--teacher", "dets.txt", "-o", "cam.onnx"], "these are recorded; name a detector"),
        (["cam.mp4", "--teacher", "hog", "-o", "cam.onnx"], "sees nothing that lasts"),
        (["short.mp4", "--truth", "gt.txt", "-o", "cam.onnx"], "12 frames are too few"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], line: str, video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dets.txt").write_text("1,-1,5,5,9,9,.9,-1,-1,-1\n")
    Path("gt.txt").write_text("".join(f"{n},1,5,5,30,60,1,1,1\n" for n in range(1, 13)))
    writer = cv2.VideoWriter("short.mp4", cv2.VideoWriter_fourcc(*"mp4v"), 10, SIZE[::-1])
    for n in range(12):
        writer.write(scene(n)[0])
    writer.release()
    assert main(["detector", "train", *words]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert "Traceback" not in said
    assert not Path("cam.onnx").exists()


def test_a_data_set_of_the_labels(video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("gt.txt").write_text("".join(f"{n},1,5,5,30,60,1,1,1\n" for n in range(1, 13)))
    assert main(["detector", "label", str(video), "--truth", "gt.txt", "-o", "set", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"images": FRAMES, "boxes": 12, "classes": ["person"]}
    assert len(list(Path("set/images").glob("*.jpg"))) == len(list(Path("set/labels").glob("*.txt"))) == FRAMES
    label = Path("set/labels/000001.txt").read_text().split()
    assert label[0] == "0"
    assert [float(x) for x in label[1:5]] == pytest.approx([20 / 128, 35 / 96, 30 / 128, 60 / 96], abs=1e-5)
    assert len(json.loads(Path("set/coco.json").read_text())["annotations"]) == 12
