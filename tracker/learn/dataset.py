"""Labels with their images as a data set for training elsewhere: YOLO's folders and COCO's JSON."""

from __future__ import annotations

from pathlib import Path

from tracker.export.formats import export
from tracker.export.table import table_of
from tracker.io.video import open_source
from tracker.io.whole import writing
from tracker.learn.labels import Labels


def write_dataset(folder: Path, video: str | Path, labels: Labels) -> int:
    """Write images/000001.jpg, ..., labels/000001.txt, ..., classes.txt and coco.json; returns the number of images.

    Frames with a doubtful box are left out: such a data set cannot say "neither object nor background".
    """
    import cv2

    images = folder / "images"
    written = set()
    with writing(images):
        images.mkdir(parents=True, exist_ok=True)
        with open_source(str(video)) as source:
            for number, frame in enumerate(source, start=1):
                if frame.image is None or number in labels.doubtful:
                    continue
                if not cv2.imwrite(str(images / f"{number:06d}.jpg"), frame.image):
                    raise OSError(28, "No space left on device?", str(images))
                written.add(number)
    rows = labels.rows.select([int(frame) in written for frame in labels.rows.frames])
    table = table_of(
        rows, frame_rate=labels.rate, names=dict(enumerate(labels.names)), size=labels.size, n_frames=labels.frames
    )
    export(table, "yolo", folder)
    for number in written:  # an image without an object has an empty file of labels
        (folder / "labels" / f"{number:06d}.txt").touch()
    export(table, "coco", folder / "coco.json")
    return len(written)
