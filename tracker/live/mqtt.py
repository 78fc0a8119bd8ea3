"""Events to an MQTT broker."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tracker.io.passwords import without_passwords
from tracker.io.stream.aside import LOOK, aside

if TYPE_CHECKING:
    from paho.mqtt.client import MQTTMessageInfo

PATIENCE = 5.0  # seconds for the first connection
FAREWELL = 0.5  # seconds for the last events at the end of a run
WAITING = 1000  # events kept while there is no connection; later ones are dropped
AT_LEAST_ONCE = 1  # quality of service


@dataclass(frozen=True)
class Address:
    """``mqtt://user:password@host:port/topic``; mqtts:// is encrypted."""

    host: str
    port: int
    topic: str
    user: str | None
    password: str | None
    encrypted: bool


def address_of(url: str) -> Address:
    """The parts of an address. Raises ValueError, in one line, for what is none."""
    shown, hint = without_passwords(url), "give mqtt://host:port/topic, or mqtts:// for an encrypted connection"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"--mqtt {shown}: has no port that is a number; {hint}") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise ValueError(f"--mqtt {shown}: is no address of a broker; {hint}")
    topic = unquote(parts.path).strip("/")
    if not topic or "#" in url or "+" in topic:
        raise ValueError(f"--mqtt {shown}: names no topic to publish to, without + and #; {hint}")
    encrypted = parts.scheme == "mqtts"
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    return Address(parts.hostname, port or (8883 if encrypted else 1883), topic, user, password, encrypted)


class Mqtt:
    """Publishes lines to one topic, at least once each; connects again by itself where the broker goes away.

    told  called with a line for people: the broker was lost, or is back

    Raises ValueError, in one line, where the first connection fails, or where paho-mqtt is not installed.
    """

    def __init__(self, url: str, *, told: Callable[[str], None] | None = None) -> None:
        self._address, self._name = address_of(url), f"--mqtt {without_passwords(url)}"
        try:
            from paho.mqtt import client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise ValueError("--mqtt needs paho-mqtt; install the [live] extra") from None
        self._told = told
        self._why = "no answer"
        self._connected = self._greeted = self._refused = False
        self._last: MQTTMessageInfo | None = None
        self._client = client.Client(CallbackAPIVersion.VERSION2)
        self._client.max_queued_messages_set(WAITING)
        self._client.reconnect_delay_set(1, 30)
        if self._address.user is not None:
            self._client.username_pw_set(self._address.user, self._address.password)
        if self._address.encrypted:
            self._client.tls_set()
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._on_connect(str(code), good=not code.is_failure)
        self._client.on_disconnect = lambda _c, _u, _f, code, _p: self._on_disconnect(str(code))
        self._connect()

    def _connect(self) -> None:
        client, address = self._client, self._address
        client.connect_timeout = PATIENCE
        try:
            aside(lambda: client.connect(address.host, address.port), lambda _: None)
            client.loop_start()
            until = clock.monotonic() + PATIENCE
            while not (self._connected or self._refused) and clock.monotonic() < until:
                clock.sleep(LOOK / 10)
        except OSError as error:
            self._why = (error.strerror or str(error)).lower()
        except BaseException:
            client.loop_stop()
            raise
        if not self._connected:
            client.disconnect()
            client.loop_stop()
            raise ValueError(
                f"{self._name}: no connection to the broker ({self._why}); check the address, and that it runs"
            )
        self._greeted = True

    def __call__(self, line: str) -> None:
        """Publish a line."""
        self._last = self._client.publish(self._address.topic, line, qos=AT_LEAST_ONCE)

    def close(self) -> None:
        """Wait a moment for what is not yet published; may be called again."""
        if self._connected and self._last is not None:
            with suppress(ValueError, RuntimeError):  # it was dropped, or the connection has just gone
                self._last.wait_for_publish(FAREWELL)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, why: str, *, good: bool) -> None:
        if good and self._greeted and not self._connected:
            self._say("connected to the broker again")
        self._connected = good
        if not good:
            self._why, self._refused = why.lower(), True

    def _on_disconnect(self, why: str) -> None:
        if self._connected and self._greeted:
            self._say(f"lost the broker ({why.lower()}); up to {WAITING} events wait until it is back")
        self._connected = False

    def _say(self, line: str) -> None:
        if self._told is not None:
            self._told(f"{self._name}: {line}")
