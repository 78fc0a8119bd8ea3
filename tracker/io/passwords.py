"""Passwords in URLs, which are shown nowhere."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(://[^/@:]+):[^/@]*@")


def without_passwords(text: str) -> str:
    """The text with *** for the password in each ``scheme://user:password@host``."""
    return _PASSWORD.sub(r"\1:***@", text)
