"""The command ``track``. Only argparse is imported here; each subcommand imports what it needs when it runs."""

from __future__ import annotations

import argparse
import atexit
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import ClassVar, NoReturn

# Subcommand -> the module whose add_parsers(subparsers) defines it, and its line in the help.
COMMANDS = {
    "run": ("tracker.commands.run", "the same as `track SOURCE`"),
    "many": ("tracker.commands.many", "many videos on many workers; what is done stays done"),
    "algos": ("tracker.commands.algos", "each algorithm with its parameters and defaults"),
    "models": ("tracker.commands.models", "the detectors that have a name: list them, fetch one, add your own"),
    "demo": ("tracker.commands.demo", "track a drawn street scene with known truth, and score the result"),
    "eval": ("tracker.commands.eval", "score results against MOTChallenge ground truth"),
    "bench": ("tracker.commands.bench", "run algorithms on a MOTChallenge tree and score them"),
    "tune": ("tracker.commands.tune", "search an algorithm's parameters against ground truth"),
    "refine": ("tracker.commands.refine", "repair results offline: merge tracks, fill gaps, smooth"),
    "count": ("tracker.commands.count", "count at lines and in zones: events, stays, speed, a heat map"),
    "export": ("tracker.commands.export", "write results as CSV, Parquet, COCO, CVAT and others"),
    "report": ("tracker.commands.page", "one HTML page of a run: what went wrong and why, and mending by hand"),
    "explain": ("tracker.commands.explain", "why ids change: every id of a run, with ground truth every error"),
    "what-if": ("tracker.commands.explain", "the same run with other settings: which ids merge, split, appear"),
    "detector": ("tracker.commands.detector", "a small detector of your own camera: train one, or label a video"),
    "doctor": ("tracker.commands.doctor", "check detections, results or ground truth"),
    "completion": ("tracker.commands.completion", "a script that completes words in bash, zsh or tcsh"),
    "reid": ("reid.cli", "train, score, export and compress appearance models"),
}

USAGE = """usage: track SOURCE [options]    track a video; `track run --help` lists the options
       track COMMAND [options]   `track COMMAND --help` lists them
"""

ABOUT = """
SOURCE is a video file, a folder of images, a MOTChallenge sequence folder, a webcam number or a URL (rtsp, http).
The first line it prints says what it chose; tracks.txt, the annotated video and run.json go to a new folder.

  track street.mp4                               Steady on YOLOX-nano, which is fetched once (3.7 MB)
  track street.mp4 --algo deepsort               with appearance
  track street.mp4 --detector my_yolo.onnx       a detector of your own
"""


class Parser(argparse.ArgumentParser):
    """argparse whose errors are one line, without the passwords of what was typed."""

    words: ClassVar[Sequence[str]] = ()  # the command line

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"track: {_public(message)}; see `{self.prog} --help`\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code: 0 done, 1 done in part, 2 bad input, 130 interrupted."""
    if argv is None:
        _escape_what_cannot_be_printed()
    code = _run(list(sys.argv[1:] if argv is None else argv))
    if code == 130 and argv is None:  # the process ends now, and a Ctrl-C still held down must not disturb that
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _leave_hanging_threads(code)
    return code


def _leave_hanging_threads(code: int) -> None:
    """End the process where a thread still waits for the network: to end the interpreter around it takes long."""
    if any(thread.daemon for thread in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _open_closed_streams() -> None:
    """Give a closed stdin, stdout or stderr to the null device, before a file that is opened gets its number."""
    while (file := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(file)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _escape_what_cannot_be_printed() -> None:
    """Print a character that the terminal's encoding lacks (cp1252, ASCII) as ``\\xfc``, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(words: list[str]) -> int:
    _open_closed_streams()
    try:
        return _answer(words)
    except BrokenPipeError:  # the reader, `head` perhaps, has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except MemoryError as error:
        print(f"track: not enough memory ({_one_line(error)}); ask for less", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        if os.environ.get("TRACK_TRACEBACK"):
            raise
        print(f"track: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("track: interrupted", file=sys.stderr)
        return 130


def _answer(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_help(), flush=True)
        return 0 if words else 2
    if words[0] == "--version":
        print(_version())
        return 0
    given = ["track", *words]
    Parser.words = given
    if words[0] not in COMMANDS:
        from tracker.commands.hints import unknown_source

        if (wrong := unknown_source(words[0], COMMANDS)) is not None:
            raise ValueError(f"{wrong}; `track --help` lists the commands")
        words.insert(0, "run")
    parser = Parser(prog="track", allow_abbrev=False)
    subparsers = parser.add_subparsers()
    import_module(COMMANDS[words[0]][0]).add_parsers(subparsers)
    args, unknown = parser.parse_known_args(words)
    if unknown:  # reported by the subcommand, so that the line names its help
        _refuse(unknown, subparsers.choices[words[0]])
    args.command_line = given  # for run.json
    asked = vars(args)
    for_programs = any(asked.get(name) in (True, "-") for name in ("json", "csv", "markdown", "defaults", "events"))
    if for_programs and words[0] != "reid":  # reid runs nothing of the user's
        from tracker.commands.stdout import results_alone

        with results_alone():
            return int(args.run(args))
    return int(args.run(args))


def _refuse(unknown: Sequence[str], command: argparse.ArgumentParser) -> NoReturn:
    from tracker.algorithms import algorithm, algorithms
    from tracker.commands.hints import unknown_options
    from tracker.settings import settings_of

    settings = {key for name in algorithms() for key in settings_of(algorithm(name))}
    command.error(unknown_options(unknown, list(command._option_string_actions), settings))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"track (trackwhy) {version('trackwhy')}"
    except PackageNotFoundError:
        return "track (trackwhy), not installed: run from its source"


def _help() -> str:
    lines = [f"  {name:<10} {about}" for name, (_, about) in COMMANDS.items()]
    return USAGE + "\ncommands:\n" + "\n".join(lines) + "\n" + ABOUT


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return _public(f"{error.filename}: {error.strerror}")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _public(" ".join(str(error).split()))


def _public(text: str) -> str:
    """The text as one line that holds no password and no control character."""
    from tracker.io.passwords import without_passwords_of
    from tracker.spelling import shown

    return shown(without_passwords_of(Parser.words, text))


if __name__ == "__main__":
    sys.exit(main())
