"""An embedder from one word, as the command's ``--reid`` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracker.detect.names import nearest
from tracker.embed.histogram import Histogram
from tracker.embed.onnx import ONNXEmbedder

FORMS = "default, histogram or MODEL.onnx"


def open_embedder(spec: str, *, providers: Sequence[str] | None = None, threads: int | None = None) -> Any:
    """The embedder called ``default`` (the packaged ReID model) or ``histogram``, or the ONNX model at a path.

    See ``ONNXEmbedder`` for the other two. Raises ValueError, in one line, for anything it cannot open, with the
    nearest name for an unknown word.
    """
    if spec == "histogram":
        return Histogram()
    if spec == "default":
        from reid import default_model

        spec = str(default_model())
    if Path(spec).suffix.lower() == ".onnx":
        return ONNXEmbedder(spec, providers=providers, threads=threads)
    if spec and Path(spec).exists():
        raise ValueError(f"{spec}: is no embedder; give {FORMS} (export other formats to ONNX)")
    raise ValueError(f"unknown embedder {spec!r}{nearest(spec, ['default', 'histogram'])}; give {FORMS}")
