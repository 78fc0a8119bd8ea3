"""The subcommand ``track many``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.commands.run import INTERRUPTED, PARTIAL, add_options, look_of, options_of
from tracker.commands.words import add_engine, engine_of, names_of
from tracker.spelling import number_of, shown

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.many import Job, Outcome, Video
    from tracker.run.open import Options
    from tracker.workers.engine import Engine

NAME = "{name}"  # in --detector and others: the name of each video


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``many``."""
    parser = subparsers.add_parser(
        "many",
        usage="track many SOURCE... -o OUT [options]",
        allow_abbrev=False,
        description="Track many videos, each into a folder of its own, OUT/NAME. A second call does only what is "
        "missing or changed. A video that fails is tried once more, written down, and stops no other. OUT/index.html "
        "lists them all.",
    )
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help="video, sequence folder, URL (s3://... with fsspec), quoted pattern such as 'clips/*.mp4', or LIST.txt: a "
        "video a line, and after a tab the name of its folder where that is not the file's",
    )
    add_options(parser)
    add_engine(parser)
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="only every Nth video from the Ith on, so that N calls (a SLURM array) share them",
    )
    parser.set_defaults(run=run_many)


def run_many(args: argparse.Namespace) -> int:
    """Track what is missing; 0, or 1 where a video failed or is incomplete, or 130."""
    from tracker.many import chosen, listed
    from tracker.many.page import write_summary
    from tracker.many.schedule import claim

    if not args.sources and args.settings and "=" not in args.settings[-1]:
        raise ValueError("no SOURCE given; put the videos before --set")
    if not args.sources:
        raise ValueError("no SOURCE given; name videos, a quoted pattern such as 'clips/*.mp4', or LIST.txt")
    if args.out is None:
        raise ValueError("-o OUT is missing: the folder that gets a folder for each video")
    videos, notes = listed(args.sources)
    mine = chosen(videos, args.shard)
    jobs = _jobs(args, mine)
    for note in [] if args.json or args.quiet else notes:
        print(f"track: note: {note}", file=sys.stderr)
    folder = Path(args.out)
    engine = engine_of(args)  # before the folder is made: a cluster may not answer
    claimed = claim(folder, args.shard)
    try:
        found, interrupted = _track(args, jobs, engine)
        if args.shard is None:
            order = {job.name: place for place, job in enumerate(jobs)}
            write_summary(folder, sorted(found, key=lambda one: order[one.name]))
    finally:
        claimed.release()
    return _conclude(args, found, len(jobs), interrupted)


def _jobs(args: argparse.Namespace, videos: Sequence[Video]) -> list[Job]:
    from tracker.commands.count import places_of
    from tracker.many.job import Job, Saved, key_of_job
    from tracker.run.manifest import plain

    saved = Saved(
        video=not args.no_video,
        log=args.log,
        class_column=args.class_column,
        places=tuple(places_of(args.line, args.zone)),
        saves=tuple(names_of(args.save) or []),
        look=look_of(args),
    )
    asked = options_of(args, "", _detector(args))
    command = tuple(plain(args.command_line))
    jobs = []
    for video in videos:
        options = replace(_named(asked, video.name), source=video.source)
        folder = str(Path(args.out) / video.name)
        jobs.append(Job(video.name, folder, options, saved, command, "again" if args.overwrite else ""))
    jobs = [replace(job, key=key_of_job(job)) for job in jobs]
    return jobs if args.engine == "local" else [_from_anywhere(job) for job in jobs]


def _from_anywhere(job: Job) -> Job:
    """The job with absolute paths: a cluster's workers run in folders of their own."""
    from tracker.many.job import from_anywhere

    return replace(job, options=from_anywhere(job.options), folder=str(Path(job.folder).resolve()))


def _detector(args: argparse.Namespace) -> str | None:
    """The detector by name: what "auto" means is settled here, so that it is the same on all workers."""
    from tracker.detect.auto import choose

    if args.detector not in (None, "auto"):
        return str(args.detector)
    choice = choose(offline=args.offline)
    for note in [] if args.json or args.quiet else choice.notes:
        print(f"track: note: {note}", file=sys.stderr)
    return choice.detector


def _named(options: Options, name: str) -> Options:
    """The options with the name of the video where they have a place for it."""

    def named(value: Any) -> Any:
        return value.replace(NAME, name) if isinstance(value, str) else value

    return replace(
        options,
        detector=named(options.detector),
        reid=named(options.reid),
        params=named(options.params),
        camera_motion=named(options.camera_motion),
    )


def _track(args: argparse.Namespace, jobs: Sequence[Job], engine: Engine) -> tuple[list[Outcome], bool]:
    """Each outcome, and whether Ctrl-C ended it before the last."""
    from tracker.many import outcomes

    found: list[Outcome] = []
    at_once = True
    told = _Told(args, len(jobs))
    try:
        for one in outcomes(jobs, engine):
            found.append(one)
            told.tell(one)
        at_once = False
    except KeyboardInterrupt:
        return found, True
    finally:
        told.close()
        engine.close(at_once=at_once)
    return found, False


class _Told:
    """What is printed as videos end: a line of progress and the failures, or with --json a line of JSON each."""

    def __init__(self, args: argparse.Namespace, total: int) -> None:
        from tracker.progress import Progress

        self.json, self.quiet = args.json, args.quiet
        self.progress = None if args.json or args.quiet else Progress("video", total)
        self.done = self.failed = self.frames = 0

    def tell(self, one: Outcome) -> None:
        self.done += 1
        if self.json:
            from tracker.commands.stdout import put

            put(json.dumps(asdict(one)) + "\n")
        if one.state == "failed":
            self.failed += 1
        if not one.whole and not self.json:
            self._line(f"{one.name}: {one.state}: {one.line}")
        if self.progress is not None:
            if one.state == "kept":
                self.progress.skipped += 1
            else:
                self.frames += int(one.counts.get("frames", 0))
            rate = self.frames / max(self.done - self.progress.skipped, 1) * self.progress.rate(self.done)
            self.progress(self.done, f"{self.failed} failed, {rate:.1f} frames/s")

    def _line(self, text: str) -> None:
        self.close()
        print(f"track: {shown(text)}", file=sys.stderr)

    def close(self) -> None:
        if self.progress is not None:
            self.progress.close()


def _conclude(args: argparse.Namespace, found: Sequence[Outcome], total: int, interrupted: bool) -> int:
    from tracker.many.page import totals

    counted = totals(found)
    if not (args.json or args.quiet):
        ends = ", ".join(f"{counted[state]} {state}" for state in ("complete", "kept", "incomplete", "failed"))
        frames, tracks = number_of(counted["frames"], "frame"), number_of(counted["tracks"], "track")
        print(f"{counted['videos']} of {total} videos: {ends}; {frames}, {tracks}")
        if args.shard is None:
            print(f"summary: {Path(args.out) / 'index.html'}")
    if interrupted:
        print(f"track: interrupted; the same command goes on with the other {total - len(found)}", file=sys.stderr)
        return INTERRUPTED
    return 0 if all(one.whole for one in found) else PARTIAL
