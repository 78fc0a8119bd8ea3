"""Passwords and tokens in URLs, which are shown nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

# One slash too: a path made of a URL loses the other.
_URL = re.compile(r"([a-z][a-z0-9+.-]+:/{1,2})(\S+)", re.IGNORECASE)
_WHOLE = re.compile(r"([a-z][a-z0-9+.-]+:/{1,2})(.+)", re.IGNORECASE | re.DOTALL)
_WEB = re.compile(r"https?:", re.IGNORECASE)
# An address whose scheme was left out, which a path may be: me:password@host:8080/x.
_BARE = re.compile(r"(?<![^\s'\"=])([\w.+-]+):([^\s/@]+)@(?=[\w-]+[.:]|\[)")
# In the query by any name, where the value is longer than those of ?channel=1&stream=main.
_QUERY = re.compile(r"([?&;][^?&;=#\s/]*=)[^&;#\s'\"]{5,}")
# By their names in the fragment too, and in the path, where some cameras want them.
_SECRET = re.compile(
    r"((?:^|[?&;#/_,])[^?&;#/=]*(?:token|key|pass|pwd|secret|sig|auth|cred|session|code)[^?&;#/=]*=)[^&;#\s'\"]*",
    re.IGNORECASE,
)


def without_passwords(text: str) -> str:
    """The text with *** for what is secret in each URL: the password of ``user:password@``, a ``token@`` without a
    user, the values of parameters named like token, key, password or signature, and all of a query longer than 4
    characters. ``user:password@host`` without a scheme counts as a URL.

    A text that begins with a URL is one as a whole: its password may hold spaces, / and @.
    """
    whole = _WHOLE.fullmatch(text)
    return _masked(whole) if whole else _BARE.sub(r"\1:***@", _URL.sub(_masked, text))


def without_passwords_of(words: Iterable[str], text: str) -> str:
    """The text, which may quote words of a command line, without their passwords: these may hold spaces."""
    for word in words:
        for part in (word, word.partition("=")[2]):
            masked = without_passwords(part)
            if masked != part:
                text = text.replace(part, masked).replace(" ".join(part.split()), masked)
    return without_passwords(text)


def _masked(url: re.Match[str]) -> str:
    scheme, rest = url[1], url[2]
    user, at, address = rest.rpartition("@")
    if at and (not _WEB.match(scheme) or ":" in user.partition("/")[0] or "/" not in user):
        name, colon, _ = user.partition(":")
        rest = (f"{name}:***@" if colon else "***@") + address
    path, mark, query = _SECRET.sub(r"\1***", rest).partition("?")
    return scheme + path + _QUERY.sub(r"\1***", mark + query)


def place_of(url: str) -> str:
    """What names a URL's stream in a file name: the last part of its path, or else its host; no user, no query."""
    address = re.split(r"[?#;]", _WHOLE.sub(r"\2", without_passwords(url)))[0]
    server, _, path = address.partition("/")
    return PurePosixPath(path.strip("/")).stem or server.rpartition("@")[2].partition(":")[0]


def refuse_url(path: str | os.PathLike[str], what: str) -> None:
    """Raise ValueError where the path to write to is a URL: a folder of its name would show its password.

    what  to give instead
    """
    if _WHOLE.match(os.fspath(path)):
        raise ValueError(f"{without_passwords(os.fspath(path))}: is a URL; give {what} to write to")


def is_url(text: str) -> bool:
    """Whether the text is a URL and not a path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", text, re.IGNORECASE) is not None
