"""Opening an ONNX file with onnxruntime: every way that can fail gives one line."""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.processors import processors
from tracker.spelling import nearest, shown, utf8

TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


class TensorInfo(Protocol):
    """What onnxruntime tells about an input or output; sizes that are open are names or None."""

    name: str
    shape: list[int | str | None]
    type: str


class ModelMeta(Protocol):
    """What onnxruntime tells about a file."""

    custom_metadata_map: dict[str, str]


class Session(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used here."""

    def get_inputs(self) -> list[TensorInfo]: ...

    def get_outputs(self) -> list[TensorInfo]: ...

    def get_providers(self) -> list[str]: ...

    def get_modelmeta(self) -> ModelMeta: ...

    def run(self, output_names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]], /) -> list[NDArray[Any]]: ...


def open_session(
    path: str | os.PathLike[str], *, providers: Sequence[str] | None = None, threads: int | None = None
) -> Session:
    """An ``onnxruntime.InferenceSession`` that gives the same numbers each time and prints nothing.

    providers  onnxruntime's names, short ("cuda") or long, first choice first; the CPU by default
    threads    for one image; by default as many as this process may use

    Raises ValueError where the file is missing, unreadable or no ONNX model, or where a provider is not installed.
    """
    import onnxruntime

    file = Path(path)
    if file.is_dir():
        raise ValueError(f"{path}: is a folder; give the path of an ONNX model")
    if not file.exists():
        raise ValueError(f"{path}: no such file; give the path of an ONNX model")
    if not os.access(file, os.R_OK):
        raise ValueError(f"{path}: cannot be read; check its permissions")
    if threads is not None and threads < 1:
        raise ValueError(f"threads={threads} is below 1; leave it out to use all processors")
    name = utf8(file)
    wanted = _providers(providers or ["cpu"], onnxruntime.get_available_providers())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or len(processors())
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    try:
        session: Session = onnxruntime.InferenceSession(name, options, providers=wanted)
    except Exception as error:  # onnxruntime's own classes have no base but Exception
        raise ValueError(f"{path}: {_reason(file, error)}") from None
    return session


def _providers(wanted: Sequence[str], installed: Sequence[str]) -> list[str]:
    """onnxruntime's own names of providers, given short ("cuda") or long; ValueError for one it does not have."""
    known = {_short(name): name for name in installed}
    aliases = {"gpu": "cuda", "directml": "dml", "apple": "coreml"}
    found = []
    for provider in wanted:
        short = _short(provider.strip())
        name = known.get(aliases.get(short, short))
        if name is None:  # onnxruntime would only warn, and run elsewhere
            raise ValueError(
                f"provider {shown(provider)!r} is not in this onnxruntime{nearest(short, known)}; choose from "
                f"{', '.join(known)} (--device), or install its build of onnxruntime"
            )
        found.append(name)
    return found


def _short(provider: str) -> str:
    """ "cuda" for "CUDAExecutionProvider"."""
    return provider.lower().removesuffix("executionprovider")


def device_of(session: Session) -> str:
    """Where a session runs, in lower case: "cpu", "cuda", "tensorrt", "coreml", ..."""
    return _short(session.get_providers()[0])


def metadata_of(session: Session) -> tuple[Mapping[str, str], list[str]]:
    """The texts in the file, and a sentence where they are not UTF-8 and therefore none."""
    try:
        return session.get_modelmeta().custom_metadata_map, []
    except UnicodeDecodeError:
        return {}, ["its metadata is not UTF-8 and is left out, with its class names (give them with --names)"]


def image_input(path: str | os.PathLike[str], inputs: Sequence[TensorInfo]) -> TensorInfo:
    """The one input of a model that takes images, (N, 3, H, W) or (N, H, W, 3); ValueError for any other."""
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or 3 not in (inputs[0].shape[1], inputs[0].shape[3]):
        found = ", ".join(f"{i.name} {describe(i.shape)}" for i in inputs)
        raise ValueError(f"{path}: input {found} is not one batch of images; export it with [N, 3, H, W]")
    if inputs[0].type not in TYPES:
        raise ValueError(f"{path}: input has type {inputs[0].type}; export it with float32, float16 or uint8 pixels")
    return inputs[0]


# Inputs beside the image that tell a network how large it is: (height, width) of the input -> what to feed, (1, 2).
# With these values the boxes come out in pixels of the input.
SIZE_INPUTS: dict[str, Callable[[int, int], tuple[float, float]]] = {
    "scale_factor": lambda height, width: (1, 1),  # PaddleDetection: input / image, y and x
    "im_shape": lambda height, width: (height, width),
    "orig_target_sizes": lambda height, width: (width, height),  # RT-DETR and D-FINE
    "image_shape": lambda height, width: (height, width),  # Keras YOLOv3
}
NUMBERS: dict[str, type[np.generic]] = {
    **TYPES,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
MASK_INPUT = "pixel_mask"  # (1, h, w) of DETR by Hugging Face: 1 where the image is; the network resizes it
MASK_SIDE = 64  # where the file leaves its size open


class _Batched:
    """An image input [3, H, W], as torchvision's have, told as [1, 3, H, W]; feed it ``block[0]``."""

    def __init__(self, one: TensorInfo) -> None:
        self.name, self.type = one.name, one.type
        self.shape: list[int | str | None] = [1, *one.shape]


def is_single(source: TensorInfo) -> bool:
    """Whether the input has no axis for the batch."""
    return isinstance(source, _Batched)


def detector_inputs(path: str | os.PathLike[str], session: Session) -> tuple[TensorInfo, list[TensorInfo]]:
    """The image input of a detector, and the inputs that take its size (``SIZE_INPUTS``) or a mask (``MASK_INPUT``).

    Raises ValueError where another input is left over.
    """
    inputs = [_Batched(one) if len(one.shape) == 3 and one.shape[0] == 3 else one for one in session.get_inputs()]
    axes = {**dict.fromkeys(SIZE_INPUTS, 2), MASK_INPUT: 3}
    sizes = [one for one in inputs if axes.get(one.name) == len(one.shape) and one.type in NUMBERS]
    return image_input(path, [one for one in inputs if one not in sizes] or inputs), sizes


def size_feed(sizes: Sequence[TensorInfo], size: tuple[int, int]) -> dict[str, NDArray[Any]]:
    """What to feed to the inputs that take the ``size`` (height, width) of the image input."""
    feed: dict[str, NDArray[Any]] = {}
    for one in sizes:
        kind = NUMBERS[one.type]
        if one.name == MASK_INPUT:
            height, width = (side if isinstance(side, int) else MASK_SIDE for side in one.shape[1:])
            feed[one.name] = np.ones((1, height, width), kind)
        else:
            feed[one.name] = np.array([SIZE_INPUTS[one.name](*size)], kind)
    return feed


def describe(shape: Sequence[int | str | None]) -> str:
    """A shape as people write it, with names or ? for open sizes."""
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def model_files(path: str | os.PathLike[str]) -> tuple[Path, ...]:
    """An ONNX file and the files beside it that hold its weights ("external data"), by name.

    Raises OSError where the file cannot be read.
    """
    file = Path(path)
    return (file, *(other for other in _external_data(file) if os.path.isfile(other)))


# How protobuf writes the key "location" of such a tensor (field 1, 8 bytes) and the tag and length of its value
# (field 2; lengths from 128 take a second byte). Weights that look like it name no file.
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x00-\x7f]|[\x80-\xff][\x00-\x7f])", re.DOTALL)


def _external_data(file: Path) -> list[Path]:
    """The files of weights that an ONNX file names, whether they are there or not."""
    names = set()
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for entry in _LOCATION.finditer(content):
            low, high = entry[1][0] & 0x7F, entry[1][1:] or b"\0"
            names.add(content[entry.end() : entry.end() + (low | high[0] << 7)].decode(errors="replace"))
    return [file.parent / name for name in sorted(names)]


# What stands before onnxruntime's own words: its code, the file that did not load, and its source file and line.
_PREAMBLE = re.compile(
    r"^(?:\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed: ?|Exception during initialization: |"
    r"Failed to load model with error: |status\.IsOK\(\) was false\. |\S+\.(?:cc|h):\d+ )"  # the first two before 1.23
)


def reason_of(error: Exception) -> str:
    """What onnxruntime's error says, in one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    while found := _PREAMBLE.match(text):
        rest = text[found.end() :]
        text = _without_signature(rest) if found[0].endswith(" ") and found[0][-2].isdigit() else rest
    return shown(text[:200])


def _without_signature(text: str) -> str:
    """The text after the C++ function, "type space::name(arguments)" or only "name", that it begins with."""
    opened = text.find("(")
    if opened < 0 or "::" not in text[:opened]:
        return text.partition(" ")[2] or text
    depth = 0
    for place in range(opened, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[place + 1 :].removeprefix(" const").lstrip()
    return text


def _reason(file: Path, error: Exception) -> str:
    text = str(error)
    if type(error).__name__ == "InvalidProtobuf" or file.stat().st_size == 0:
        return "is not an ONNX model; export the network to ONNX (if this is a download, it broke off: fetch it again)"
    external = _external_data(file)
    missing = [other for other in external if not other.is_file()]
    if missing:
        return f"keeps its weights in {shown(missing[0].name)}, which is not there; put that file beside it"
    if external and ("xternal data" in text or "optimizer_execution_frame" in text):
        return f"its weights in {shown(external[0].name)} cannot be read; put the whole file beside it"
    if found := re.search(r"Opset (\d+) .* till opset (\d+)", text, re.DOTALL):
        return f"has opset {found[1]}, and this onnxruntime reads up to {found[2]}; upgrade it, or export a lower opset"
    if found := re.search(r"IR version: (\d+), max supported IR version: (\d+)", text):
        return f"has IR version {found[1]}, and this onnxruntime reads up to {found[2]}; upgrade it, or export it again"
    if found := re.search(r"Fatal error: (\S+?)(?:\(-?\d+\))? is not a registered function/op", text):
        return f"uses the custom operator {shown(found[1])}, which onnxruntime does not have; export it without"
    return f"onnxruntime cannot run it ({reason_of(error)}); export it again, or upgrade onnxruntime"
