"""A run's health for Prometheus: its text format, served on a port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tracker.live.health import Health

if TYPE_CHECKING:
    from prometheus_client.core import Metric

LOCAL = "127.0.0.1"
POLL = 0.05  # seconds from one look of the server for its end to the next

COUNTERS = {
    "frames_in": "frames decoded",
    "frames_out": "frames tracked",
    "frames_dropped": "frames that a newer one replaced before they were tracked",
    "reconnects": "connections after the first",
}
GAUGES = {
    "last_frame_age": ("last_frame_age_seconds", "seconds since the last frame was decoded"),
    "tracks": ("tracks", "tracks that live, reported or not"),
    "rss": ("resident_memory_bytes", "memory in use"),
    "uptime": ("uptime_seconds", "seconds since the start"),
}


class Metrics:
    """Serves ``/metrics`` until ``close``.

    address  "PORT" on this machine alone, or "HOST:PORT"; "0.0.0.0:PORT" serves to everybody

    Raises ValueError, in one line, for an address that is none, or where the port is taken or prometheus_client is not
    installed.
    """

    def __init__(self, health: Health, address: str) -> None:
        host, _, number = address.rpartition(":")
        if not (number.isascii() and number.isdigit() and 0 <= int(number) <= 65535):
            raise ValueError(f"--metrics {address}: give a port from 1 to 65535, or HOST:PORT")
        try:
            from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        except ImportError:
            raise ValueError("--metrics needs prometheus_client; install the [live] extra") from None
        registry = CollectorRegistry()
        registry.register(_Collector(health))

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *words: object) -> None:
                return

            def do_GET(self) -> None:
                body = generate_latest(registry)
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE_LATEST)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        try:
            self._server = ThreadingHTTPServer((host or LOCAL, int(number)), Handler)
        except OSError as error:
            raise ValueError(
                f"--metrics {address}: cannot be served ({error.strerror or error}); give another port"
            ) from None
        self._server.daemon_threads = True
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL,), name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Collector:
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        facts = self._health.facts()
        for name, about in COUNTERS.items():
            yield CounterMetricFamily(f"trackwhy_{name}", about, value=facts[name])
        for name, (called, about) in GAUGES.items():
            if facts[name] is not None:
                yield GaugeMetricFamily(f"trackwhy_{called}", about, value=facts[name])
        yield GaugeMetricFamily("trackwhy_connected", "1 while frames come", value=facts["state"] == "connected")
        for sign in ("frozen", "black"):
            yield GaugeMetricFamily(f"trackwhy_{sign}", f"1 while the image is {sign}", value=facts[sign])
        if facts["lag_p50"] is not None:
            lag = GaugeMetricFamily(
                "trackwhy_lag_seconds", "from the decoding of a frame to its tracks", labels=["quantile"]
            )
            lag.add_metric(["0.5"], facts["lag_p50"])
            lag.add_metric(["0.95"], facts["lag_p95"])
            yield lag
