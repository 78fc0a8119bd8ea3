"""What a web server says of an address before it is read."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit, urlunsplit

PATIENCE = 3.0  # seconds
NO_HEAD = (405, 501)  # answers of a server that knows no HEAD


def content_length(url: str) -> int | None:
    """How many bytes there are at the address; None where the server does not say, as for a live stream."""
    try:
        return _length(url, "HEAD", {})
    except urllib.error.HTTPError as error:
        if error.code not in NO_HEAD:
            return None
    except (OSError, ValueError):
        return None
    try:
        return _length(url, "GET", {"Range": "bytes=0-0"})
    except (OSError, ValueError):
        return None


def _length(url: str, method: str, headers: dict[str, str]) -> int | None:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), method=method, headers=headers)
    if at:
        request.add_header("Authorization", "Basic " + base64.b64encode(unquote(user).encode()).decode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        if answer.headers.get_content_maintype() == "multipart":
            return None
        length = answer.headers.get("Content-Range", "").rpartition("/")[2] or answer.headers.get("Content-Length")
        return int(length) if length and length.isdigit() else None
