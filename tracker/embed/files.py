"""The files that a model is read from."""

from __future__ import annotations

import os
import re
from pathlib import Path

IR = ".xml"  # OpenVINO's own format: the network in this file, its weights in a .bin beside it

# An entry of external_data in ONNX's protobuf (StringStringEntryProto): the key "location", then a file name with
# its length, which takes two bytes from 128 on.
_LOCATION = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])")


def files_of(model: str | os.PathLike[str]) -> list[Path]:
    """The files of a model, itself first: an OpenVINO ``.xml`` and its ``.bin``, or an ONNX file and the files of
    weights that it names, where they are there. Raises ValueError, in one line, where the model cannot be read."""
    path = Path(model)
    files = [path, path.with_suffix(".bin")] if path.suffix.lower() == IR else [path]
    for file in files:
        if file.is_dir():
            raise ValueError(f"{file}: is a folder; give the path of a model")
        if not file.exists():
            beside = "" if file == path else f" beside {path.name}, which holds no weights"
            raise ValueError(f"{file}: no such file{beside}; give the path of a model")
        if not os.access(file, os.R_OK):
            raise ValueError(f"{file}: cannot be read; check its permissions")
    return files if path.suffix.lower() == IR else files + _external_data(path)


def _external_data(path: Path) -> list[Path]:
    data = path.read_bytes()
    names = []
    for match in _LOCATION.finditer(data):
        first, *second = match[1]
        length = (first & 0x7F) | (second[0] << 7 if second else 0)
        names.append(data[match.end() : match.end() + length].decode("utf-8", "surrogateescape"))
    # A "location" that is no file is metadata of another kind.
    return [file for name in dict.fromkeys(names) if (file := path.parent / name).is_file()]
