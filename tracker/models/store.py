"""The models in the user's cache, by name: those fetched from a catalogue, and files that the user added."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from tracker.io.digest import sha256_of
from tracker.io.passwords import without_passwords
from tracker.models.model import CACHE, OFFLINE, FetchError, Model, cache_folder, offline, to_stderr
from tracker.progress import Progress
from tracker.spelling import nearest

PATIENCE = 20.0  # seconds for a model that was asked for by name
BAR = 24  # characters

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class Store:
    """The models of one catalogue, and the user's own, in the folder "models" of the cache; one folder per name."""

    def __init__(self, catalogue: Mapping[str, Model]) -> None:
        self.catalogue = catalogue

    @property
    def folder(self) -> Path:
        return cache_folder() / "models"

    @property
    def own(self) -> list[str]:
        """Names of the models that the user added, sorted."""
        if not self.folder.is_dir():
            return []
        named = [entry.name for entry in self.folder.iterdir() if entry.name not in self.catalogue]
        return sorted(name for name in named if _NAME.fullmatch(name) and self._file_of_own(name) is not None)

    def knows(self, name: str) -> bool:
        """Whether it is a model of the catalogue or one that the user added."""
        return name in self.catalogue or (_NAME.fullmatch(name) is not None and self._file_of_own(name) is not None)

    def path(self, name: str) -> Path | None:
        """The model's file; None where it is not here. That of a catalogue's model is whole: its size is checked."""
        model = self.catalogue.get(name)
        if model is None:
            return self._file_of_own(name)
        path = self.folder / name / model.file
        return path if path.is_file() and path.stat().st_size == model.size else None

    def _file_of_own(self, name: str) -> Path | None:
        return next(iter(sorted((self.folder / name).glob("*.onnx"))), None)

    def get(
        self,
        name: str,
        *,
        forbidden: bool = False,
        patience: float = PATIENCE,
        say: Callable[[str], None] = to_stderr,
    ) -> Path:
        """The file of the model ``name``, fetched where it is not here.

        forbidden  fetch nothing; TRACKWHY_OFFLINE forbids it too
        patience   seconds to wait for a connection, and for the next kilobytes of a slow one
        say        gets each line for people; the first says what is fetched, from where, how large it is, its licence

        Raises FetchError, in one line, where it is not here and cannot be fetched, ValueError for an unknown name.
        """
        path, model = self.path(name), self.catalogue.get(name)
        if model is None:
            if path is None:
                known = nearest(name, (*self.catalogue, *self.own))
                raise ValueError(f"no model {name!r}{known}; `track models` lists them")
            return path
        damaged = path is not None and sha256_of([path]) != model.sha256
        if path is not None and not damaged:
            return path
        if forbidden or offline():
            state = "is damaged in the cache" if damaged else "is not in the cache"
            raise FetchError(f"{name} {state}, and --offline or {OFFLINE} forbids fetching it")
        return self._fetch(model, patience, say)

    def _fetch(self, model: Model, patience: float, say: Callable[[str], None]) -> Path:
        from tracker.models.fetch import fetch  # loads ssl, which takes time

        target = self.folder / model.name / model.file
        say(
            f"fetching {model.name} from {without_passwords(model.where)}: {_megabytes(model.size)}, licence "
            f"{model.licence}, to {target}"
        )
        bar = _Bar(model)
        try:
            fetch(
                model.where,
                target,
                size=model.size,
                sha256=model.sha256,
                patience=patience,
                progress=bar.at,
                waiting=lambda: say(f"another process is fetching {model.name}; waiting for it"),
            )
        except KeyboardInterrupt:
            bar.close()
            say(f"stopped; the next `track models get {model.name}` goes on from where it was")
            raise
        finally:
            bar.close()
        return target

    def add(self, files: Sequence[Path], name: str, *, reserved: Iterable[str] = (), overwrite: bool = False) -> Path:
        """Copy a model into the cache; returns the copy's path.

        files      the model, and the files beside it that hold its weights
        name       lower-case letters, digits, - and _. The name of a model of the catalogue takes that very file only
        reserved   names that mean something else
        overwrite  replace a model of that name

        Raises ValueError, in one line.
        """
        model = self.catalogue.get(name)
        if model is not None and sha256_of(files[:1]) != model.sha256:
            raise ValueError(f"{files[0]}: is not the file named {name}, which is {model.url}; give it another --name")
        if model is None and (name in reserved or not _NAME.fullmatch(name)):
            why = "means another detector" if name in reserved else "is no name for a model"
            raise ValueError(f"--name {name}: {why}; use lower-case letters, digits, - and _, such as my-yolo")
        target = self.folder / name
        if model is None and target.exists() and not overwrite:
            raise ValueError(f"--name {name}: {target} has a model of this name; give another, or --overwrite")
        new = self.folder / f".{name}.{os.getpid()}"
        try:
            _copy(files, new, files[0].stem + ".onnx" if model is None else model.file)
            if target.exists():
                shutil.rmtree(target)
            new.replace(target)
        except OSError as error:
            raise ValueError(
                f"{self.folder}: cannot be written ({error.strerror}); make room there or give {CACHE} another folder"
            ) from None
        finally:
            shutil.rmtree(new, ignore_errors=True)
        path = self.path(name)
        assert path is not None
        return path


def _copy(files: Sequence[Path], folder: Path, name: str) -> None:
    """Copy a model as ``name``, and the files of its weights as they lie beside it."""
    for file in files:
        copy = folder / (name if file is files[0] else file.relative_to(files[0].parent))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


class _Bar:
    """How far a download has come: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._shown = Progress("byte", model.size)

    def at(self, done: int) -> None:
        shown, size = self._shown, self._model.size
        shown.skipped = shown.skipped or done  # what an earlier try left took no time
        if shown.due():
            full = BAR * done // size
            shown.show(
                f"{self._model.name} [{'#' * full}{'-' * (BAR - full)}] {done / 1e6:.1f} of {_megabytes(size)}, "
                f"{_megabytes(shown.rate(done))}/s"
            )

    def close(self) -> None:
        self._shown.close()


def _megabytes(n: float) -> str:
    return f"{n / 1e6:.1f} MB"
