"""The subcommand that repairs results offline: ``track refine``."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.stdout import put
from tracker.commands.words import add_invalid

if TYPE_CHECKING:
    from tracker.arrays import FloatArray
    from tracker.io.video import Frame, Source
    from tracker.refine import Merge
    from tracker.rows import Rows

_DESCRIPTION = """Repair results offline: merge tracks of one object, fill gaps, smooth. Each merge is printed with its
reason. In the files written, column 10 is 1 in interpolated rows and -1 in observed ones, which the official kit
ignores."""

# What repairs, and --edits does not.
_REPAIRS = ("merge", "merge_gap", "merge_overlap", "video", "reid", "max_distance", "max_gap", "support", "smooth")
_UNNAMED = (None, True, "rts")  # their values where they are not named


def add_parsers(subparsers: Any) -> None:
    """Register ``refine``."""
    parser = subparsers.add_parser("refine", description=_DESCRIPTION, allow_abbrev=False)
    add = parser.add_argument
    add("results", metavar="RESULTS", help="a results file, a folder of <seq>.txt, or a folder of trackers' folders")
    add(
        "-o",
        "--output",
        dest="out",
        metavar="OUT",
        help="file, or folder for a folder (default: for a file the folder refined beside it, for a folder one with "
        "-refined in its name)",
    )
    add("--overwrite", action="store_true", help="replace files that exist")
    add(
        "--edits",
        metavar="FILE",
        help="replay the corrections of an edits.json, made by hand in `track report`, and do nothing else",
    )
    add("--no-merge", dest="merge", action="store_false", help="keep every id as it is")
    add(
        "--merge-gap",
        metavar="N",
        help="longest time between two tracks of one object, in frames, or seconds as 1.5s (default 30)",
    )
    add(
        "--merge-overlap",
        type=float,
        metavar="X",
        help="least IoU of each track, predicted across the gap, with the other's box (default 0.3; 0.01 with --video)",
    )
    add(
        "--video",
        metavar="SOURCE",
        help="their video: merging then compares appearance too, and predictions need only touch",
    )
    add("--reid", metavar="WHAT", help="embedder for --video: default, histogram or MODEL.onnx (default default)")
    add("--max-distance", type=float, metavar="X", help="largest cosine distance of tracks to merge (default 0.2)")
    add(
        "--max-gap",
        metavar="N",
        help="longest gap within a track to fill, in frames or seconds; 0 fills none (default 20)",
    )
    add(
        "--support",
        type=float,
        metavar="X",
        help="observed rows that a track needs on either side of a gap for each missing one; 0 fills all (default 3)",
    )
    add(
        "--smooth",
        choices=("rts", "gaussian", "off"),
        default="rts",
        help="Rauch-Tung-Striebel, or StrongSORT's Gaussian process (default rts)",
    )
    add("--frame-rate", type=float, metavar="X", help="frames per second, for seconds (default: the video's, else 30)")
    add_invalid(parser, "RESULTS")
    add("--report", metavar="FILE", help="write the merges, with their reasons, to FILE.csv or FILE.json")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run_refine)


def run_refine(args: argparse.Namespace) -> int:
    """``track refine``: repair every file and say what was done; 0."""
    from tracker.io.mot import read_results
    from tracker.refine import refine
    from tracker.rows import notes_of
    from tracker.spelling import shown

    _check_options(args)
    if args.edits:
        return _replay(args)
    targets = _targets(Path(args.results), args.out, args.video)
    _check_targets(targets, args.report, args.overwrite)
    settings = _settings(args)
    rows_of = {source: read_results(source, invalid=args.invalid) for source in targets}
    if not args.quiet:
        for source, rows in rows_of.items():
            for note in notes_of(rows):
                print(shown(f"track: note: {source}: {note}"), file=sys.stderr)
    for target in targets.values():
        target.parent.mkdir(parents=True, exist_ok=True)
    if args.video:
        (rows,) = rows_of.values()
        settings["embeddings"] = _appearance(rows, args.video, args.reid or "default", args.json or args.quiet)

    done: list[dict[str, Any]] = []
    for source, target in targets.items():
        refined, merges = refine(rows_of[source], **settings)
        _write(target, refined)
        done.append(_summary(source, target, rows_of[source], refined, merges))
        if not args.json and not args.quiet:
            _say(done[-1])
    if args.report:
        _report(Path(args.report), done)
    if args.json:
        put(json.dumps({"results": done}) + "\n")
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that have no effect together."""
    repairs = [option for option in (*_REPAIRS, "frame_rate", "report") if getattr(args, option) not in _UNNAMED]
    if args.edits and repairs:
        option = "no-merge" if repairs[0] == "merge" else repairs[0].replace("_", "-")
        raise ValueError(
            f"--{option}: --edits replays edits and does nothing else; refine what it writes in a second run"
        )
    if not args.video and (args.reid or args.max_distance is not None):
        raise ValueError("--reid and --max-distance compare appearance; name the video with --video")
    for name in ("video", "merge_gap", "merge_overlap"):
        if not args.merge and getattr(args, name) is not None:
            raise ValueError(f"--{name.replace('_', '-')} is for merging; leave it out, or --no-merge")
    if args.report and Path(args.report).suffix.lower() not in (".csv", ".json"):
        raise ValueError(f"--report {args.report}: give a name that ends in .csv or .json")
    if args.report and not Path(args.report).parent.is_dir():
        raise ValueError(f"--report {args.report}: no such folder; make it first")


def _replay(args: argparse.Namespace) -> int:
    """``track refine RUN --edits FILE``: one file, and the edits alone."""
    from tracker.io.run_folder import TEXT, read_run
    from tracker.refine.edits import apply_edits, read_edits, refuse_other
    from tracker.spelling import number_of, shown

    given = Path(args.results)
    run = read_run(given, invalid=args.invalid)
    source = run.path
    (target,) = _targets(source, args.out or str(_beside(given)), None).values()
    if given.is_dir() and target.suffix != source.suffix:
        target /= TEXT
    _check_targets({source: target}, None, args.overwrite)
    edits = read_edits(args.edits)
    try:
        refuse_other(edits, run.source, run.size)
        rows = apply_edits(run.rows, edits.edits)
    except ValueError as error:
        raise ValueError(f"--edits {args.edits}: {error}") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, rows)
    done = {**_summary(source, target, run.rows, rows, []), "edits": [str(edit) for edit in edits.edits]}
    if args.json:
        put(json.dumps({"results": [done]}) + "\n")
    elif not args.quiet:
        said = f"{number_of(len(edits.edits), 'edit')} replayed, {_rows_of(len(rows), done['tracks'])}"
        print(f"{shown(str(source))}: {said}")
        print(f"tracks: {shown(str(target))}")
    return 0


def _targets(given: Path, named: str | None, video: str | None) -> dict[Path, Path]:
    """The file to write for each results file. given: RESULTS. named: OUT, None for the default name."""
    from tracker.evaluate.sequences import find_results
    from tracker.io.passwords import refuse_url

    refuse_url(given if named is None else named, "a file or a folder")
    out = _beside(given) if named is None else Path(named)
    if given.is_file() or not given.exists():
        folder = out.is_dir() or (named or "").endswith(("/", os.sep))
        return {given: out / given.name if folder else out}
    if video:
        raise ValueError(f"{given}: is a folder; --video is the video of one results file, give that")
    if out.is_file():
        raise ValueError(f"{out}: is a file; give a folder to write to")
    targets: dict[Path, Path] = {}
    found = find_results(given)
    for tracker, files in found.items():
        folder_of = out if len(found) == 1 else out / tracker
        targets |= {file: folder_of / file.name for file in (files.values() if isinstance(files, dict) else [files])}
    return targets


def _beside(given: Path) -> Path:
    """Where results go without -o, relative where they are: not among those that the next command reads."""
    plain = Path(os.path.abspath(given))
    out = plain.parent / "refined" / plain.name if given.is_file() else plain.with_name(f"{plain.name}-refined")
    return out if given.is_absolute() else Path(os.path.relpath(out))


def _check_targets(targets: dict[Path, Path], report: str | None, overwrite: bool) -> None:
    """Refuse to replace a results file that is read, and, without ``overwrite``, any file that exists."""
    inputs = {source.resolve() for source in targets}
    for target in [*targets.values(), *([Path(report)] if report else [])]:
        if target.resolve() in inputs:
            raise ValueError(f"{target}: is one of the files to read; write to another place with -o")
        if target.is_dir():
            raise ValueError(f"{target}: is a folder; give a file")
        if target.exists() and not overwrite:
            raise ValueError(f"{target}: exists; give another name with -o, or --overwrite")


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``refine``, times in frames. Raises ValueError for values that it refuses."""
    from tracker.refine import as_rows, refine
    from tracker.settings import frames_of

    rate = args.frame_rate
    if rate is not None and not (rate > 0 and rate < float("inf")):
        raise ValueError(f"--frame-rate {rate}: give frames per second, above 0")
    if rate is None and args.video:
        from tracker.io.video import open_source

        with open_source(args.video) as source:
            rate = source.frame_rate
    given = {name: getattr(args, name) for name in ("support", "merge_overlap", "max_distance", "merge_gap", "max_gap")}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given.keys() & {"merge_gap", "max_gap"}:
        given[name] = frames_of(given[name], rate or 30.0, f"--{name.replace('_', '-')}")
    settings = {"merging": args.merge, "smooth": args.smooth, **given}
    refine(as_rows([], [], []), **settings)  # refuses bad values before the video is read
    return settings


def _appearance(rows: Rows, video: str, reid: str, quiet: bool) -> FloatArray:
    """The mean embedding of each track, from the video."""
    from tracker.embed import open_embedder
    from tracker.io.video import open_source
    from tracker.refine import mean_embeddings

    with open_source(video) as source, closing(_frames(source, rows.last_frame, quiet)) as frames:
        if source.live:
            raise ValueError(f"{video}: is live; --video takes the recording that was tracked")
        try:
            return mean_embeddings(rows, frames, open_embedder(reid))
        except ValueError as error:
            raise ValueError(f"{video}: {error}") from None


def _frames(source: Source, last: int, quiet: bool) -> Generator[Frame, None, None]:
    """The frames of a source, with a line of progress towards frame ``last`` unless ``quiet``."""
    from tracker.progress import Progress

    progress = None if quiet else Progress("frame", max(last, 1))
    try:
        for frame in source:
            if progress is not None:
                progress(frame.number)
            yield frame
    finally:
        if progress is not None:
            progress.close()


def _write(target: Path, rows: Rows) -> None:
    """Write the file whole or not at all. Raises ValueError where it cannot be written."""
    from tracker.io.mot import write_results
    from tracker.io.whole import whole

    with whole(target) as part:
        write_results(part, rows)


def _summary(source: Path, target: Path, rows: Rows, refined: Rows, merges: list[Merge]) -> dict[str, Any]:
    """What was done to one file, ready for JSON."""
    return {
        "source": str(source),
        "written": str(target),
        "tracks_before": len(rows.by_track().spans),
        "tracks": len(refined.spans),
        "rows_before": len(rows),
        "rows": len(refined),
        "interpolated": int(refined.interpolated.sum() - rows.interpolated.sum()),
        "merges": [_link(link) for link in merges],
    }


def _link(link: Merge) -> dict[str, Any]:
    distance = None if link.distance is None else round(link.distance, 4)
    return {**asdict(link), "overlap": round(link.overlap, 4), "distance": distance, "reason": str(link)}


def _rows_of(rows: int, tracks: int) -> str:
    from tracker.spelling import number_of

    return f"{number_of(rows, 'row')} of {number_of(tracks, 'track')}"


def _say(done: dict[str, Any]) -> None:
    from tracker.spelling import number_of, shown

    source = shown(done["source"])
    print(
        f"{source}: {_rows_of(done['rows_before'], done['tracks_before'])}; "
        f"{number_of(len(done['merges']), 'track')} merged, {number_of(done['interpolated'], 'row')} interpolated"
    )
    for link in done["merges"]:
        print(f"  {link['reason']}")
    print(f"tracks: {shown(done['written'])}")
    if done["rows_before"] == 0:
        print(f"track: note: {source} has no rows, so the file written has none", file=sys.stderr)


def _report(path: Path, done: list[dict[str, Any]]) -> None:
    """Write the summaries as JSON, or the merges as CSV. Raises ValueError where the file cannot be written."""
    text = json.dumps({"results": done}, indent=2) + "\n" if path.suffix.lower() == ".json" else _merges_csv(done)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path}: cannot be written ({error.strerror}); check the folder") from None


def _merges_csv(done: list[dict[str, Any]]) -> str:
    from tracker.spelling import cell

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["source", "kept", "merged", "gap", "overlap", "distance", "reason"])
    for result in done:
        writer.writerows([cell(result["source"]), *link.values()] for link in result["merges"])
    return out.getvalue()
