"""Every block of code in the documentation is run as written, or the tables here say what is done instead and why.

Commands are parsed by the real parsers too, and names within sentences (options, modules, files, extras) must exist.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_video
from pages import PAGES, ROOT, Block, blocks, commands, read, spans
from readers_folder import HAS, lay_out, put_into_the_cache

import tracker
from tracker.algorithms import algorithm, algorithms
from tracker.commands.main import COMMANDS, Parser, main
from tracker.io.video import Live
from tracker.settings import settings_of

BLOCKS = [block for page in PAGES for block in blocks(page)]
LINES = [(block, line) for block in BLOCKS if block.language == "sh" for line in commands(block)]
TRAINS = "trains for minutes; tests/learn trains less"
CAMERA = "needs a camera; tests/live runs such commands on cameras of its own"
CLUSTER = "needs several machines; tests/workers runs the engines on this one"
CROPS = "needs crops and trains; tests/reid runs each command on a few"
INSTALLS = "installs, from the network; CI does so in an environment of its own"
REPLAYS = "replays each switch of whole sequences, for an hour; tests/explain does so on one small one"
SCRIPT = "takes minutes or hours"

# Why a command, given by how it begins, is parsed but not run.
NOT_RUN = {
    "docs/camera.md": {"track detector train": TRAINS, "track street.mp4 --detector cam.onnx": TRAINS},
    "docs/index.md": {"pip install": INSTALLS},
    "docs/live.md": {"track rtsp:": CAMERA, "track 0 ": CAMERA, "track http:": CAMERA},
    "docs/scale.md": {
        "track /shared/long.mp4": CLUSTER,
        "track many list.txt -o /shared/out": CLUSTER,
        "dask ": CLUSTER,
        "ray ": CLUSTER,
    },
    "docs/why.md": {"track bench": REPLAYS, "track eval": REPLAYS},
    "reid/README.md": {"python -m reid": CROPS},
    "README.md": {"python3 scripts/": SCRIPT},
    "CONTRIBUTING.md": {"python3 scripts/": SCRIPT, ".venv/bin/python scripts/": SCRIPT},
}
# Where less than what is written is run: a search of one trial, a shorter scene, ids that the small scene has, and hog
# where a process of its own would fetch a model.
INSTEAD = {
    "track demo": lambda line: f"{line} --frames 6 --no-video",
    "track tune": lambda line: f"{line} --trials 1 --sequences MOT17-05,MOT17-09",
    "track explain runs/street 17 42": lambda line: line.replace("17 42", "1 2"),
    "track street.mp4 --log -o runs/street": lambda line: f"{line} --detector det.txt --algo sort --set max_age=5",
    "track detector label": lambda line: f"{line} --teacher hog",
    "track many 'clips": lambda line: line.replace("yolox-nano", "hog"),
}
# What a command that does not return 0 returns, and why.
RETURNS = {"track doctor results.json": 1}  # the other video of truth.json has no rows
HEAVY = re.compile(r"MOT17|\.onnx|yolox-|\bresults\b|\brefined\b|\btuned\b|long\.mp4|^track many")


# ---- every block is known


def reason(page: str, line: str) -> str | None:
    """Why a command is not run."""
    return next((why for begin, why in NOT_RUN.get(page, {}).items() if line.startswith(begin)), None)


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert len(BLOCKS) > 50
    for block in BLOCKS:
        if block.language not in ("sh", "python"):
            assert [begin for begin in SHOWN if block.text.startswith(begin)], f"{block}: nothing tests this block"
    for begin in SHOWN:
        assert len([block for block in BLOCKS if block.text.startswith(begin)]) == 1, f"no such block: {begin}"


def test_every_command_is_run_or_has_a_reason() -> None:
    for block, line in LINES:
        runs = line.startswith("track ") and block.page in HAS
        assert runs or reason(block.page, line), f"{block}: not run, and NOT_RUN has no reason: {line}"
    for page, begins in NOT_RUN.items():
        for begin in begins:
            known = any(block.page == page and line.startswith(begin) for block, line in LINES)
            assert known, f"NOT_RUN has a reason for what is no longer there: {page}: {begin}"


# ---- every command is parsed


@pytest.mark.parametrize(("block", "line"), [pytest.param(*each, id=f"{each[0]} {each[1]}") for each in LINES])
def test_command_is_parsed(block: Block, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in in_the_shell(line) if "$" in line else [shlex.split(line)]:
        if words[0] == "track":
            parse_track(words[1:])
        elif words[0] == "pip":
            check_pip(words[1:])
        elif words[0].endswith(("python", "python3")):
            parse_python(words[1:], monkeypatch)
        else:
            assert reason(block.page, line), f"a program that this test does not know: {words[0]}"


def in_the_shell(line: str) -> list[list[str]]:
    """The words of each call of track as a shell makes them, in a job array of 4 and as an indexed job."""
    stub = 'track() { printf "%s\\n" track "$@"; echo; }; '
    given = {**os.environ, "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4", "JOB_COMPLETION_INDEX": "2"}
    run = subprocess.run(["sh", "-euc", stub + line], env=given, capture_output=True, text=True, check=True)
    return [call.split("\n") for call in run.stdout.strip().split("\n\n")]


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of ``track`` with one command, as ``track`` makes it."""
    parser = Parser(prog="track", allow_abbrev=False)
    import_module(COMMANDS[command][0]).add_parsers(parser.add_subparsers())
    return parser


def parse_track(words: list[str]) -> None:
    if words[0] not in COMMANDS:
        assert re.search(r"[./:]|^\d+$|^[A-Z]+$", words[0]), f"no command and no source: {words[0]}"
        words = ["run", *words]
    args = parser_of(words[0]).parse_args(words)
    known = {name: settings_of(algorithm(name)) for name in algorithms()}
    for pair in getattr(args, "set", None) or ():
        keys = known.get(getattr(args, "algo", None) or "", {key: 0 for one in known.values() for key in one})
        assert pair.partition("=")[0] in keys or "./" in str(args.algo), f"no such setting: {pair}"


def check_pip(words: list[str]) -> None:
    """What is installed is this project, with extras that it has, or something that an extra of it installs."""
    project = (ROOT / "pyproject.toml").read_text()
    for word in words:
        what, _, extras = word.rstrip("]").partition("[")
        if what in (".", "trackwhy"):
            assert all(re.search(rf"^{extra} = \[", project, re.M) for extra in extras.split(",") if extra), word
        elif word not in ("install", "-e"):
            assert f'"{word.partition(">")[0]}>' in project, f"no extra installs {word}"


class Parsed(Exception):
    """Ends a script once its options are parsed."""


def parse_python(words: list[str], patch: pytest.MonkeyPatch) -> None:
    if words[0] == "-m":
        assert words[1] == "reid"
        parser_of("reid").parse_args(words[1:])
        return
    script = ROOT / words[0]
    assert script.is_file(), words[0]
    if "parse_args" not in script.read_text(encoding="utf-8"):  # demo.py and test.py hand all words on
        return
    real = argparse.ArgumentParser.parse_args

    def parse(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        raise Parsed(real(self, args, namespace))

    patch.setattr(argparse.ArgumentParser, "parse_args", parse)
    patch.setattr(sys, "argv", words)
    patch.setattr(sys, "path", [str(script.parent), *sys.path])
    patch.setattr(os, "environ", dict(os.environ))
    patch.delattr(os, "sched_setaffinity", raising=False)  # bench.py would keep us on one processor
    with pytest.raises(Parsed):
        runpy.run_path(str(script), run_name="__main__")


# ---- names within sentences exist

FOREIGN = {"--grid", "--array"}  # options of YOLOv7's export.py and of sbatch


@pytest.mark.parametrize("page", PAGES)
def test_names_in_sentences_exist(page: str) -> None:
    everything = options_of(None)
    wrong = []
    for span in spans(page):
        words = span.split()
        options = {re.split(r"[=\[]", word.strip("[],"))[0] for word in words if word.startswith(("--", "[--"))}
        if found := re.match(r"(PYTHONPATH=tests )?python (?=scripts/)", span):
            with pytest.MonkeyPatch.context() as patch:
                parse_python(shlex.split(span[found.end() :]), patch)
        if words[:2] == ["pip", "install"]:
            check_pip(shlex.split(span)[1:])
        command = words[1] if words[0] == "track" and len(words) > 1 else ""
        known = options_of(command if command in COMMANDS else "run") if words[0] == "track" else everything
        wrong += [f"{span}: no option {option}" for option in options - known - FOREIGN]
        if re.match(r"(tracker|reid|scripts|tests|docs|examples)/[\w/.*-]+$", span):
            wrong += [f"no such file: {span}"] * (not list(ROOT.glob(span)))
        if found := re.match(r"(tracker(\.\w+)+)(\(.*)?$", span):
            wrong += [f"no such name: {found[1]}"] * (not importable(found[1]))
    for extra in re.findall(r"extras? `(\w+)`", read(page)):
        wrong += [f"no extra {extra}"] * (f"\n{extra} = [" not in (ROOT / "pyproject.toml").read_text())
    assert not wrong


@lru_cache
def options_of(command: str | None) -> set[str]:
    """The options of a command of ``track``; with None those of all, of the scripts and of tests too."""
    if command is None:
        scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "scripts").glob("*.py"))
        own = {option for name in COMMANDS for option in options_of(name)}
        return own | set(re.findall(r"--[a-z][\w-]+", scripts)) | {"--help", "--version", "--tracker"}
    found: set[str] = set()
    left = [parser_of(command)]
    while left:
        for action in left.pop()._actions:
            found |= set(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                left += action.choices.values()
    return found


def importable(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    words = name.split(".")
    for end in range(len(words), 0, -1):
        try:
            found: Any = import_module(".".join(words[:end]))
        except ModuleNotFoundError:
            continue
        return all((found := getattr(found, word, None)) is not None for word in words[end:])
    return False


# ---- every command is run, page by page, one after the other as a reader does


def instead(line: str) -> str:
    """The command that is run for a line."""
    return next((make for begin, make in INSTEAD.items() if line.startswith(begin)), str)(line)


def to_run(page: str) -> list[str]:
    return [line for block, line in LINES if block.page == page and not reason(page, line)]


@pytest.mark.parametrize("page", HAS)
def test_commands_of_a_page(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    run_page(page, [line for line in to_run(page) if not HEAVY.search(instead(line))], tmp_path, monkeypatch, request)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in HAS if any(HEAVY.search(instead(line)) for line in to_run(page))])
def test_all_commands_of_a_page(
    page: str, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if page != "docs/scale.md":  # whose workers, processes of their own, would not see this cache
        put_into_the_cache(shared / "data/models/yolox_nano.onnx", tmp_path, monkeypatch)
    run_page(page, to_run(page), tmp_path, monkeypatch, request)


def run_page(
    page: str, lines: list[str], folder: Path, patch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if any(line.startswith("track tune") for line in lines):
        pytest.importorskip("optuna", reason="needs the extra tune")
    if any("--embed" in line for line in lines):
        pytest.importorskip("av", reason="needs the extra video")
    patch.chdir(folder)
    lay_out(HAS[page], "\n".join(lines), folder, request)
    ran = Ran(request.getfixturevalue("capsys"))
    for line in lines:
        ran.run(line)
    for begin, check in SHOWN.items():
        for block in BLOCKS:
            if block.page == page and block.text.startswith(begin):
                check(block.text, ran)


class Ran:
    """What was run in this folder, and what each command printed."""

    def __init__(self, output: pytest.CaptureFixture[str]) -> None:
        self.output = output
        self.printed: dict[str, str] = {}

    def run(self, line: str) -> str:
        expected = next((code for begin, code in RETURNS.items() if line.startswith(begin)), 0)
        self.output.readouterr()
        code = main(shlex.split(instead(line))[1:])
        self.printed[line], err = self.output.readouterr()
        assert code == expected, f"{line}\n{err}"
        return self.printed[line]


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=str(block)) for block in BLOCKS if block.language == "python"]
)
def test_python(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "live=" in block.text:
        monkeypatch.setattr(tracker, "track", _of_a_file(tracker.track))
    lay_out(HAS.get(block.page, ()), block.text.replace("rtsp:", "street.mp4"), tmp_path, request)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__", **BEFORE.get(block.page, dict)()}
    exec(compile(block.text, str(block), "exec"), names)
    if "save=" in block.text:
        assert (tmp_path / "out/tracks.txt").is_file()
        assert (tmp_path / "out/tracks.mp4").stat().st_size > 0


def _of_a_file(real: Callable[..., Any]) -> Callable[..., Any]:
    """``tracker.track`` that takes a file for a camera, which would go on for ever."""

    def track(source: str, *, live: Live, **options: Any) -> Any:
        inspect.signature(real).bind(source, live=live, **options)
        return real("street.mp4", **options)

    return track


def _peak() -> dict[str, Any]:
    """A network whose first map has one peak; the second, another keypoint's, has one too."""
    maps = np.zeros((19, 12, 16))
    maps[0, 4, 3:5], maps[1, 9, 9] = (0.9, 0.5), 1
    return {"network": lambda image: maps}


BEFORE: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/detectors.md": _peak,
    "reid/README.md": lambda: {
        "frame": np.zeros((90, 60, 3), np.uint8),
        "boxes": np.array([[5.0, 5, 40, 80]]),
    },
}


# ---- what is shown is what is printed


def same_form(shown: Any, real: Any) -> None:
    """Every key that is shown is there, with a value of that kind."""
    if isinstance(shown, dict):
        assert shown.keys() <= real.keys()
        for key, value in shown.items():
            same_form(value, real[key])
    elif isinstance(shown, list) and shown and real:
        same_form(shown[0], real[0])
    elif shown is not None and real is not None and not isinstance(real, list):
        assert isinstance(shown, (int, float)) == isinstance(real, (int, float))


def counts(text: str, ran: Ran) -> None:
    """docs/count.md: what --json prints has the form that is shown."""
    (line,) = [line for line in ran.printed if line.startswith("track count") and "--zone" in line]
    same_form(json.loads(text), json.loads(ran.run(f"{line} --json")))


def events(text: str, ran: Ran) -> None:
    """docs/live.md: events of a run have the keys that are shown; `at` is for live ones only."""
    lines = [f"{frame},-1,{40 + 4 * frame},40,30,80,0.9,-1,-1,-1" for frame in range(1, 9)]
    Path("det.txt").write_text("\n".join(lines) + "\n")
    write_video(Path("street.mp4"), 8)
    words = ["street.mp4", "--detector", "det.txt", "--no-video", "--quiet", "--line", "door=73,0 73,400"]
    assert main([*words, "--events", "events.jsonl"]) == 0
    real = {one["event"]: one for one in map(json.loads, Path("events.jsonl").read_text().splitlines())}
    for shown in map(json.loads, text.splitlines()):
        assert "class" in real[shown["event"]]  # a number here, where no detector names it
        same_form({key: shown[key] for key in shown if key not in ("at", "class")}, real[shown["event"]])


def tuned(text: str, ran: Ran) -> None:
    """docs/guide.md: the table of `track tune` has these heads and rows."""
    found = [out for line, out in ran.printed.items() if line.startswith("track tune")]
    for shown in text.splitlines() if found else ():
        form = r"\s+".join(r"[\d.]+" if word[0].isdigit() else re.escape(word) for word in shown.split())
        assert re.search(rf"^\s*{form}\s*$", found[0], re.M), f"{shown!r} is not what is printed:\n{found[0]}"


def job(text: str, ran: Ran) -> None:
    """docs/scale.md: YAML of an indexed Job, whose command the parser takes."""
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    spec = yaml.safe_load(text)["spec"]
    assert spec["completionMode"] == "Indexed"
    (container,) = spec["template"]["spec"]["containers"]
    assert container["command"] == ["sh", "-c"]
    (words,) = in_the_shell(container["args"][0])
    assert words[-2:] == ["--shard", f"3/{spec['completions']}"]
    parse_track(words[1:])


def attributes(text: str, ran: Ran) -> None:
    """reid/README.md: the table of attributes is read."""
    from reid.attributes import table

    Path("people.csv").write_text(text)
    header, rows = table(Path("people.csv"))
    assert header[0] == "identity"
    assert all(len(row) == len(header) for _, row in rows)


SHOWN: dict[str, Callable[[str, Ran], None]] = {
    '{"lines"': counts,
    '{"event"': events,
    "       training ": tuned,
    "apiVersion:": job,
    "identity,hat": attributes,
}
