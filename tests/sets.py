"""One small scene written by hand in the format of each data set, after its documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# frame from 1, id, category, left, top, width, height
TRUTH = [
    (1, 3, "pedestrian", 10, 20, 20, 40),
    (1, 4, "car", 100, 50, 60, 40),
    (2, 3, "pedestrian", 12, 20, 20, 40),
    (2, 4, "car", 104, 50, 60, 40),
    (3, 4, "car", 108, 50, 60, 40),
]
# The same in results, with another id from frame 3 on, and a pedestrian where the car is.
RESULTS = [
    *(
        (frame, 7 if category == "pedestrian" else 8 + (frame == 3), *rest)
        for frame, _, *rest in TRUTH
        for category in rest[:1]
    ),
    (3, 11, "pedestrian", 108, 50, 60, 40),
]
REGION = (300, 0, 100, 100)  # left, top, width, height; in every frame
LENGTH = 3
NUMBERS = {
    "coco": {"pedestrian": 1, "car": 3},
    "visdrone": {"pedestrian": 1, "car": 4},
    "bdd100k": {"pedestrian": 1, "car": 3},
}


def write_coco(folder: Path, *, fields: tuple[str, str] = ("frame_id", "track_id"), first: int = 0) -> None:
    """truth.json of the scene and of a second video without rows, results.json and detections.json."""
    frame_field, id_field = fields
    images = [
        {
            "id": 100 * v + f,
            "video_id": v,
            frame_field: f - 1 + first,
            "file_name": f"{f}.jpg",
            "width": 640,
            "height": 360,
        }
        for v in (1, 2)
        for f in range(1, LENGTH + 1)
    ]

    def entries(rows: list[Any], **more: Any) -> list[dict[str, Any]]:
        return [
            {
                "id": k,
                "image_id": 100 + f,
                "category_id": NUMBERS["coco"][category],
                id_field: id,
                "bbox": box,
                "iscrowd": 0,
                **more,
            }
            for k, (f, id, category, *box) in enumerate(rows, start=1)
        ]

    crowd = {"image_id": 101, "category_id": 1, "bbox": list(REGION), "iscrowd": 1}
    truth = {
        "videos": [{"id": 1, "name": "street"}, {"id": 2, "name": "empty.mp4"}],
        "images": images,
        "annotations": [*entries(TRUTH), *({**crowd, "id": 50 + f, "image_id": 100 + f} for f in range(1, LENGTH + 1))],
        "categories": [{"id": number, "name": name} for name, number in NUMBERS["coco"].items()],
    }
    dump(folder / "truth.json", truth)
    dump(folder / "results.json", entries(RESULTS, score=0.9))
    bare = [{k: v for k, v in one.items() if k not in (id_field, "id", "iscrowd")} for one in entries(TRUTH, score=0.5)]
    dump(folder / "detections.json", bare)


def write_bdd(folder: Path) -> None:
    """truth/street.json, results/street.json and detections/street.json."""

    def frames(rows: list[Any], more: list[dict[str, Any]], *, score: float | None, ids: bool = True) -> list[Any]:
        out = []
        for f in range(1, LENGTH + 1):
            labels = [
                {
                    **({"id": f"{id:08d}"} if ids else {}),
                    "category": category,
                    **({} if score is None else {"score": score}),
                    "attributes": {"crowd": False},
                    "box2d": {"x1": x, "y1": y, "x2": x + w, "y2": y + h},
                }
                for frame, id, category, x, y, w, h in rows
                if frame == f
            ]
            out.append(
                {"name": f"street-{f:07d}.jpg", "videoName": "street", "frameIndex": f - 1, "labels": labels + more}
            )
        return out

    x, y, w, h = REGION
    crowd = {
        "id": "00000099",
        "category": "car",
        "attributes": {"crowd": True},
        "box2d": {"x1": x, "y1": y, "x2": x + w, "y2": y + h},
    }
    lamp = {"id": "00000098", "category": "traffic light", "box2d": {"x1": 1, "y1": 1, "x2": 2, "y2": 2}}
    for name, content in (
        ("truth", frames(TRUTH, [crowd, lamp], score=None)),
        ("results", frames(RESULTS, [], score=0.9)),
        ("detections", frames(TRUTH, [], score=0.5, ids=False)),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        dump(folder / name / "street.json", content)


def write_visdrone(folder: Path) -> None:
    """annotations/street.txt, results/street.txt and detections/street.txt."""
    numbers = NUMBERS["visdrone"]
    region = ",".join(map(str, REGION))
    truth = [f"{f},{id},{x},{y},{w},{h},1,{numbers[c]},0,0\n" for f, id, c, x, y, w, h in TRUTH]
    truth += [f"{f},0,{region},0,0,0,0\n" for f in range(1, LENGTH + 1)]
    results = [f"{f},{id},{x},{y},{w},{h},0.9,{numbers[c]},-1,-1\n" for f, id, c, x, y, w, h in RESULTS]
    found = [f"{f},-1,{x},{y},{w},{h},0.5,{numbers[c]},-1,-1\n" for f, _, c, x, y, w, h in TRUTH]
    for name, lines in (("annotations", truth), ("results", results), ("detections", found)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "street.txt").write_text("".join(lines))


def dump(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
