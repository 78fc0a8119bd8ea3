"""A server of one file on this machine, whose behaviour a test sets; it is a proxy as well."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What the server does.

    content   the file; any path gives it but those of ``status`` and ``moved``
    cuts      bytes after which each of the next answers breaks off
    ranges    whether it resumes
    status    an error to answer with
    moved     paths that are elsewhere: path -> address
    stall     seconds of silence after the first bytes
    pace      seconds between two bytes
    held      an answer waits for this after its first half; None: it does not
    length    what Content-Length says; None: the truth; -1: nothing
    requests  (path, Range, Authorization) of each request
    """

    content: bytes
    port: int = 0
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    status: int | None = None
    moved: dict[str, str] = field(default_factory=dict)
    stall: float = 0.0
    pace: float = 0.0
    held: threading.Event | None = None
    length: int | None = None
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[str | None]:
        """The Range of each request."""
        return [wanted for _, wanted, _ in self.requests]


@contextmanager
def serving(content: bytes) -> Iterator[Served]:
    """A server in a thread."""
    served = Served(content)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            return

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            served.requests.append((self.path, wanted, self.headers.get("Authorization")))
            if self.path in served.moved:
                self.send_response(302)
                self.send_header("Location", served.moved[self.path])
                self.end_headers()
                return
            if served.status is not None:
                self.send_error(served.status)
                return
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and served.ranges else 0
            if start >= len(served.content) > 0:
                self.send_error(416)
                return
            body = served.content[start:]
            self.send_response(206 if wanted and served.ranges else 200)
            if wanted and served.ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
            if served.length != -1:
                self.send_header("Content-Length", str(len(body) if served.length is None else served.length))
            self.end_headers()
            self.send(body[: served.cuts.pop(0)] if served.cuts else body)

        def send(self, body: bytes) -> None:
            try:
                if served.pace:
                    for place in range(len(body)):
                        self.wfile.write(body[place : place + 1])
                        if served.stopping.wait(served.pace):
                            return
                half = len(body) // 2
                self.wfile.write(body[:half])
                self.wfile.flush()
                if served.held is not None:
                    served.held.wait(30)
                served.stopping.wait(served.stall)
                self.wfile.write(body[half:])
            except OSError:  # the client has gone
                return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield served
        finally:
            served.stopping.set()
            if served.held is not None:
                served.held.set()
            server.shutdown()
            thread.join()


def wait_for(condition: object, seconds: float = 20.0) -> None:
    """Wait until ``condition()`` holds; AssertionError where it does not come to."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)
