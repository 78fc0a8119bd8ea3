"""The heads by name: one file here, one subclass of ``Head`` in it; adding a head is adding a file."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Mapping

import numpy as np

from tracker.detect.grid import cell_count
from tracker.detect.head import Head, HeadError, Outputs
from tracker.detect.metadata import task_in
from tracker.detect.session import describe
from tracker.spelling import nearest, shown

LEAST_EMBEDDING = 16  # columns; an output with fewer is something else


def heads() -> list[str]:
    """Names of all heads, sorted."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def head(name: str) -> type[Head]:
    """The class of the head ``name`` (any case). ValueError, with the nearest name, where there is none."""
    known = heads()
    plain = name.lower().replace("_", "-")
    if plain not in known:
        raise ValueError(f"no head {name!r}{nearest(name, known)}; there are: {', '.join(known)}")
    module = importlib.import_module(f"{__name__}.{plain.replace('-', '_')}")
    return next(
        value
        for value in vars(module).values()
        # The module first: to Python 3.10 a list[int] is a class as well, which issubclass refuses.
        if inspect.isclass(value) and value.__module__ == module.__name__ and issubclass(value, Head)
    )


def recognise(
    path: str | os.PathLike[str],
    outputs: Outputs,
    metadata: Mapping[str, str],
    chosen: str | type[Head] | Head | None = None,
) -> Head:
    """The head that reads the outputs of the model ``path``.

    outputs, metadata  see ``Head.recognise``
    chosen             a head's name or class, which is then the only one tried; an instance, which is taken as it is;
                       None: the one likely head that recognises the outputs

    Raises HeadError where none recognises them, or several do, naming each reading; ValueError for an unknown name.
    """
    if isinstance(chosen, Head):
        return _tried(path, chosen, outputs)
    if chosen is not None:
        cls = head(chosen) if isinstance(chosen, str) else chosen
        found = cls.recognise(outputs, metadata)
        if found is None:
            expected = cls.form.format(cells=cell_count(outputs.size))
            raise _error(path, outputs, metadata, f"does not fit the head {cls.name}, which reads {expected}")
        return found
    tried = [head(name).recognise(outputs, metadata) for name in heads()]
    likely = [one for one in tried if one is not None and one.likely]
    if len(likely) == 1:
        return likely[0]
    if likely:
        readings = " or ".join(f"{one.name} ({one.classes} classes)" for one in likely)
        options = " or ".join(f"--head {one.name}" for one in likely)
        raise _error(
            path,
            outputs,
            metadata,
            f"is no head known for certain: it can be read as {readings}; "
            f"choose with {options} (in Python head={likely[0].name!r})",
        )
    if _is_embedding(outputs, metadata):
        raise _error(path, outputs, metadata, "is one vector per image; if it is an embedder, pass it as --reid")
    possible = " or ".join(f"--head {one.name}" for one in tried if one is not None)
    hint = f"if you know that it fits, choose {possible}" if possible else f"the heads are {', '.join(heads())}"
    raise _error(path, outputs, metadata, f"is no head known here; {hint} (docs/detectors.md shows their outputs)")


def _is_embedding(outputs: Outputs, metadata: Mapping[str, str]) -> bool:
    """Whether the output is a vector of one image: neither a few columns of boxes nor the shares of classes."""
    vector = outputs.first
    if len(outputs.arrays) != 1 or task_in(metadata) or vector.ndim not in (2, 4):
        return False
    if vector.shape[0] != 1 or vector.shape[1] < LEAST_EMBEDDING or vector.size != vector.shape[1]:
        return False
    shares = bool((vector >= 0).all()) and abs(float(vector.sum()) - 1) < 0.01
    return not shares


def _tried(path: str | os.PathLike[str], chosen: Head, outputs: Outputs) -> Head:
    """The instance that the caller gave; HeadError where it cannot decode outputs of these shapes."""
    try:
        with np.errstate(all="ignore"):  # the network saw no real image
            decoded = chosen.decode(outputs, 0.5)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise _error(path, outputs, {}, f"cannot be decoded by the head {chosen.name} ({reason})") from None
    count = len(decoded.scores)
    if decoded.boxes.shape != (count, 4) or decoded.classes.shape != (count,):
        found = f"boxes {decoded.boxes.shape}, scores {decoded.scores.shape}, classes {decoded.classes.shape}"
        raise _error(path, outputs, {}, f"is decoded by the head {chosen.name} to {found}; give (N, 4), (N,), (N,)")
    return chosen


def _error(path: str | os.PathLike[str], outputs: Outputs, metadata: Mapping[str, str], complaint: str) -> HeadError:
    listed = ", ".join(f"{shown(name)} {describe(array.shape)}" for name, array in outputs.arrays.items())
    task = f" (task {shown(task_in(metadata) or '')})" if task_in(metadata) else ""
    return HeadError(f"{path}: output {listed}{task} {complaint}", list(outputs.arrays))
