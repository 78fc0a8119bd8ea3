from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from made import link

from reid import ReidError
from reid.data import Crops, load, split
from tracker.embed import cut_crops


def write(path: Path, value: int, size: tuple[int, int] = (128, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((*size, 3), value, dtype=np.uint8))


def test_market_names_mixed_sizes_and_unreadable_files(tmp_path: Path) -> None:
    write(tmp_path / "0002_c1s1_000451_03.jpg", 10)
    write(tmp_path / "0002_c3s1_000451_03.jpg", 20, (50, 31))
    write(tmp_path / "-1_c2s1_000451_03.jpg", 30)
    (tmp_path / "0003_c1s1_000001_01.jpg").write_bytes(b"broken")
    (tmp_path / "0004_c1s1_000001_01.jpg").write_bytes(b"")
    (tmp_path / "Thumbs.db").write_bytes(b"")
    link(tmp_path / "0005_c1s1_000001_01.jpg", tmp_path / "gone.jpg")
    (tmp_path / "0006_c1s1_000001_01.jpg").mkdir()
    (tmp_path / "._0007_c1s1_000001_01.jpg").write_bytes(b"of a Mac")
    said: list[str] = []
    crops = load(tmp_path, (32, 16), said.append)
    assert crops.images.shape == (3, 32, 16, 3)
    assert crops.ids.tolist() == [-1, 2, 2]
    assert crops.cameras.tolist() == [2, 1, 3]
    assert crops.images[2].max() < 25
    assert len(said) == 1
    assert "3 of 6 images could not be read" in said[0]
    assert "0003_c1s1" in said[0]
    assert len(crops.skipped) == 3


def test_one_folder_per_identity_in_natural_order(tmp_path: Path) -> None:
    for person, value in (("2", 20), ("10", 100), (".hidden", 0)):
        for camera in (1, 2):
            write(tmp_path / person / f"shot_c{camera}.tif", value)
    write(tmp_path / "10" / "more" / "shot_c3.png", 100)
    crops = load(tmp_path)
    assert crops.ids.tolist() == [1, 1, 2, 2, 2]
    assert crops.cameras.tolist() == [1, 2, 1, 2, 3]
    assert crops.images[:, 0, 0, 0].tolist() == [20, 20, 100, 100, 100]


def test_the_last_identities_alone_are_read(tmp_path: Path) -> None:
    for name in ("-1_c1s1_1_1", "0000_c1s1_1_1", "0002_c1s1_1_1", "0004_c1s1_1_1", "0010_c2s1_1_1"):
        write(tmp_path / f"{name}.jpg", 50)
    (tmp_path / "0003_c1s1_1_1.jpg").write_bytes(b"broken, and not among them")
    said: list[str] = []
    assert load(tmp_path, warn=said.append, last=2).ids.tolist() == [4, 10]
    assert not said


@pytest.mark.parametrize(
    "gt",
    [
        "1,1,5,5,20,60,1,-1,-1,-1\n1,2,9,5,20,60,0,-1,-1,-1",
        "1,1,5,5,20,60,1,4.2,-3.1,0",
        "1,1,5,5,20,60,1,1\n1,2,9,5,20,60,1,3",
    ],
)
def test_mot15_has_places_where_later_sets_have_class_and_visibility(tmp_path: Path, gt: str) -> None:
    write(tmp_path / "img1" / "000001.jpg", 90, (100, 120))
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text(gt)
    assert load(tmp_path).ids.tolist() == [1]


def test_frames_of_a_mot_sequence_keep_their_numbers(tmp_path: Path) -> None:
    """Natural order, the folder that seqinfo.ini names, and a frame that cannot be read: no box meets another frame."""
    for number in range(1, 13):
        write(tmp_path / "frames" / f"{number}.png", 10 * number, (100, 120))
    (tmp_path / "frames" / "4.png").write_bytes(b"broken")
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nimDir=frames\n")
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text("\n".join(f"{frame},{frame},5,5,20,60,1" for frame in range(1, 13)))
    said: list[str] = []
    crops = load(tmp_path, warn=said.append)
    assert crops.ids.tolist() == [1, 6, 11]
    assert crops.images[:, 0, 0, 0].tolist() == [10, 60, 110]
    assert ["1 of 12 frames could not be read" in line for line in said] == [True]


def test_crops_of_a_mot_sequence_are_cut_as_a_tracker_cuts_them(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (100, 120, 3), dtype=np.uint8)
    write(tmp_path / "img1" / "1.png", 0)
    cv2.imwrite(str(tmp_path / "img1" / "1.png"), image)
    (tmp_path / "gt").mkdir()
    rows = ["1,1,5.4,-5,20.2,60,1", "1,2,-17,5,20,60,1", "1,3,100,92.5,30,60,1"]  # the others show too little
    (tmp_path / "gt" / "gt.txt").write_text("\n".join(rows))
    crops = load(tmp_path, (64, 32))
    np.testing.assert_array_equal(crops.images, cut_crops(image, [[5.4, -5, 25.6, 55]], (32, 64)))


def test_mot_sequence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(1, 12):
        image = tmp_path / "img1" / f"{number:06d}.jpg"
        write(image, 0, (100, 120))
        cv2.imwrite(str(image), rng.integers(0, 255, (100, 120, 3), dtype=np.uint8))
    (tmp_path / "gt").mkdir()
    rows = [f"{f},{i},{10 * i},5,20,60,1,1,{v}" for f in range(1, 12) for i, v in ((1, 1.0), (2, 0.9), (3, 0.1))]
    (tmp_path / "gt" / "gt.txt").write_text("\n".join([*rows, "1,9,500,500,20,60,1,1,1", "1,8,0,0,20,60,1,3,1"]))
    crops = load(tmp_path, (64, 32))
    assert crops.ids.tolist() == [1, 2] * 3
    assert crops.images.shape == (6, 64, 32, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "no crops found"),
        (lambda p: (p / "0001_c1s1_1_1.jpg").write_bytes(b"x"), "none of its 1 images can be read"),
        (lambda p: ((p / "gt").mkdir(), (p / "gt" / "gt.txt").write_text("1,2,a")), "gt.txt:1: 'a' is not a number"),
        (lambda p: ((p / "gt").mkdir(), (p / "gt" / "gt.txt").write_text("1,2,3,4,5,6,1")), "no frames beside it"),
        (
            lambda p: (
                (p / "gt").mkdir(),
                (p / "img1").mkdir(),
                (p / "gt" / "gt.txt").write_text("1,2,3,4,5,6,1"),
                (p / "img1" / "1.jpg").write_bytes(b""),
            ),
            "none of its 1 images can be decoded",
        ),
    ],
)
def test_bad_folders_are_one_line(tmp_path: Path, make, words: str) -> None:
    make(tmp_path)
    with pytest.raises(ReidError, match=words):
        load(tmp_path, warn=lambda line: None)
    with pytest.raises(ReidError, match="no such folder"):
        load(tmp_path / "missing")


def test_splits_that_cannot_be_learnt_from(noise: Crops) -> None:
    with pytest.raises(ReidError, match="--last must be at least 0"):
        split(noise, -1, "--last")
    train, test = split(noise, 2)
    assert set(test.ids) == {5, 6}
    assert not set(train.ids) & set(test.ids)
    with pytest.raises(ReidError, match="leaves fewer than 2 to train on"):
        split(noise, 5)
    with pytest.raises(ReidError, match="1 identity in the data"):
        split(noise[noise.ids == 1], 0)
    with pytest.raises(ReidError, match="one image per identity"):
        split(noise[np.sort(np.unique(noise.ids, return_index=True)[1])], 0)
