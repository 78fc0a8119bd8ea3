"""``track demo``: track a drawn street scene with known truth, score the result, and write its report."""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.commands.run import add_options, options_of, track_into_folder

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.detect import HOG
    from tracker.io.video import Source
    from tracker.rows import Rows
    from tracker.scene.street import Scene


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``demo``."""
    demo = subparsers.add_parser(
        "demo",
        description="Track a drawn street scene with known truth, score the result and write its report.",
        allow_abbrev=False,
    )
    add_options(demo)
    demo.add_argument("--frames", type=int, default=300, help="length of the scene (default 300)")
    demo.add_argument("--seed", type=int, default=0, help="another seed, other people (default 0)")
    demo.set_defaults(run=run_demo, show=False)


def run_demo(args: argparse.Namespace) -> int:
    """``track demo``."""
    from tracker.scene.score import SceneScore
    from tracker.scene.street import Scene

    scene = Scene(n_frames=args.frames, seed=args.seed)
    detector: str | HOG | None = args.detector
    if detector is None and args.classes is None:
        detector = _people(scene, args.conf)
    options = options_of(args, scene.source(), detector)
    if not isinstance(options.algo, str) or ":" not in options.algo:  # a class of one's own may keep no log
        args.log, options = True, replace(options, log=True)

    def report(folder: Path) -> None:
        source = scene.source() if args.anonymise is None else None  # else the run's own video, which hides them
        _report(folder, scene, source, talks=not (args.json or args.quiet))

    return track_into_folder(args, options, label="demo", score=SceneScore(scene), after=report)


def _report(folder: Path, scene: Scene, source: Source | None, *, talks: bool) -> None:
    """Write the page of the run, with the scene's truth and, where PyAV can make one that browsers play, its video."""
    from tracker.commands.page import NAME
    from tracker.report import write_report

    page = folder / NAME
    embed = find_spec("av") is not None
    write_report(folder, page, gt=_truth(scene), video=source, embed=embed and source is not None, rules="mot15")
    if talks:
        print(f"report: {page} (open it in a browser)")


def _truth(scene: Scene) -> Rows:
    """The scene's ground truth; figures that can hardly be seen have score 0 and do not count."""
    import numpy as np

    from tracker.rows import as_rows
    from tracker.scene.score import VISIBLE

    found = [scene.truth(number) for number in range(1, len(scene) + 1)]
    ids, boxes, visible = (np.concatenate(column) for column in zip(*found, strict=True))
    frames = np.repeat(np.arange(1, len(found) + 1), [len(one) for one, _, _ in found])
    return as_rows(frames, ids, boxes, (visible >= VISIBLE).astype(float), visibility=visible)


def _people(scene: Scene, conf: float | None) -> HOG:
    """HOG at the image's own size: the figures are large, so it is three times faster, with fewer false alarms."""
    from tracker.detect import HOG

    return HOG(height=scene.size[1], **({} if conf is None else {"conf": conf}))
