"""Keys of what ``track bench`` and ``track tune`` keep: from contents, never from names or dates.

A result is taken again only while everything that it was made of is byte for byte the same: detections, embeddings,
settings, and the code. The code is the files that the algorithm and the readers reach by import (``imports``), with the
versions of the packages that compute. Embeddings are kept by the content of the model, of the detections and of the
images. All bytes are hashed, not a sample: at several hundred MB a second that is little beside embedding them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tracker.algorithms import algorithm
from tracker.io.digest import sha256_of
from tracker.io.images import list_images
from tracker.study.imports import LIBRARY, library_files, own_files


def key_of(made_of: Mapping[str, Any]) -> str:
    """One hash of everything that a result was made of."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def code_key(modules: Iterable[str], algo: str | None = None, library: Path = LIBRARY) -> str:
    """Hash of the code that a result depends on.

    modules  of the library, with all they reach: those that read the input and make the result
    algo     name of the algorithm, where one takes part: the files of its class and of the classes it extends count
    library  folder of the package ``tracker``
    """
    files = library_files(modules, library) | ({} if algo is None else _algorithm_files(algo, library))
    return key_of({"files": {name: sha256_of([file]) for name, file in sorted(files.items())}, **versions()})


def versions(names: Iterable[str] = ("numpy", "scipy")) -> dict[str, str]:
    """The installed versions of packages; absent ones are left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def images_key(source: Path) -> str:
    """Hash of a video, or of the images of a folder, in their order and with their names."""
    if source.is_file():
        return sha256_of([source])
    images, _ = list_images(source)
    return sha256_of(images, names=True)


def _algorithm_files(algo: str, library: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for base in algorithm(algo).__mro__:
        first = base.__module__.partition(".")[0]
        if first == "tracker":
            files |= library_files([base.__module__], library)
        elif first not in sys.stdlib_module_names:
            file = sys.modules[base.__module__].__file__
            files |= {} if file is None else own_files(Path(file), base.__module__, library)
    return files
