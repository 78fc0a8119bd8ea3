"""The journal of a search: every finished trial, in a file that one search at a time writes to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.io.sinks import fresh_folder

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

JOURNAL = "journal.log"


@contextmanager
def locked(folder: Path, overwrite: bool) -> Iterator[Path]:
    """The folder's journal, an empty one where there is none or it is overwritten; nobody else's while inside.

    Two searches would count each other's trials as their own. The system ends the lock with the process, however that
    ends; Windows has none. Raises ValueError where another search holds it, or the journal cannot be written.
    """
    journal = folder / JOURNAL
    if not journal.is_file():
        fresh_folder(folder, overwrite=overwrite)
    try:
        with journal.open("ab") as file:
            if sys.platform != "win32":
                import fcntl

                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise ValueError(
                        f"{journal}: another search is writing to it; wait for it, or write to another folder"
                    ) from None
            if overwrite:
                file.truncate(0)
            yield journal
    except OSError as error:
        if error.filename not in (None, str(journal)):
            raise
        raise ValueError(
            f"{journal}: cannot be written ({error.strerror or error}); the trials in it are kept, "
            "and the same command goes on from them"
        ) from None


def open_study(journal: Path, question: dict[str, Any]) -> Study:
    """The study in the journal, or a new one.

    question  what is searched, in which data, with which code. Raises ValueError where the journal has another.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _cut_half_a_line(journal)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = JournalStorage(JournalFileBackend(str(journal)))
        if "tune" in optuna.get_all_study_names(storage):
            study = optuna.load_study(study_name="tune", storage=storage)
        else:
            study = optuna.create_study(study_name="tune", storage=storage, direction="maximize")
        asked = study.user_attrs.get("question")
        begun = bool(study.get_trials(deepcopy=False))
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise ValueError(f"{journal}: is no journal of `track tune` ({error}); write to another folder") from None
    finally:
        optuna.logging.set_verbosity(verbosity)
    if asked is None and not begun:
        study.set_user_attr("question", question)
    elif asked != question:
        parts = [key for key in question if (asked or {}).get(key) != question[key]]
        raise ValueError(
            f"{journal}: is of another search (other {', '.join(parts)}); write to another folder, or overwrite it"
        )
    return study


def complete(study: Study) -> list[FrozenTrial]:
    """The finished trials; the first is the start."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]


def _cut_half_a_line(journal: Path) -> None:
    """Remove what a crash left of a line at the end."""
    lines = journal.read_bytes()
    if lines.startswith(b'{"op_code"') and not lines.endswith(b"\n"):
        journal.write_bytes(lines[: lines.rfind(b"\n") + 1])
