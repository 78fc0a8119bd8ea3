"""Cameras that stall, hang up, send garbage or another size, come back, and are too fast for the detector."""

from __future__ import annotations

import functools
import http.server
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live.cameras import SIZE, Connection, camera, half_a_file, number_of, rtsp_server, wait_for

import tracker
from tracker.arrays import Image
from tracker.io.source import Source, SourceError
from tracker.io.stream.web import content_length, shown_at
from tracker.io.video import Frame, Live, open_source

FAST = Live(stall=0.4, first_pause=0.1, reconnect=0.2)


def lines_of(source: Source) -> list[str]:
    """The lines that the watch tells from now on."""
    said: list[str] = []
    assert source.watch is not None
    source.watch.tell = said.append
    return said


def test_a_camera_is_live_and_its_frames_are_numbered_and_timed() -> None:
    with camera(rate=50) as cam, open_source(cam.url) as source:
        assert (source.kind, source.live, source.size, source.n_frames) == ("stream", True, SIZE, None)
        frames = list(islice(source, 20))
        assert [(f.number, f.time) for f in frames[:1]] == [(1, 0.0)]
        assert all(b.number > a.number and b.time > a.time for a, b in pairwise(frames))
        seen = [number_of(f.image) for f in frames if f.image is not None]
        # A number is a frame's place among those that the camera sent.
        assert [b - a for a, b in pairwise(seen)] == [b.number - a.number for a, b in pairwise(frames)]
        # Neither do JPEG images say their rate, so it is measured; the machine may be busy.
        assert source.frame_rate == pytest.approx(50, rel=0.3)
        assert source.notes == [
            f"{source.frame_rate:g} frames per second, as measured: the stream does not say its rate"
        ]


def test_a_slow_detector_gets_the_newest_frame_and_the_others_are_counted() -> None:
    with camera(rate=100) as cam, open_source(cam.url) as source:
        late, numbers = [], []
        for frame in islice(source, 8):
            assert frame.image is not None
            number = number_of(frame.image)
            late.append(len(cam.sent) - number)
            numbers.append(frame.number)
            time.sleep(0.1)
        # Read one after the other, the eighth would be the eighth of more than 80.
        assert max(late) <= 30
        watch = source.watch
        assert watch is not None
        assert watch.dropped >= numbers[-1] - 8 > 20
        assert watch.counts["frames_in"] >= numbers[-1]


def test_keep_all_gives_every_frame() -> None:
    with camera(rate=100) as cam, open_source(cam.url, Live(keep_all=True)) as source:
        frames = []
        for frame in islice(source, 30):
            frames.append(frame)
            time.sleep(0.015)
        assert [f.number for f in frames] == list(range(1, 31))
        seen = [number_of(f.image) for f in frames if f.image is not None]
        assert seen == list(range(seen[0], seen[0] + 30))
        assert source.watch is not None
        assert source.watch.dropped == 0


@pytest.mark.parametrize("then", ["hang up", "garbage", "stall"])
def test_a_lost_connection_is_made_again_and_the_gap_is_in_the_times(then: str) -> None:
    plan = [Connection(60, then), Connection(refuse=503), Connection()]
    with camera(*plan, rate=100) as cam, open_source(cam.url, FAST) as source:
        said = lines_of(source)
        frames: list[Frame] = []
        for frame in source:
            frames.append(frame)
            if frame.image is not None and number_of(frame.image) >= 70:
                break
        assert cam.connections == 3
        assert [line.partition("camera: ")[2][:12] for line in said] == [
            "no frame for" if then == "stall" else "the stream e",
            "connected ag",
        ]
        assert all("; reconnecting" in note or "connected again" in note for note in source.notes[1:])
        numbers = [number_of(f.image) for f in frames if f.image is not None]
        k = next(k for k, number in enumerate(numbers) if number > 60)  # the first one after the outage
        gap = frames[k].time - frames[k - 1].time
        assert gap == pytest.approx(cam.sent[numbers[k]] - cam.sent[numbers[k - 1]], abs=0.3)
        assert gap > (0.4 if then == "stall" else 0.1)
        # The numbers go on as the times do, so that times can be told from them.
        assert frames[k].number - frames[k - 1].number == pytest.approx(gap * source.frame_rate, rel=0.1, abs=2)
        assert source.watch is not None
        assert source.watch.reconnects == 1
        assert source.watch.connection == "connected"


def test_jpeg_images_without_pyav_are_opencvs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with camera(rate=50) as cam, open_source(cam.url) as source:
        seen = [number_of(f.image) for f in islice(source, 10) if f.image is not None]
        assert len(seen) == 10
        assert seen == sorted(seen)


def test_without_reconnection_the_stream_ends_and_is_not_complete(tmp_path: Path) -> None:
    with camera(Connection(100), rate=50) as cam:
        run = tracker.track(cam.url, detector=nothing, live=Live(reconnect=0), save=tmp_path / "out")
        with pytest.raises(ValueError, match="the stream ended, or was cut off; give --reconnect 30 to go on"):
            list(run)
        assert run.state == "incomplete"
        assert '"complete": false' in (tmp_path / "out" / "run.json").read_text()
        assert cam.connections == 1


def test_it_gives_up_when_it_was_told_to() -> None:
    live = Live(first_pause=0.02, reconnect=0.1, give_up=0.3)
    with camera(Connection(100), Connection(refuse=404), rate=100) as cam, open_source(cam.url, live) as source:
        started = time.monotonic()
        list(source)
        assert time.monotonic() - started >= 0.3
        assert source.cut.endswith("the stream ended, or was cut off, and no connection for 0.3 s (--give-up)")
        assert cam.connections > 3
        assert source.watch is not None
        assert source.watch.connection == "ended"


def test_a_first_connection_that_fails_is_one_line() -> None:
    started = time.monotonic()
    with camera(Connection(refuse=404)) as cam, pytest.raises(SourceError, match="cannot be opened; check the address"):
        open_source(cam.url)
    assert time.monotonic() - started < 8  # it does not try again


def test_another_size_is_said() -> None:
    with camera(Connection(60), Connection(size=(320, 192)), rate=100) as cam, open_source(cam.url, FAST) as source:
        sizes = {f.image.shape for f in islice(source, 80) if f.image is not None}
        assert sizes == {(SIZE[1], SIZE[0], 3), (192, 320, 3)}
        assert "the image size changed from 160x96 to 320x192" in source.notes


def test_another_size_within_a_connection_is_said() -> None:
    pytest.importorskip("av", reason="decodes each image at its own size (pip install trackwhy[video])")
    with camera(Connection(grows=60), rate=100) as cam, open_source(cam.url, FAST) as source:
        frames = [f.image for f in islice(source, 90) if f.image is not None]
        assert {image.shape for image in frames} == {(SIZE[1], SIZE[0], 3), (2 * SIZE[1], 2 * SIZE[0], 3)}
        assert number_of(frames[-1]) > 60
        assert "the image size changed from 160x96 to 320x192" in source.notes
        assert cam.connections == 1


@pytest.mark.parametrize(
    ("does", "said"),
    [(Connection(same=True), "has not changed for 0.4 s"), (Connection(black=True), "has been black for 0.4 s")],
)
def test_an_image_that_shows_nothing_is_said_while_frames_come(does: Connection, said: str) -> None:
    with camera(does, rate=50) as cam, open_source(cam.url, FAST) as source:
        told = lines_of(source)
        for _ in source:
            if told:
                break
        assert len(told) == 1
        assert said in told[0]


def nothing(image: Image) -> np.ndarray[Any, Any]:
    """No detection."""
    return np.empty((0, 5))


def moving(image: Image) -> list[list[float]]:
    """One box."""
    return [[20, 20, 60, 80, 0.9]]


def test_the_gap_reaches_the_tracker() -> None:
    """A track that lives for a second without a detection ends in an outage of two."""
    plan = [Connection(30), *[Connection(refuse=503)] * 3, Connection()]
    live = Live(first_pause=0.4, reconnect=0.4)
    with camera(*plan, rate=50) as cam:
        run = tracker.track(cam.url, algo="sort", detector=moving, live=live, settings={"max_age": "0.5s"})
        ids, times = [], []
        for _, tracks in run:
            if len(tracks):
                ids.append(int(tracks.ids[0]))
                times.append(tracks.time)
            if len(set(ids)) == 2:
                break
        run.close()
        gap = max(b - a for a, b in pairwise(times) if a is not None and b is not None)
        assert gap > 0.5
        assert ids[-1] > ids[0]


def test_ctrl_c_in_a_loop_over_a_camera_that_stalls() -> None:
    with camera(Connection(100, "stall"), rate=50) as cam:
        run = tracker.track(cam.url, detector=nothing)

        def interrupt() -> None:
            wait_for(lambda: len(cam.sent) == 100)
            time.sleep(0.2)
            signal.raise_signal(signal.SIGINT)

        threading.Thread(target=interrupt).start()
        seen: list[float] = []
        with pytest.raises(KeyboardInterrupt):
            seen.extend(time.monotonic() for _ in run)
        assert time.monotonic() - seen[-1] < 3  # and not the 10 s after which a silence is a lost connection
        assert run.state == "interrupted"
        run.close()


def test_closing_does_not_wait_for_a_camera_that_stalls() -> None:
    with camera(Connection(60, "stall"), rate=100) as cam:
        source = open_source(cam.url)
        assert next(iter(source)).number == 1
        started = time.monotonic()
        source.close()
        assert time.monotonic() - started < 1


# Files at a URL.


@contextmanager
def served(folder: Path, cut: int | None = None, head: bool = True, parts: bool = False) -> Iterator[str]:
    """A web server of the folder.

    cut    bytes after which each answer breaks off
    head   whether it knows HEAD
    parts  whether it gives parts of a file
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_HEAD(self) -> None:
            if head:
                super().do_HEAD()
            else:
                self.send_error(405)

        def do_GET(self) -> None:
            wanted = (self.headers.get("Range") or "").removeprefix("bytes=")
            if not parts or not wanted:
                super().do_GET()
                return
            data = (folder / self.path.lstrip("/")).read_bytes()
            start, _, stop = wanted.partition("-")
            end = min(int(stop or len(data)), len(data) - 1)
            body = data[int(start) : end + 1]
            self.send_response(206)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # FFmpeg leaves a part that it has seen enough of
                self.wfile.write(body if cut is None else body[: max(cut - int(start), 0)])

        def copyfile(self, source: Any, outputfile: Any) -> None:
            outputfile.write(source.read() if cut is None else source.read(cut))

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def video(path: Path, frames: int = 60) -> Path:
    from tracker.io.video_writer import VideoWriter

    pytest.importorskip("av", reason="writes H.264 (pip install trackwhy[video])")
    chance = np.random.default_rng(0)
    with VideoWriter(path, SIZE, 25) as writer:
        for _ in range(frames):
            writer.write(chance.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8))
    return path


def test_a_file_at_a_url_gives_every_frame_and_is_complete(tmp_path: Path) -> None:
    video(tmp_path / "v.mp4")
    with served(tmp_path) as url:
        run = tracker.track(f"{url}/v.mp4", detector=nothing, save=tmp_path / "out")
        assert len(list(run)) == 60
        assert run.state == "complete"


def test_a_file_without_a_duration_is_told_by_its_length(tmp_path: Path) -> None:
    import cv2
    from live.cameras import numbered

    images = [cv2.imencode(".jpg", numbered(k))[1].tobytes() for k in range(1, 21)]
    (tmp_path / "v.mjpeg").write_bytes(b"".join(images))
    for head in (True, False):
        with served(tmp_path, head=head) as url, open_source(f"{url}/v.mjpeg") as source:
            assert not source.live
            assert [number_of(f.image) for f in source if f.image is not None] == list(range(1, 21))
            assert source.cut == ""


def test_a_file_whose_server_hangs_up_is_not_complete(tmp_path: Path) -> None:
    path = video(tmp_path / "v.mp4", 150)
    with served(tmp_path, cut=path.stat().st_size // 2) as url:
        run = tracker.track(f"{url}/v.mp4", detector=nothing, save=tmp_path / "out", invalid="drop")
        assert 20 < len(list(run)) < 120
        assert run.state == "incomplete"
        assert run.counts["missing_frames"] > 20


def test_a_file_whose_server_falls_silent_is_not_complete(tmp_path: Path) -> None:
    data = video(tmp_path / "v.mp4", 150).read_bytes()
    with half_a_file(data) as url, open_source(url, Live(stall=0.5)) as source:
        assert 20 < len(list(source)) < 120
        assert source.missing > 20
        assert source.cut.endswith(": no frame for 0.5 s, and this file has not ended")


@pytest.mark.parametrize("lost", [0, 1])
def test_an_index_tells_whether_the_last_frame_is_there(tmp_path: Path, lost: int) -> None:
    path = video(tmp_path / "v.mp4", 60)
    # The last bytes of the file are those of the last frame: its index comes first.
    cut = path.stat().st_size - 500 if lost else None
    with served(tmp_path, cut=cut, parts=True) as url, open_source(f"{url}/v.mp4") as source:
        assert (source.n_frames, source.counted) == (60, True)
        frames = list(source)
        assert [f.number for f in frames] == list(range(1, 61 - lost))
        assert [f.time for f in frames[:3]] == pytest.approx([0, 0.04, 0.08])
        assert source.missing == lost


def test_live_options_are_for_live_sources(tmp_path: Path) -> None:
    path = video(tmp_path / "v.mp4", 3)
    with pytest.raises(ValueError, match=r"v.mp4: is no webcam and no URL; leave live out \(--keep-all"):
        tracker.track(path, detector=nothing, live=FAST)
    with pytest.raises(TypeError, match=r"live is a dict; give a tracker\.io\.video\.Live"):
        tracker.track(path, detector=nothing, live={"stall": 3})  # type: ignore[arg-type]


def test_the_length_of_a_playlist_is_none(tmp_path: Path) -> None:
    for name in ("live.m3u8", "cam.sdp", "page.html", "v.mp4"):
        (tmp_path / name).write_bytes(b"#EXTM3U")
    with served(tmp_path) as url:
        assert [content_length(f"{url}/{name}") for name in ("live.m3u8", "page.html", "v.mp4")] == [None, None, 7]
        assert content_length(f"{url}/none.mp4") is None
        assert shown_at(f"{url}/v.mp4") is None


# Webcams.


class Webcam:
    """A capture of so many black images."""

    def __init__(self, frames: int) -> None:
        self.left = frames

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, Image]:
        self.left -= 1
        time.sleep(0.005)
        return self.left >= 0, np.zeros((48, 64, 3), np.uint8)

    def get(self, prop: int, /) -> float:
        return 30.0

    def release(self) -> None: ...


def test_a_webcam_has_the_times_of_the_wall_and_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Webcam] = []

    def capture(where: str | int, stall: float) -> Webcam:
        opened.append(Webcam(20))
        return opened[-1]

    monkeypatch.setattr("tracker.io.live._capture", capture)
    with open_source(0, Live(keep_all=True)) as source:
        assert (source.kind, source.live, source.name) == ("webcam", True, "webcam 0")
        times = [frame.time for frame in source]
        assert len(times) == 20
        assert 0.09 < times[-1] < 5  # the capture says 0.03 s, each time
        assert "webcam 0: the stream ended" in source.cut
        assert len(opened) == 1
    with open_source(0, Live(keep_all=True, reconnect=0.05, first_pause=0.01)) as source:
        assert len(list(islice(source, 50))) == 50
        assert len(opened) > 3


def standing(_: Image) -> list[list[float]]:
    """A detector that sees one person who stands."""
    return [[10, 10, 40, 90, 0.9]]


def test_a_run_goes_on_at_the_rate_that_was_measured_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the same camera measures 25 once and 30 another time."""
    rates = iter([25.0, 30.0])
    monkeypatch.setattr("tracker.io.live.arrival_rate", lambda _: next(rates))
    with camera() as cam:
        for _ in range(2):
            given = {"algo": "sort", "detector": standing, "live": FAST}
            with tracker.track(cam.url, **given, save=tmp_path / "out", snapshot=3600, resume=True) as run:
                ids = {id for _, tracks in islice(run, 10) for id in tracks.ids.tolist()}
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert facts["source"]["frame_rate"] == 25
    assert facts["counts"]["frames"] >= 20
    assert ids == {1}


# A stream with a clock of its own.


@pytest.mark.slow
def test_a_real_rtsp_server_and_its_restart() -> None:
    with rtsp_server() as (url, process):
        port = int(url.rpartition(":")[2].partition("/")[0])
        with open_source(url, Live(stall=2, first_pause=0.1, reconnect=0.3)) as source:
            said = lines_of(source)
            assert (source.live, source.size, source.frame_rate) == (True, (320, 240), 25)
            frames = iter(source)
            steps = np.diff([next(frames).time for _ in range(50)])
            assert np.median(steps) == pytest.approx(0.04, abs=1e-3)  # by the stream's clock, not by arrival
            process.kill()
            process.wait()
            # What was decoded before may still come.
            wait_for(lambda: source.watch is not None and source.watch.connection == "reconnecting")
            with rtsp_server(port):
                until = time.monotonic() + 20
                last = next(frames).time
                while not any("connected again" in line for line in said):
                    assert time.monotonic() < until
                    last = next(frames).time
                more = [next(frames).time for _ in range(30)]
                assert more[0] > last
                assert np.median(np.diff(more)) == pytest.approx(0.04, abs=1e-3)
            assert source.watch is not None
            assert source.watch.reconnects >= 1


def transport(frames: int, start: float, size: tuple[int, int] = SIZE) -> bytes:
    """A transport stream of numbered frames at 25 per second, whose clock starts at so many seconds."""
    import io
    from fractions import Fraction

    av = pytest.importorskip("av", reason="writes a transport stream (pip install trackwhy[video])")
    from live.cameras import numbered

    out = io.BytesIO()
    with av.open(out, "w", format="mpegts", options={"mpegts_copyts": "1"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10", "bf": "0", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        for k in range(frames):
            frame = av.VideoFrame.from_ndarray(numbered(k + 1, size), format="bgr24")
            frame.pts, frame.time_base = round((start + k / 25) * 90_000), Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


@contextmanager
def broadcast(data: bytes, seconds: float) -> Iterator[str]:
    """A web server of one live transport stream, sent evenly and then silent for a while; its address."""
    parts = [data[at : at + 188 * 20] for at in range(0, len(data), 188 * 20)]

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            with suppress(OSError):
                for part in parts:
                    self.wfile.write(part)
                    time.sleep(seconds / len(parts))
                time.sleep(10)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/stream.ts"
        finally:
            server.shutdown()


@pytest.mark.slow
def test_a_stream_whose_clock_is_set_goes_on_by_the_wall_clock() -> None:
    with (
        broadcast(transport(75, 10) + transport(75, 5000), 6) as url,
        open_source(url, Live(keep_all=True, stall=2, reconnect=0)) as source,
    ):
        assert source.live
        times = [frame.time for frame in source]
    assert len(times) > 120
    steps = np.diff(times)
    assert steps.min() > 0
    assert steps.max() < 3  # and not 4990
    assert "the stream's clock jumped; times go on by the wall clock from there" in source.notes


@pytest.mark.slow
def test_h264_of_another_size_within_a_connection_is_scaled_to_the_first() -> None:
    """So boxes, lines and zones stay where they are; OpenCV does not tell that it scales."""
    with (
        broadcast(transport(50, 10) + transport(50, 12, (320, 192)) + transport(50, 14, (96, 64)), 5) as url,
        open_source(url, Live(keep_all=True, stall=2, reconnect=0)) as source,
    ):
        frames = [frame for frame in source if frame.image is not None]
    assert {frame.image.shape for frame in frames if frame.image is not None} == {(SIZE[1], SIZE[0], 3)}
    numbers = [number_of(frame.image) for frame in frames if frame.image is not None]
    assert numbers[-40:] == list(range(11, 51))  # of the smaller images: none is lost, none is damaged
    assert len(numbers) > 120
    assert np.diff([frame.time for frame in frames]).max() < 1
