"""One file by HTTP: checked by size and SHA-256, put in its place in one step, and resumed where it broke off.

By the standard library alone: pooch would bring seven packages, starts a broken download again from nothing, and gives
up on no slow one.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
import time as clock
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import unquote, urlsplit, urlunsplit

from tracker.io.claim import Claim, Taken
from tracker.io.digest import sha256_of
from tracker.io.passwords import without_passwords
from tracker.models.model import CACHE, FetchError

ATTEMPTS = 3  # connections for one file; each goes on where the last one broke off
CHUNK = 1 << 16  # bytes read at a time
LEAST_RATE = 1000  # bytes per second below which a server counts as stalled
POLL = 0.1  # seconds between two looks at whether another process has finished


class _Broken(FetchError):
    """A connection that ended too early: worth another try."""


def fetch(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    patience: float,
    progress: Callable[[int], None] = lambda _: None,
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Fetch ``url`` to ``target``, whose folder is made. Nothing but the whole, checked file ever has that name.

    size, sha256  what the file must have: bytes, hex digest
    patience  seconds to wait for a connection, and for the next kilobytes of a slow one
    progress  called with the number of bytes that are there
    waiting   called once where another process is fetching the same file; this one then waits, and finds it there

    What a broken connection, Ctrl-C or a full disk leaves (``.NAME.part`` beside the target) is used by the next call.
    Proxies are those of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY). Raises FetchError, in one line.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent, waiting):
            if target.is_file() and sha256_of([target]) == sha256:
                return
            _complete(url, part, size, sha256, patience, progress)
            part.replace(target)
    except OSError as error:  # those of the network are FetchErrors by now
        raise FetchError(
            f"{target.parent}: cannot be written ({error.strerror}); make room there, or give {CACHE} another folder"
        ) from None


@contextmanager
def _alone(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Wait until no other process fetches into the folder."""
    claim = None
    while claim is None:
        try:
            claim = Claim(folder)
        except Taken:
            waiting()
            waiting = _nothing
            clock.sleep(POLL)
        except ValueError as error:
            raise FetchError(f"{error}, with {CACHE}") from None
    try:
        yield
    finally:
        claim.release()


def _nothing() -> None:
    return


def _complete(url: str, part: Path, size: int, sha256: str, patience: float, progress: Callable[[int], None]) -> None:
    """Receive what the part lacks, and check it. What failed the check is removed."""
    for attempt in range(ATTEMPTS):
        begun = _size(part)
        try:
            if begun != size:
                _receive(url, part, size, patience, progress)
        except _Broken:
            if attempt == ATTEMPTS - 1 or _size(part) == begun:
                raise
            continue
        found = sha256_of([part])
        if found == sha256:
            return
        part.unlink()
        if begun == 0:
            raise FetchError(
                f"{without_passwords(url)}: has another SHA-256 ({found[:12]}...) than the catalogue says "
                f"({sha256[:12]}...), so it was not kept; it is another file, or was changed on its way"
            )
    raise FetchError(f"{without_passwords(url)}: did not come whole in {ATTEMPTS} tries; try again later")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _receive(url: str, part: Path, size: int, patience: float, progress: Callable[[int], None]) -> None:
    """Append to the part until it has ``size`` bytes, or begin it again where the server does not resume."""
    shown, have = without_passwords(url), _size(part)
    if have > size:
        have = 0
    with closing(_answer(url, have, patience)) as answer:
        if answer.status != http.client.PARTIAL_CONTENT:
            have = 0
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise FetchError(f"{shown}: the server resumes at another byte than asked; try again, or another mirror")
        length = answer.headers.get("Content-Length", "")
        if length.isdigit() and have + int(length) != size:
            raise FetchError(
                f"{shown}: has {have + int(length)} bytes, where the catalogue says {size}; it is another file, or the "
                "page of a proxy that wants a login"
            )
        with part.open("ab" if have else "wb") as file:
            for chunk in _chunks(answer, shown, patience):
                have += len(chunk)
                if have <= size:
                    file.write(chunk)
                    progress(have)
                    continue
                file.close()
                part.unlink()
                raise FetchError(f"{shown}: has more than the {size} bytes that the catalogue says; it is another file")
    if have < size:
        raise _Broken(f"{shown}: broke off after {have} of {size} bytes; the next try goes on from there")


def _chunks(answer: http.client.HTTPResponse, shown: str, patience: float) -> Iterator[bytes]:
    """The body as it comes. FetchError where it stalls, or comes so slowly that it might as well."""
    since, received = clock.monotonic(), 0
    while True:
        try:
            chunk = answer.read1(CHUNK)
        except TimeoutError:
            raise _stalled(shown, patience) from None
        except (OSError, http.client.HTTPException):
            return  # the caller sees that bytes are missing
        if not chunk:
            return
        yield chunk
        received += len(chunk)
        if (passed := clock.monotonic() - since) > patience:
            if received < LEAST_RATE * passed:
                raise _stalled(shown, patience)
            since, received = clock.monotonic(), 0


def _stalled(shown: str, patience: float) -> FetchError:
    return FetchError(f"{shown}: stalled for {patience:g} s; the next try goes on from there")


def _answer(url: str, have: int, patience: float) -> http.client.HTTPResponse:
    """The server's answer to a request for the bytes from ``have`` on; FetchError for any but the file's.

    A thread asks, since no timeout of a socket ends the look-up of a host's name.
    """
    answers: SimpleQueue[http.client.HTTPResponse | Exception] = SimpleQueue()
    request, left = _request(url, have), threading.Event()

    def ask() -> None:
        try:
            answer = urllib.request.build_opener().open(request, timeout=patience)
        except Exception as error:  # told by the caller
            answers.put(error)
        else:
            answers.put(answer)
            if left.is_set():
                answer.close()

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=patience + 1)
    except Empty:
        left.set()
        answer = TimeoutError("timed out")
    if not isinstance(answer, Exception):
        return answer
    if isinstance(answer, urllib.error.HTTPError):
        answer.close()
    raise FetchError(f"{without_passwords(url)}: {_reason(answer, patience)}") from None


def _request(url: str, have: int) -> urllib.request.Request:
    """With a user and password of the URL as Basic authentication, which is not handed on to another host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(f"{without_passwords(url)}: is no http:// or https:// address; check TRACKWHY_MODELS_URL")
    user, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers={"User-Agent": "trackwhy"})
    if at:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    if have:
        request.add_header("Range", f"bytes={have}-")
    return request


def _reason(error: Exception, patience: float) -> str:
    """Why there was no answer, and what to do."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}; check the address, or TRACKWHY_MODELS_URL for a mirror"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {patience:g} s; check the network and HTTPS_PROXY"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"its certificate cannot be verified ({cause.verify_message}); point SSL_CERT_FILE to your certificates "
            "(macOS: run 'Install Certificates.command')"
        )
    said = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause) or type(cause).__name__
    return f"cannot be reached ({' '.join(said.split())}); check the network and HTTPS_PROXY"
