"""What a run tells while it goes on: health, metrics, events, and the parts that it writes."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live.cameras import Connection, camera, needs, wait_for

import tracker
from tracker.commands.main import main
from tracker.count.places import Line
from tracker.detections import Detections
from tracker.io.mot import read_results
from tracker.io.sinks import Step
from tracker.io.source import Source
from tracker.io.video import Frame, Live, open_source
from tracker.live.events import Events
from tracker.live.health import Health
from tracker.live.metrics import Metrics
from tracker.live.mqtt import Mqtt, address_of
from tracker.run.driver import Driver
from tracker.run.monitor import Monitor
from tracker.run.open import Options, open_run
from tracker.run.output import Output
from tracker.tracks import Tracks


def step(frame: int, living: Tracks | None, *, looked: bool = True, arrived: float | None = None) -> Step:
    empty = Tracks.of_boxes([], np.empty((0, 4)))
    return Step(Frame(None, frame, frame / 10, arrived), Detections.empty(), empty, living=living, looked=looked)


def living(*tracks: tuple[int, bool, int, int]) -> Tracks:
    """Tracks of (id, confirmed, missed, class)."""
    ids, confirmed, missed, classes = zip(*tracks, strict=True) if tracks else ([], [], [], [])
    return Tracks.of_boxes(
        ids, [[1, 2, 3, 4]] * len(ids), confirmed=confirmed, missed=missed, classes=classes, scores=[0.5] * len(ids)
    )


def told(*steps: Step, **given: Any) -> list[dict[str, Any]]:
    lines: list[str] = []
    events = Events([lines.append], {0: "person", 1: "car"}, **given)
    for one in steps:
        events.write(one)
    events.close()
    return [json.loads(line) for line in lines]


def test_each_change_of_a_track_is_one_event() -> None:
    got = told(
        step(1, living((1, False, 0, 0))),
        step(2, living((1, True, 0, 0), (2, True, 0, 1))),
        step(3, living((1, True, 1, 0), (2, True, 0, 1))),
        step(4, living((1, True, 2, 0), (2, True, 0, 0))),
        step(5, None, looked=False),  # between two frames of the detector nothing is known
        step(6, living((1, True, 0, 0), (2, True, 0, 0), (3, False, 0, 0))),
        step(7, living((2, True, 0, 0), (3, False, 1, 0))),
        step(8, living((2, True, 0, 0))),
    )
    assert [(e["frame"], e["event"], e["id"]) for e in got] == [
        (1, "born", 1),
        (2, "confirmed", 1),
        (2, "born", 2),
        (2, "confirmed", 2),
        (3, "lost", 1),
        (4, "class", 2),
        (6, "found", 1),
        (6, "born", 3),
        (7, "ended", 1),
        (8, "ended", 3),  # tentative: it was never lost
    ]
    assert got[0] == {
        "event": "born",
        "frame": 1,
        "time": 0.1,
        "id": 1,
        "class": "person",
        "box": [1.0, 2.0, 3.0, 4.0],
        "score": 0.5,
    }
    assert (got[5]["class"], got[5]["was"]) == ("person", "car")


def test_live_events_have_a_date_and_a_file_gives_the_same_bytes_again() -> None:
    one = step(1, living((1, True, 0, 0)))
    assert "at" not in told(one)[0]
    assert told(one, live=True)[0]["at"].endswith("Z")


@pytest.mark.parametrize("at_birth", [True, False])
def test_the_events_of_a_run_are_those_of_its_tracks(at_birth: bool) -> None:
    """Tentative tracks, which SORT does not report, are told where they have an id."""
    lines: list[str] = []
    boxes = {k: [[10 + k, 20, 50 + k, 90, 0.9]] for k in range(1, 9)} | {5: [[10, 20, 50, 90, 0.9], [90, 9, 99, 60, 1]]}
    frames = (Frame(np.zeros((100, 120, 3), np.uint8), k, k / 10) for k in range(1, 9))
    source = Source("drawn", "frames", lambda _: frames, frame_rate=10)
    numbers = iter(range(1, 9))
    run = tracker.track(
        source,
        algo="sort",
        detector=lambda _: boxes[next(numbers)],
        settings={"ids_at_birth": at_birth},
        sinks=[Events([lines.append])],
    )
    list(run)
    got = [json.loads(line) for line in lines]
    assert [(e["event"], e["id"]) for e in got if e["id"] != 1] == [("born", 2), ("ended", 2)] * at_birth
    assert [e["event"] for e in got if e["id"] == 1] == ["born", "confirmed"]


@pytest.mark.parametrize(
    ("content", "free"),
    [(None, True), ("", True), ('{"frames_out": 3}', True), ("1,-1,10,20,30,60,.9,-1,-1,-1\n", False), ("{}", False)],
)
def test_health_replaces_no_other_file(
    tmp_path: Path, content: str | None, free: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path, det, sequence = tmp_path / "health.json", tmp_path / "det.txt", tmp_path / "A"
    det.write_text("1,-1,10,20,30,60,.9,-1,-1,-1\n")
    sequence.mkdir()
    (sequence / "seqinfo.ini").write_text("[Sequence]\nseqLength=2\nframeRate=25\nimWidth=640\nimHeight=480\n")
    if content is not None:
        path.write_text(content)
    options = ["--no-video", "--quiet", "-o", str(tmp_path / "out"), "--health", str(path)]
    code = main([str(sequence), "--detector", str(det), "--algo", "sort", *options])
    if free:
        assert (code, json.loads(path.read_text())["frames_out"]) == (0, 2)
    else:
        assert (code, path.read_text()) == (2, content)
        assert f"--health {path}: exists and is no health file" in capsys.readouterr().err


def test_health_of_a_camera(tmp_path: Path) -> None:
    path, lines = tmp_path / "health.json", []
    live = Live(first_pause=0.02, reconnect=0.1)
    with camera(Connection(70), Connection(), rate=100) as cam, open_source(cam.url, live) as source:
        health = Health(source, every=0.1, told=lines.append, path=path)
        health.start()
        assert json.loads(path.read_text())["lag_p50"] is None
        for n, frame in enumerate(source):
            health.write(Step(frame, Detections.empty(), living((1, True, 0, 0)), living=living((1, True, 0, 0))))
            if n == 80:
                break
        wait_for(lambda: json.loads(path.read_text())["reconnects"] == 1)
        assert json.loads(path.read_text())["state"] == "connected"
        health.close()
        facts = json.loads(path.read_text())
        assert facts["frames_out"] == 81
        assert facts["frames_in"] >= 81
        assert (facts["state"], facts["tracks"], facts["frozen"]) == ("ended", 1, False)
        assert 0 < facts["lag_p50"] <= facts["lag_p95"] < 1
        assert facts["last_frame_age"] < 1
        assert facts["rss"] is None or 1e7 < facts["rss"] < 1e10
        assert any(" frames/s in, " in line and ", 1 track, " in line for line in lines)
    assert sorted(path.parent.iterdir()) == [path]  # nothing half written


def test_lag_is_from_the_decoding_to_the_result() -> None:
    health = Health(Source("x", "frames", lambda _: iter(()), frame_rate=10))
    for k in range(20):
        health.write(
            step(k, living((1, True, 0, 0), (2, False, 0, 0)), arrived=time.monotonic() - (1 if k < 19 else 3))
        )
    facts = health.facts()
    assert facts["lag_p50"] == pytest.approx(1, abs=0.2)
    assert 1.05 < facts["lag_p95"] < 3
    assert facts["tracks"] == 2
    assert "lag 1" in health.line()


def test_metrics_are_what_prometheus_reads() -> None:
    client = pytest.importorskip("prometheus_client", reason="needs the extra live")
    from prometheus_client.parser import text_string_to_metric_families

    assert client
    with camera(rate=100) as cam, open_source(cam.url) as source:
        health = Health(source)
        metrics = Metrics(health, "0")
        try:
            for n, frame in enumerate(source):
                health.write(Step(frame, Detections.empty(), living((1, True, 0, 0))))
                if n == 10:
                    break
            with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
            with pytest.raises(ValueError, match=rf"--metrics {metrics.port}: cannot be served \(.*in use\)"):
                Metrics(health, str(metrics.port))
        finally:
            metrics.close()
    found = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    assert found["trackwhy_frames_out_total"] == 11
    assert found["trackwhy_frames_in_total"] >= 11
    assert found["trackwhy_tracks"] == found["trackwhy_connected"] == 1
    assert found["trackwhy_reconnects_total"] == 0
    assert {"trackwhy_frames_dropped_total", "trackwhy_lag_seconds", "trackwhy_last_frame_age_seconds"} <= set(found)
    assert 'trackwhy_lag_seconds{quantile="0.95"}' in text


@pytest.mark.parametrize("address", ["", "http", "70000", "localhost:", "-1", "1:x"])
def test_an_address_that_is_none_is_one_line(address: str) -> None:
    health = Health(Source("x", "frames", lambda _: iter(()), frame_rate=10))
    with pytest.raises(ValueError, match=r"^--metrics .*: give a port from 1 to 65535, or HOST:PORT$"):
        Metrics(health, address)


@contextmanager
def broker(tmp_path: Path, port: int = 0) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A mosquitto on a free port of this machine."""
    import socket

    program = needs("mosquitto", "mosquitto")
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    (tmp_path / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with subprocess.Popen([program, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.DEVNULL) as process:
        try:

            def answers() -> bool:
                with socket.socket() as asked:
                    return asked.connect_ex(("127.0.0.1", port)) == 0

            wait_for(answers)
            yield port, process
        finally:
            process.terminate()


def test_events_reach_a_real_broker_and_wait_while_it_is_away(tmp_path: Path) -> None:
    pytest.importorskip("paho.mqtt", reason="needs the extra live")
    from paho.mqtt import client
    from paho.mqtt.enums import CallbackAPIVersion

    heard: list[tuple[str, str]] = []
    said: list[str] = []
    listener = client.Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _c, _u, message: heard.append((message.topic, message.payload.decode()))
    listener.on_connect = lambda c, *_: c.subscribe("gate/north/#", qos=1)
    ready: list[int] = []
    listener.on_subscribe = lambda *_: ready.append(1)
    listener.reconnect_delay_set(1, 1)
    with broker(tmp_path) as (port, _):
        listener.connect("127.0.0.1", port)
        listener.loop_start()
        wait_for(lambda: ready)
        mqtt = Mqtt(f"mqtt://127.0.0.1:{port}/gate/north", told=said.append)
        Events([mqtt]).write(step(1, living((1, True, 0, 0))))
        wait_for(lambda: len(heard) == 2)
    assert [topic for topic, _ in heard] == ["gate/north"] * 2
    assert [json.loads(line)["event"] for _, line in heard] == ["born", "confirmed"]
    wait_for(lambda: said)
    mqtt("later")
    with broker(tmp_path, port):
        wait_for(lambda: len(ready) == 2)  # the listener first: the broker keeps nothing for it
        wait_for(lambda: len(said) == 2)
        mqtt("last")
        mqtt.close()
        wait_for(lambda: heard[-1][1] == "last")
        listener.loop_stop()
    assert "lost the broker" in said[0]
    assert said[1].endswith("connected to the broker again")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("host/topic", "is no address of a broker"),
        ("http://host/topic", "is no address of a broker"),
        ("mqtt:///topic", "is no address of a broker"),
        ("mqtt://host", "names no topic"),
        ("mqtt://host/a/#", "names no topic"),
        ("mqtt://host:http/a", "has no port that is a number"),
        ("mqtt://me:sesame@host:1883/", "names no topic"),
    ],
)
def test_an_address_of_no_broker_is_one_line(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"^--mqtt .*{words}.*; give mqtt://host:port/topic") as error:
        address_of(url)
    assert "sesame" not in str(error.value)


def test_the_parts_of_an_address() -> None:
    got = address_of("mqtts://me:p%40ss@broker.example/site/gate")
    assert (got.host, got.port, got.topic, got.user, got.password) == (
        "broker.example",
        8883,
        "site/gate",
        "me",
        "p@ss",
    )
    assert address_of("mqtt://h/t").port == 1883


def test_a_broker_that_is_not_there_is_one_line() -> None:
    pytest.importorskip("paho.mqtt", reason="needs the extra live")
    with pytest.raises(ValueError, match=r"--mqtt mqtt://127.0.0.1:9/t: no connection to the broker \(.*refused.*\)"):
        Mqtt("mqtt://127.0.0.1:9/t")


# Parts.


def walk(image: Any) -> list[list[float]]:
    """One person walks to the right, for the image says where."""
    x = float(image[0, 0, 0])
    return [[x, 20, x + 30, 90, 0.9]]


def walking(frames: int = 50, rate: float = 10.0) -> Source:
    images = (np.full((100, 160, 3), 2 * k, np.uint8) for k in range(frames))
    given = (Frame(image, k, (k - 1) / rate) for k, image in enumerate(images, start=1))
    return Source("walk", "frames", lambda _: given, frame_rate=rate, size=(160, 100))


def run_into(folder: Path, **given: Any) -> Driver:
    opened = open_run(Options(walking(), algo="sort", detector=walk))
    lines: list[str] = []
    monitor = Monitor(opened, events=[lines.append])
    driver = Driver(opened, Output(folder, opened, {"call": {}}, events=monitor.events, **given), [monitor])
    for _ in driver.steps():
        pass
    folder.joinpath("events.txt").write_text("\n".join(lines))
    return driver


def test_each_part_is_the_folder_of_a_run(tmp_path: Path) -> None:
    places = [Line("door", [(60, 0), (60, 100)])]
    run_into(tmp_path / "whole", places=places, saves=["csv"])
    driver = run_into(tmp_path / "out", rotate=2.0, places=places, saves=["csv"])
    parts = sorted(path for path in (tmp_path / "out").iterdir() if path.is_dir())
    assert [path.name for path in parts] == ["part-0001", "part-0002", "part-0003"]
    assert driver.output is not None
    assert set(driver.output.paths) == {"run", "count", "parts"}
    names = {"tracks.txt", "tracks.mp4", "tracks.csv", "run.json"}
    assert all({path.name for path in part.iterdir()} == names for part in parts)
    whole = (tmp_path / "whole" / "tracks.txt").read_text()
    assert "".join((part / "tracks.txt").read_text() for part in parts) == whole
    facts = [json.loads((part / "run.json").read_text()) for part in parts]
    assert [one["part"]["first_frame"] for one in facts] == [1, 21, 41]
    assert [one["counts"]["frames"] for one in facts] == [20, 20, 10]
    assert all(one["complete"] for one in facts)
    assert len(read_results(parts[2] / "tracks.txt")) == 10
    with open_source(parts[1] / "tracks.mp4") as source:
        assert [f.number for f in source] == list(range(1, 21))
    # What is counted goes through the parts.
    assert (tmp_path / "out" / "count.json").read_text() == (tmp_path / "whole" / "count.json").read_text()
    counted = [json.loads(line) for line in (tmp_path / "out" / "events.txt").read_text().splitlines()]
    assert [(e["place"], e["id"], e["direction"]) for e in counted if e["event"] == "line"] == [("door", 1, "out")]


def test_overwriting_removes_the_parts_of_an_earlier_run(tmp_path: Path) -> None:
    run_into(tmp_path / "out", rotate=1.0)
    (tmp_path / "out" / "part-0005" / "mine.txt").write_text("kept")
    run_into(tmp_path / "out", rotate=3.0, overwrite=True)
    assert sorted(path.name for path in (tmp_path / "out").glob("part-*")) == ["part-0001", "part-0002", "part-0005"]
    assert [path.name for path in (tmp_path / "out" / "part-0005").iterdir()] == ["mine.txt"]
