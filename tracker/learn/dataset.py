"""Labels with their images as a data set for training elsewhere: YOLO's folders and COCO's JSON."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tracker.export.formats import export
from tracker.export.table import table_of
from tracker.io.video import open_source
from tracker.io.whole import whole, writing
from tracker.learn.labels import Labels


def write_dataset(folder: Path, video: str | Path, labels: Labels) -> int:
    """Write images/000001.jpg, ..., labels/000001.txt, ..., classes.txt and coco.json; returns the number of images.

    doubtful.csv lists boxes that are neither objects nor background, which neither form can say.
    """
    import cv2

    images = folder / "images"
    written = set()
    with writing(images):
        images.mkdir(parents=True, exist_ok=True)
        with open_source(str(video)) as source:
            for number, frame in enumerate(source, start=1):
                if frame.image is None:
                    continue
                if not cv2.imwrite(str(images / f"{number:06d}.jpg"), frame.image):
                    raise OSError(28, "No space left on device?", str(images))
                written.add(number)
    rows = labels.rows.select(np.isin(labels.rows.frames, sorted(written)))
    table = table_of(
        rows, frame_rate=labels.rate, names=dict(enumerate(labels.names)), size=labels.size, n_frames=labels.frames
    )
    export(table, "yolo", folder)
    for number in written:  # an image without an object has an empty file of labels
        (folder / "labels" / f"{number:06d}.txt").touch()
    export(table, "coco", folder / "coco.json")
    with whole(folder / "doubtful.csv") as part:
        lines = [
            f"{number},{','.join(f'{side:.2f}' for side in box)}\n"
            for number, boxes in sorted(labels.doubtful.items())
            for box in boxes.tolist()
        ]
        part.write_text("frame,left,top,right,bottom\n" + "".join(lines), encoding="ascii")
    return len(written)
