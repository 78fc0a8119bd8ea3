"""The files that a model is read from."""

from __future__ import annotations

import os
from pathlib import Path

from tracker.detect.session import model_files
from tracker.spelling import utf8

IR = ".xml"  # OpenVINO's own format: the network in this file, its weights in a .bin beside it


def files_of(model: str | os.PathLike[str]) -> list[Path]:
    """The files of a model, itself first: an OpenVINO ``.xml`` and its ``.bin``, or an ONNX file and the files of
    weights that it names, where they are there. Raises ValueError, in one line, where the model cannot be read."""
    path = Path(utf8(model))
    ir = path.suffix.lower() == IR
    files = [path, path.with_suffix(".bin")] if ir else [path]
    for file in files:
        if file.is_dir():
            raise ValueError(f"{file}: is a folder; give the path of a model")
        if not file.exists():
            beside = "" if file == path else f" beside {path.name}, which holds no weights"
            raise ValueError(f"{file}: no such file{beside}; give the path of a model")
        if not os.access(file, os.R_OK):
            raise ValueError(f"{file}: cannot be read; check its permissions")
    return files if ir or not path.stat().st_size else list(model_files(path))
