"""Arrays out of a numpy archive (.npz) that may be damaged or somebody else's: checked before memory is reserved."""

from __future__ import annotations

import math
import os
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.spelling import shown

# An archive of real detections is compressed to a tenth at best; zeros to a thousandth.
LARGEST_EXPANSION = 100
LEAST_SUSPECT = 1 << 24  # bytes; a smaller archive is read whatever its rate

Arrays = dict[str, NDArray[Any]]


def read_arrays(
    path: str | os.PathLike[str],
    expected: str,
    *,
    check: Callable[[list[str]], str | None] = lambda _: None,
    only: Sequence[str] | None = None,
) -> Arrays:
    """The arrays of a .npz file, by name.

    expected  what the file should hold, as its errors say it: "expected frame, xyxy"
    check     gets the names of the arrays and returns what is wrong with them, or None
    only      names of the arrays to read; default all

    Raises ValueError, in one line, for a file that is damaged, no archive, or holds objects instead of numbers.
    """
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError(f"{path}: is not a numpy archive; {expected}")
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wrong = check(list(members))
            if wrong is not None:
                raise ValueError(f"{path}: {wrong}; {expected}")
            _check_size(path, [info.file_size for info in members.values()])
            return {
                name: _read_member(path, archive, name, info)
                for name, info in members.items()
                if only is None or name in only
            }
    except Exception as error:  # zipfile, its decompressors and numpy raise a dozen classes for damaged files
        if isinstance(error, ValueError) and str(error).startswith(f"{path}:"):
            raise
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise ValueError(f"{path}: is damaged, or is not a numpy archive ({shown(reason)}); {expected}") from None


def _check_size(path: str | os.PathLike[str], sizes: list[int]) -> None:
    """Refuse an archive by what it says it expands to, before it is read."""
    total, stored = sum(sizes), os.path.getsize(path)
    if total > LEAST_SUSPECT and total > LARGEST_EXPANSION * stored:
        raise ValueError(
            f"{path}: {stored} bytes would expand to {total}, {total // max(stored, 1)}-fold; "
            "save the detections again with numpy.savez"
        )


def _read_member(
    path: str | os.PathLike[str], archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo
) -> NDArray[Any]:
    """One array, once its header and its size agree: numpy would first reserve whatever the header says."""
    with archive.open(info) as member:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy takes some damaged headers for those of Python 2
            version = np.lib.format.read_magic(member)
            old = version == (1, 0)
            read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            shape, _, dtype = read_header(member)
        if dtype.hasobject or dtype.names is not None:
            raise ValueError(f"{path}: {name} holds Python objects or records; expected numbers")
        if math.prod(shape) * dtype.itemsize != info.file_size - member.tell():
            raise ValueError(f"{path}: {name} is damaged: its header says {shape}, which is not what it holds")
    with archive.open(info) as member, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    return array


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write a .npz file and wait until the disk has it. Raises OSError where it cannot be written."""
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
