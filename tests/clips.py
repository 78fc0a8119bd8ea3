"""Small videos and folders of images to read, and the shape of an error line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.arrays import Image
from tracker.io.video import Frame, open_source
from tracker.io.video_writer import VideoWriter

SIZE = (64, 48)


def drawn(k: int, size: tuple[int, int] = SIZE) -> Image:
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    cv2.circle(image, (10 + k % 40, 24), 8, (0, 160, 250), -1)
    return image


def which(image: Image | None) -> int:
    """The k, 0..39, whose ``drawn(k)`` is most like the image."""
    assert image is not None
    return int(np.argmin([np.abs(image.astype(int) - drawn(k)).mean() for k in range(40)]))


def write_video(path: Path, n: int = 40, rate: float = 10, size: tuple[int, int] = SIZE) -> Path:
    with VideoWriter(path, size, rate) as writer:
        for k in range(n):
            writer.write(drawn(k, size))
    return path


def write_images(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True)
    for k, name in enumerate(names):
        (folder / name).write_bytes(cv2.imencode(Path(name).suffix, drawn(k))[1].tobytes())
    return folder


def frames(source: object) -> list[Frame]:
    return list(open_source(source))  # type: ignore[arg-type]


def one_line(error: pytest.ExceptionInfo[Exception], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    assert all(word in text for word in words), text
