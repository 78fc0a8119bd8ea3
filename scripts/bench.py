"""Time ``update`` of this library's trackers beside other projects': python scripts/bench.py [--quick]

Every scene is run by all contestants in turns, block by block, in one thread on one processor (native threads that wait
for each other on two would be charged for both); the clock is processor time. Detections are made ready before it
starts. "x" is how many times quicker than the baseline (SORT on filterpy objects, or DeepSORT in loops, both in
bench_baselines.py), the median over neighbouring blocks; "products" is the quickest block in products of two 256 x 256
matrices; "MB" what Python and numpy allocate at most, the detections left out; "ids" the ids in the last answer.

  --quick --compare scripts/bench_ratios.json    what CI runs: exit code 1 where a row got 1.5x slower
  --quick --store scripts/bench_ratios.json --overwrite
  --markdown docs/measurements.md                the tables between that file's marks
  --end-to-end                                   the command on a real video, against decoding and detecting alone
"""

# ruff: noqa: E402 - the number of threads is set before numpy is imported

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity") and "--end-to-end" not in sys.argv:  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[_threads] = "1"

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
from bench_gallery import Gallery
from bench_peers import NATIVE, PACKAGES, Contestant, baselines, installed, ours, peers
from bench_ratios import better, differences, read_ratios, regressions, write_ratios
from bench_scenes import Scene, sequence, tiled, walkers
from bench_timing import Times, peak_megabytes, race, ratio

from tracker.algorithms import nearest
from tracker.run.manifest import versions

OBJECTS = [10, 45, 100, 500, 1000, 2000]
SCENES = ("synthetic", "mot17", "crowd", "gallery")
MARKS = ("<!-- scripts/bench.py -->", "<!-- end of scripts/bench.py -->")
SEQUENCE = "data/MOT17/train/MOT17-04"


@dataclass(frozen=True)
class Heat:
    """Those who run the same frames; baseline is the name of the one that "x" is relative to."""

    title: str
    objects: int
    frames: Sequence[Any]
    contestants: list[Contestant]
    baseline: str


@dataclass
class Result:
    title: str
    frames: int
    baseline: str
    times: dict[str, Times]


def main(words: Sequence[str] | None = None) -> int:
    args = _arguments(words)
    try:
        return _run(args)
    except (ValueError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="some 10 s: few sizes and frames; no peers unless named; no MB")
    add("--scenes", type=_names, help=f"which of {','.join(SCENES)}; default all")
    add("--objects", type=_sizes, help=f"sizes of the synthetic scenes; default {','.join(map(str, OBJECTS))}")
    add("--missing", type=float, default=0.0, help="share of detections left out of the synthetic scenes; default 0")
    add("--frames", type=int, help="of a scene; default 200, fewer where there are many objects")
    add("--rounds", type=int, help="default 5")
    add("--limit", type=float, help="processor seconds for one contestant in one scene; default 3")
    add("--algos", type=_names, help="which of ours; default all")
    add("--peers", type=_names, help=f"packages ({', '.join(PACKAGES)}), all or none; default all")
    add("--no-memory", action="store_true", help="leave the memory out")
    add("--shared", type=Path, default=ROOT.parent / "shared", help="folder with data/MOT17; default ../shared")
    add("--list", action="store_true", help="say who can take part, and stop")
    add("--end-to-end", action="store_true", help="time the command on data/video/vtest_480x360.mp4 instead")
    add("--json", type=Path, metavar="FILE", help="everything measured")
    add("--markdown", metavar="FILE", help='put the table between the marks of FILE ("-": print it)')
    add("--store", type=Path, metavar="FILE", help="write the ratios to numpy's matrix product")
    add("--compare", type=Path, metavar="FILE", help="fail where a row got 1.5x slower than these ratios say")
    add("--overwrite", action="store_true", help="replace the files of --json and --store")
    return parser.parse_args(words)


def _names(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _sizes(text: str) -> list[int]:
    words = _names(text)
    if not words or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers above 0, such as 10,100")
    return [int(word) for word in words]


def _run(args: argparse.Namespace) -> int:
    _check(args)
    if args.list:
        _list()
        return 0
    if args.end_to_end:
        from bench_end_to_end import end_to_end

        return end_to_end(args.shared, args.rounds or (1 if args.quick else 3))
    stored = None if args.compare is None else read_ratios(args.compare)
    members, absent = _members(args)
    machine = facts()
    print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, numpy {machine['numpy']}")
    products: dict[str, Times] = {}
    results: list[Result] = []
    interrupted = False
    try:
        for result in _race_all(args, members, products):
            results.append(result)
    except KeyboardInterrupt:
        interrupted = True
        stored = args.store = None
        args.markdown = "-" if args.markdown is not None else None  # a table of some scenes would replace that of all
        print(f"\nbench: interrupted; the {len(results)} finished scenes are kept, no ratios compared or stored")
    for line in absent:
        print(line)
    if args.json is not None and results:
        args.json.write_text(json.dumps(record(results, products, machine, absent), indent=1) + "\n", encoding="utf-8")
    if args.markdown is not None and results:
        table = markdown(results)
        if args.markdown == "-":
            print(table)
        else:
            _between_marks(Path(args.markdown), table)
    if not results and not interrupted and (args.json is not None or args.markdown is not None):
        raise ValueError("nothing was measured, nothing is written")
    ratios = against_products(results, products)
    code = 0
    if stored is not None:
        rows, other = stored
        lines = regressions(rows, ratios)
        if lines:
            slower = {line.partition(":")[0].rpartition(" / ")[2] for line in lines}
            print(f"\nslower than stored, measured once more: {', '.join(sorted(slower))}", flush=True)
            again: dict[str, Times] = {}
            some = [one for one in members if one.name in slower]
            second = against_products(list(_race_all(args, some, again, quiet=True)), again)
            ratios = better(ratios, second)
            lines = regressions(rows, ratios)
        print()
        for line in differences(rows, ratios):
            print(f"note: {line}")
        if any(other.get(key) != machine[key] for key in ("cpu", "python", "numpy")):
            print(f"note: stored on {other.get('cpu')}, Python {other.get('python')}, numpy {other.get('numpy')}")
        for line in lines:
            print(f"REGRESSION {line}")
        compared = len(rows.keys() & ratios.keys())
        print(f"{compared} rows compared with {args.compare}, {len(lines)} slower")
        if not compared:
            raise ValueError(f"--compare {args.compare}: none of its rows was measured; nothing is known")
        code = 1 if lines else 0
    if args.store is not None:
        write_ratios(args.store, ratios, machine, "python scripts/bench.py --quick --store FILE")
    return 130 if interrupted else code


def _check(args: argparse.Namespace) -> None:
    """What can be refused is refused before anything is timed."""
    for path, option in ((args.json, "--json"), (args.store, "--store")):
        if path is not None and path.is_file() and not args.overwrite:
            raise ValueError(f"{option} {path}: exists already; --overwrite replaces it")
        if path is not None and path.is_dir():
            raise ValueError(f"{option} {path}: is a folder; give a file")
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"{option} {path}: no such folder")
        if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
            raise ValueError(f"{option} {path}: cannot be written; give another file")
    if args.json is not None and args.store is not None and args.json.resolve() == args.store.resolve():
        raise ValueError(f"--json and --store {args.store}: one would replace the other; give two files")
    if args.end_to_end and any(given is not None for given in (args.json, args.store, args.compare, args.markdown)):
        raise ValueError("--end-to-end prints its table only; leave --json, --store, --compare and --markdown out")
    if args.markdown not in (None, "-"):
        _split_at_marks(Path(args.markdown))
        if not os.access(args.markdown, os.W_OK):
            raise ValueError(f"--markdown {args.markdown}: cannot be written; give another file")
    for value, option in ((args.frames, "--frames"), (args.rounds, "--rounds")):
        if value is not None and value < 1:
            raise ValueError(f"{option} {value}: give 1 or more")
    if args.limit is not None and not args.limit > 0:
        raise ValueError(f"--limit {args.limit:g}: give seconds above 0")
    if not 0 <= args.missing < 1:
        raise ValueError(f"--missing {args.missing:g}: give a share from 0 to below 1")
    _known(args.scenes or [], list(SCENES), "--scenes", "scene")
    _known(args.algos or [], [one.name for one in ours()], "--algos", "algorithm")
    if args.peers not in (None, ["all"], ["none"]):
        _known(args.peers, list(PACKAGES), "--peers", "package")


def _known(names: Sequence[str], known: list[str], option: str, what: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{option}: no {what} {name!r}{nearest(name, known)}; there are: {', '.join(known)}")


def _list() -> None:
    print("ours:", ", ".join(one.name for one in ours()))
    print("baselines:", ", ".join(one.name for one in baselines()))
    for package in PACKAGES:
        found, line = _open(package)
        print(line or f"{package}: {', '.join(one.name for one in found)}")


def _open(package: str) -> tuple[list[Contestant], str]:
    """The package's contestants, or a line that says why there are none."""
    if not installed(package):
        return [], f"{package}: not installed; {PACKAGES[package]}"
    try:
        return peers(package), ""
    except Exception as error:  # other people's code may raise anything
        return [], f"{package}: cannot be used ({type(error).__name__}: {error}); {PACKAGES[package]}"


def _members(args: argparse.Namespace) -> tuple[list[Contestant], list[str]]:
    wanted = args.peers or (["none"] if args.quick else ["all"])
    packages = {"all": list(PACKAGES), "none": []}.get(wanted[0], wanted)
    members = [one for one in ours() if args.algos is None or one.name in args.algos] + baselines()
    absent = []
    for package in packages:
        found, line = _open(package)
        members += found
        absent += [line] if line else []
    return members, absent


def _heats(args: argparse.Namespace, members: list[Contestant]) -> Iterator[Heat | str]:
    """Every scene, made when its turn comes; or a line that says why it is left out."""
    wanted = args.scenes or list(SCENES)

    def both(scene: Scene) -> Iterator[Heat]:
        for embedded, baseline in ((False, "filterpy SORT"), (True, "loop DeepSORT")):
            if embedded and args.quick and args.objects is None and scene.objects > 100:
                continue
            found = [one for one in members if one.embedded is embedded]
            if any(one.package != "baseline" for one in found):
                title = f"{scene.name}, embeddings" if embedded else scene.name
                yield Heat(
                    title, scene.objects, scene.frames if embedded else scene.without_embeddings(), found, baseline
                )

    if "synthetic" in wanted:
        for objects in args.objects or ([10, 100, 500] if args.quick else OBJECTS):
            yield from both(walkers(objects, _frames(args, objects), args.missing))
    folder = args.shared / SEQUENCE
    for kind, make, objects in (("mot17", sequence, 44), ("crowd", tiled, 400)):
        if kind not in wanted or (args.quick and kind == "crowd" and args.scenes is None):
            continue
        if folder.is_dir():
            yield from both(make(folder, _frames(args, objects)))
        else:
            yield f"{kind}: left out, there is no {folder}; --shared names another folder"
    if "gallery" in wanted:
        gallery = Gallery()
        yield Heat(gallery.name, 100, gallery.frames, gallery.contestants(), "loop over tracks")


def _frames(args: argparse.Namespace, objects: int) -> int:
    most, least = (60, 20) if args.quick else (200, 40)
    return args.frames or max(least, min(most, 20_000 // objects))


def _race_all(
    args: argparse.Namespace, members: list[Contestant], products: dict[str, Times], quiet: bool = False
) -> Iterator[Result]:
    limit = args.limit or (0.3 if args.quick else 3.0)
    slow: dict[str, Heat] = {}  # where it was stopped with too few updates: more objects are worse
    for heat in _heats(args, members):
        if isinstance(heat, str):
            if not quiet:
                print(f"\n{heat}")
            continue
        tired = {name for name, at in slow.items() if heat.objects > at.objects}
        racing = [one for one in heat.contestants if one.name not in tired]
        times = race(racing, heat.frames, args.rounds or 5, limit, products)
        for one in racing:
            if times[one.name].enough:
                if not (args.quick or args.no_memory or one.package in NATIVE):
                    times[one.name].peak = peak_megabytes(one, heat.frames, limit / 4)
            elif "updates in" in times[one.name].note and one.package:
                slow.setdefault(one.name, heat)
        times |= {
            one.name: Times(note=f"left out, too slow for {slow[one.name].title}")
            for one in heat.contestants
            if one.name in tired
        }
        result = Result(heat.title, len(heat.frames), heat.baseline, times)
        if not quiet:
            print(table(result, products), flush=True)
        yield result


def table(result: Result, products: dict[str, Times]) -> str:
    """Aligned text, quickest first."""
    head = f"{'us':>9}{'p99':>10}{'x':>8}{'products':>10}{'MB':>8}{'ids':>7}"
    lines = ["", f"{result.title} ({result.frames} frames)".ljust(44) + head]
    order = sorted(result.times, key=lambda name: (not result.times[name].enough, _median(result.times[name])))
    for name in order:
        times = result.times[name]
        if not times.enough:
            lines.append(f"  {name:<42}{times.note or 'too few updates'}")
            continue
        x = ratio(times, result.times[result.baseline])
        cells = [
            f"{times.median:9.0f}",
            f"{times.p99:10.0f}",
            f"{'' if x is None else f'{x:.1f}':>8}",
            f"{times.best / products['256x256'].best:10.2f}",
            f"{'' if times.peak is None else f'{times.peak:.1f}':>8}",
            f"{times.reported:7d}",
        ]
        lines.append(f"  {name:<42}{''.join(cells)}  {times.note}".rstrip())
    return "\n".join(lines)


def _median(times: Times) -> float:
    return times.median if times.updates else float("inf")


def against_products(results: Sequence[Result], products: dict[str, Times]) -> dict[str, dict[str, float]]:
    """Of our rows: the quickest block in each kind of matrix product, both at their quickest; inf for one that failed
    or did not get through its warm-up."""
    own = {one.name for one in ours()} | {one.name for one in Gallery(2, 2, 2, 2).contestants() if not one.package}
    return {
        f"{result.title} / {name}": {kind: times.best / of.best for kind, of in products.items()}
        for result in results
        for name, times in result.times.items()
        if name in own
    }


def markdown(results: Sequence[Result]) -> str:
    """A row for each contestant, a column for each scene; what has another baseline in a table of its own."""
    out = []
    groups = [
        [result for result in results if result.baseline == baseline]
        for baseline in ("filterpy SORT", "loop DeepSORT", "loop over tracks")
    ]
    for group in filter(None, groups):
        names = list(dict.fromkeys(name for result in group for name in result.times))
        out.append("| us per update | " + " | ".join(result.title for result in group) + " |")
        out.append("|---" * (len(group) + 1) + "|")
        for name in names:
            cells = [_cell(result, name) for result in group]
            if any(cells):
                out.append(f"| {name} | " + " | ".join(cells) + " |")
        out.append("")
    return "\n".join(out).rstrip()


def _cell(result: Result, name: str) -> str:
    times = result.times.get(name)
    if times is None or not times.enough:
        return ""
    x = ratio(times, result.times[result.baseline])
    return f"{times.median:,.0f}" + ("" if x is None or name == result.baseline else f" ({x:.1f}x)")


def _split_at_marks(path: Path) -> tuple[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise ValueError(f"--markdown {path}: cannot be read ({why}); give a page with the marks") from None
    if any(text.count(mark) != 1 for mark in MARKS):
        raise ValueError(f"--markdown {path}: needs one line {MARKS[0]!r} and one {MARKS[1]!r} to write between")
    return text.partition(MARKS[0])[0], text.partition(MARKS[1])[2]


def _between_marks(path: Path, table: str) -> None:
    before, after = _split_at_marks(path)
    path.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


def record(
    results: Sequence[Result], products: dict[str, Times], machine: dict[str, Any], absent: list[str]
) -> dict[str, Any]:
    """Everything measured, for programs. Times in microseconds."""
    scenes = {}
    for result in results:
        base = result.times.get(result.baseline)
        scenes[result.title] = {
            name: {
                "median_us": times.median,
                "p99_us": times.p99,
                "best_us": times.best,
                "updates": len(times.updates),
                "x_baseline": None if base is None else ratio(times, base),
                "peak_mb": times.peak,
                "ids": times.reported,
                "note": times.note,
            }
            if times.enough
            else {"note": times.note or "too few updates"}
            for name, times in result.times.items()
        }
    yard = {name: {"median_us": times.median, "best_us": times.best} for name, times in products.items()}
    return {"machine": machine, "products": yard, "scenes": scenes, "absent": absent}


def facts() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    known = {key: value for key, value in versions().items() if key in ("python", "numpy", "scipy")}
    return {"cpu": cpu, "cores": os.cpu_count(), **known, "blas": f"{blas.get('name')} {blas.get('version')}"}


if __name__ == "__main__":
    sys.exit(main())
