"""A web service: each camera posts the detections of a frame and gets its tracks back.

    pip install fastapi uvicorn
    uvicorn service:app
    curl -X POST localhost:8000/cameras/door/frames -H "content-type: application/json" \
         -d '{"time": 0.0, "boxes": [[10, 20, 60, 180]], "scores": [0.9]}'
"""

from __future__ import annotations

from threading import Lock

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from tracker import Detections, Steady, Tracks

CAMERAS = 1_000  # a tracker holds memory for as long as it is known


class Frame(BaseModel):
    """Detections of one frame: left, top, right, bottom in pixels, scores 0..1; time in seconds."""

    time: float | None = None
    boxes: list[list[float]]
    scores: list[float] | None = None
    classes: list[int] | None = None


class Camera:
    """A tracker, which takes one frame at a time."""

    def __init__(self) -> None:
        self.tracker = Steady()
        self.lock = Lock()

    def update(self, frame: Frame) -> Tracks:
        detections = Detections(frame.boxes, scores=frame.scores, classes=frame.classes)
        with self.lock:
            return self.tracker.update(detections, time=frame.time)


app = FastAPI(title="trackwhy")
cameras: dict[str, Camera] = {}


@app.post("/cameras/{name}/frames")
def update(name: str, frame: Frame) -> dict[str, object]:
    """The tracks of one frame."""
    if name not in cameras and len(cameras) >= CAMERAS:
        raise HTTPException(503, f"{CAMERAS} cameras are known; delete one first")
    camera = cameras.setdefault(name, Camera())
    try:
        tracks = camera.update(frame)
    except ValueError as error:  # a bad box: one line that says which
        raise HTTPException(422, str(error)) from None
    return {
        "frame": tracks.frame,
        "tracks": [{"id": track.id, "box": track.box.tolist(), "state": track.state} for track in tracks],
    }


@app.delete("/cameras/{name}")
def forget(name: str) -> None:
    """Forget a camera and its ids."""
    cameras.pop(name, None)
