"""The subcommand ``track count``: lines, zones, speed and a heat map, from results."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.stdout import put
from tracker.commands.words import add_invalid, add_places

if TYPE_CHECKING:
    from tracker.arrays import Image
    from tracker.commands.words import Subparsers
    from tracker.count import Ground, Line, Paths, Unique, Zone
    from tracker.io.run_folder import RunResults

_DESCRIPTION = """Count the people in results: who crosses a line and which way, who is in a zone and for how long. A
person has crossed when the foot (middle of the box's lower edge) was a band away on one side, then on the other, and
the path between went through the line. Ids that one person had one after the other count once."""


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``count``."""
    parser = subparsers.add_parser("count", description=_DESCRIPTION, allow_abbrev=False)
    add = parser.add_argument
    add(
        "results",
        metavar="RESULTS",
        help="the folder of a run, or a file: text, CVAT's XML, COCO's or BDD100K's JSON",
    )
    add_places(parser)
    add_invalid(parser, "RESULTS")
    add(
        "--band",
        type=float,
        metavar="X",
        help="least distance of the foot from a line or an edge on both sides, in box heights (default 0.1)",
    )
    add("--frame-rate", type=float, metavar="X", help="frames per second (default: that of run.json beside RESULTS)")
    add(
        "--merge-gap",
        default="1s",
        metavar="N",
        help="longest time between two ids of one person, in frames or as 1s (default 1s)",
    )
    add("--no-merge", dest="merge", action="store_false", help="take every id for a person of its own")
    add(
        "--ground",
        metavar="PIXELS=METRES",
        help='four points on the ground, for speeds: "100,200 400,200 500,300 50,300 = 0,0 4,0 4,10 0,10"',
    )
    add(
        "--names",
        metavar="FILE",
        help="class names for events: coco for COCO's 80, or a file: one per line, the names of a data.yaml, or JSON",
    )
    add("--heat", metavar="FILE.png", help="write a heat map of where the feet were; over the first frame of --video")
    add("--video", metavar="SOURCE", help="the video, for --heat")
    add("--overwrite", action="store_true", help="replace FILE.png")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print totals, events and visits as JSON and nothing else")
    form.add_argument("--csv", action="store_true", help="print the events as CSV and nothing else")
    parser.set_defaults(run=run_count)


def run_count(args: argparse.Namespace) -> int:
    """``track count``: count, and print what was counted; 0."""
    from tracker.commands.export import names_from
    from tracker.count import as_csv, as_dict, as_text, count, parse_ground, paths_of, unique
    from tracker.io.run_folder import read_run

    places = places_of(args.line, args.zone, args.band)
    ground = None if args.ground is None else parse_ground(args.ground)
    _check(args, places)
    names = None if args.names is None else names_from(args.names)
    run = read_run(args.results, invalid=args.invalid)
    rate = args.frame_rate or run.frame_rate
    merge_gap = _frames_or_seconds(args.merge_gap)
    gap = merge_gap if args.merge else None
    counts = count(run.rows, places, frame_rate=rate, merge_gap=gap, n_frames=run.frames, names=names or run.names)
    people = unique(run.rows, frame_rate=rate, merge_gap=merge_gap)
    measured = None
    if ground is not None:
        measured = _speeds(paths_of(run.rows, frame_rate=rate, merge_gap=gap), ground)
    if args.heat:
        _write_heat(args, run, rate)
    for note in _notes(run, rate) if not (args.json or args.csv) else []:
        print(f"track: note: {note}", file=sys.stderr)
    if args.json:
        said = {**as_dict(counts), "unique": vars(people), "frame_rate": rate}
        put(json.dumps(said if measured is None else {**said, "speed": measured}) + "\n")
    elif args.csv:
        put(as_csv(counts))
    else:
        print("\n".join([line for line in (as_text(counts), _people(people), _speed_line(measured)) if line]))
    return 0


def places_of(lines: Sequence[str], zones: Sequence[str], band: float | None = None) -> list[Line | Zone]:
    """What --line and --zone name; without a name they are line1, line2, ..., zone1, ..."""
    from tracker.count.places import BAND, check_names, parse_line, parse_zone

    share = BAND if band is None else band
    places: list[Line | Zone] = [parse_line(text, f"line{k}", share) for k, text in enumerate(lines, start=1)]
    places += [parse_zone(text, f"zone{k}", share) for k, text in enumerate(zones, start=1)]
    check_names(places)
    return places


def _check(args: argparse.Namespace, places: Sequence[Line | Zone]) -> None:
    if not (places or args.ground or args.heat):
        raise ValueError("nothing to count; give --line, --zone, --ground or --heat")
    if args.frame_rate is not None and not 0 < args.frame_rate < float("inf"):
        raise ValueError(f"--frame-rate {args.frame_rate}: give frames per second, above 0")
    if args.video and not args.heat:
        raise ValueError("--video is the picture below --heat; give --heat FILE.png too")
    if args.heat:
        from tracker.io.whole import check_target

        if Path(args.heat).suffix.lower() != ".png":
            raise ValueError(f"--heat {args.heat}: give a name that ends in .png")
        check_target(Path(args.heat), "--heat", overwrite=args.overwrite)


def _frames_or_seconds(gap: str) -> float | str:
    """Frames as a number, seconds as the text they are."""
    try:
        return float(gap)
    except ValueError:
        return gap


def _notes(run: RunResults, rate: float | None) -> list[str]:
    from tracker.rows import notes_of
    from tracker.spelling import shown

    notes = [f"{run.path}: {note}" for note in notes_of(run.rows)]
    if not len(run.rows):
        notes.append(f"{run.path}: has no rows, so there is nothing to count")
    if rate is None:
        notes.append(f"{run.path}: frame rate unknown, so times and stays are left out; give --frame-rate")
    return [shown(note) for note in notes]


def _people(people: Unique) -> str:
    return f"people: {people.best} (between {people.low} and {people.high})"


def _speeds(paths: Paths, ground: Ground) -> dict[str, Any]:
    """The median speed of each person, and the share of points without a speed."""
    import numpy as np

    from tracker.count import speeds

    found = speeds(paths, ground)
    known = np.isfinite(found.speeds)
    outside = np.isnan(ground.to_metres(paths.feet)).any(axis=1)
    people = {}
    for id in np.unique(paths.ids[known]).tolist():
        own = known & (paths.ids == id)
        middle = float(np.median(found.speeds[own])), float(np.median(found.errors[own]))
        people[str(id)] = {"median": round(middle[0], 3), "error": round(middle[1], 3)}
    return {
        "people": people,
        "points": len(paths),
        "outside": int(np.count_nonzero(outside)),
        "measured": int(known.sum()),
    }


def _speed_line(measured: dict[str, Any] | None) -> str:
    if measured is None:
        return ""
    outside = f"{measured['outside']} of {measured['points']} points lie outside the four points"
    speeds = sorted(person["median"] for person in measured["people"].values())
    if not speeds:
        return f"speed: of nobody ({outside})"
    return f"speed: median {speeds[len(speeds) // 2]:.2f} m/s of {len(speeds)} people ({outside})"


def _write_heat(args: argparse.Namespace, run: RunResults, rate: float | None) -> None:
    import cv2

    from tracker.count import draw_heat, heat_map
    from tracker.io.whole import whole

    image = _picture(args.video, run)
    heat = heat_map(run.rows, (image.shape[1], image.shape[0]), frame_rate=rate or 1.0)
    encoded = cv2.imencode(".png", draw_heat(image, heat))[1]
    with whole(Path(args.heat)) as part:
        part.write_bytes(encoded.tobytes())


def _picture(video: str | None, run: RunResults) -> Image:
    """The first image of the video, or a dark one of the video's size, or else as large as the boxes need."""
    import numpy as np

    if video is not None:
        from tracker.io.video import open_source

        with open_source(video) as source:
            for frame in source:
                if frame.image is not None:
                    return frame.image
        raise ValueError(f"--video {video}: has no image; give the video of these tracks")
    reach = np.ceil(run.rows.boxes[:, 2:].max(axis=0, initial=1)).astype(int).tolist()
    width, height = run.size or (max(1, min(n, 8192)) for n in reach)
    return np.full((height, width, 3), 24, dtype=np.uint8)
