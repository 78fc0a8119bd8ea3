"""One run at a time writes into a folder: a lock that the system releases when its process ends, however it ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

LOCK = ".running"  # the file that is locked on Windows, which locks no folders


class Taken(ValueError):
    """Another run has the folder."""


class Claim:
    """A folder claimed for one run; ``release`` gives it back and may be called again.

    Raises Taken where another run has it, in this process or another, and ValueError where it cannot be opened. A run
    that was killed has nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._file: int | None = None
        self._path: Path | None = None
        taken = Taken(f"{folder}: another run is writing there; give another folder, or wait for its end")
        try:
            if os.name == "nt":
                self._path = folder / LOCK
                self._path.unlink(missing_ok=True)  # fails while another run has it open
                self._file = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
                return
            self._file = os.open(folder, os.O_RDONLY)
        except OSError as error:
            if os.name == "nt" and isinstance(error, (FileExistsError, PermissionError)):
                raise taken from None
            raise ValueError(f"{folder}: cannot be opened ({error.strerror}); give another folder") from None
        import fcntl

        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = folder.is_dir() and os.path.samestat(os.fstat(self._file), folder.stat())
        except BlockingIOError:
            mine = False
        except OSError:  # a file system without locks
            mine = True
        if not mine:  # or the other run has just ended, and removed its empty folder
            self.release()
            raise taken

    def release(self) -> None:
        """Give the folder back."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)
            if self._path is not None:
                with suppress(OSError):
                    self._path.unlink()

    def __del__(self) -> None:
        self.release()
