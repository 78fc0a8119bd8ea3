"""The subcommand ``track detector``: a small detector of your own camera."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.commands.stdout import put
from tracker.commands.words import add_invalid, count, names_of
from tracker.spelling import shown

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.detect.detector import Detector
    from tracker.learn.labels import Labels

TORCH_MISSING = "training needs torch, which is not installed: pip install 'trackwhy[reid]'"


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``detector``."""
    parser = subparsers.add_parser(
        "detector", allow_abbrev=False, description="A small, quick detector of your own camera, taught by a large one."
    )
    commands = parser.add_subparsers(dest="detector_command", required=True, metavar="COMMAND")
    train = commands.add_parser(
        "train",
        allow_abbrev=False,
        description="Label VIDEO by a teacher whose boxes are tracked and repaired, train a small network on the first "
        "part, judge it on the last, and write it where it agrees. The camera must stand still.",
    )
    label = commands.add_parser(
        "label", allow_abbrev=False, description="Write the same labels with their images as a data set, YOLO and COCO."
    )
    for one in (train, label):
        add = one.add_argument
        add("video", metavar="VIDEO", help="of the camera; the longer the better")
        add("--teacher", default="yolox-nano", metavar="WHAT", help="a --detector of `track` (default yolox-nano)")
        add("--truth", metavar="GT.txt", help="ground truth in MOTChallenge's form instead of a teacher")
        add_invalid(one, "GT.txt")
        add("--classes", metavar="A,B", help="names of the teacher's classes to keep (default all it finds)")
        add("--overwrite", action="store_true", help="replace what is there")
        add("--json", action="store_true", help="print the figures as JSON and nothing else")
    train.add_argument("-o", dest="out", required=True, metavar="CAM.onnx", help="file to write")
    train.add_argument("--epochs", type=count, default=40, metavar="N", help="passes over the images (40)")
    train.add_argument("--seed", type=int, default=0, help="of the training (0)")
    train.add_argument(
        "--holdout", type=_share, default=0.2, metavar="X", help="last part of the time to judge by (.2)"
    )
    train.add_argument(
        "--agreement", type=_share, default=0.6, metavar="X", help="AP50 with the labels there that it must reach (.6)"
    )
    train.add_argument("--loss", choices=("focal", "ohem"), default="focal", help="focal loss, or hard negatives")
    train.add_argument("--boxes", choices=("giou", "smooth-l1"), default="giou", help="loss of the boxes")
    train.add_argument(
        "--embeddings", action="store_true", help="let it tell objects apart too, for trackers that use appearance"
    )
    train.add_argument("--float", action="store_true", help="do not quantise to int8")
    train.set_defaults(run=run_train)
    label.add_argument("-o", dest="out", required=True, metavar="DIR", help="folder to write")
    label.set_defaults(run=run_label)


def run_train(args: argparse.Namespace) -> int:
    """``track detector train``."""
    from importlib.util import find_spec

    from tracker.io.whole import check_target

    if find_spec("torch") is None:
        raise ValueError(TORCH_MISSING)
    out = Path(args.out)
    if out.suffix.lower() != ".onnx":
        raise ValueError(f"-o {args.out}: does not end in .onnx")
    check_target(out, "-o", overwrite=args.overwrite)
    teacher = None if args.truth else _teacher(args)
    labels = _labels(args, teacher)
    from tracker.learn.camera import train_camera
    from tracker.learn.train import EMBEDDING, Recipe
    from tracker.progress import Progress

    progress = None if args.json else Progress("epoch", args.epochs, every=30)

    def told(epoch: int, loss: float) -> None:
        if progress is not None:
            progress(epoch, f"loss {loss:.3f}")

    recipe = Recipe(
        epochs=args.epochs,
        seed=args.seed,
        classify=args.loss,
        localise=args.boxes,
        embedding=EMBEDDING if args.embeddings else 0,
    )
    try:
        report = train_camera(
            args.video,
            labels,
            out,
            recipe=recipe,
            holdout=args.holdout,
            least=args.agreement,
            int8=not args.float,
            teacher=teacher,
            keep=out.with_name(f".{out.name}.state"),
            told=told,
        )
    finally:
        if progress is not None:
            progress.close()
    _said(args, labels, report, out)
    return 0


def _said(args: argparse.Namespace, labels: Labels, report: object, out: Path) -> None:
    from dataclasses import asdict

    figures = {**asdict(report), "classes": list(labels.names), "bytes": out.stat().st_size}  # type: ignore[call-overload]
    if args.json:
        put(json.dumps({**figures, "path": str(out)}) + "\n")
        return
    mine, its = figures["speed"]
    trained, held = figures["images"]
    form = f"before int8 {figures['as_float']:.3f}" if figures["int8"] else "float"
    print(
        f"AP50 {figures['agreement']:.3f} ({form}) with the labels of {held} held-out frames, trained on {trained}; "
        "it has seen no other camera"
    )
    if not (args.float or figures["int8"]):
        print("int8 would have cost more than .01 of AP50; --epochs with a larger number may change that")
    quicker = "" if its is None else f", the teacher {its:.0f}: {mine / its:.1f} times as fast"
    print(f"{mine:.0f} frames/s on one thread{quicker}")
    print(shown(f"model: {out} ({out.stat().st_size / 1e3:.0f} kB, {', '.join(labels.names)})"))
    print(shown(f"track VIDEO --detector {out} runs it"))


def run_label(args: argparse.Namespace) -> int:
    """``track detector label``."""
    from tracker.io.sinks import fresh_folder

    folder = fresh_folder(args.out, overwrite=args.overwrite)
    labels = _labels(args, None if args.truth else _teacher(args))
    from tracker.learn.dataset import write_dataset

    images = write_dataset(folder, args.video, labels)
    if args.json:
        put(json.dumps({"images": images, "boxes": len(labels.rows), "classes": list(labels.names)}) + "\n")
    else:
        print(shown(f"{images} images, {len(labels.rows)} boxes of {', '.join(labels.names)}: {folder}"))
    return 0


def _teacher(args: argparse.Namespace) -> Detector:
    from tracker.detect import open_detector
    from tracker.detect.detector import RecordedDetector
    from tracker.learn.labels import WEAK

    teacher = open_detector(args.teacher, conf=WEAK, classes=names_of(args.classes), threads=1)
    if isinstance(teacher, RecordedDetector):
        raise ValueError(f"--teacher {args.teacher}: these are recorded; name a detector, or give --truth")
    return teacher


def _labels(args: argparse.Namespace, teacher: Detector | None) -> Labels:
    from tracker.learn.labels import labels_of, labels_of_truth
    from tracker.progress import Progress
    from tracker.rows import left_out

    if teacher is None:
        labels = labels_of_truth(args.video, args.truth, args.invalid)
        if labels.rows.dropped:
            print(shown(f"track: note: {args.truth}: {left_out(labels.rows)}"), file=sys.stderr)
        return labels
    progress = None if args.json else Progress("frame", None)

    def told(frame: int, frames: int | None) -> None:
        if progress is not None:
            progress.total = frames
            progress(frame, "labelling")

    try:
        labels = labels_of(args.video, teacher, told=told)
    finally:
        if progress is not None:
            progress.close()
    if not args.json:
        print(f"labels: {len(labels.rows)} boxes in {labels.frames} frames", file=sys.stderr)
    return labels


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number between 0 and 1")
    return value
