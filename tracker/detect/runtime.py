"""Opening a detection network by the runtime that its file needs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tracker.detect.files import IR
from tracker.detect.openvino import OpenVINOSession
from tracker.detect.session import Session, open_session


def open_network(
    path: str | os.PathLike[str], *, providers: Sequence[str] | None = None, threads: int | None = None
) -> tuple[Session, str]:
    """A session of an ONNX file, or of OpenVINO's ``.xml``, and the runtime that it runs in.

    providers, threads  see ``open_session``

    Raises ValueError, in one line, for a file that is missing or no such model, and for providers with a ``.xml``.
    """
    if Path(path).suffix.lower() != IR:
        return open_session(path, providers=providers, threads=threads), "onnxruntime"
    if providers is not None:
        raise ValueError(f"{path}: OpenVINO runs it on the CPU; leave the providers out (--device, --provider)")
    return OpenVINOSession(path, threads=threads), "openvino"
