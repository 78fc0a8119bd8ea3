"""The subcommand ``track bench``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tracker.commands.scores import add_outputs, refuse_inputs, show
from tracker.commands.scores import parts_of as score_parts
from tracker.commands.words import (
    ALGORITHMS,
    add_engine,
    add_settings,
    add_tree_options,
    engine_of,
    names_of,
    settings_of,
)
from tracker.progress import Progress
from tracker.spelling import shown
from tracker.study.choices import SPLITS


def add_parsers(subparsers: Any) -> None:
    """Register ``bench``."""
    parser = subparsers.add_parser(
        "bench",
        allow_abbrev=False,
        description="Run algorithms on the detections of a MOTChallenge tree, time them and score them. Algorithms "
        "that need embeddings, and with --reid all that take them, get them from det.npz beside det.txt; where there "
        "is none, they are made from img1 or a video and kept. det.npz has the arrays frame (R,), xyxy (R, 4), "
        "embedding (R, D) and, optionally, score (R,) and class (R,), with the boxes of det.txt in its order; or "
        "embedding alone, a row for each line of det.txt sorted by frame.",
    )
    add = parser.add_argument
    add(
        "--data",
        required=True,
        metavar="TREE",
        help="<seq>/det/det.txt and <seq>/gt/gt.txt; or, with --det PATH, any GT",
    )
    add("--algo", required=True, metavar="A,B", help=f"algorithms; sort@.6 has a --conf of its own; {ALGORITHMS}")
    add_settings(parser, "parameters, for every algorithm that has them, or for one (sort.max_age=30)")
    add("--split", choices=SPLITS, default="full", help="part of each sequence; second-half: MOT17's val half")
    add(
        "--params",
        metavar="FILE",
        help="parameters that `track tune` found, for their algorithm; --set overrides them",
    )
    add(
        "--det",
        default="det.txt",
        metavar="NAME",
        help="detections in each det folder (det.txt); or the path of a folder of <seq>.txt or <seq>.json, or of one "
        "JSON file of COCO or BDD100K",
    )
    add("--conf", type=float, metavar="X", help="least score of a detection")
    add_tree_options(parser)
    add_engine(parser, "worker processes (default: one for each processor; 1 gives the cleanest times)")
    add("--log", action="store_true", help="keep each run's decision log, <seq>.sqlite, which `track explain` reads")
    add("-o", "--output", dest="out", default="runs/bench", metavar="DIR", help="results and cache (runs/bench)")
    add_outputs(parser)
    parser.set_defaults(run=run_bench)


def _read(args: argparse.Namespace) -> list[Path]:
    """The files that are read: ground truth, detections and parameters."""
    from tracker.evaluate.sequences import find_sequences
    from tracker.study.converted import is_elsewhere

    every = find_sequences(args.data)
    found = [sequence.gt for sequence in every]
    for folder in [sequence.folder for sequence in every if sequence.folder is not None]:
        found += [*folder.glob("det/*"), *folder.glob("gmc/*"), folder / "seqinfo.ini"]
    if is_elsewhere(every, args.det):
        given = Path(args.det)
        found += [*given.glob("*")] if given.is_dir() else [given]
    return [*found, *([Path(args.params)] if args.params else [])]


def run_bench(args: argparse.Namespace) -> int:
    """Run, time and score; 0, or 1 when an algorithm could not run."""
    from tracker.study.bench import bench

    algos = list(dict.fromkeys(names_of(args.algo) or []))
    line = Progress("run", None)

    def progress(done: int, cached: int, total: int) -> None:
        if line.live or done == total:
            line.show(f"bench: {done} of {total} runs done" + (f", {cached} from the cache" if cached else ""))
        if done == total:
            line.close(keep=True)

    refuse_inputs(args, _read(args))
    engine = None if args.engine == "local" and args.address is None else engine_of(args)
    runs, notes = bench(
        args.data,
        algos,
        settings=settings_of(args.settings),
        params=args.params,
        split=args.split,
        out=args.out,
        detections=args.det,
        conf=args.conf,
        reid=args.reid,
        rules=args.rules,
        scores=args.scores,
        invalid=args.invalid,
        camera_motion=args.camera_motion,
        sequences=names_of(args.sequences),
        workers=engine or args.workers,
        log=args.log,
        progress=progress,
    )
    if engine is not None:
        engine.close()
    evaluations = [run.evaluation for run in runs]
    speeds = [run.speed() for run in runs]
    extra = {title: [speed[title] for speed in speeds] for title in speeds[0]}
    more = score_parts(args, runs[0].truth, {run.label: run.files for run in runs})
    show(evaluations, args, extra=extra, figures=[run.figures() for run in runs], more=more)
    for note in notes:
        print(shown(f"note: {note}"), file=sys.stderr)
    return 1 if len(runs) < len(algos) else 0
