"""The command line of ``reid``, from training to a calibrated model file. ``add_parsers`` mounts it elsewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from reid import commands
from reid.errors import ReidError
from reid.reading import HELP
from tracker.install import installing
from tracker.io.passwords import without_passwords
from tracker.spelling import shown

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

Run = Callable[[argparse.Namespace], None]


def add_parsers(subparsers: Subparsers) -> None:
    """Mount ``reid`` on an argparse ``add_subparsers()`` object; the chosen command is ``args.run(args) -> int``."""
    parser = subparsers.add_parser("reid", help="train, score, export and compress ReID models")
    add_commands(parser)


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of ``reid``."""
    subparsers = parser.add_subparsers(dest="reid_command", required=True, metavar="COMMAND")

    def command(name: str, words: str, run: Run) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=words, description=words)
        made.set_defaults(run=lambda args: guarded(run, args))
        return made

    p = command("train", "train a model on labelled crops", commands.run_train)
    p.add_argument("data", help="folder with Market-1501 names, one folder per identity, or a MOT sequence")
    add_training(p)
    p.add_argument("--loss", default="triplet+softmax", help="terms joined by +, e.g. triplet+0.5*arcface")
    gate = p.add_mutually_exclusive_group()
    gate.add_argument("--se", action="store_true", help="the same as --attention channel (squeeze-and-excitation)")
    gate.add_argument(
        "--attention",
        default="",
        metavar="KIND",
        help="add channel, spatial or residual attention blocks",
    )
    p.add_argument(
        "--attributes",
        metavar="FILE.csv",
        help="learn attributes of the people too; first line identity,NAME,...",
    )
    p.add_argument(
        "--attribute-weight", type=float, default=0.125, help="of their term beside the losses (default %(default)s)"
    )

    p = command("distil", "train a model towards a teacher's embeddings", commands.run_distil)
    p.add_argument("data", help="as for train; the labels only form the batches and two terms of low weight")
    p.add_argument("--teacher", required=True, help="the teacher: a ReID model as .onnx, or as OpenVINO's .xml")
    p.add_argument("--teacher-size", type=size, help="the teacher's crop size HxW, where its file leaves it open")
    p.add_argument("--teacher-normalise", metavar="HOW", help=f"{HELP}; of the teacher")
    add_training(p)

    p = command("eval", "score a model: mAP, CMC 1/5/10, mINP by the Market-1501 protocol", commands.run_eval)
    p.add_argument(
        "model", help="a .onnx file, OpenVINO's .xml, a checkpoint of train, or default (the packaged model)"
    )
    p.add_argument("data", help="the gallery; without --query its first crop of each identity and camera is a query")
    p.add_argument("--query", help="a separate folder of queries, as Market-1501 has it")
    p.add_argument("--last", type=int, default=0, help="score only the last N identities by number (default 0: all)")
    p.add_argument(
        "--runtime",
        default="auto",
        choices=["auto", "onnxruntime", "openvino"],
        help="what runs the model (default auto: openvino where it is installed and can run it)",
    )
    p.add_argument("--size", type=size, help="crop size HxW, where the model's file leaves it open")
    p.add_argument("--normalise", metavar="HOW", help=HELP)
    p.add_argument("--json", action="store_true", help="print the scores as JSON")

    p = command("export", "write a checkpoint as ONNX, checked against torch", commands.run_export)
    p.add_argument("checkpoint", help="a .safetensors file of train or distil")
    p.add_argument("-o", "--output", required=True, help="the .onnx file to write")
    p.add_argument(
        "--no-preprocessing", action="store_true", help="take float NCHW input, not the pixels (uint8 BGR NHWC)"
    )
    p.add_argument("--attributes", action="store_true", help="the attributes' probabilities as a second output")
    add_card(p)

    p = command("quantise", "write a checkpoint as int8 ONNX, calibrated on real crops", commands.run_quantise)
    p.add_argument("checkpoint", help="a .safetensors file of train or distil")
    p.add_argument("data", help="crops to calibrate on")
    p.add_argument("-o", "--output", required=True, help="the .onnx file to write")
    p.add_argument("--crops", type=int, default=160, help="how many crops to use (default %(default)s)")
    p.add_argument("--last", type=int, default=100, help="leave out the last N identities (default %(default)s)")
    add_card(p)

    p = command("prune", "remove channels, fine-tune, and write as ONNX", commands.run_prune)
    p.add_argument("checkpoint", help="a .safetensors file of train or distil")
    p.add_argument("data", help="crops to fine-tune on, towards the embeddings of the whole model")
    p.add_argument(
        "-o", "--output", required=True, help="the .onnx file to write; fine-tuning writes its files beside it"
    )
    p.add_argument(
        "--share", type=float, default=0.25, help="share of the channels to remove, 0..1 (default %(default)s)"
    )
    p.add_argument("--epochs", type=int, default=2, help="epochs of fine-tuning (default %(default)s)")
    p.add_argument("--people", type=int, default=12, help="identities in a batch (default %(default)s)")
    p.add_argument(
        "--held-out", type=int, default=100, help="last identities to keep for scoring (default %(default)s)"
    )
    p.add_argument("--int8", action="store_true", help="quantise as well")
    add_card(p)

    words = "rescale a model's cosine distances so that they fit a tracker's threshold"
    p = command("calibrate", words, commands.run_calibrate)
    p.add_argument("model", help="ONNX file written by export, quantise or prune; rewritten in place")
    p.add_argument("data", help="crops of people it was not trained on")
    p.add_argument("--last", type=int, default=100, help="use the last N identities (0: all; default %(default)s)")
    p.add_argument("--at", type=float, default=0.2, help="the tracker's threshold (default %(default)s)")
    p.add_argument(
        "--rate", type=float, default=1e-4, help="share of the pairs of different people to be below it (default 1e-4)"
    )

    p = command("card", "print what a model file says about itself", commands.run_card)
    p.add_argument("model", nargs="?", default="default", help="ONNX file (default: the packaged model)")


def add_training(p: argparse.ArgumentParser) -> None:
    """The options of every command that trains."""
    p.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write checkpoints and curves to")
    p.add_argument("--model", default="repvgg_medium", help="default %(default)s; an unknown name lists all")
    p.add_argument("--width", type=int, default=128, help="number of values in an embedding (default %(default)s)")
    p.add_argument("--size", type=size, default=(128, 64), help="crop size HxW in pixels (default 128x64)")
    p.add_argument("--epochs", type=int, default=60, help="default %(default)s")
    p.add_argument("--people", type=int, default=16, help="identities in a batch (default %(default)s)")
    p.add_argument("--crops", type=int, default=4, help="crops of each of them (default %(default)s)")
    p.add_argument("--rate", type=float, default=1e-3, help="peak learning rate (default %(default)s)")
    p.add_argument(
        "--held-out", type=int, default=100, help="last identities to keep for scoring (default %(default)s)"
    )
    p.add_argument("--seed", type=int, default=0, help="default %(default)s")
    how = p.add_mutually_exclusive_group()
    how.add_argument("--resume", action="store_true", help="continue from DIR/last.safetensors")
    how.add_argument("--overwrite", action="store_true", help="start again in a folder that has a checkpoint")


def add_card(p: argparse.ArgumentParser) -> None:
    """The options of every command that writes a model file: what its card says, and whether to replace a file."""
    p.add_argument("--trained-on", default="not said", help="the training data, for the model's card")
    p.add_argument("--licence", default="not said", help="for the model's card")
    p.add_argument(
        "--mirror", action="store_true", help="average each crop with its mirror image: more mAP, half the speed"
    )
    p.add_argument("--overwrite", action="store_true", help="replace an existing file")


def size(text: str) -> tuple[int, int]:
    """``128x64`` as (128, 64)."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, e.g. 128x64") from error
    if not (16 <= height <= 1024 and 16 <= width <= 1024):
        raise argparse.ArgumentTypeError(f"{text!r}: both sides must be 16 to 1024 pixels")
    return height, width


def guarded(run: Run, args: argparse.Namespace) -> int:
    """Run a command; bad input is one line and exit code 2, Ctrl-C one line and 130."""
    try:
        run(args)
    except ReidError as error:
        print(f"reid: {shown(without_passwords(str(error)))}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "onnx", "safetensors"}:
            raise
        print(f"reid: needs {error.name}, which is not installed: {installing('reid')}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"reid: {shown(without_passwords(str(error)))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("reid: stopped; finished epochs are kept, and --resume continues", file=sys.stderr)
        return 130
    return 0


def main(arguments: list[str] | None = None) -> int:
    """``python -m reid``."""
    parser = argparse.ArgumentParser(prog="reid", description="Train, score, export and compress ReID models.")
    add_commands(parser)
    args = parser.parse_args(arguments)
    return int(args.run(args))
