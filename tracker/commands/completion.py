"""The subcommand ``track completion``: a script that lets a shell complete commands and options."""

from __future__ import annotations

import argparse
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tracker.commands.stdout import put

if TYPE_CHECKING:
    from tracker.commands.words import Subparsers

SHELLS = ("bash", "zsh", "tcsh")
_DESCRIPTION = """Print a script that completes the commands and options of `track`. For bash: track completion bash >
~/.local/share/bash-completion/completions/track; for zsh: track completion zsh > FOLDER/_track, of $fpath."""

_FILES = ("SOURCE", "RESULTS", "FILE", "TREE", "GT", "DIR", "OUT")  # metavars of paths


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``completion``."""
    parser = subparsers.add_parser("completion", description=_DESCRIPTION, allow_abbrev=False)
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(run=run_completion)


def run_completion(args: argparse.Namespace) -> int:
    """Print the script; 0."""
    from tracker.install import installing

    if find_spec("shtab") is None:
        raise ValueError(f"completion needs shtab, which is not installed: {installing('completion')}")
    import shtab

    # A file where no word fits: the source.
    put(shtab.complete(whole_parser(), shell=args.shell).replace("complete -o bashdefault", "complete -o default"))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """Every command and option, for completion only: `track` parses the one that is called."""
    from tracker.algorithms import algorithms
    from tracker.commands.main import COMMANDS, Parser
    from tracker.commands.run import add_options

    parser = Parser(prog="track", allow_abbrev=False)
    add_options(parser)  # `track street.mp4 --algo ...` has no command
    subparsers = parser.add_subparsers()
    for module in dict.fromkeys(module for module, _ in COMMANDS.values()):
        import_module(module).add_parsers(subparsers)
    listed = {known.dest for known in subparsers._choices_actions}
    for name, (_, about) in COMMANDS.items():
        if name not in listed:  # shtab offers only the commands that have a help
            subparsers._choices_actions.append(subparsers._ChoicesPseudoAction(name, (), about))
    for command in (parser, *subparsers.choices.values()):
        for action in command._actions:
            if action.dest == "algo" and action.choices is None:
                action.choices = algorithms()
            elif action.choices is None and str(action.metavar).partition(".")[0] in _FILES:
                action.complete = _PATH  # type: ignore[attr-defined]
    return parser


_PATH = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
