"""An embedder from one word, as the command's ``--reid`` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tracker.embed.histogram import Histogram
from tracker.embed.onnx import ONNXEmbedder
from tracker.spelling import nearest

FORMS = "default, histogram or MODEL.onnx"


def open_embedder(
    spec: str,
    *,
    providers: Sequence[str] | None = None,
    runtime: str | None = None,
    threads: int | None = None,
) -> Any:
    """The embedder called ``default`` (the packaged ReID model) or ``histogram``, or the ONNX model at a path.

    See ``ONNXEmbedder`` for the others. Raises ValueError, in one line, for anything it cannot open, with the
    nearest name for an unknown word.
    """
    if spec == "histogram":
        if runtime is not None:
            raise ValueError(f"histogram is no network; leave the runtime {runtime!r} out")
        return Histogram()
    if spec == "default":
        spec = str(_packaged())
    if Path(spec).suffix.lower() == ".onnx":
        return ONNXEmbedder(spec, providers=providers, runtime=runtime or "onnxruntime", threads=threads)
    if spec and Path(spec).exists():
        raise ValueError(f"{spec}: is no embedder; give {FORMS} (export other formats to ONNX)")
    raise ValueError(f"unknown embedder {spec!r}{nearest(spec, ['default', 'histogram'])}; give {FORMS}")


def _packaged() -> Path:
    """The model file that comes with the package ``reid``, which is looked up but not imported."""
    found = find_spec("reid")
    folders = [] if found is None else found.submodule_search_locations or []
    models = sorted(model for folder in folders for model in Path(folder, "weights").glob("*.onnx"))
    if not models:
        raise ValueError("the packaged ReID model is missing from this installation; give histogram or MODEL.onnx")
    return models[0]
