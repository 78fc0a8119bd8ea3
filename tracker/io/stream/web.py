"""What a web server says of an address before it is read: how long it is, and the index of an MP4 file."""

from __future__ import annotations

import base64
import tempfile
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from tracker.arrays import FloatArray
from tracker.io.iso import FIRST, sample_times

PATIENCE = 3.0  # seconds
NO_HEAD = (405, 501)  # answers of a server that knows no HEAD
# They have a length, and what they list may go on for ever; FFmpeg knows how long it is, where it ends.
PLAYLISTS = (
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "application/dash+xml",
    "application/sdp",
)
MOST_BOXES = 16  # of an MP4 file before its index
LARGEST_INDEX = 1 << 26  # bytes


def content_length(url: str) -> int | None:
    """How many bytes there are at the address; None where the server does not say, as for a live stream."""
    try:
        return _length(_ask(url, "HEAD")[0])
    except urllib.error.HTTPError as error:
        if error.code not in NO_HEAD:
            return None
    except (OSError, ValueError):
        return None
    try:
        return _length(_ask(url, "GET", 0, 1)[0])
    except (OSError, ValueError):
        return None


def shown_at(url: str) -> FloatArray | None:
    """(N,) the seconds at which the frames of an MP4 file at the address show, by its index.

    None where it is no such file, its index does not tell, or the server gives no parts of it.
    """
    try:
        index = _index(url)
    except (OSError, ValueError):
        return None
    if index is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index.mp4"
        file.write_bytes(index)
        times = sample_times(file)
    return None if times is None else times[times > -1e-6]  # those that an edit list hides are not shown


def _index(url: str) -> bytes | None:
    """The box ``moov`` (ISO 14496-12, 8.2.1)."""
    position = 0
    for _ in range(MOST_BOXES):
        header = _part(url, position, 16)
        length, name = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8 or (position == 0 and name not in FIRST) or name == b"moof":
            return None
        if name == b"moov":
            return _part(url, position, length) if length <= LARGEST_INDEX else None
        position += length
    return None


def _part(url: str, start: int, count: int) -> bytes:
    """Bytes of the file. Raises OSError where the server gives others."""
    headers, data = _ask(url, "GET", start, count)
    if not headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        raise OSError("the server gives no parts")
    return data


def _length(headers: Message) -> int | None:
    if headers.get_content_type() in PLAYLISTS or headers.get_content_maintype() in ("multipart", "text"):
        return None
    length = headers.get("Content-Range", "").rpartition("/")[2] or headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _ask(url: str, method: str, start: int = 0, count: int = 0) -> tuple[Message, bytes]:
    """The headers of an answer, and up to ``count`` bytes of it."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), method=method)
    if at:
        request.add_header("Authorization", "Basic " + base64.b64encode(unquote(user).encode()).decode())
    if count:
        request.add_header("Range", f"bytes={start}-{start + count - 1}")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.headers, answer.read(count)
