"""Detection networks in ONNX files: YOLOX, YOLOv8/11/12 and end-to-end heads, recognised from the file itself."""

from __future__ import annotations

import ast
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import Image
from tracker.detect.coco import COCO
from tracker.detect.detector import check_fraction, check_image
from tracker.detect.heads import (
    STRIDES,
    STRIDES_P6,
    Decoder,
    YOLOXGrid,
    decode_end_to_end,
    decode_yolov8,
    decode_yolox,
    places,
)
from tracker.detect.letterbox import Letterbox
from tracker.detect.names import class_mask
from tracker.detect.overlaps import thin_xyxy
from tracker.detect.session import TYPES, describe, device_of, image_input, open_session
from tracker.detections import Detections

Head = Literal["yolox", "yolov8", "end-to-end"]

DEFAULT_SIZE = 640  # both families' own, for files that leave the input size open


class HeadError(ValueError):
    """The file is a good ONNX model, but its outputs are no head this module knows. ``outputs`` holds their names."""

    def __init__(self, message: str, outputs: Sequence[str]) -> None:
        super().__init__(message)
        self.outputs = tuple(outputs)


class _Own(threading.local):
    """What each thread has for itself."""

    def __init__(self, letterbox: Callable[[], Letterbox]) -> None:  # called in every thread that asks
        self.letterbox = letterbox()


class ONNX:
    """A detection network run by onnxruntime. Scores 0..1.

    path         the ONNX file: a YOLOX, YOLOv8/11/12 or end-to-end (YOLOv10, YOLO26) head
    conf         least score. ByteTrack and its kin want the weak ones too: give them 0.1
    iou          boxes of one class that overlap more than this become one (end-to-end heads have done it inside)
    classes      names of the classes to keep; None keeps all
    class_names  names in the order of the class numbers (or a mapping from them); by default those in the file, COCO's
                 where it has 80 classes and names none, else the numbers themselves
    size         (height, width) of the input where the file leaves it open; by default what the file's metadata
                 says, else 640x640
    providers    onnxruntime's names, first choice first, such as ["CUDAExecutionProvider"]; the CPU by default
    threads      for one picture; by default as many as this process may use. With 1 a pipeline detects on several
                 frames of a file at once, which uses the processors better

    Attributes: ``head`` ("yolox", "yolov8" or "end-to-end"), ``size`` (height, width), ``class_names``, ``device``.
    Several threads may call an instance at once.
    On 480x360 PETS09-S2L1 YOLOX-nano has recall .89 and precision .84 at conf .5, .91 and .78 at .3.
    Raises ValueError, in one line, for a missing or unreadable file, no ONNX model, another head (``HeadError``), a
    class it does not know.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        conf: float = 0.5,
        iou: float = 0.45,
        classes: Sequence[str] | None = None,
        class_names: Mapping[int, str] | Sequence[str] | None = None,
        size: tuple[int, int] | None = None,
        providers: Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        self.conf = check_fraction("conf", conf)
        self.iou = check_fraction("iou", iou)
        self.name = os.path.basename(path)
        self._session = open_session(path, providers=providers, threads=threads)
        self.device = device_of(self._session)
        self.concurrent = threads == 1
        source = image_input(path, self._session)
        metadata = _ultralytics_metadata(self._session)
        self.size = _input_size(path, source.shape, metadata, size)
        if isinstance(source.shape[0], int) and source.shape[0] != 1:
            raise ValueError(f"{path}: takes {source.shape[0]} pictures at a time; export it with a batch of 1")
        self._feed = source.name

        outputs = [output.name for output in self._session.get_outputs()]
        self._output = outputs[0]
        dtype, last = TYPES[source.type], source.shape[1] != 3
        fitted = partial(Letterbox, *self.size, dtype=dtype, channels_last=last)
        self._own = _Own(partial(fitted, centred=False, rgb=False, scale=1.0))
        # One picture of plain grey: what the file says about its shapes may be open, and what it does is not.
        answer = self._run(path, np.full((*self.size, 3), 114, np.uint8))
        head = _recognise(answer.shape, self.size, metadata)
        if head is None:
            raise HeadError(_complaint(path, answer.shape, self.size, metadata), outputs)
        self.head: Head = head
        if head != "yolox":
            scale = 1.0 if dtype is np.uint8 else 1 / 255
            self._own = _Own(partial(fitted, centred=True, rgb=True, scale=scale))

        names = class_names if class_names is not None else metadata.get("names")
        count = _class_count(head, answer.shape, None if names is None else len(names))
        self.class_names: Mapping[int, str] = MappingProxyType(_named(names, count))
        self._wanted = None if classes is None else class_mask(classes, self.class_names, count, str(path))
        self._decode: Decoder
        if head == "yolox":
            grid = YOLOXGrid(*self.size, STRIDES if answer.shape[1] == places(*self.size, STRIDES) else STRIDES_P6)
            self._decode = decode_yolox if grid.is_decoded(answer[0]) else grid
        elif head == "yolov8":
            self._decode = partial(decode_yolov8, classes=count)
        else:
            self._decode = decode_end_to_end

    def __call__(self, image: Image) -> Detections:
        """Objects in a BGR uint8 picture (H, W, 3), best first.

        A row that is not finite or has no size (a half-precision overflow) is left out and counted in ``dropped``.
        """
        block, shift, zoom = self._own.letterbox(check_image(image))
        answer = self._session.run([self._output], {self._feed: block})[0][0]
        boxes, scores, classes = self._decode(answer, self.conf)
        if scores.size and scores.max() > 1.001:
            raise ValueError(
                f"{self.name}: class scores run to {scores.max():g}, not 1: a head for poses or masks without class "
                "names? export a plain detector, or pass class_names"
            )
        if self._wanted is not None:
            # An end-to-end file may number more classes than it names; the unnamed ones were not asked for.
            keep = (classes < len(self._wanted)) & self._wanted[np.minimum(classes, len(self._wanted) - 1)]
            boxes, scores, classes = boxes[keep], scores[keep], classes[keep]
        found = Detections((boxes - shift) / zoom, scores, classes, invalid="drop")
        if self.head == "end-to-end":
            return found
        return found[thin_xyxy(found.boxes, found.scores, found.classes, self.iou)]

    def _run(self, path: str | os.PathLike[str], image: Image) -> NDArray[np.float32]:
        try:
            answer = self._session.run([self._output], {self._feed: self._own.letterbox(image)[0]})[0]
        except Exception as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise ValueError(f"{path}: does not run on a {self.size[1]}x{self.size[0]} picture ({reason})") from None
        return np.asarray(answer)


def _ultralytics_metadata(session: Any) -> dict[str, Any]:
    """Ultralytics' notes, where the file has them: ``names`` {number: name}, ``imgsz`` [height, width], ``task``."""
    found: dict[str, Any] = {}
    raw = session.get_modelmeta().custom_metadata_map
    for key in ("names", "imgsz"):
        try:
            found[key] = ast.literal_eval(raw[key])
        except (KeyError, ValueError, SyntaxError):
            continue
    if isinstance(found.get("names"), (list, tuple)):
        found["names"] = dict(enumerate(found["names"]))
    if not isinstance(found.get("names"), dict):
        found.pop("names", None)
    if "task" in raw:
        found["task"] = raw["task"]
    return found


def _input_size(
    path: str | os.PathLike[str], shape: Sequence[Any], metadata: Mapping[str, Any], asked: tuple[int, int] | None
) -> tuple[int, int]:
    stated = shape[2:4] if shape[1] == 3 else shape[1:3]
    if all(isinstance(side, int) for side in stated):
        fixed = (int(stated[0]), int(stated[1]))
        if asked is not None and tuple(asked) != fixed:
            raise ValueError(f"{path}: input is fixed to {fixed}; leave size out, or export it with a free size")
        return fixed
    sides = asked or metadata.get("imgsz") or (DEFAULT_SIZE, DEFAULT_SIZE)
    height, width = (int(side) for side in sides)
    if height < 32 or width < 32 or height % 32 or width % 32:
        raise ValueError(f"{path}: size {(height, width)} does not fit the grids; give multiples of 32")
    return height, width


def _recognise(shape: tuple[int, ...], size: tuple[int, int], metadata: Mapping[str, Any]) -> Head | None:
    if len(shape) != 3 or shape[0] != 1 or metadata.get("task") in ("obb", "classify"):
        return None
    cells = (places(*size, STRIDES), places(*size, STRIDES_P6))
    if shape[2] in cells and shape[1] >= 5:
        return "yolov8"
    if shape[1] in cells and shape[2] >= 6:
        return "yolox"
    if shape[2] == 6 or (shape[2] > 6 and "names" in metadata):
        return "end-to-end"
    return None


def _complaint(
    path: str | os.PathLike[str], shape: tuple[int, ...], size: tuple[int, int], metadata: Mapping[str, Any]
) -> str:
    if len(shape) == 2:
        return f"{path}: output {describe(shape)} is one vector per picture; if it is an embedder, pass it as that"
    cells = places(*size, STRIDES)
    task = f" (task {metadata['task']})" if "task" in metadata else ""
    return (
        f"{path}: output {describe(shape)}{task} is no head known here; export a YOLOX [1, {cells}, 5 + classes], "
        f"YOLOv8/11 [1, 4 + classes, {cells}] or end-to-end [1, boxes, 6] detector"
    )


def _class_count(head: Head, shape: tuple[int, ...], named: int | None) -> int:
    if head == "yolox":
        return shape[2] - 5
    if head == "yolov8":  # mask weights or keypoints may follow the classes, and only the names tell where
        return shape[1] - 4 if named is None else min(named, shape[1] - 4)
    return named or len(COCO)


def _named(names: Mapping[int, str] | Sequence[str] | None, count: int) -> dict[int, str]:
    if names is None:
        names = COCO if count == len(COCO) else [str(number) for number in range(count)]
    pairs = names.items() if isinstance(names, Mapping) else enumerate(names)
    result = {int(number): str(name) for number, name in pairs}
    if any(not 0 <= number < count for number in result):
        raise ValueError(
            f"class_names has {len(result)} names, numbers up to {max(result)}; the model has {count} classes"
        )
    return result
