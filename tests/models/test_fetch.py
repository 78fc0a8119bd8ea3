"""Fetching one file: whatever the server, the network or the disk does, the file is whole or not there."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.server import Served, serving, wait_for

from tracker.models import FetchError
from tracker.models.fetch import fetch

ROOT = Path(__file__).resolve().parents[2]
CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(CONTENT) as server:
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "made" / "made.bin"


def part_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def get(served: Served, target: Path, path: str = "/made.bin", **changes: Any) -> None:
    fetch(
        **{
            "url": served.url + path,
            "target": target,
            "size": len(CONTENT),
            "sha256": SHA256,
            "patience": 5.0,
            **changes,
        }
    )


def refused(served: Served, target: Path, words: str, **changes: Any) -> str:
    """The line of a fetch that must fail, and leaves no file under the name."""
    with pytest.raises(FetchError, match=words) as error:
        get(served, target, **changes)
    assert "\n" not in str(error.value)
    assert not target.exists()
    return str(error.value)


def test_the_file_comes_whole_and_its_progress_is_told(served: Served, target: Path) -> None:
    told: list[int] = []
    get(served, target, progress=told.append)
    assert target.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert not part_of(target).exists()


def test_a_file_that_is_here_is_not_fetched_again(served: Served, target: Path) -> None:
    get(served, target)
    get(served, target)
    assert len(served.requests) == 1


def test_another_content_is_refused_and_not_kept(served: Served, target: Path) -> None:
    served.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    refused(served, target, "another SHA-256")
    assert not part_of(target).exists()


@pytest.mark.parametrize("length", [None, -1])
@pytest.mark.parametrize("content", [CONTENT + b"more", CONTENT + CONTENT])
def test_a_longer_file_is_refused(content: bytes, length: int | None, served: Served, target: Path) -> None:
    served.content, served.length = content, length
    refused(served, target, f"bytes.* where the catalogue says {len(CONTENT)}|more than the {len(CONTENT)} bytes")
    assert not part_of(target).exists()


def test_a_shorter_file_is_refused_before_it_is_read(served: Served, target: Path) -> None:
    served.content = b"<html>log in first</html>"
    assert "another file, or the page of a proxy" in refused(served, target, "has 25 bytes")
    assert not part_of(target).exists()


def test_what_breaks_off_goes_on_from_there(served: Served, target: Path) -> None:
    served.cuts = [100_000, 50_000]
    get(served, target)
    assert target.read_bytes() == CONTENT
    assert served.asked == [None, "bytes=100000-", "bytes=150000-"]


def test_what_breaks_off_too_often_is_kept_for_the_next_call(served: Served, target: Path) -> None:
    served.cuts = [100_000, 0]
    refused(served, target, "broke off after 100000 of 300000 bytes")
    assert part_of(target).read_bytes() == CONTENT[:100_000]
    get(served, target)
    assert target.read_bytes() == CONTENT
    assert served.asked[-1] == "bytes=100000-"


def test_a_server_that_does_not_resume_begins_again(served: Served, target: Path) -> None:
    served.cuts, served.ranges = [100_000], False
    get(served, target)
    assert target.read_bytes() == CONTENT
    assert len(served.requests) == 2


def test_a_part_of_another_file_costs_one_more_try(served: Served, target: Path) -> None:
    target.parent.mkdir(parents=True)
    for content in (b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)):
        part_of(target).write_bytes(content)
        get(served, target)
        assert target.read_bytes() == CONTENT
        assert not part_of(target).exists()
        target.unlink()


def test_a_whole_part_needs_no_server(served: Served, target: Path) -> None:
    target.parent.mkdir(parents=True)
    part_of(target).write_bytes(CONTENT)
    get(served, target)
    assert target.read_bytes() == CONTENT
    assert served.requests == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_error_of_the_server(status: int, served: Served, target: Path) -> None:
    served.status = status
    refused(served, target, rf"/made.bin: the server says {status} \w+")
    assert len(served.requests) == 1


def test_a_silent_and_a_dripping_server_are_given_up(served: Served, target: Path) -> None:
    served.stall = 30.0
    began = time.monotonic()
    refused(served, target, "stalled for 0.3 s", patience=0.3)
    served.stall, served.pace = 0.0, 0.01
    refused(served, target, "stalled for 0.3 s", patience=0.3)
    assert time.monotonic() - began < 15
    assert part_of(target).read_bytes() == CONTENT[: part_of(target).stat().st_size] != b""


def test_a_server_that_never_answers_is_given_up(target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/made.bin"
        refused(Served(CONTENT), target, "no answer within 0.3 s; check the network", patience=0.3, url=url)


def test_a_name_that_is_looked_up_for_ever_is_given_up(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def look_up(*words: object) -> list[Any]:
        over.wait(30)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    try:
        refused(Served(CONTENT), target, "no answer within 0.1 s", patience=0.1, url="http://models.invalid/made.bin")
    finally:
        over.set()


def test_no_network(served: Served, target: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused(served, target, "cannot be reached .*refused", url=f"http://127.0.0.1:{port}/made.bin")
    refused(served, target, "cannot be reached", url="http://models.invalid/made.bin")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "models/made.bin", "ftp://127.0.0.1/made.bin", "http:///x"])
def test_other_addresses(url: str, served: Served, target: Path) -> None:
    refused(served, target, "is no http:// or https:// address; check TRACKWHY_MODELS_URL", url=url)


def test_a_redirect_is_followed_and_resumed_but_given_no_password(served: Served, target: Path) -> None:
    with serving(CONTENT) as storage:
        served.moved = {"/made.bin": f"{storage.url}/elsewhere"}
        storage.cuts = [100_000]
        get(served, target, url=f"http://me:sesame@127.0.0.1:{served.port}/made.bin")
        assert target.read_bytes() == CONTENT
        assert [request[1:] for request in storage.requests] == [(None, None), ("bytes=100000-", None)]
    assert served.requests[0][2] == "Basic bWU6c2VzYW1l"


def test_no_password_is_shown(served: Served, target: Path) -> None:
    url = f"http://me:sesame@127.0.0.1:{served.port}/made.bin?token=sesame"
    for changes, words in (
        ({"status": 404}, "404"),
        ({"status": None, "cuts": [10, 0]}, "broke off"),
        ({"stall": 9.0}, "stalled"),
        ({"stall": 0.0, "content": b"short"}, "another file"),
        ({"content": CONTENT[::-1]}, "another SHA-256"),
    ):
        for name, value in changes.items():
            setattr(served, name, value)
        assert "sesame" not in refused(served, target, words, url=url, patience=0.2)
        part_of(target).unlink(missing_ok=True)


def test_a_proxy_is_used_unless_the_host_is_excepted(
    served: Served, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", served.url)
    get(served, target, url="http://models.invalid/made.bin")
    assert target.read_bytes() == CONTENT
    assert served.requests[0][0] == "http://models.invalid/made.bin"
    target.unlink()
    monkeypatch.setenv("NO_PROXY", "models.invalid")
    refused(served, target, "cannot be reached", url="http://models.invalid/made.bin")


def test_a_folder_that_cannot_be_written(served: Served, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    words = r"cache/made: cannot be written \(Not a directory\).* give TRACKWHY_CACHE another folder"
    with pytest.raises(FetchError, match=words):
        get(served, tmp_path / "cache" / "made" / "made.bin")
    assert served.requests == []


# What other processes run: this file's address, size and hash are the arguments, ``before`` comes first.
PROGRAM = """
import sys
from pathlib import Path
from tracker.models import FetchError
from tracker.models.fetch import fetch
{before}
try:
    fetch(sys.argv[1], Path(sys.argv[2]), size=int(sys.argv[3]), sha256=sys.argv[4], patience=20.0,
          waiting=lambda: print("waiting", flush=True))
except FetchError as error:
    sys.exit(f"refused: {{error}}")
print("done")
"""


@pytest.fixture
def started(served: Served, target: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """``started(before)`` runs PROGRAM."""
    running: list[subprocess.Popen[str]] = []

    def start(before: str = "", to: Path = target) -> subprocess.Popen[str]:
        words = [f"{served.url}/made.bin", str(to), str(len(CONTENT)), SHA256]
        command = [sys.executable, "-c", PROGRAM.format(before=before), *words]
        one = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
        running.append(one)
        return one

    yield start
    for one in running:
        one.kill()
        one.communicate()


Started = Callable[..., "subprocess.Popen[str]"]


def test_two_processes_at_once_fetch_it_once(served: Served, target: Path, started: Started) -> None:
    served.held = threading.Event()
    first = started()
    wait_for(lambda: served.requests)
    second = started()
    assert second.stdout is not None
    assert second.stdout.readline() == "waiting\n"
    served.held.set()
    for one in (first, second):
        said, complained = one.communicate(timeout=30)
        assert (one.returncode, said, complained) == (0, "done\n", "")
    assert len(served.requests) == 1
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_process_leaves_what_the_next_goes_on_with(
    number: signal.Signals, served: Served, target: Path, started: Started
) -> None:
    served.held = threading.Event()
    one = started()
    wait_for(lambda: part_of(target).exists() and part_of(target).stat().st_size > 0)
    one.send_signal(number)
    one.communicate(timeout=30)
    assert one.returncode != 0
    assert not target.exists()
    have = part_of(target).stat().st_size
    assert part_of(target).read_bytes() == CONTENT[:have]
    served.held = None
    get(served, target)
    assert target.read_bytes() == CONTENT
    assert served.asked == [None, f"bytes={have}-"]


LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"


@pytest.mark.skipif(os.name == "nt", reason="needs a limit of file sizes")
def test_a_full_disk(served: Served, target: Path, started: Started) -> None:
    one = started(LIMIT)
    said, complained = one.communicate(timeout=30)
    assert (one.returncode, said) == (1, "")
    assert f"refused: {target.parent}: cannot be written (File too large); make room there" in complained
    assert len(complained.splitlines()) == 1
    assert not target.exists()
    get(served, target)
    assert target.read_bytes() == CONTENT


@pytest.mark.skipif(os.name == "nt", reason="needs the users of a Unix")
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (0o555, "cannot be written (Permission denied); make room there, or give TRACKWHY_CACHE another folder"),
        (0o111, "cannot be opened (Permission denied); give another folder, with TRACKWHY_CACHE"),
    ],
)
def test_a_read_only_cache(mode: int, words: str, served: Served, started: Started) -> None:
    """As a user who may not write there; root may write anywhere, and so becomes nobody."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(mode)
        target = Path(folder, "made.bin")
        one = started("import encodings.idna, fcntl, os; os.geteuid() or os.seteuid(65534)", target)
        said, complained = one.communicate(timeout=30)
        assert (one.returncode, said) == (1, "")
        assert f"refused: {folder}: {words}" in complained
        assert len(complained.splitlines()) == 1
        assert list(Path(folder).iterdir()) == []
        Path(folder).chmod(0o755)
