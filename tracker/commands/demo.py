"""``track demo``: track a drawn street scene with known truth, and score the result."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tracker.commands.run import add_options, options_of, track_into_folder

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.detect import HOG
    from tracker.scene.street import Scene


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``demo``."""
    demo = subparsers.add_parser(
        "demo", description="Track a drawn street scene with known truth, and score the result.", allow_abbrev=False
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
    return track_into_folder(args, options_of(args, scene.source(), detector), label="demo", score=SceneScore(scene))


def _people(scene: Scene, conf: float | None) -> HOG:
    """HOG at the image's own size: the figures are large, so it is three times faster, with fewer false alarms."""
    from tracker.detect import HOG

    return HOG(height=scene.size[1], **({} if conf is None else {"conf": conf}))
