"""Options that several commands have, and how their values are read: ``--set KEY=VALUE ...``, ``--sequences A,B``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracker.kinds import SCORE_KINDS

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction

    from tracker.workers.engine import Engine

    Subparsers = _SubParsersAction[ArgumentParser]

ALGORITHMS = "`track algos` lists them; or a class of your own, my_module:Mine or ./mine.py:Mine"


def add_settings(parser: ArgumentParser, about: str) -> None:
    """Add the option ``--set``, whose values ``settings_of`` reads."""
    parser.add_argument(
        "--set", dest="settings", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=about
    )


def settings_of(words: Sequence[str]) -> dict[str, str]:
    """The values of ``--set`` by key. Raises ValueError for one that is not KEY=VALUE."""
    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError(f"--set {word}: give KEY=VALUE, a key=value pair such as max_age=30")
        settings[key.strip()] = value.strip()
    return settings


def add_scores(parser: ArgumentParser) -> None:
    """Add the option ``--scores``: what the scores of recorded detections are."""
    parser.add_argument(
        "--scores",
        choices=SCORE_KINDS,
        help="what the scores of recorded detections are; they become probabilities first (default: as they are; "
        "steady finds their scale)",
    )


def add_rules(parser: ArgumentParser) -> None:
    """Add the option ``--rules`` of what is scored; ``tracker.evaluate.rules.rules_by_name`` knows the names."""
    parser.add_argument(
        "--rules",
        metavar="NAME",
        default="auto",
        help="which rows are scored: auto (recognised from the data, the default), mot15, mot16, mot17, mot20, "
        "dancetrack, sportsmot, plain, coco, visdrone, bdd100k; of one class alone: kitti-car, kitti-pedestrian, "
        "visdrone-car, bdd100k-car, ...; kitti and visdrone also say what form the text of GT has",
    )


def add_invalid(parser: ArgumentParser, files: str) -> None:
    """Add the option ``--invalid``: what happens to bad rows of ``files``."""
    parser.add_argument(
        "--invalid",
        choices=("raise", "drop"),
        default="raise",
        help=f"bad rows of {files} (negative sizes, NaN, frames below 1, an id twice): raise names the first "
        "and stops, drop leaves them out and counts them (default raise)",
    )


def add_tree_options(parser: ArgumentParser) -> None:
    """Add the options of the commands that track a whole tree and score it: bench and tune."""
    parser.add_argument(
        "--reid",
        metavar="WHAT",
        help="embedder for every algorithm that takes embeddings: default, histogram, MODEL.onnx or MODEL.xml (without "
        "--reid: the packaged model, for algorithms that need one)",
    )
    add_rules(parser)
    add_scores(parser)
    add_invalid(parser, "detections and ground truth")
    parser.add_argument(
        "--camera-motion",
        default="auto",
        metavar="HOW",
        help="what tells how the camera moves: pairs (the tracks and detections themselves), gmc (the file in each "
        "sequence's folder gmc), a file of affine maps, a folder of <seq>.txt, or off; for a camera that stands still "
        "such files cost HOTA (default auto: pairs for steady, off for the others)",
    )
    parser.add_argument("--sequences", metavar="A,B", help="only these sequences")


def add_places(parser: ArgumentParser) -> None:
    """Add the options ``--line`` and ``--zone``, which ``tracker.commands.count.places_of`` reads."""
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        metavar="NAME=X,Y X,Y",
        help='count at a line, in pixels: "door=100,200 400,200"; may be given again. "in" is from the left-hand side '
        "of the arrow from the first to the second point to its right-hand side, here downwards",
    )
    parser.add_argument(
        "--zone",
        action="append",
        default=[],
        metavar="NAME=X,Y X,Y X,Y ...",
        help='count in a polygon: "hall=10,10 90,10 90,80"; may be given again',
    )


def add_engine(parser: ArgumentParser, about: str = "worker processes (default: one for each processor)") -> None:
    """Add the options that say which workers run, which ``engine_of`` reads; about: the help of --workers."""
    from tracker.workers.open import ENGINES

    add = parser.add_argument
    add("--workers", type=count, metavar="N", help=about)
    add("--engine", choices=ENGINES, default="local", help="processes of this machine, or a cluster (default local)")
    add("--address", metavar="HOST:PORT", help="of the Dask scheduler or the Ray cluster; without it one is begun here")


def engine_of(args: Namespace) -> Engine:
    """The workers that the options name."""
    from tracker.workers.open import open_engine

    return open_engine(args.engine, workers=args.workers, address=args.address)


@contextmanager
def shared_engine(args: Namespace) -> Iterator[Engine | None]:
    """The same where an option names workers, let go at the end; None where the work stays in this process."""
    if args.workers is None and args.engine == "local" and args.address is None:
        yield None
        return
    engine = engine_of(args)
    at_once = True
    try:
        yield engine
        at_once = False
    finally:
        engine.close(at_once=at_once)


def count(text: str) -> int:
    """A whole number from 1, as argparse's ``type``."""
    import argparse

    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return value


UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds_of(text: str | None, option: str, *, zero: bool = False) -> float | None:
    """The seconds in "90", "90s", "10m", "1h" or "1d"; None for no text. Raises ValueError, naming the option.

    zero  whether 0 is allowed
    """
    if text is None:
        return None
    number, unit = (text, "") if text[-1:].isdigit() else (text[:-1], text[-1:].lower())
    try:
        seconds = float(number) * UNITS[unit]
    except (ValueError, KeyError):
        seconds = float("nan")
    if not (0 < seconds < float("inf") or (zero and seconds == 0)):
        least = "0 or more" if zero else "above 0"
        raise ValueError(f"{option} {text}: give a time {least}, such as 30s, 10m or 1h")
    return seconds


def names_of(text: str | None) -> list[str] | None:
    """The names in a list separated by commas; None for no text."""
    return [name.strip() for name in text.split(",") if name.strip()] if text else None
