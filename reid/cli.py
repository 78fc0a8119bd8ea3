"""The ``reid`` commands, from training to a calibrated model file. ``add_parsers`` mounts them elsewhere."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.errors import ReidError

if TYPE_CHECKING:
    from reid.data import Crops

TORCH_MISSING = "training needs torch, which is not installed: pip install 'trackwhy[reid]'"


def add_parsers(commands: Any) -> None:
    """Mount ``reid`` on an argparse ``add_subparsers()`` object; the chosen command is ``args.run(args) -> int``."""
    parser = commands.add_parser("reid", help="train, score, export and compress appearance models")
    add_commands(parser)


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The sub-commands of ``reid``."""
    commands = parser.add_subparsers(dest="reid_command", required=True, metavar="COMMAND")

    def command(name: str, words: str, run: Any) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words)
        made.set_defaults(run=lambda args: guarded(run, args))
        return made

    p = command("train", "train a model on labelled crops", run_train)
    p.add_argument("data", help="folder with Market-1501 names, one folder per identity, or a MOT sequence")
    add_training(p)
    p.add_argument("--model", default="repvgg_medium", help="default %(default)s; an unknown name lists all")
    p.add_argument("--loss", default="triplet+softmax", help="terms joined by +, e.g. triplet+0.5*arcface")
    p.add_argument("--width", type=int, default=128, help="values in an embedding (default %(default)s)")
    p.add_argument("--se", action="store_true", help="squeeze-and-excitation where the model has it")
    p.add_argument("--size", type=size, default=(128, 64), help="crop size HxW in pixels (default 128x64)")

    p = command("distil", "train a model towards a teacher's embeddings", run_distil)
    p.add_argument("data", help="as for train; labels steer only the batches and two small terms")
    p.add_argument("--teacher", required=True, help="OpenVINO .xml, or .onnx written by export")
    add_training(p)
    p.add_argument("--model", default="repvgg_medium")
    p.add_argument("--width", type=int, default=128)
    p.add_argument("--size", type=size, default=(128, 64))

    p = command("eval", "score a model: mAP, CMC 1/5/10, mINP by the Market-1501 protocol", run_eval)
    p.add_argument("model", help="ONNX file with a card, or a checkpoint of train; 'default' is the packaged model")
    p.add_argument("data", help="gallery (and queries: the first crop per identity and camera)")
    p.add_argument("--query", help="a separate query folder, as Market-1501 has it")
    p.add_argument("--last", type=int, default=0, help="only the last N identities by number (0: all)")
    p.add_argument("--runtime", default="auto", choices=["auto", "onnxruntime", "openvino"])
    p.add_argument("--json", action="store_true", help="print the scores as JSON")

    p = command("export", "write a checkpoint as ONNX, checked against torch", run_export)
    p.add_argument("checkpoint")
    p.add_argument("-o", "--output", required=True, help="the .onnx file")
    p.add_argument("--no-preprocessing", action="store_true", help="float NCHW input instead of uint8 BGR NHWC")
    add_card(p)

    p = command("quantise", "write a checkpoint as int8 ONNX, calibrated on real crops", run_quantise)
    p.add_argument("checkpoint")
    p.add_argument("data", help="crops to calibrate on")
    p.add_argument("-o", "--output", required=True)
    p.add_argument("--crops", type=int, default=160, help="how many to use (default %(default)s)")
    p.add_argument("--last", type=int, default=100, help="leave out the last N identities (default %(default)s)")
    add_card(p)

    p = command("prune", "remove channels, fine-tune, write as ONNX", run_prune)
    p.add_argument("checkpoint")
    p.add_argument("data", help="crops to fine-tune on, towards the unpruned model")
    p.add_argument("-o", "--output", required=True, help="the .onnx file; the fine-tuning's files go beside it")
    p.add_argument("--share", type=float, default=0.25, help="channels to remove, 0..1 (default %(default)s)")
    p.add_argument("--epochs", type=int, default=2)
    p.add_argument("--people", type=int, default=12, help="identities in a batch (default %(default)s)")
    p.add_argument("--held-out", type=int, default=100)
    p.add_argument("--int8", action="store_true", help="quantise as well")
    add_card(p)

    p = command("calibrate", "rescale a model's cosine distance so that a tracker's threshold fits it", run_calibrate)
    p.add_argument("model", help="ONNX file written by export, quantise or prune; rewritten in place")
    p.add_argument("data", help="crops of people it was not trained on")
    p.add_argument("--last", type=int, default=100, help="use the last N identities (0: all; default %(default)s)")
    p.add_argument("--at", type=float, default=0.2, help="the tracker's threshold (default %(default)s)")
    p.add_argument("--rate", type=float, default=1e-4, help="pairs of different people below it (default %(default)s)")

    p = command("card", "print what a model file says about itself", run_card)
    p.add_argument("model", nargs="?", default="default", help="ONNX file (default: the packaged model)")


def add_training(p: argparse.ArgumentParser) -> None:
    """What every training command takes."""
    p.add_argument("-o", "--output", required=True, metavar="DIR", help="checkpoints and curves go here")
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--people", type=int, default=16, help="identities in a batch (default %(default)s)")
    p.add_argument("--crops", type=int, default=4, help="crops of each (default %(default)s)")
    p.add_argument("--rate", type=float, default=1e-3, help="peak learning rate (default %(default)s)")
    p.add_argument("--held-out", type=int, default=100, help="last identities kept for scoring (default %(default)s)")
    p.add_argument("--seed", type=int, default=0)
    how = p.add_mutually_exclusive_group()
    how.add_argument("--resume", action="store_true", help="continue from DIR/last.safetensors")
    how.add_argument("--overwrite", action="store_true", help="begin anew in a folder that has a checkpoint")


def add_card(p: argparse.ArgumentParser) -> None:
    """What every command takes that writes a model file: the card's words, and what to do with the file."""
    p.add_argument("--trained-on", default="not said", help="for the model's card")
    p.add_argument("--licence", default="not said", help="for the model's card")
    p.add_argument(
        "--mirror", action="store_true", help="average each crop with its mirror image: more mAP, half speed"
    )
    p.add_argument("--overwrite", action="store_true", help="replace a file that exists")


def size(text: str) -> tuple[int, int]:
    """``128x64`` as (128, 64)."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, e.g. 128x64") from error
    if not (16 <= height <= 1024 and 16 <= width <= 1024):
        raise argparse.ArgumentTypeError(f"{text!r}: both sides must be 16 to 1024 pixels")
    return height, width


def guarded(run: Any, args: argparse.Namespace) -> int:
    """Run a command; bad input is one line and exit code 2, Ctrl-C one line and 130."""
    try:
        run(args)
    except ReidError as error:
        print(f"reid: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "onnx", "safetensors"}:
            raise
        print(f"reid: {TORCH_MISSING} ({error.name} is missing)", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"reid: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("reid: stopped; finished epochs are kept, --resume continues", file=sys.stderr)
        return 130
    return 0


def plan_of(args: argparse.Namespace) -> Any:
    """The training plan the arguments ask for."""
    from reid.train import Plan

    at_least(args, epochs=1, people=1, crops=1, width=1, seed=0)
    if not 0 < args.rate < float("inf"):
        raise ReidError(f"--rate must be above 0, not {args.rate}")
    last = Path(args.output) / "last.safetensors"
    if last.exists() and not (args.resume or args.overwrite):
        raise ReidError(f"{last}: exists; --resume continues it, --overwrite begins anew, or choose another -o")
    return Plan(
        epochs=args.epochs, people=args.people, crops=args.crops, rate=args.rate, size=args.size, seed=args.seed
    )


def at_least(args: argparse.Namespace, **lowest: int) -> None:
    """Raises ReidError where an option is below its lowest value."""
    for name, value in lowest.items():
        if getattr(args, name) < value:
            raise ReidError(f"--{name.replace('_', '-')} must be at least {value}, not {getattr(args, name)}")


def check_output(args: argparse.Namespace) -> None:
    """Raises ReidError where the model file to write is not a new ``.onnx``; said before the work, not after it."""
    target = Path(args.output)
    if target.suffix != ".onnx":
        raise ReidError(f"{target}: the file to write must end in .onnx")
    if target.exists() and not args.overwrite:
        raise ReidError(f"{target}: exists; give another name with -o, or --overwrite")


def last_people(crops: Crops, count: int) -> Crops:
    """The crops of the last ``count`` identities by number; all crops where it is 0."""
    import numpy as np

    return crops[np.isin(crops.ids, np.unique(crops.ids[crops.ids > 0])[-count:])] if count else crops


def run_train(args: argparse.Namespace) -> None:
    from reid.data import load
    from reid.train import train

    crops = load(args.data, args.size)
    scores = train(
        crops, args.output, args.model, args.loss, plan_of(args), args.width, args.se, args.held_out, args.resume
    )
    print(f"best: {scores}\n{Path(args.output) / 'best.safetensors'}")


def run_distil(args: argparse.Namespace) -> None:
    import numpy as np

    from reid.data import load, split
    from reid.distil import both_ways, distil, openvino_teacher
    from reid.embed import Embedder
    from reid.evaluate import check_scorable
    from reid.models import build

    plan = plan_of(args)
    learn, test = split(load(args.data, args.size), args.held_out)
    check_scorable(test.ids, test.cameras)
    teacher = Embedder(args.teacher).crops if args.teacher.endswith(".onnx") else openvino_teacher(args.teacher)
    print(f"embedding {2 * len(learn)} crops with the teacher")
    targets = both_ways(teacher, learn.images)
    net = build(args.model, args.width, len(np.unique(learn.ids)))
    facts = facts_of(args.model, net, args.size)
    scores = distil(net, learn, targets, test, args.output, facts, plan, resume=args.resume)
    print(f"best: {scores}\n{Path(args.output) / 'best.safetensors'}")


def facts_of(model: str, net: Any, crop: tuple[int, int] = (128, 64)) -> dict[str, Any]:
    """What a checkpoint must say to be opened again."""
    classes = net.classifier.out_features if net.classifier is not None else 0
    return {"model": model, "width": net.width, "classes": classes, "se": False, "size": list(crop)}


def run_eval(args: argparse.Namespace) -> None:
    from reid.data import load
    from reid.evaluate import evaluate, evaluate_one_set

    at_least(args, last=0)
    if str(args.model).endswith(".safetensors"):
        from reid import train
        from reid.checkpoint import load_net

        net, facts = load_net(args.model)
        crop = (int(facts["size"][0]), int(facts["size"][1]))

        def embed(crops: Crops) -> Any:
            return train.embed(net, crops.images)
    else:
        from reid.embed import Embedder

        embedder = Embedder(None if args.model == "default" else args.model, args.runtime)
        crop = embedder.card.size

        def embed(crops: Crops) -> Any:
            return embedder.crops(crops.images)

    gallery = last_people(load(args.data, crop), args.last)
    rows = embed(gallery)
    if args.query:
        query = load(args.query, crop)
        scores = evaluate(embed(query), query.ids, query.cameras, rows, gallery.ids, gallery.cameras)
    else:
        scores = evaluate_one_set(rows, gallery.ids, gallery.cameras)
    print(json.dumps(asdict(scores)) if args.json else scores)


def card_of(args: argparse.Namespace, facts: dict[str, Any]) -> Any:
    """The card of a checkpoint's export."""
    from reid.card import Card

    scores: dict[str, float] = {name: float(facts[name]) for name in ("mAP", "rank1") if name in facts}
    return Card(
        facts["model"], (int(facts["size"][0]), int(facts["size"][1])), facts["width"], trained_on=args.trained_on,
        licence=args.licence, scores=scores,
    )  # fmt: skip


def run_export(args: argparse.Namespace) -> None:
    from reid.checkpoint import load_net
    from reid.export import export

    check_output(args)
    if args.mirror and args.no_preprocessing:
        raise ReidError("--mirror needs the preprocessing inside the graph: leave out --no-preprocessing")
    net, facts = load_net(args.checkpoint)
    card = replace(card_of(args, facts), normalised=not args.no_preprocessing)
    worst = export(net, args.output, card)
    mirrored(args)
    print(f"{args.output}  differs from torch by at most {worst:.1e} of the largest value")


def run_quantise(args: argparse.Namespace) -> None:
    from reid.checkpoint import load_net
    from reid.quantise import quantise

    check_output(args)
    at_least(args, crops=1, last=0)
    net, facts = load_net(args.checkpoint)
    card = card_of(args, facts)
    quantise(net, args.output, card, calibration(args.data, card.size, args.crops, args.last))
    mirrored(args)
    print(f"{args.output}  {Path(args.output).stat().st_size / 1e6:.2f} MB")


def mirrored(args: argparse.Namespace) -> None:
    """Apply --mirror to the file just written."""
    from reid.export import mirror

    if args.mirror:
        mirror(args.output)


def calibration(data: str, crop: tuple[int, int], count: int, held_out: int) -> Any:
    """``count`` crops spread evenly over the training identities."""
    import numpy as np

    from reid.data import load, split

    images = split(load(data, crop), held_out, "--last")[0].images
    return images[np.unique(np.linspace(0, len(images) - 1, count).astype(int))]


def run_prune(args: argparse.Namespace) -> None:
    from reid.checkpoint import load_net
    from reid.data import load, split
    from reid.distil import distil
    from reid.evaluate import unit
    from reid.export import export
    from reid.prune import prune
    from reid.quantise import quantise
    from reid.train import Plan, embed

    check_output(args)
    at_least(args, epochs=1, people=1)
    net, facts = load_net(args.checkpoint)
    card = card_of(args, facts)
    learn, test = split(load(args.data, card.size), args.held_out)
    targets = unit(embed(net, learn.images)).astype("float32")
    small = prune(net, args.share)
    before, after = (sum(p.numel() for p in m.parameters()) for m in (prune(net, 0.0), small))
    print(f"{before} -> {after} parameters")
    plan = Plan(epochs=args.epochs, people=args.people, rate=3e-4, size=card.size)
    folder = Path(args.output).with_suffix("")
    scores = distil(small, learn, targets, test, folder, facts_of("pruned", small, card.size), plan)
    from reid.checkpoint import fill, part
    from reid.checkpoint import load as read

    fill(small, part(read(folder / "best.safetensors")[0], "ema"), str(folder))
    card = replace(
        card, model=f"{card.model} pruned {args.share:g}", scores={"mAP": scores.mean_ap, "rank1": scores.rank1}
    )
    if args.int8:
        quantise(small, args.output, card, learn.images[:: max(1, len(learn) // 160)])
    else:
        export(small, args.output, card)
    mirrored(args)
    print(f"best: {scores}\n{args.output}")


def run_calibrate(args: argparse.Namespace) -> None:
    from reid.calibrate import calibrate
    from reid.card import read_card
    from reid.data import load

    at_least(args, last=0)
    crops = last_people(load(args.data, read_card(args.model).size), args.last)
    square = calibrate(args.model, crops, args.at, args.rate)
    print(f"{args.model}  distances are now {1 / (1 + square):.2f} of what they were")


def run_card(args: argparse.Namespace) -> None:
    from reid.card import read_card
    from reid.embed import default_model

    path = default_model() if args.model == "default" else Path(args.model)
    print(json.dumps({"file": str(path), **asdict(read_card(path))}, indent=2))


def main(arguments: list[str] | None = None) -> int:
    """``python -m reid``."""
    parser = argparse.ArgumentParser(prog="reid", description="Train, score, export and compress appearance models.")
    add_commands(parser)
    args = parser.parse_args(arguments)
    return int(args.run(args))
