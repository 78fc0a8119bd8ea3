"""The subcommands ``track explain`` and ``track what-if``."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from tracker.commands.scores import cost_lines
from tracker.commands.stdout import put
from tracker.commands.words import add_invalid, add_rules, add_settings, settings_of
from tracker.spelling import number_of, shown

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers
    from tracker.evaluate.benchmark import GroundTruth
    from tracker.explain.explanation import Event, Explanation
    from tracker.explain.whatif import Difference

TOP = 20  # suspects and rows printed of each kind
ABOUT = "the folder that `track SOURCE --log` wrote, its log.sqlite, or a tracks.txt"


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``explain`` and ``what-if``."""
    parser = subparsers.add_parser(
        "explain",
        allow_abbrev=False,
        description="Explain what happened to every id of a run, and with ground truth why each error happened.",
    )
    add = parser.add_argument
    add("source", metavar="RUN", help=ABOUT)
    add("ids", metavar="ID", nargs="*", type=int, help="one id, or two of which the first became the second")
    add_truth(parser)
    add("--check", action="store_true", help="also run the controls of the proof, which takes as long again")
    add("--cost", action="store_true", help="also score the run with the errors of each cause undone")
    add("--advise", action="store_true", help="also look for one setting to change, for the most costly causes")
    add("--all", action="store_true", help=f"print every event, not only the first {TOP} of each kind")
    add("--json", action="store_true", help="print all events, their counts and costs as JSON and nothing else")
    parser.set_defaults(run=run_explain)
    other = subparsers.add_parser(
        "what-if",
        allow_abbrev=False,
        description="Run the tracker again over a run's log with other settings, and show which ids change.",
    )
    other.add_argument("source", metavar="RUN", help="the folder that `track SOURCE --log` wrote, or its log.sqlite")
    add_settings(other, "settings to change, such as max_age=47")
    add_truth(other)
    other.add_argument("--json", action="store_true", help="print the difference as JSON and nothing else")
    other.set_defaults(run=run_what_if)


def add_truth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--gt", metavar="GT", help="ground truth of the same video: a file or a sequence's folder")
    add_rules(parser)
    add_invalid(parser, "GT, and of a tracks.txt without a log")
    parser.add_argument(
        "--split", choices=("full", "first-half", "second-half"), default="full", help="part that `track bench` ran"
    )


def truth_of(args: argparse.Namespace, name: str) -> GroundTruth | None:
    from tracker.explain.explanation import ground_truth_of
    from tracker.study.split import halved

    return None if args.gt is None else halved(ground_truth_of(args.gt, args.rules, name, args.invalid), args.split)


def run_explain(args: argparse.Namespace) -> int:
    """``track explain``."""
    from tracker.explain.explanation import explain_loaded
    from tracker.explain.load import load_run

    loaded = load_run(args.source, invalid=args.invalid)
    found = explain_loaded(loaded, truth_of(args, loaded.name), check=args.check, cost=args.cost, advice=args.advise)
    for note in found.notes:
        print(shown(f"track: note: {note}"), file=sys.stderr)
    for track in args.ids:
        if track not in found.lives:
            raise ValueError(f"id {track}: the run has no such id; there are {len(found.lives)}")
    if args.json:
        put(json.dumps(found.to_dict(), indent=2, allow_nan=False) + "\n")
    elif args.ids:
        print(shown_lines(_about(found, args.ids)))
    else:
        print(shown_lines(_overview(found, None if args.all else TOP)))
    return 0


def shown_lines(lines: list[str]) -> str:
    """The lines as text that holds no control characters."""
    return "\n".join(shown(line) for line in lines)


def _about(found: Explanation, ids: list[int]) -> list[str]:
    """What there is to say about some ids."""
    from tracker.explain.pairs import about_pair

    named = set(ids)
    lines = []
    for event in found.events:
        mine = {event.id, event.previous_id}
        fits = named <= mine if len(named) > 1 else bool(named & mine)
        if fits and event.kind in ("switch", "suspect"):
            lines.append(event.sentence if event.kind == "switch" else f"suspect: {event.sentence}")
    if len(ids) > 1 and found.run is not None and not any(event.kind == "switch" for event in found.events):
        lines += about_pair(found.run, found.lives, ids[0], ids[1])
    for event in found.events:
        if event.id in named and event.kind in ("birth", "end"):
            lines.append(event.sentence)
    return lines


def _overview(found: Explanation, top: int | None) -> list[str]:
    from tracker.explain.sentences import of_cause_advice

    lines = _lives(found, top)
    for kind, title in (
        ("switch", "identity switches"),
        ("fragment", "fragmentations"),
        ("miss", "missed rows"),
        ("false", "false rows"),
    ):
        if kind not in found.counts:
            continue
        by_cause = found.counts.get(f"{kind} by cause", {})
        causes = ", ".join(f"{cause} {count}" for cause, count in by_cause.items())
        lines += ["", f"{found.counts[kind]} {title}" + (f": {causes}" if causes else "")]
        if kind == "switch":
            lines += [f"  {line}" for line in _first([event.sentence for event in found.of_kind("switch")], top)]
    suspects = found.of_kind("suspect")
    if suspects and "switch" not in found.counts:
        lines += ["", f"{len(suspects)} suspects, the most suspect first; without ground truth nothing is proved"]
        lines += [f"  {line}" for line in _first([_with_score(event) for event in suspects], top)]
    if found.cost:
        lines += ["", "what the errors of each cause cost, in points:", *cost_lines(found.cost)]
    if found.advice:
        lines += ["", "what to set against the most costly causes of switches:"]
        lines += [f"  {of_cause_advice(code, setting)}" for code, setting in found.advice.items()]
    if found.controls is not None:
        lines += ["", str(found.controls)]
    return lines


def _with_score(event: Event) -> str:
    return f"{event.chain[0]['score']:.2f}  {event.sentence}"


def _first(lines: list[str], top: int | None) -> list[str]:
    if top is None or len(lines) <= top:
        return lines
    return [*lines[:top], f"... {len(lines) - top} more; --all prints them"]


def _lives(found: Explanation, top: int | None) -> list[str]:
    """The table of ids."""
    run = found.run
    head = f"{'id':>6} {'born':>7} {'score':>6} {'confirmed':>9} {'rows':>6} {'lost':>5} {'ended':>7}  why"
    if run is None:
        head = f"{'id':>6} {'first':>7} {'last':>7} {'rows':>6} {'gaps':>5}"
    lines = []
    for life in found.lives.values():
        if run is None:
            lines.append(f"{life.track:>6} {life.born:>7} {life.last:>7} {life.hits:>6} {len(life.lost):>5}")
            continue
        numbers = run.recording.numbers
        confirmed = "-" if life.confirmed is None else str(numbers[life.confirmed])
        ended, why = ("-", "alive at the end") if life.ended is None else (str(numbers[life.ended[0]]), life.ended[1])
        why += "" if life.duplicate is None else f" of {life.duplicate}"
        lines.append(
            f"{life.track:>6} {numbers[life.born]:>7} {life.score:>6.2f} {confirmed:>9} {life.hits:>6} "
            f"{len(life.lost):>5} {ended:>7}  {why}"
        )
    return [head, *_first(lines, top)]


def run_what_if(args: argparse.Namespace) -> int:
    """``track what-if``."""
    from tracker.explain.explanation import truth_notes
    from tracker.explain.load import HOW, load_run
    from tracker.explain.whatif import what_if

    changed = settings_of(args.settings)
    if not changed:
        raise ValueError("what-if: no setting given; name one, such as --set max_age=47")
    loaded = load_run(args.source)
    if loaded.run is None:
        raise ValueError(f"{args.source}: has no log, and without one nothing can be run again; {HOW}")
    truth = truth_of(args, loaded.name)
    found = what_if(loaded, changed, truth)
    for note in truth_notes(truth):
        print(shown(f"track: note: {note}"), file=sys.stderr)
    if args.json:
        put(json.dumps(found.to_dict(), indent=2) + "\n")
    else:
        print(shown_lines(_difference(found)))
    return 0


def _difference(found: Difference) -> list[str]:
    lines = [f"{number_of(found.same, 'id')} with the same detections as before"]
    lines += [f"ids {', '.join(map(str, ids))} are one id now, {new}" for ids, new in found.merged]
    lines += [f"id {old} is split into {', '.join(map(str, ids))}" for old, ids in found.split]
    for title, ids in (("not reported any more", found.gone), ("new, where there was no id", found.appeared)):
        lines += [f"{title}: {', '.join(map(str, ids))}"] if ids else []
    for name, before in found.before.items():
        after = found.after[name]
        lines.append(
            f"{name} {before:.0f} -> {after:.0f}"
            if name == "IDSW"
            else f"{name} {100 * before:.2f} -> {100 * after:.2f}"
        )
    return lines
