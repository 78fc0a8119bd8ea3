"""Algorithms by name: one file here, one class of the same name; or a class of your own, ``module:Class``."""

from __future__ import annotations

import errno
import importlib
import importlib.util
import inspect
import json
import math
import os
import pkgutil
import select
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker.protocol import Embeddings, Updates
from tracker.settings import parsed, settings_of
from tracker.spelling import nearest

DEFAULT = "steady"  # the tracker that we recommend
PIPE_WAIT = 5.0  # seconds to wait for what is written to a pipe


def algorithms() -> list[str]:
    """Names of the library's algorithms, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def algorithm(name: str) -> type[Any]:
    """The class of the algorithm ``name``: one of ``algorithms()``, in any case, or a class of your own.

    ``my_module:Mine`` is the class Mine of a module that Python finds, in the folder it was started in too;
    ``./mine.py:Mine`` that of a file. Raises ValueError, in one line, where there is none, or it has no ``update``.
    """
    if "://" in name:  # not quoted: it may hold a password
        raise ValueError("algo is a URL; give the name of an algorithm (--algo), and the URL as the source")
    if ":" in name:
        return _own(name)
    known = algorithms()
    if name.lower() not in known:
        raise ValueError(
            f"no algorithm {name!r}{nearest(name, known)}; there are: {', '.join(known)}, "
            "or a class of your own, my_module:Mine or ./mine.py:Mine"
        )
    module = importlib.import_module(f"tracker.algorithms.{name.lower()}")
    found: type[Any] = next(value for key, value in vars(module).items() if key.lower() == name.lower())
    return found


def short_name(name: str) -> str:
    """The algorithm's name as a part of a file name: that of the class, for a class of your own."""
    return name.rpartition(":")[2].lower()


def from_anywhere(name: str) -> str:
    """The name of an algorithm with the absolute path of a file, for processes that run in other folders."""
    where, colon, title = name.rpartition(":")
    return f"{Path(where).resolve()}:{title}" if colon and where.endswith(".py") else name


def _own(name: str) -> type[Any]:
    where, _, title = name.rpartition(":")
    module = _file(Path(where), name) if where.endswith(".py") else _module(where, name)
    found = vars(module).get(title)
    if not isinstance(found, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise ValueError(f"algorithm {name!r}: {where} has no class {title!r}{nearest(title, classes)}")
    if not _takes(found, "update", "detections", "frame", "time"):
        raise ValueError(
            f"algorithm {name!r}: {title} has no method update(detections, frame, time); see CONTRIBUTING.md"
        )
    from tracker.tracker import Tracker  # late: it loads scipy

    if issubclass(found, Tracker) and found.step is Tracker.step:
        raise ValueError(f"algorithm {name!r}: {title} has no method step(state, seen); see CONTRIBUTING.md")
    return found


def _takes(cls: type[Any], name: str, *arguments: str) -> bool:
    """Whether a class has the method ``name`` and it takes these arguments; yes where its signature is not known."""
    method = getattr(cls, name, None)
    if not callable(method):
        return False
    bound = isinstance(inspect.getattr_static(cls, name), (staticmethod, classmethod))
    try:
        inspect.signature(method).bind(*(() if bound else (cls,)), *arguments)
    except TypeError:
        return False
    except ValueError:  # of a class written in C
        return True
    return True


def _importable(folder: str) -> None:
    """Let its modules be imported, as `python -m` does; last, so that they hide nothing."""
    if folder not in sys.path:
        sys.path.append(folder)


def _module(where: str, name: str) -> Any:
    _importable(os.getcwd())
    try:
        return importlib.import_module(where)
    except (Exception, SystemExit) as error:
        raise ValueError(f"algorithm {name!r}: {where or 'the module'} cannot be imported ({_said(error)})") from None


def _said(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return said if isinstance(error, ImportError) else f"{type(error).__name__}: {said}"


def _file(path: Path, name: str) -> Any:
    if not path.is_file():
        raise ValueError(f"algorithm {name!r}: {path}: no such file")
    key = f"{path.stem}@{path.resolve()}"  # registered, so that its instances can be pickled
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[key] = module
        _importable(str(path.resolve().parent))
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[key]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise ValueError(f"algorithm {name!r}: {path} cannot be imported ({_said(error)})") from None
    return sys.modules[key]


def parameters(cls: type[Any]) -> dict[str, Any]:
    """Settings of an algorithm and their defaults."""
    return {name: setting.default for name, setting in settings_of(cls).items()}


def embeddings_of(cls: type[Any]) -> Embeddings:
    """Whether an algorithm uses embeddings: "none", "optional" or "required".

    A class says so by its attribute ``embeddings``; one without it that takes an ``embedder`` needs them.
    """
    said: Embeddings | None = getattr(cls, "embeddings", None)
    if said in ("none", "optional", "required"):
        return said
    return "required" if "embedder" in inspect.signature(cls).parameters else "none"


def wants_embeddings(cls: type[Any]) -> bool:
    """Whether the algorithm uses embeddings."""
    return embeddings_of(cls) != "none"


def needs_embeddings(cls: type[Any]) -> bool:
    """Whether the algorithm cannot do without embeddings."""
    return embeddings_of(cls) == "required"


def takes_embeddings(cls: type[Any], reid: object) -> bool:
    """Whether the algorithm is given embeddings: if it needs them, or can use them and a ``reid`` is named."""
    return needs_embeddings(cls) if reid is None else wants_embeddings(cls)


def build(name: str, settings: Mapping[str, Any] | None = None, **given: Any) -> Updates:
    """An instance of the algorithm ``name``.

    settings  parameters by name; text (from a command line) becomes a value of the parameter's kind
    given     further keyword arguments, as they are; those that the algorithm does not know are left out

    Raises ValueError for an unknown algorithm or parameter, naming the nearest, for a value that does not fit, and for
    a class that needs more than it is given.
    """
    cls = algorithm(name)
    accepted = inspect.signature(cls).parameters
    values = {key: value for key, value in given.items() if key in accepted} | typed(name, settings or {})
    try:
        tracker: Updates = cls(**values)
    except TypeError as error:
        raise ValueError(f"algo={name}: cannot be built ({error}); give what it needs in settings") from None
    return tracker


def typed(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the algorithm ``name`` with their texts turned into values of the settings' kinds.

    Raises ValueError for an unknown parameter, naming the nearest, and for a text that does not fit.
    """
    return parsed(name, algorithm(name), settings)


@dataclass(frozen=True)
class Params:
    """A parameter file of `track tune`: an algorithm's settings, and the least score of a detection."""

    algo: str
    settings: dict[str, Any]
    conf: float | None


def _from_pipe(path: str | os.PathLike[str]) -> bytes:
    """What is written to a named pipe. Raises OSError where nothing comes for PIPE_WAIT seconds."""
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # without the flag it waits for a writer, however long
    parts: list[bytes] = []
    try:
        while True:
            if not select.select([pipe], [], [], PIPE_WAIT)[0]:
                raise TimeoutError(errno.ETIMEDOUT, f"a pipe that nothing is written to for {PIPE_WAIT:g} s")
            part = os.read(pipe, 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        os.close(pipe)


def read_params(path: str | os.PathLike[str], algo: str | None = None) -> Params:
    """Read a parameter file: JSON with "algorithm" (a name), "parameters" (by name) and, if wanted, "conf".

    algo: the algorithm they are for, where that is settled. Raises ValueError, naming the file, for one that is not
    such a file, is for another algorithm, or has a parameter or a value that the algorithm does not take.
    """
    try:
        text = _from_pipe(path) if Path(path).is_fifo() else Path(path).read_bytes()
        content = json.loads(text.decode("utf-8-sig"))
        name, settings, conf = content["algorithm"], content["parameters"], content.get("conf")
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); give a file of `track tune`") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f'{path}: is no parameter file; give JSON such as {{"algorithm": "sort", "parameters": {{"max_age": 30}}}}'
        ) from None
    if not isinstance(name, str) or not isinstance(settings, dict):
        raise ValueError(f"{path}: algorithm must be a name, and parameters values by name")
    if conf is not None and (isinstance(conf, bool) or not isinstance(conf, (int, float)) or not math.isfinite(conf)):
        raise ValueError(f"{path}: conf={conf!r}: give a number")
    if algo is not None and name.lower() != algo.lower():
        raise ValueError(f"{path}: is for {name}, not for {algo}; use --algo {name}, or another file")
    try:
        settings = typed(name, settings)
        build(name, settings)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return Params(name if ":" in name else name.lower(), settings, conf)
