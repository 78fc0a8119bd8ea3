"""How the options of the benchmarks are read."""

from __future__ import annotations

import argparse


def names(text: str) -> list[str]:
    """ "a,b" -> ["a", "b"]."""
    return [word for word in text.split(",") if word]


def sizes(text: str) -> list[int]:
    """ "10,100" -> [10, 100]; an error of argparse for anything but whole numbers above 0."""
    words = names(text)
    if not words or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers above 0, such as 10,100")
    return [int(word) for word in words]
