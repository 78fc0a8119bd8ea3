"""Time ``update`` of this library's trackers beside other projects': python scripts/bench.py [--quick]

All contestants run every scene in turns, block by block, in one thread on one processor (on two, native threads that
wait for each other would be charged for both); the clock is processor time. Detections are prepared before it starts.
"x" is how many times quicker than the baseline (SORT on filterpy objects, or DeepSORT in loops, both in
bench_baselines.py), the median over neighbouring blocks; "products" is the quickest block in products of two 256 x 256
matrices; "MB" is the most that Python and numpy allocate, without the detections; "ids" the ids in the last answer.

  --quick --compare scripts/bench_ratios.json    what CI runs: exit code 1 where a row got 1.5x slower
  --quick --store scripts/bench_ratios.json --overwrite
  --markdown docs/measurements.md                the tables between that file's marks
  --end-to-end                                   the command on a real video, beside its detector alone and a loop of
                                                 cv2, onnxruntime, supervision and trackers
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
from bench_options import names, sizes
from bench_peers import NATIVE, PACKAGES, Contestant, baselines, installed, ours, peers
from bench_ratios import Ratios, better, differences, read_ratios, regressions, write_ratios
from bench_scenes import Scene, sequence, tiled, walkers
from bench_tables import BASELINES, Result, markdown, record, split_at_marks, table, write_between_marks
from bench_timing import Times, peak_megabytes, race

from tracker.run.manifest import versions
from tracker.spelling import nearest

OBJECTS = [10, 45, 100, 500, 1000, 2000]
SCENES = ("synthetic", "mot17", "crowd", "gallery")
SEQUENCE = "data/MOT17/train/MOT17-04"


@dataclass(frozen=True)
class Heat:
    """Contestants that run the same frames; baseline is the name of the one that "x" is relative to."""

    title: str
    objects: int
    frames: Sequence[Any]
    contestants: list[Contestant]
    baseline: str


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
    add("--scenes", type=names, help=f"which of {','.join(SCENES)}; default all")
    add("--objects", type=sizes, help=f"sizes of the synthetic scenes; default {','.join(map(str, OBJECTS))}")
    add("--missing", type=float, default=0.0, help="share of detections left out of the synthetic scenes; default 0")
    add("--frames", type=int, help="of a scene; default 200, fewer where there are many objects")
    add("--rounds", type=int, help="default 5")
    add("--limit", type=float, help="processor seconds for one contestant in one scene; default 3")
    add("--algos", type=names, help="which of ours; default all")
    add("--peers", type=names, help=f"packages ({', '.join(PACKAGES)}), all or none; default all")
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
        args.markdown = "-" if args.markdown is not None else None  # a table of some scenes would replace that of all
        print(f"\nbench: interrupted; the {len(results)} finished scenes are kept, no ratios compared or stored")
    for line in absent:
        print(line)
    _write(args, results, record(results, products, machine, absent))
    if interrupted:
        return 130
    if not results and (args.json is not None or args.markdown is not None):
        raise ValueError("nothing was measured, nothing is written")
    ratios = against_products(results, products)
    code = 0
    if stored is not None:
        ratios, slower = _compared(args, members, stored, ratios, machine)
        code = 1 if slower else 0
    if args.store is not None:
        write_ratios(args.store, ratios, machine, "python scripts/bench.py --quick --store FILE")
    return code


def _write(args: argparse.Namespace, results: Sequence[Result], content: dict[str, Any]) -> None:
    """The files of --json and --markdown, where something was measured."""
    if args.json is not None and results:
        args.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if args.markdown == "-" and results:
        print(markdown(results))
    elif args.markdown is not None and results:
        write_between_marks(Path(args.markdown), markdown(results))


def _compared(
    args: argparse.Namespace,
    members: list[Contestant],
    stored: tuple[Ratios, dict[str, Any]],
    ratios: Ratios,
    machine: dict[str, Any],
) -> tuple[Ratios, int]:
    """Say what is slower than stored, after a second measurement of it; the better ratios, and how many are slower."""
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
    return ratios, len(lines)


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be refused before anything is timed."""
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
        split_at_marks(Path(args.markdown))
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
    """Every scene, made in its turn; or a line that says why it is left out."""
    wanted = args.scenes or list(SCENES)

    def both(scene: Scene) -> Iterator[Heat]:
        for embedded, baseline in ((False, BASELINES[0]), (True, BASELINES[1])):
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
        yield Heat(gallery.name, 100, gallery.frames, gallery.contestants(), BASELINES[2])


def _frames(args: argparse.Namespace, objects: int) -> int:
    most, least = (60, 20) if args.quick else (200, 40)
    return args.frames or max(least, min(most, 20_000 // objects))


def _race_all(
    args: argparse.Namespace, members: list[Contestant], products: dict[str, Times], quiet: bool = False
) -> Iterator[Result]:
    limit = args.limit or (0.3 if args.quick else 3.0)
    slow: dict[str, Heat] = {}  # where one was stopped with too few updates; it skips scenes with more objects
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


def against_products(results: Sequence[Result], products: dict[str, Times]) -> Ratios:
    """Our rows: the quickest block divided by each kind of matrix product at its quickest; inf for one that failed or
    did not get through its warm-up."""
    own = {one.name for one in ours()} | {one.name for one in Gallery(2, 2, 2, 2).contestants() if not one.package}
    return {
        f"{result.title} / {name}": {kind: times.best / of.best for kind, of in products.items()}
        for result in results
        for name, times in result.times.items()
        if name in own
    }


def facts() -> dict[str, Any]:
    """The machine and versions that the figures depend on."""
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
