"""``track models``: the detectors that can be fetched by name, and those that the user added."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``models``, and ``get`` and ``add`` below it."""
    models = subparsers.add_parser(
        "models", description="List the detectors that --detector takes by name.", allow_abbrev=False
    )
    models.add_argument("--json", action="store_true", help="as JSON, with hash, classes, notice and file of each")
    models.set_defaults(run=run_list)
    actions = models.add_subparsers(metavar="{get,add}")

    get = actions.add_parser("get", description="Fetch models into the cache; prints their files.", allow_abbrev=False)
    get.add_argument("names", nargs="+", metavar="NAME", help="as `track models` lists it")
    get.set_defaults(run=run_get)

    add = actions.add_parser("add", description="Copy a model of your own into the cache.", allow_abbrev=False)
    add.add_argument("file", metavar="MODEL.onnx", help="weights in files beside it are copied too")
    add.add_argument("--name", required=True, help="what --detector shall call it: a-z, 0-9, - and _")
    add.add_argument("--overwrite", action="store_true", help="replace a model of that name")
    add.set_defaults(run=run_add)


def run_list(args: argparse.Namespace) -> int:
    """``track models``."""
    from tracker.detect.auto import STORE

    rows = [_facts(name) for name in (*STORE.catalogue, *STORE.own)]
    if args.json:
        from tracker.commands.stdout import put

        put(json.dumps(rows, indent=2) + "\n")
        return 0
    cells = [("name", "size", "licence", "here", "what it is")]
    for row in rows:
        here = "no" if row["file"] is None else "yes"
        cells.append((row["name"], f"{row['size'] / 1e6:.1f} MB", row["licence"] or "-", here, row["about"]))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip())
    print(f"in {STORE.folder}; `track models get NAME` fetches one, `track models add FILE --name NAME` adds your own")
    return 0


def _facts(name: str) -> dict[str, Any]:
    from tracker.detect.auto import STORE

    model, path = STORE.catalogue.get(name), STORE.path(name)
    file = None if path is None else str(path)
    if model is None:
        assert path is not None
        about = f"your own, {path.name}"
        return {"name": name, "size": path.stat().st_size, "licence": None, "about": about, "file": file}
    return {
        "name": name,
        "size": model.size,
        "licence": model.licence,
        "about": model.about,
        "file": file,
        "url": model.where,
        "sha256": model.sha256,
        "head": model.head,
        "classes": list(model.classes),
        "notice": model.notice,
    }


def run_get(args: argparse.Namespace) -> int:
    """``track models get``."""
    from tracker.detect.auto import STORE
    from tracker.models import FetchError

    for name in args.names:
        try:
            path = STORE.get(name)
        except FetchError as error:
            raise ValueError(f"{error}; or {STORE.catalogue[name].by_hand(error)}") from None
        print(path)
    return 0


def run_add(args: argparse.Namespace) -> int:
    """``track models add``."""
    from tracker.detect.auto import STORE
    from tracker.detect.onnx import HeadError
    from tracker.detect.select import EXPORTS, RESERVED, open_detector
    from tracker.detect.session import model_files

    file = Path(args.file).expanduser()
    if file.suffix.lower() not in (".onnx", *EXPORTS):
        raise ValueError(f"{args.file}: is no ONNX model; give a file that ends in .onnx")
    try:
        open_detector(str(file))
    except HeadError as error:
        print(f"track: note: {error}", file=sys.stderr)
    print(STORE.add(model_files(file), args.name, reserved=RESERVED, overwrite=args.overwrite))
    return 0
