"""Detection networks in ONNX files or OpenVINO's format; the files of ``tracker.detect.heads`` read their outputs."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tracker.arrays import BoolArray, Image
from tracker.detect.detector import Detector, check_fraction, check_image
from tracker.detect.doubts import Doubts
from tracker.detect.files import files_of
from tracker.detect.head import Decoded, Head, Outputs
from tracker.detect.head import HeadError as HeadError
from tracker.detect.heads import head as head_named
from tracker.detect.heads import recognise
from tracker.detect.letterbox import Letterbox
from tracker.detect.metadata import names_in, size_in, unread
from tracker.detect.names import class_mask, count_of, numbered
from tracker.detect.names_file import class_names_of
from tracker.detect.network import ClassNames
from tracker.detect.overlaps import NMS, soften_xyxy, thin_xyxy
from tracker.detect.runtime import open_network
from tracker.detect.scene_check import SceneCheck
from tracker.detect.session import (
    TYPES,
    TensorInfo,
    detector_inputs,
    device_of,
    is_single,
    metadata_of,
    reason_of,
    size_feed,
)
from tracker.detect.twins import Twins
from tracker.detections import Detections
from tracker.spelling import nearest, shown

DEFAULT_SIZE = 640  # what most networks are trained at, for files that leave the input size open
GREY = 114
DEFAULT_NMS = "per-object"


class _Own(threading.local):
    """What each thread has for itself."""

    def __init__(self, letterbox: Callable[[], Letterbox]) -> None:  # called in every thread that reads an attribute
        self.letterbox = letterbox()


class ONNX(Detector):
    """A detection network run by onnxruntime or OpenVINO. Scores 0..1.

    path         the ONNX file, or OpenVINO's MODEL.xml with MODEL.bin beside it
    conf         least score. ByteTrack, BoT-SORT and Steady use weak detections too: give them 0.1
    iou          boxes of one class that overlap more than this become one (end-to-end heads did it inside)
    nms          "per-object": then boxes of different classes on one object become one too, such as car and truck
                 (``tracker.detect.twins``), and ``Detections.twins`` keeps the weaker class; "per-class": they do not;
                 "agnostic": by ``iou``, whatever the classes; "soft" and "soft-linear": Soft-NMS (Bodla 2017)
    classes      names of the classes to keep; None keeps all
    class_names  names in the order of the class numbers, by number, or a file of them (``read_names``); by default
                 those in the model, then those of the head, then COCO's where there are 80 classes, else the numbers
    size         (height, width) of the input where the file leaves it open; by default what the file's metadata
                 says, else 640x640
    head         what reads the outputs: the name of a head, a ``Head`` class, or an instance, which is taken as it is;
                 by default the head that recognises them (``tracker.detect.heads.heads()`` lists them)
    providers    onnxruntime's names, first choice first, such as ["cuda", "cpu"]; the CPU by default
    runtime      "onnxruntime" (the default for ONNX files), "openvino", which must be installed, or "auto": OpenVINO
                 where it is installed and no providers are named
    threads      for one image; by default as many as this process may use. With 1 a pipeline detects on several
                 frames of a file at once, which uses the processors better

    Attributes: ``head`` (its name), ``size`` (height, width), ``class_names``, ``device``, ``runtime`` and
    ``model_files``.
    Several threads may call an instance at once.
    On 480x360 PETS09-S2L1, YOLOX-nano has recall .89 and precision .84 at conf .5, .91 and .78 at .3.
    Raises ValueError, in one line, for a file that is missing, unreadable or no ONNX model, for outputs that no head
    or more than one reads (``HeadError``), and for a class that the model does not have.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        conf: float = 0.5,
        iou: float = 0.45,
        nms: str = DEFAULT_NMS,
        classes: Sequence[str] | None = None,
        class_names: ClassNames = None,
        size: tuple[int, int] | None = None,
        head: str | type[Head] | Head | None = None,
        providers: Sequence[str] | None = None,
        runtime: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.conf = check_fraction("conf", conf)
        self.iou = check_fraction("iou", iou)
        if nms not in NMS:
            raise ValueError(f"unknown nms {nms!r}{nearest(str(nms), NMS)}; choose from {', '.join(NMS)} (--nms)")
        self.nms = nms
        if isinstance(head, str):
            head = head_named(head)  # an unknown name is refused before the file is opened
        class_names = class_names_of(class_names)
        self.name = os.path.basename(path)
        self._session, self.runtime = open_network(path, providers=providers, threads=threads, runtime=runtime)
        self.model_files = tuple(files_of(path))
        self.device = device_of(self._session)
        self.concurrent = threads == 1
        source, sizes = detector_inputs(path, self._session)
        metadata, unreadable = metadata_of(self._session)
        self._said = unreadable + unread(
            metadata, size=size is None and not all(isinstance(side, int) for side in _stated(source))
        )
        self._assumed = _assumed(source, metadata, size)
        self._doubts = Doubts()
        self._scene = SceneCheck(metadata)
        self.size = _input_size(path, source, metadata, size)
        self._single = is_single(source)
        self._sizes = size_feed(sizes, self.size)
        self._feed, self._outputs = source.name, [output.name for output in self._session.get_outputs()]

        # What the file says about its shapes may be open; one run on plain grey tells.
        channels = (3, *self.size) if source.shape[1] == 3 else (*self.size, 3)
        grey = GREY if TYPES[source.type] is np.uint8 else GREY / 255
        first = self._first_run(path, np.full((1, *channels), grey, TYPES[source.type]))
        outputs = replace(first, file=Path(path))
        found = self._recognised(path, outputs, metadata, head, class_names)
        names = class_names if class_names is not None else names_in(metadata) or found.labels
        self._head = found if names is None else found.with_names(count_of(names))
        self.head = self._head.name
        self.embedded = self._head.embeds
        fitted = partial(Letterbox, self.size, found.preprocessing, channels_last=source.shape[1] != 3)
        self._own = _Own(partial(fitted, dtype=TYPES[source.type]))
        self.class_names: Mapping[int, str] = MappingProxyType(self._numbered(path, names, stated=class_names is None))
        self._twins = Twins(self.class_names, self._head.classes)
        self._wanted: BoolArray | None = None
        if classes is not None:
            self._wanted = class_mask(classes, self.class_names, self._head.classes, str(path))

    def reset(self) -> None:
        """A new video begins: what was doubtful in the last one is not said of it."""
        self._doubts = Doubts()
        self._scene.reset()

    def __call__(self, image: Image) -> Detections:
        """Objects in a BGR uint8 image (H, W, 3), best first unless the head is end-to-end.

        A row that is not finite or has no size (a half-precision overflow) is left out and counted in ``dropped``.
        """
        image = check_image(image)
        self._scene.see(image)
        block, fit = self._own.letterbox(image)
        outputs = self._run(block)
        decoded = self._kept(self._head.decode(outputs, self.conf))
        self._doubts.see(decoded.boxes, decoded.scores, self.size)
        found = Detections(
            fit.to_image(decoded.boxes),
            decoded.scores,
            decoded.classes,
            embeddings=decoded.embeddings,
            payload=decoded.payload,
            invalid="drop",
        )
        found = self._thinned(found)
        if found.payload is None:
            return found
        # Last, because masks are many numbers.
        return found.with_payload(self._head.to_image(self._head.complete(found.payload, outputs), fit))

    def _thinned(self, found: Detections) -> Detections:
        """One box per object, as ``nms`` says."""
        if self.nms == "agnostic":
            return found[thin_xyxy(found.boxes, found.scores, np.zeros_like(found.classes), self.iou)]
        if self._head.suppress:
            if self.nms.startswith("soft"):
                limit = self.iou if self.nms == "soft-linear" else None
                kept, scores = soften_xyxy(found.boxes, found.scores, found.classes, self.conf, limit)
                found = found[kept]
                found = found.with_scores(dict(zip(found.rows.tolist(), scores.tolist(), strict=True)))
            else:
                found = found[thin_xyxy(found.boxes, found.scores, found.classes, self.iou)]
        twins = None if self.nms == "per-class" else self._twins(found.boxes, found.scores, found.classes)
        if twins is None:
            return found
        return found.with_twins(twins.classes, twins.scores)[twins.mask]

    @property
    def note(self) -> str | None:
        """What the metadata says in vain, and whether the head seems to misread the outputs; or None."""
        said, wrong = list(self._said), None
        if self._doubts.normalised:
            wrong = "all boxes lie within 0..1, not in pixels"
        elif self._doubts.mostly_invalid:
            wrong = "more than half of the boxes are not finite, have no size or lie far outside the image"
        if wrong is not None:
            said.append(
                f"{wrong}: the head {self.head} probably misreads this model; choose another with --head "
                "(see docs/detectors.md)"
            )
        if self._scene.line is not None:
            said.append(self._scene.line)
        return f"{shown(self.name)}: {'; '.join(said)}" if said else None

    def _recognised(
        self,
        path: str | os.PathLike[str],
        outputs: Outputs,
        metadata: Mapping[str, str],
        head: str | type[Head] | Head | None,
        class_names: Mapping[int, str] | Sequence[str] | None,
    ) -> Head:
        """The head, by its choice or by the outputs; class names that are given count as if the file stated them."""
        if class_names is not None and head is None:
            pairs = class_names.items() if isinstance(class_names, Mapping) else enumerate(class_names)
            with suppress(HeadError):  # names that fit no head are not what the error should be about
                return recognise(path, outputs, {**metadata, "names": json.dumps({str(k): n for k, n in pairs})})
        try:
            return recognise(path, outputs, metadata, head)
        except HeadError as error:
            said = "".join(f"; {line}" for line in (*self._said, *self._assumed))
            raise HeadError(f"{error}{said}", error.outputs) from None

    def _numbered(
        self, path: str | os.PathLike[str], names: Mapping[int, str] | Sequence[str] | None, *, stated: bool
    ) -> dict[int, str]:
        """The name of each class; the error says whose names do not fit. stated: the file's own."""
        count = self._head.classes
        try:
            return numbered(names, count)
        except ValueError:
            if not stated or names is None:
                raise
            raise HeadError(
                f"{path}: its metadata names {len(names)} classes, numbered up to {count_of(names) - 1}, but the head "
                f"{self.head} reads {count} from its outputs; choose another head with --head, or pass class_names "
                "(--names)",
                self._outputs,
            ) from None

    def _run(self, block: NDArray[np.generic]) -> Outputs:
        arrays = self._session.run(self._outputs, {self._feed: block[0] if self._single else block, **self._sizes})
        return Outputs(dict(zip(self._outputs, arrays, strict=True)), block.shape, block.dtype)

    def _first_run(self, path: str | os.PathLike[str], block: NDArray[np.generic]) -> Outputs:
        try:
            return self._run(block)
        except Exception as error:  # onnxruntime's own classes have no base but Exception
            raise ValueError(
                f"{path}: does not run on a {self.size[1]}x{self.size[0]} image ({reason_of(error)})"
            ) from None

    def _kept(self, decoded: Decoded) -> Decoded:
        """The objects of the wanted classes; ValueError for scores that are none."""
        if decoded.scores.size and decoded.scores.max() > 1.001:
            raise ValueError(
                f"{shown(self.name)}: class scores run to {decoded.scores.max():g}, not 1: keypoints or masks "
                f"without class names, or not the head {self.head}? pass class_names, choose another with --head, or "
                "export a plain detector"
            )
        if self._wanted is None:
            return decoded
        # An end-to-end file may number more classes than it names; one without a name cannot be wanted.
        named = np.minimum(decoded.classes, len(self._wanted) - 1)
        return decoded[(decoded.classes < len(self._wanted)) & self._wanted[named]]


def _assumed(source: TensorInfo, metadata: Mapping[str, str], wanted: tuple[int, int] | None) -> list[str]:
    """A sentence where the input size is a guess, on which the number of cells depends."""
    if wanted or size_in(metadata) or all(isinstance(side, int) for side in _stated(source)):
        return []
    return [f"its input size is free, and {DEFAULT_SIZE}x{DEFAULT_SIZE} was tried: give the right one with --imgsz"]


def _stated(source: TensorInfo) -> list[int | str | None]:
    """Height and width of the input as the file states them."""
    return source.shape[2:4] if source.shape[1] == 3 else source.shape[1:3]


def _input_size(
    path: str | os.PathLike[str], source: TensorInfo, metadata: Mapping[str, str], wanted: tuple[int, int] | None
) -> tuple[int, int]:
    """(height, width) of the input: what the file fixes, else ``wanted``, else what its metadata says, else 640."""
    batch, (height, width) = source.shape[0], _stated(source)
    if isinstance(height, int) and isinstance(width, int):
        if wanted is not None and tuple(wanted) != (height, width):
            raise ValueError(
                f"{path}: input is fixed to {(height, width)}; leave size out (--imgsz), or export it with a free size"
            )
    else:
        height, width = map(int, wanted or size_in(metadata) or (DEFAULT_SIZE, DEFAULT_SIZE))
        if height < 32 or width < 32 or height % 32 or width % 32:
            raise ValueError(f"{path}: size {(height, width)} does not fit the grids; give multiples of 32 (--imgsz)")
    if isinstance(batch, int) and batch != 1:
        raise ValueError(f"{path}: takes {batch} images at a time; export it with a batch of 1")
    return height, width
