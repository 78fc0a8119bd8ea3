"""ONNX files opened with onnxruntime, and every way that can fail, in one line each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


def open_session(
    path: str | os.PathLike[str], *, providers: Sequence[str] | None = None, threads: int | None = None
) -> Any:
    """An ``onnxruntime.InferenceSession`` that computes the same twice and prints nothing.

    providers: onnxruntime's names, first choice first; the CPU by default. threads: for one picture, by default as many
    as this process may use. Raises ValueError where the file is missing, unreadable or no ONNX model, or where
    a provider is not there.
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
        raise ValueError(f"threads={threads} is below 1; leave it out to use the processors that are there")
    asked = list(providers or ["CPUExecutionProvider"])
    there = onnxruntime.get_available_providers()
    for provider in asked:
        if provider not in there:  # onnxruntime would only warn, and run elsewhere
            raise ValueError(f"provider {provider!r} is not in this onnxruntime; it has {', '.join(there)}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or processors()
    options.log_severity_level = 4
    options.use_deterministic_compute = True
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=asked)
    except Exception as error:  # onnxruntime's own classes, which share no base but Exception
        raise ValueError(f"{path}: {_reason(file, error)}") from None


def device_of(session: Any) -> str:
    """Where a session runs, in lower case: "cpu", "cuda", "tensorrt", "coreml", ..."""
    provider: str = session.get_providers()[0]
    return provider.removesuffix("ExecutionProvider").lower()


def image_input(path: str | os.PathLike[str], session: Any) -> Any:
    """The one input of a model that takes pictures, (N, 3, H, W) or (N, H, W, 3); ValueError for any other."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or 3 not in (inputs[0].shape[1], inputs[0].shape[3]):
        found = ", ".join(f"{i.name} {describe(i.shape)}" for i in inputs)
        raise ValueError(f"{path}: input {found} is not one picture batch; expected [N, 3, H, W]")
    if inputs[0].type not in TYPES:
        raise ValueError(f"{path}: input has type {inputs[0].type}; export it with float32, float16 or uint8 pixels")
    return inputs[0]


def describe(shape: Sequence[int | str | None]) -> str:
    """A shape as people write it, with names or ? for the sizes that are free."""
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"


def processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # counts what a container or taskset leaves; not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _reason(file: Path, error: Exception) -> str:
    kind = type(error).__name__
    if kind == "InvalidProtobuf" or file.stat().st_size == 0:
        return "is not an ONNX model; export the network to ONNX first (or the download broke off: fetch it again)"
    lines = str(error).strip().splitlines() or [kind]
    return f"onnxruntime cannot run it ({lines[0][:200]}); export it again, or upgrade onnxruntime"
