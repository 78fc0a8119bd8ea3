"""``track algos``: the algorithms and their settings."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracker.algorithms import algorithm, algorithms
from tracker.commands.stdout import put
from tracker.settings import Setting, settings_of

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers

WIDTH = 100


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``algos``."""
    parser = subparsers.add_parser(
        "algos", description="List each algorithm with its settings, their defaults and ranges.", allow_abbrev=False
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="algorithms, also your own (my_module:Mine); default the library's"
    )
    parser.add_argument(
        "--json", action="store_true", help="as JSON: kind, default, unit, range and sentence of each setting"
    )
    parser.add_argument("--defaults", action="store_true", help="as JSON: the default of each setting alone")
    parser.set_defaults(run=run_algos)


def run_algos(args: argparse.Namespace) -> int:
    """``track algos``."""
    found = {name: settings_of(algorithm(name)) for name in args.names or algorithms()}
    if args.json or args.defaults:
        describe = _defaults if args.defaults else _described
        put(json.dumps({name: describe(settings) for name, settings in found.items()}, indent=2) + "\n")
    else:
        print("\n\n".join(_table(name, settings) for name, settings in found.items()))
    return 0


def _defaults(settings: Mapping[str, Setting]) -> dict[str, Any]:
    return {name: setting.default for name, setting in settings.items()}


def _described(settings: Mapping[str, Setting]) -> dict[str, Any]:
    return {
        name: {"kind": s.kind, "default": s.default, "unit": s.unit, "range": s.range, "about": s.about}
        for name, s in settings.items()
    }


def _table(title: str, settings: Mapping[str, Setting]) -> str:
    """The algorithm's first line, then for each setting name, default, and its sentence with the range."""
    about = (sys.modules[algorithm(title).__module__].__doc__ or "").strip().splitlines()
    lines = textwrap.wrap(f"{title}  {about[0] if about else ''}".rstrip(), WIDTH, subsequent_indent="    ")
    names = max(map(len, settings), default=0)
    defaults = max((len(_default(setting)) for setting in settings.values()), default=0)
    for name, setting in settings.items():
        start = f"    {name:<{names}}  {_default(setting):<{defaults}}  "
        text = f"{setting.about} ({setting.range})" if setting.range else setting.about
        lines += textwrap.wrap(start + text, WIDTH, subsequent_indent=" " * len(start)) or [start.rstrip()]
    return "\n".join(lines)


def _default(setting: Setting) -> str:
    return "-" if setting.default is None else str(setting.default)
