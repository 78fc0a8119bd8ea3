"""Opening a detection network by the runtime that is wanted, or that its file needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tracker.detect.files import IR
from tracker.detect.openvino import OpenVINOSession
from tracker.detect.session import Session, open_session
from tracker.spelling import nearest

RUNTIMES = ("onnxruntime", "openvino", "auto")


def open_network(
    path: str | os.PathLike[str],
    *,
    runtime: str | None = None,
    providers: Sequence[str] | None = None,
    threads: int | None = None,
) -> tuple[Session, str]:
    """A session of an ONNX file, or of OpenVINO's ``.xml``, and the runtime that it runs in.

    runtime             "onnxruntime" (the default for ONNX files), "openvino" (the only one for ``.xml``), or "auto":
                        OpenVINO where it is installed and no providers are named
    providers, threads  see ``open_session``

    Raises ValueError, in one line, for a file that is missing or no such model, for a runtime that is not installed,
    and for providers with OpenVINO.
    """
    if runtime is not None and runtime not in RUNTIMES:
        raise ValueError(
            f"unknown runtime {runtime!r}{nearest(str(runtime), RUNTIMES)}; choose from {', '.join(RUNTIMES)} "
            "(--detector-runtime)"
        )
    ir = Path(path).suffix.lower() == IR
    if runtime == "auto":
        runtime = "openvino" if ir or (providers is None and find_spec("openvino") is not None) else "onnxruntime"
    runtime = runtime or ("openvino" if ir else "onnxruntime")
    if runtime == "openvino" and providers is not None:
        raise ValueError(f"{path}: OpenVINO runs it on the CPU; leave the providers out (--device, --provider)")
    if ir:
        if runtime == "onnxruntime":
            raise ValueError(f"{path}: onnxruntime cannot run OpenVINO's own format; leave --detector-runtime out")
        return OpenVINOSession(path, threads=threads), runtime
    if runtime == "onnxruntime":
        return open_session(path, providers=providers, threads=threads), runtime
    # onnxruntime describes the file: OpenVINO does not read its metadata, and its errors say less.
    return OpenVINOSession(path, described=open_session(path, threads=1), threads=threads), runtime
