"""What other libraries' detectors give for one image, read by its attributes; none of these libraries is imported."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Union, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tracker.detections import Detections

UNDERSTOOD = (
    "Detections, an (N, 4..6) array, a torchvision dict, supervision.Detections or ultralytics results, results of "
    "detectron2, mmdet, YOLOv5, norfair or a Hugging Face pipeline, a list of ([left, top, width, height], score, "
    "class), or a DataFrame"
)

Names = Mapping[int, str] | Sequence[str]

# Types that need no look at their attributes, which costs more than reading the boxes.
_PLAIN = (np.ndarray, list, tuple, int, float, np.generic)


class Columns(NamedTuple):
    """What a result says, unchecked: boxes (N, 4) left, top, right, bottom, and the rest per box or None."""

    boxes: Any
    scores: Any = None
    classes: Any = None
    embeddings: Any = None
    payload: Any = None


def columns_of(value: Any, names: Names | None = None) -> Columns | None:
    """The columns of a result of another library, or None where ``value`` is no such result.

    names  of the classes, by number or in order, for results that say them in words. Other words get a number that
           depends on the word alone; where there are words, they are the payload unless there are masks

    Raises ValueError where the result is of several images, or lacks its boxes.
    """
    if isinstance(value, (list, tuple)):
        return _numbered(_listed(value), names) if value else None
    for kind, read in _READERS:
        if isinstance(value, kind):
            return _numbered(read(value), names)
    return None


def to_numpy(value: Any) -> Any:
    """A tensor on any device and of any type as an array; anything else as it is."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, _Detachable):
        value = value.detach()
    if isinstance(value, _Movable):
        value = value.cpu()
    if not isinstance(value, _Tensor):
        return value
    try:
        return value.numpy()
    except TypeError:  # numpy has no bfloat16
        return value.float().numpy()  # type: ignore[attr-defined]


# -- what is told by attributes --------------------------------------------------------------------


@runtime_checkable
class _Detachable(Protocol):
    def detach(self) -> Any: ...


@runtime_checkable
class _Movable(Protocol):
    def cpu(self) -> Any: ...


@runtime_checkable
class _Tensor(Protocol):
    def numpy(self) -> Any: ...


@runtime_checkable
class DataFrameLike(Protocol):
    """A DataFrame of pandas or polars."""

    @property
    def columns(self) -> Any: ...

    def __getitem__(self, name: Any, /) -> Any: ...

    def to_numpy(self) -> Any: ...


@runtime_checkable
class SupervisionLike(Protocol):
    """``supervision.Detections``."""

    @property
    def xyxy(self) -> Any: ...

    @property
    def confidence(self) -> Any: ...


@runtime_checkable
class _YOLOv5(Protocol):
    """What a model of YOLOv5's torch.hub gives: (N, 6) per image."""

    @property
    def xyxy(self) -> Any: ...

    @property
    def names(self) -> Any: ...


@runtime_checkable
class _Boxes(Protocol):
    """``Boxes`` of ultralytics, or its ``OBB``."""

    @property
    def xyxy(self) -> Any: ...

    @property
    def conf(self) -> Any: ...

    @property
    def cls(self) -> Any: ...


@runtime_checkable
class _Detectron(Protocol):
    """``Instances`` of detectron2."""

    @property
    def pred_boxes(self) -> Any: ...


@runtime_checkable
class _MMDet(Protocol):
    """``DetDataSample`` of mmdet 3."""

    @property
    def pred_instances(self) -> Any: ...


@runtime_checkable
class _InstanceData(Protocol):
    """``InstanceData`` of mmdet 3."""

    @property
    def bboxes(self) -> Any: ...

    @property
    def labels(self) -> Any: ...


@runtime_checkable
class _Ultralytics(Protocol):
    @property
    def boxes(self) -> Any: ...


@runtime_checkable
class _Norfair(Protocol):
    @property
    def points(self) -> Any: ...

    @property
    def scores(self) -> Any: ...


# What ``update`` takes and ``as_detections`` reads, for type checkers. Instances of detectron2 find their fields at run
# time, which no checker sees: give them in a dict, {"instances": instances}.
DetectionsLike = Union[
    "Detections",
    NDArray[Any],
    Sequence[Any],
    Mapping[str, Any],
    _Tensor,
    DataFrameLike,
    SupervisionLike,
    _YOLOv5,
    _Boxes,
    _Detectron,
    _MMDet,
    _InstanceData,
    _Ultralytics,
    None,
]


def _mapping(value: Mapping[Any, Any]) -> Columns:
    if "instances" in value:  # detectron2's DefaultPredictor
        return _detectron(value["instances"])
    if _is_piped(value):  # the only object of a pipeline
        return _piped([value])
    if "boxes" not in value:
        raise ValueError(f"detections dict has no 'boxes' (keys: {', '.join(map(str, value)) or 'none'})")
    return Columns(
        value["boxes"],
        value.get("scores"),
        value.get("labels", value.get("classes")),
        value.get("embeddings"),
        value.get("masks", value.get("keypoints")),
    )


def _supervision(value: SupervisionLike) -> Columns:
    return Columns(value.xyxy, value.confidence, _own(value, "class_id"), payload=_own(value, "mask"))


def _yolov5(value: _YOLOv5) -> Columns:
    if isinstance(value.xyxy, (list, tuple)):
        rows = to_numpy(_only(value.xyxy))
        return Columns(rows[:, :4], rows[:, 4], rows[:, 5])
    return Columns(value.xyxy)


def _detectron(value: Any) -> Columns:
    if not isinstance(value, _Detectron):
        raise ValueError("detections of detectron2 have no pred_boxes; give the Instances of a detector")
    boxes = _own(value.pred_boxes, "tensor", value.pred_boxes)
    return Columns(boxes, _own(value, "scores"), _own(value, "pred_classes"), payload=_own(value, "pred_masks"))


def _instance_data(value: _InstanceData) -> Columns:
    return Columns(value.bboxes, _own(value, "scores"), value.labels, payload=_own(value, "masks"))


def _ultralytics(value: _Ultralytics) -> Columns | None:
    boxes = value.boxes if value.boxes is not None else _own(value, "obb")  # rotated boxes stand elsewhere
    if not isinstance(boxes, _Boxes):
        return None
    extra = next((one for one in (_own(value, "masks"), _own(value, "keypoints")) if one is not None), None)
    return _boxes(boxes)._replace(payload=_own(extra, "data"))


def _boxes(value: _Boxes) -> Columns:
    return Columns(value.xyxy, value.conf, value.cls)


# Names that people give to columns; of several the first counts.
_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
    ("x_min", "y_min", "x_max", "y_max"),
)
_SIZES = (("left", "top", "width", "height"), ("bb_left", "bb_top", "bb_width", "bb_height"))
_SCORES = ("score", "scores", "confidence", "conf", "probability")
_CLASSES = ("class", "class_id", "classes", "label", "labels", "cls", "category_id", "class_name", "name", "category")


def _frame(value: DataFrameLike) -> Columns:
    known = {str(name).lower(): name for name in value.columns}
    corners, sizes = (
        next((found for found in choices if known.keys() >= set(found)), None) for choices in (_CORNERS, _SIZES)
    )
    if corners is None and sizes is None:
        raise ValueError(
            f"detections DataFrame has the columns {', '.join(map(str, value.columns)) or 'none'}; name its boxes "
            "xmin, ymin, xmax, ymax or left, top, width, height"
        )

    def column(names: Iterable[str]) -> NDArray[Any] | None:
        found = next((known[name] for name in names if name in known), None)
        return None if found is None else np.asarray(value[found].to_numpy())

    frames = column(("frame",))
    if frames is not None and len(set(frames.tolist())) > 1:
        raise ValueError(
            f"detections DataFrame holds {len(set(frames.tolist()))} frames; give the rows of one, such as "
            "table[table['frame'] == 1]"
        )
    sides = np.stack([np.asarray(value[known[name]].to_numpy()) for name in corners or sizes or ()], axis=1)
    return Columns(sides if corners is not None else _corners(sides), column(_SCORES), column(_CLASSES))


# The first kind that fits reads it.
_READERS: tuple[tuple[type, Callable[[Any], Columns | None]], ...] = (
    (Mapping, _mapping),
    (DataFrameLike, _frame),
    (SupervisionLike, _supervision),
    (_Boxes, _boxes),
    (_YOLOv5, _yolov5),
    (_Detectron, _detectron),
    (_MMDet, lambda value: _instance_data(value.pred_instances)),
    (_InstanceData, _instance_data),
    (_Ultralytics, _ultralytics),
)


# -- what is told by a list ------------------------------------------------------------------------


def _listed(value: Sequence[Any]) -> Columns | None:
    """The columns of a list: of one object per entry, one array per class, or one result per image."""
    first = value[0]
    if isinstance(first, _PLAIN):
        if all(map(_is_row, value)):
            return _rows(value)
        if all(map(_is_of_a_class, value)):
            return _per_class(value)
        if len(value) == 2 and isinstance(first, list) and first and all(map(_is_of_a_class, first)):
            masks = [mask for of_class in value[1] for mask in of_class]  # mmdet 2 with masks
            return _per_class(first)._replace(payload=masks)
        return None
    if all(map(_is_piped, value)):
        return _piped(value)
    if isinstance(first, _Norfair):
        return _norfair(value)
    if all(isinstance(one, (Mapping, *(kind for kind, _ in _READERS))) for one in value):
        return columns_of(_only(value))
    return None


def _only(results: Sequence[Any]) -> Any:
    if len(results) > 1:
        raise ValueError(
            f"detections list holds the output for {len(results)} images; give that of one, such as output[0]"
        )
    return results[0]


def _is_piped(one: object) -> bool:
    """Whether it is one object as pipelines of Hugging Face tell it."""
    return isinstance(one, Mapping) and isinstance(one.get("box"), Mapping)


def _piped(objects: Sequence[Mapping[str, Any]]) -> Columns:
    sides = ("xmin", "ymin", "xmax", "ymax")
    missing = [side for one in objects for side in sides if side not in one["box"]]
    if missing:
        raise ValueError(f"detections dict has a box without {missing[0]!r}; expected {', '.join(sides)}")
    boxes = [[one["box"][side] for side in sides] for one in objects]
    masks = [one.get("mask") for one in objects]
    return Columns(
        boxes,
        [one.get("score", 1.0) for one in objects],
        [one.get("label", 0) for one in objects],
        payload=None if any(mask is None for mask in masks) else masks,
    )


def _norfair(objects: Sequence[_Norfair]) -> Columns:
    points = [np.asarray(one.points, dtype=np.float64) for one in objects]
    if any(each.shape != (2, 2) for each in points):
        shape = next(each.shape for each in points if each.shape != (2, 2))
        raise ValueError(f"detections of norfair have points {shape}; give two corners, (2, 2)")
    corners = np.stack(points)
    boxes = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)
    scores = [1.0 if one.scores is None else float(np.mean(one.scores)) for one in objects]
    labels, vectors = ([_own(one, name) for one in objects] for name in ("label", "embedding"))
    return Columns(
        boxes,
        scores,
        [0 if label is None else label for label in labels],
        None if any(vector is None for vector in vectors) else np.stack(vectors),
    )


def _is_row(one: object) -> bool:
    """Whether it is ([left, top, width, height], score[, class]), as deep-sort-realtime takes it."""
    if not isinstance(one, (tuple, list)) or len(one) not in (2, 3):
        return False
    box, score = one[0], one[1]
    return isinstance(box, (list, tuple, np.ndarray)) and len(box) == 4 and np.ndim(score) == 0


def _rows(rows: Sequence[Sequence[Any]]) -> Columns:
    boxes = np.array([row[0] for row in rows], dtype=np.float64)
    classes = [row[2] if len(row) > 2 and row[2] is not None else 0 for row in rows]
    return Columns(_corners(boxes), [row[1] for row in rows], classes)


def _is_of_a_class(one: object) -> bool:
    """Whether it is an array (N, 5) of left, top, right, bottom, score, as mmdet 2 gives for each class."""
    return isinstance(one, np.ndarray) and one.ndim == 2 and one.shape[1] == 5


def _per_class(arrays: Sequence[NDArray[Any]]) -> Columns:
    rows = np.concatenate(arrays)
    return Columns(rows[:, :4], rows[:, 4], np.repeat(np.arange(len(arrays)), [len(array) for array in arrays]))


# -- parts -----------------------------------------------------------------------------------------


def _corners(ltwh: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate((ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]), axis=1)


def _own(value: object, name: str, default: Any = None) -> Any:
    """An attribute that results of this kind may lack."""
    return getattr(value, name, default)


def _numbered(columns: Columns | None, names: Names | None) -> Columns | None:
    """The columns as arrays, with numbers for classes that are words."""
    if columns is None:
        return None
    columns = Columns(*map(to_numpy, columns))
    labels = columns.classes
    if labels is None or (isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf"):
        return columns
    if not any(isinstance(label, str) for label in np.asarray(labels, dtype=object).reshape(-1)):
        return columns
    words = [label if isinstance(label, str) else str(label) for label in labels]
    pairs = () if names is None else names.items() if isinstance(names, Mapping) else enumerate(names)
    known = {name.lower(): number for number, name in pairs}
    numbers = [known.get(word.lower(), _number_of(word)) for word in words]
    return columns._replace(classes=numbers, payload=words if columns.payload is None else columns.payload)


def _number_of(word: str) -> int:
    """A number for a class that is known by its word alone: the same in every frame and every run."""
    digits = word.removeprefix("LABEL_")  # what Hugging Face calls classes without a name
    return int(digits) if digits.isdecimal() else zlib.crc32(word.encode())
