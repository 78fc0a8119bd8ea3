"""What each command of ``reid`` does."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reid.errors import ReidError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from reid.attributes import Attributes
    from reid.card import Card
    from reid.checkpoint import Facts
    from reid.data import Crops
    from reid.evaluate import Scores
    from reid.train import Plan

    Embed = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]  # crops (N, H, W, 3) -> embeddings (N, D)


def plan_of(args: argparse.Namespace) -> Plan:
    """The training plan that the options describe.

    Raises:
        ReidError: an option out of range, or a checkpoint that neither --resume nor --overwrite speaks of.
    """
    from reid.train import Plan

    at_least(args, epochs=1, people=1, crops=1, width=1, seed=0)
    if not 0 < args.rate < float("inf"):
        raise ReidError(f"--rate must be above 0, not {args.rate}")
    last = Path(args.output) / "last.safetensors"
    if last.exists() and not (args.resume or args.overwrite):
        raise ReidError(f"{last}: exists; --resume continues it, --overwrite starts again, or choose another -o")
    return Plan(
        epochs=args.epochs, people=args.people, crops=args.crops, rate=args.rate, size=args.size, seed=args.seed
    )


def at_least(args: argparse.Namespace, **lowest: int) -> None:
    """Raises ReidError where an option is below its lowest value."""
    for name, value in lowest.items():
        if getattr(args, name) < value:
            raise ReidError(f"--{name.replace('_', '-')} must be at least {value}, not {getattr(args, name)}")


def check_output(args: argparse.Namespace) -> None:
    """Raises ReidError where the model file to write is not a new ``.onnx``, before any work is done."""
    target = Path(args.output)
    if target.suffix != ".onnx":
        raise ReidError(f"{target}: the file to write must end in .onnx")
    if target.exists() and not args.overwrite:
        raise ReidError(f"{target}: exists; give another name with -o, or --overwrite")


def run_train(args: argparse.Namespace) -> None:
    """``reid train``."""
    from reid.attributes import read_attributes
    from reid.data import load, split
    from reid.train import train

    plan = plan_of(args)
    if not 0 < args.attribute_weight < float("inf"):
        raise ReidError(f"--attribute-weight must be above 0, not {args.attribute_weight}")
    crops = load(args.data, args.size)
    attributes = None
    if args.attributes:
        attributes = read_attributes(args.attributes, args.data, split(crops, args.held_out)[0].ids)
    scores = train(
        crops, args.output, args.model, args.loss, plan, args.width, args.se, args.held_out, args.resume,
        attention=args.attention, attributes=attributes, attribute_weight=args.attribute_weight,
    )  # fmt: skip
    best = Path(args.output) / "best.safetensors"
    if attributes is not None:
        tell_accuracies(best, attributes, split(crops, args.held_out)[1])
    print(f"best: {scores}\n{best}")


def tell_accuracies(best: Path, attributes: Attributes, test: Crops) -> None:
    """Print how well the best checkpoint tells the attributes of held-out people."""
    from reid.attributes import accuracies
    from reid.checkpoint import load_net
    from reid.train import tell_attributes

    found = accuracies(tell_attributes(load_net(best)[0], test.images), attributes.labels(test.ids), attributes.groups)
    for name, score in found.items():
        print(
            f"{name}: {100 * score.right:.1f} % of {score.crops} held-out crops right; "
            f"always the most frequent value: {100 * score.frequent:.1f} %"
        )


def run_distil(args: argparse.Namespace) -> None:
    """``reid distil``."""
    import numpy as np

    from reid.checkpoint import facts_of
    from reid.data import load, split
    from reid.distil import both_ways, distil
    from reid.embed import open_model
    from reid.evaluate import check_scorable
    from reid.models import build, check_size
    from reid.reading import reading

    plan = plan_of(args)
    given = reading(args.teacher_size, args.teacher_normalise, "--teacher-")
    learn, test = split(load(args.data, args.size), args.held_out)
    check_scorable(test.ids, test.cameras)
    teacher = open_model(args.teacher, given=given)
    net = build(args.model, args.width, len(np.unique(learn.ids)))
    check_size(net, args.model, args.size)
    print(f"embedding {2 * len(learn)} crops with the teacher")
    targets = both_ways(teacher.of_crops, learn.images)
    facts = facts_of(args.model, net, args.size)
    scores = distil(net, learn, targets, test, args.output, facts, plan, resume=args.resume)
    print(f"best: {scores}\n{Path(args.output) / 'best.safetensors'}")


def run_eval(args: argparse.Namespace) -> None:
    """``reid eval``."""
    at_least(args, last=0)
    if str(args.model).endswith(".safetensors"):
        if args.size or args.normalise:
            raise ReidError(f"{args.model}: a checkpoint knows what it takes; leave out --size and --normalise")
        from reid import train
        from reid.checkpoint import load_net

        net, facts = load_net(args.model)
        crop = (int(facts["size"][0]), int(facts["size"][1]))
        scores = scores_of(args, crop, lambda images: train.embed(net, images))
    else:
        from reid.embed import open_model
        from reid.reading import reading

        embedder = open_model(args.model, args.runtime, given=reading(args.size, args.normalise))
        width, height = embedder.size
        scores = scores_of(args, (height, width), embedder.of_crops)
    print(json.dumps(asdict(scores)) if args.json else scores)


def scores_of(args: argparse.Namespace, crop: tuple[int, int], embed: Embed) -> Scores:
    """The scores of ``embed`` on the data of ``reid eval``, with crops of ``crop`` (height, width) pixels."""
    from reid.data import load
    from reid.evaluate import evaluate, evaluate_one_set

    gallery = load(args.data, crop, last=args.last)
    rows = embed(gallery.images)
    if not args.query:
        return evaluate_one_set(rows, gallery.ids, gallery.cameras)
    query = load(args.query, crop)
    return evaluate(embed(query.images), query.ids, query.cameras, rows, gallery.ids, gallery.cameras)


def card_of(args: argparse.Namespace, facts: Facts) -> Card:
    """The card of a checkpoint's export."""
    from reid.card import Card

    return Card(
        facts["model"],
        (int(facts["size"][0]), int(facts["size"][1])),
        facts["width"],
        trained_on=args.trained_on,
        licence=args.licence,
        scores={name: float(facts[name]) for name in ("mAP", "rank1") if name in facts},
    )


def run_export(args: argparse.Namespace) -> None:
    """``reid export``."""
    from reid.checkpoint import load_net
    from reid.export import export

    check_output(args)
    if args.mirror and args.no_preprocessing:
        raise ReidError("--mirror needs the preprocessing inside the graph: leave out --no-preprocessing")
    if args.mirror and args.attributes:
        raise ReidError("--mirror averages embeddings, not attributes: leave out --attributes or --mirror")
    net, facts = load_net(args.checkpoint)
    if args.attributes and "attributes" not in facts:
        raise ReidError(f"{args.checkpoint}: trained without attributes; leave out --attributes")
    kept = facts["attributes"] if args.attributes else {}
    card = replace(card_of(args, facts), normalised=not args.no_preprocessing, attributes=kept)
    worst = export(net, args.output, card)
    mirrored(args)
    print(f"{args.output}  differs from torch by at most {worst:.1e} of the largest value")


def run_quantise(args: argparse.Namespace) -> None:
    """``reid quantise``."""
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


def calibration(data: str, crop: tuple[int, int], count: int, held_out: int) -> npt.NDArray[np.uint8]:
    """``count`` crops spread evenly over the training identities, (N, H, W, 3)."""
    import numpy as np

    from reid.data import load, split

    images = split(load(data, crop), held_out, "--last")[0].images
    chosen = np.unique(np.linspace(0, len(images) - 1, count).astype(int))
    return np.take(images, chosen, axis=0)


def run_prune(args: argparse.Namespace) -> None:
    """``reid prune``."""
    from reid import checkpoint
    from reid.data import load, split
    from reid.distil import distil
    from reid.evaluate import unit
    from reid.export import export
    from reid.prune import prune
    from reid.quantise import quantise
    from reid.train import Plan, embed

    check_output(args)
    at_least(args, epochs=1, people=1)
    net, facts = checkpoint.load_net(args.checkpoint)
    card = card_of(args, facts)
    learn, test = split(load(args.data, card.size), args.held_out)
    targets = unit(embed(net, learn.images)).astype("float32")
    small = prune(net, args.share)
    before, after = (sum(p.numel() for p in m.parameters()) for m in (prune(net, 0.0), small))
    print(f"{before} -> {after} parameters")
    plan = Plan(epochs=args.epochs, people=args.people, rate=3e-4, size=card.size)
    folder = Path(args.output).with_suffix("")
    scores = distil(small, learn, targets, test, folder, checkpoint.facts_of("pruned", small, card.size), plan)
    weights = checkpoint.part(checkpoint.load(folder / "best.safetensors")[0], "ema")
    checkpoint.fill(small, weights, str(folder))
    figures = {"mAP": scores.mean_ap, "rank1": scores.rank1}
    card = replace(card, model=f"{card.model} pruned {args.share:g}", scores=figures)
    if args.int8:
        quantise(small, args.output, card, learn.images[:: max(1, len(learn) // 160)])
    else:
        export(small, args.output, card)
    mirrored(args)
    print(f"best: {scores}\n{args.output}")


def run_calibrate(args: argparse.Namespace) -> None:
    """``reid calibrate``."""
    from reid.calibrate import calibrate
    from reid.card import read_card
    from reid.data import load

    at_least(args, last=0)
    crops = load(args.data, read_card(args.model).size, last=args.last)
    square = calibrate(args.model, crops, args.at, args.rate)
    print(f"{args.model}  distances are now {1 / (1 + square):.2f} of what they were")


def run_card(args: argparse.Namespace) -> None:
    """``reid card``."""
    from reid.card import read_card
    from reid.embed import default_model

    path = default_model() if args.model == "default" else Path(args.model)
    print(json.dumps({"file": str(path), **read_card(path).values()}, indent=2))
