"""The subcommand ``track export``: results in the formats of other tools."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.commands.words import add_invalid

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.export import Table
    from tracker.io.run_folder import RunResults

_FORMS = (
    "csv, jsonl, parquet, summary (a line per track), coco, yolo, cvat, mot-zip, fiftyone, trackeval, or crops (of "
    "each track the best image of each second, which needs --video)"
)


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``export``."""
    parser = subparsers.add_parser(
        "export", description="Write results in the formats of other tools.", allow_abbrev=False
    )
    add = parser.add_argument
    add(
        "results",
        metavar="RESULTS",
        help="the folder of a run, or a file: text, CVAT's XML, COCO's or BDD100K's JSON",
    )
    add("--to", required=True, metavar="FORMAT", help=_FORMS)
    about = "file, or for yolo, trackeval and crops folder (default: beside RESULTS)"
    add("-o", "--output", dest="out", metavar="OUT", help=about)
    add(
        "--names",
        metavar="FILE",
        help="class names: coco for COCO's 80, or a file: one per line, the names of a data.yaml, or JSON",
    )
    add("--video", metavar="SOURCE", help="the video, for frame rate and size where run.json does not tell")
    add("--frame-rate", type=float, metavar="X", help="frames per second (default: that of run.json beside RESULTS)")
    add("--size", metavar="WxH", help="size of the images in pixels, such as 1280x720 (default: that of run.json)")
    add_invalid(parser, "RESULTS")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """``track export``: write one file, or the files of one folder; 0."""
    from tracker.export import export
    from tracker.export.formats import format_named
    from tracker.io.run_folder import read_run
    from tracker.io.sinks import fresh_folder
    from tracker.io.whole import check_target
    from tracker.rows import notes_of
    from tracker.spelling import shown

    if args.to == "crops":
        return _write_crops(args)
    form = format_named(args.to)
    names = None if args.names is None else names_from(args.names)
    run = read_run(args.results, invalid=args.invalid)
    names = run.names if names is None else names
    table = _table(run, args, names)
    out = Path(args.out) if args.out else run.path.with_name(form.name)
    if form.folder:
        fresh_folder(out, overwrite=args.overwrite)
    else:
        check_target(out, "-o", overwrite=args.overwrite)
        if out.resolve() == run.path.resolve():
            raise ValueError(f"-o {out}: is the file to read; give another name")
    export(table, args.to, out)
    if not args.quiet:
        for note in [*notes_of(run.rows), *_lacking(table, args.to)]:
            print(shown(f"track: note: {run.path}: {note}"), file=sys.stderr)
        print(shown(f"{args.to}: {out}"))
    return 0


def _write_crops(args: argparse.Namespace) -> int:
    """Write crops of every track from the video; 0."""
    from tracker.export.crops import NAME, CropSink, steps_of
    from tracker.io.run_folder import read_run
    from tracker.io.sinks import fresh_folder
    from tracker.io.video import open_source
    from tracker.rows import notes_of
    from tracker.spelling import number_of, shown

    if args.video is None:
        raise ValueError("--to crops cuts images, and needs the video of these tracks; give --video SOURCE")
    run = read_run(args.results, invalid=args.invalid)
    with open_source(args.video) as source:
        if not source.has_images:
            raise ValueError(f"--video {args.video}: has no images; give the video of these tracks")
        sink = CropSink(fresh_folder(args.out or run.path.with_name(NAME), overwrite=args.overwrite))
        sink.clear()
        for step in steps_of(run.rows, source):
            sink.write(step)
        sink.close()
    if not args.quiet:
        notes = [*notes_of(run.rows), *([] if sink.count else ["no box of the video gave a crop"])]
        for note in notes:
            print(shown(f"track: note: {run.path}: {note}"), file=sys.stderr)
        print(shown(f"crops: {sink.folder} ({number_of(sink.count, 'image')})"))
    return 0


def names_from(given: str) -> Mapping[int, str]:
    """The class names that --names stands for."""
    if given.lower() == "coco" and not Path(given).exists():
        from tracker.detect.coco import COCO

        return dict(enumerate(COCO))
    from tracker.detect.names_file import read_names

    return read_names(given)


def _table(run: RunResults, args: argparse.Namespace, names: Mapping[int, str]) -> Table:
    """The results with what the options, the video and run.json tell, in this order."""
    from tracker.export import table_of

    rate, size, frames, name = run.frame_rate, run.size, run.frames, run.source or run.path.stem
    if args.video:
        from tracker.io.video import open_source

        with open_source(args.video) as source:
            rate, size, frames = source.frame_rate, source.size or size, source.n_frames or frames
            name = source.name
    if args.frame_rate is not None:
        rate = args.frame_rate
        if not 0 < rate < float("inf"):
            raise ValueError(f"--frame-rate {rate}: give frames per second, above 0")
    if args.size is not None:
        size = _size(args.size)
    return table_of(run.rows, frame_rate=rate, size=size, n_frames=frames, source=name, names=names)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"--size {text}: give width x height in pixels, such as 1280x720")
    return int(width), int(height)


def _lacking(table: Table, form: str) -> list[str]:
    """What a table with columns leaves empty."""
    if form not in ("csv", "jsonl", "parquet", "summary"):
        return []
    notes = []
    if table.frame_rate is None:
        notes.append("frame rate unknown, so times are empty; give --frame-rate or --video")
    if table.rows.has_classes and not table.names:
        notes.append("names of classes unknown, so they are empty; give --names")
    return notes
