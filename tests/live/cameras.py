"""Cameras on this machine: MJPEG over HTTP with numbered frames, which do what a test wants; and a real RTSP server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from tracker.arrays import Image

SIZE = (160, 96)
BITS = 16


def numbered(number: int, size: tuple[int, int] = SIZE) -> Image:
    """A grey image whose upper rows say its number in black and white bits."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    width = size[0] // BITS
    for bit in range(BITS):
        image[: size[1] // 4, bit * width : (bit + 1) * width] = 255 if number >> bit & 1 else 0
    return image


def number_of(image: Image) -> int:
    """The number that an image says."""
    height, width = image.shape[0] // 4, image.shape[1] // BITS
    at = [int(image[height // 2, bit * width + width // 2, 0]) for bit in range(BITS)]
    return sum(1 << bit for bit, value in enumerate(at) if value > 128)


@dataclass
class Connection:
    """What one connection of a camera does.

    frames  before it ends; None for ever
    then    how it ends: "hang up", "stall" (silence until the client goes) or "garbage"
    size    of the images
    same    every image is the same one
    black   every image is black
    refuse  answer with this status instead
    grows   the image with this number, and those after it, are twice as wide and high
    """

    frames: int | None = None
    then: str = "hang up"
    size: tuple[int, int] = SIZE
    same: bool = False
    black: bool = False
    refuse: int | None = None
    grows: int | None = None


@dataclass
class Camera:
    """An MJPEG server; connections beyond ``plan`` do what its last one does.

    sent  time.monotonic() at which each number was sent
    """

    rate: float
    plan: list[Connection]
    port: int = 0
    sent: dict[int, float] = field(default_factory=dict)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/camera"


@contextmanager
def camera(*plan: Connection, rate: float = 50.0) -> Iterator[Camera]:
    """A camera in a thread, which sends ``rate`` frames per second, numbered across its connections."""
    made = Camera(rate, list(plan) or [Connection()])

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            return

        def do_HEAD(self) -> None:
            self.send_error(501)

        def do_GET(self) -> None:
            if self.headers.get("Range") == "bytes=0-0":  # the look for a length is no connection
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                return
            does = made.plan[min(made.connections, len(made.plan) - 1)]
            made.connections += 1
            if does.refuse is not None:
                self.send_error(does.refuse)
                return
            with suppress(OSError):  # the client has gone
                self.stream(does)

        def stream(self, does: Connection) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            due, sent = time.monotonic(), 0
            while (does.frames is None or sent < does.frames) and not made.stopping.is_set():
                number = len(made.sent) + 1
                size = (2 * does.size[0], 2 * does.size[1]) if does.grows and number >= does.grows else does.size
                image = np.zeros((*size[::-1], 3), np.uint8) if does.black else numbered(number, size)
                data = cv2.imencode(".jpg", numbered(0, size) if does.same else image)[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                made.sent[number] = time.monotonic()
                self.wfile.write(head.encode() + data + b"\r\n")
                sent += 1
                due += 1 / made.rate
                made.stopping.wait(max(due - time.monotonic(), 0))
            if does.then == "garbage":
                self.wfile.write(b"\x93garbage" * 5000)
            if does.then == "stall":
                self.connection.settimeout(0.05)
                while not made.stopping.is_set():
                    with suppress(TimeoutError):
                        if not self.connection.recv(1):
                            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 20

    with Server(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.stopping.set()
            server.shutdown()
            thread.join()


@contextmanager
def half_a_file(data: bytes) -> Iterator[str]:
    """A web server that sends half of a video file, and then nothing; its address."""
    held: list[socket.socket] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            head = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {len(data)}\r\n\r\n"
            while True:
                try:
                    client, _ = server.accept()
                    client.recv(4096)
                    client.sendall(head.encode() + data[: len(data) // 2])
                except OSError:
                    return
                held.append(client)

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/v.mp4"
        finally:
            for client in held:
                client.close()


RTSP = Path(__file__).with_name("rtsp_server.py")
SYSTEM_PYTHON = "/usr/bin/python3"


def why_no_rtsp() -> str | None:
    """Why there is no RTSP server here; None where there is one."""
    if not Path(SYSTEM_PYTHON).exists():
        return "needs /usr/bin/python3 with GStreamer's RTSP server"
    asked = subprocess.run([SYSTEM_PYTHON, str(RTSP), "--check"], capture_output=True, text=True, check=False)
    return None if asked.returncode == 0 else "needs gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's plug-ins"


@contextmanager
def rtsp_server(port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A GStreamer RTSP server on 127.0.0.1: its address, and its process. Skips where it is not installed."""
    if (why := why_no_rtsp()) is not None:
        pytest.skip(why)
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    words = [SYSTEM_PYTHON, str(RTSP), str(port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            yield f"rtsp://127.0.0.1:{port}/camera", process
        finally:
            process.kill()


def needs(program: str, package: str) -> str:
    """The path of a program; skips where it is not installed."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"needs {program} (apt-get install {package})")
    return found


def wait_for(condition: object, seconds: float = 20.0) -> None:
    """Wait until ``condition()`` holds; AssertionError where it does not come to."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.01)
