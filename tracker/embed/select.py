"""An embedder by its name or file, as the command's ``--reid`` takes it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tracker.detect.files import IR, files_of
from tracker.embed.embedder import Embedder
from tracker.embed.histogram import Histogram
from tracker.embed.onnx import ONNXEmbedder
from tracker.spelling import nearest

FORMS = "default, histogram, MODEL.onnx or OpenVINO's MODEL.xml"


def open_embedder(
    spec: str,
    *,
    providers: Sequence[str] | None = None,
    runtime: str | None = None,
    threads: int | None = None,
) -> Embedder:
    """The embedder called ``default`` (the packaged ReID model) or ``histogram``, or the model in a file.

    spec       "default", "histogram", MODEL.onnx or MODEL.xml
    providers  onnxruntime's names, first choice first; the CPU by default
    runtime    "onnxruntime" or "openvino"; None for the one that ``ONNXEmbedder`` takes for this file
    threads    by default as many as this process may use; with 1 a pipeline embeds several frames of a file at once

    Raises ValueError, in one line, for anything it cannot open, with the nearest name for an unknown word.
    """
    if spec == "histogram":
        if runtime is not None:
            raise ValueError(f"histogram is no network; leave the runtime {runtime!r} out")
        return Histogram()
    return ONNXEmbedder(_model(spec), providers=providers, runtime=runtime, threads=threads)


def model_files(spec: str) -> list[Path]:
    """The files that ``open_embedder(spec)`` reads, the model first; none for ``histogram``.

    Raises ValueError, in one line, for an unknown word and for a model that cannot be read.
    """
    return [] if spec == "histogram" else files_of(_model(spec))


def packaged_model() -> Path:
    """The model file that comes with the package ``reid``, which is looked up but not imported.

    Raises ValueError where this installation has none.
    """
    found = find_spec("reid")
    folders = [] if found is None else found.submodule_search_locations or []
    models = sorted(model for folder in folders for model in Path(folder, "weights").glob("*.onnx"))
    if not models:
        raise ValueError("the packaged ReID model is missing from this installation; give histogram or MODEL.onnx")
    return models[0]


def _model(spec: str) -> Path:
    if spec == "default":
        return packaged_model()
    path = Path(spec)
    if path.suffix.lower() in (".onnx", IR):
        return path
    if spec and path.exists():
        raise ValueError(f"{spec}: is no embedder; give {FORMS} (export other formats to ONNX)")
    raise ValueError(f"unknown embedder {spec!r}{nearest(spec, ['default', 'histogram'])}; give {FORMS}")
