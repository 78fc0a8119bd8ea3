"""The subcommands that track: ``track SOURCE``, ``track demo``, ``track algos``."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time as clock
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.algorithms import DEFAULT, algorithm, algorithms, parameters, read_params, typed, wants_embeddings
from tracker.commands.words import add_settings, names_of, settings_of

if TYPE_CHECKING:
    from tracker.io.sinks import Sink, Step
    from tracker.run.pipeline import Pipeline
    from tracker.scene.score import SceneScore

PARTIAL, INTERRUPTED = 1, 130
PRESS = 1.0  # seconds that a press of Ctrl-C may last


def add_parsers(subparsers: Any) -> None:
    """Register ``run``, ``demo`` and ``algos``."""
    run = subparsers.add_parser("run", usage="track SOURCE [options]", description="Track a video.", allow_abbrev=False)
    run.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help="video file, folder of images, MOTChallenge sequence folder, webcam number or URL",
    )
    _add_options(run)
    run.add_argument("--show", action="store_true", help="also show the annotated video in a window (q closes it)")
    run.set_defaults(run=run_track)

    demo = subparsers.add_parser(
        "demo", description="Track a drawn street scene with known truth, and score the result.", allow_abbrev=False
    )
    _add_options(demo)
    demo.add_argument("--frames", type=int, default=300, help="length of the scene (default 300)")
    demo.add_argument("--seed", type=int, default=0, help="another seed, other people (default 0)")
    demo.set_defaults(run=run_demo, show=False)

    algos = subparsers.add_parser(
        "algos", description="List each algorithm with its parameters and defaults.", allow_abbrev=False
    )
    algos.add_argument("--json", action="store_true", help="as JSON")
    algos.set_defaults(run=run_algos)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--algo", metavar="NAME", help=f"{', '.join(algorithms())} (default: that of --params, or else {DEFAULT})")
    add(
        "--detector",
        metavar="WHAT",
        help="hog, motion, yunet:MODEL.onnx, MODEL.onnx (YOLOX or YOLOv8/11 heads, YuNet), "
        "recorded DETS.txt or DETS.npz (default hog)",
    )
    add(
        "--reid",
        metavar="WHAT",
        help="default (the packaged model), histogram or MODEL.onnx; without it the packaged model, "
        "where the algorithm needs appearance",
    )
    add(
        "--reid-runtime",
        choices=("onnxruntime", "openvino"),
        help="what runs the ReID model (default onnxruntime; openvino is an extra)",
    )
    add(
        "--camera-motion",
        default="off",
        metavar="HOW",
        help="for a moving camera: flow, orb or ecc, or a file of affine maps (default off)",
    )
    add("--conf", type=float, metavar="X", help="least score of a detection (default: the detector's own)")
    add("--every", type=int, default=1, metavar="N", help="detect every Nth frame, predict between (default 1)")
    add("--classes", metavar="A,B", help="names of the classes to keep, such as person,car")
    add_settings(parser, "parameters of the algorithm; `track algos` lists them")
    add("--params", metavar="FILE", help="parameters that `track tune` found; --set and --conf come before them")
    add("-o", dest="out", metavar="DIR", help="folder to write to (default: a new one below runs/)")
    add(
        "--class-column",
        action="store_true",
        help="write each track's class (voted) to column 8 of tracks.txt; MOTChallenge's kit refuses classes above 1",
    )
    add("--no-video", action="store_true", help="write no annotated video")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("--quiet", action="store_true", help="print errors only")
    add("--overwrite", action="store_true", help="replace the results in an existing folder")


def run_track(args: argparse.Namespace) -> int:
    """``track SOURCE``."""
    if args.source is None and args.settings and "=" not in args.settings[-1]:
        args.source = args.settings.pop()  # `track --set max_age=30 street.mp4`
    if args.source is None:
        raise ValueError("no SOURCE given; name a video file, a folder of images, a webcam number or a URL")
    from tracker.io.video import open_source

    with open_source(args.source) as source:
        detector = args.detector
        if detector is None:
            recorded = Path(args.source) / "det" / "det.txt"
            detector = "hog" if source.has_images or not recorded.is_file() else str(recorded)
        return _track(args, source, detector, args.source)


def run_demo(args: argparse.Namespace) -> int:
    """``track demo``."""
    from tracker.scene.score import SceneScore
    from tracker.scene.street import Scene

    scene = Scene(n_frames=args.frames, seed=args.seed)
    detector: Any = args.detector
    if detector is None and args.classes is not None:
        detector = "hog"
    elif detector is None:
        from tracker.detect import HOG

        # Its figures are large: the picture's own size is enough, three times faster and with fewer false alarms.
        detector = HOG(height=scene.size[1], **({} if args.conf is None else {"conf": args.conf}))
    return _track(args, scene.source(), detector, "demo", score=SceneScore(scene))


def run_algos(args: argparse.Namespace) -> int:
    """``track algos``."""
    found = {name: parameters(algorithm(name)) for name in algorithms()}
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    for name, settings in found.items():
        module = sys.modules[algorithm(name).__module__]
        print(f"{name}  {(module.__doc__ or '').splitlines()[0]}")
        width = max(map(len, settings))
        for key, default in settings.items():
            print(f"    {key:<{width}}  {default}")
    return 0


def _open(args: argparse.Namespace, source: Any, detector: Any) -> tuple[Pipeline, dict[str, Any]]:
    """The pipeline asked for, and the parameters given; ``args.algo`` and ``args.conf`` become those it uses."""
    from tracker.run.pipeline import open_pipeline

    if args.conf is not None and not math.isfinite(args.conf):
        raise ValueError(f"--conf {args.conf}: give a number")
    settings: dict[str, Any] = {}
    if args.params is not None:
        params = read_params(args.params, args.algo)
        args.algo, settings = params.algo, params.settings
        args.conf = params.conf if args.conf is None else args.conf
    args.algo = args.algo or DEFAULT
    settings |= typed(args.algo, settings_of(args.settings))
    if args.classes is not None and not names_of(args.classes):
        raise ValueError("--classes: give names, such as person,car")
    pipeline = open_pipeline(
        source,
        algo=args.algo,
        detector=detector,
        reid=args.reid,
        reid_runtime=args.reid_runtime,
        conf=args.conf,
        classes=names_of(args.classes),
        settings=settings,
        camera_motion=args.camera_motion,
        every=args.every,
        invalid="drop",
    )
    return pipeline, settings


def _track(args: argparse.Namespace, source: Any, detector: Any, label: str, score: SceneScore | None = None) -> int:
    """Run a pipeline into a fresh folder and say what happened; returns the exit code."""
    with ExitStack() as ending:
        return _track_until(args, source, detector, label, score, ending)


def _track_until(
    args: argparse.Namespace, source: Any, detector: Any, label: str, score: SceneScore | None, ending: ExitStack
) -> int:
    """``_track``; from the first frame until ``ending`` closes, Ctrl-C waits for the files."""
    from tracker.commands import report
    from tracker.io.sinks import FILES, TextSink, VideoSink, WindowClosed, WindowSink, fresh_folder
    from tracker.run.threads import Behind

    pipeline, settings = _open(args, source, detector)
    talk = not (args.json or args.quiet)
    run = _describe(args, pipeline, source, detector, settings)
    names = getattr(pipeline.detector, "class_names", None)
    with ExitStack() as open_sinks:
        window = WindowSink(names) if args.show else None
        folder = fresh_folder(args.out or _new_folder(label, args.algo, args.overwrite), overwrite=args.overwrite)
        for given in (label, str(detector), args.reid, args.camera_motion, args.params):
            if given and Path(given).resolve() in [(folder / name).resolve() for name in FILES]:
                raise ValueError(f"{given}: would be replaced by the results; write to another folder with -o")
        text = TextSink(folder / "tracks.txt", classes=args.class_column)
        video = None if args.no_video else VideoSink(folder / "tracks.mp4", source.frame_rate, names)
        sinks: list[Sink] = [sink for sink in (text, video, score) if sink is not None]
        for sink in [*sinks, window] if window is not None else sinks:
            open_sinks.callback(sink.close)

        def write(step: Step) -> None:
            for sink in sinks:
                sink.write(step)

        if talk:
            print(report.choice(run), flush=True)
            if detector == "hog":
                print(
                    "hog is OpenCV's built-in people detector; --detector MODEL.onnx takes a stronger one", flush=True
                )
        said: list[str] = []
        notes = [*source.notes, getattr(pipeline.detector, "note", None)]
        if args.reid is not None and pipeline.embedder is None:
            why = f"{detector} brings embeddings"
            if not wants_embeddings(algorithm(args.algo)):
                why = f"{args.algo} uses no appearance"
            notes.append(f"{why}; --reid {args.reid} is left out")
        elif args.reid_runtime is not None and pipeline.embedder is None:
            notes.append(f"no ReID model is used; --reid-runtime {args.reid_runtime} is left out")
        _note(args, notes, said)

        progress = report.Progress(source.n_frames) if talk else None
        detections, best = 0, -math.inf
        failure: Exception | None = None
        started = clock.perf_counter()
        writer = Behind(write)
        interrupted = ending.enter_context(_interruptible())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="camera motion not found")  # told at the end, with the number
            try:
                for step in pipeline:
                    writer.put(step)
                    if window is not None:
                        window.write(step)
                    detections += len(step.detections)
                    best = float(step.detections.scores.max(initial=best))
                    if progress is not None:
                        progress(pipeline.frames, len(step.tracks))
                    if interrupted:
                        break
            except WindowClosed:
                pass
            except KeyboardInterrupt:
                interrupted.append(signal.SIGINT)
            except (ValueError, OSError, MemoryError) as error:
                failure = error  # told after the files are finished
            if progress is not None:
                progress.close()
            before = clock.perf_counter()
            for finish in [writer.finish, *(sink.close for sink in sinks)]:
                try:
                    finish()
                except (ValueError, OSError) as error:
                    failure = failure or error
            written = writer.seconds + clock.perf_counter() - before
    elapsed = clock.perf_counter() - started

    frames = text.frames
    late = None
    last = getattr(pipeline.detector, "frames", 0)  # of recorded detections
    if last > frames > 0 and not interrupted and failure is None:
        late = f"{detector}: has detections up to frame {last}, beyond the last frame, {frames}"
    failures = getattr(getattr(pipeline.tracker, "camera", None), "failures", 0)
    unfound = None
    if failures:
        unfound = f"camera motion not found in {failures} of {frames} frames (scene cuts?): taken as still there"
    untracked = None
    if detections and not text.rows and not interrupted and failure is None:
        untracked = _untracked(pipeline.tracker, args.algo, detections, best)
    _note(args, [*source.notes, late, unfound, untracked], said)  # what reading it brought to light
    missing = 0 if interrupted else source.missing
    if frames == 0 and failure is None and not interrupted:
        failure = ValueError(f"{source.name}: no frame could be read; nothing was tracked")
    run["complete"] = failure is None and not interrupted and not missing
    run["counts"] = {
        "frames": frames,
        "missing_frames": missing,
        "detections": detections,
        "dropped": pipeline.dropped + getattr(pipeline.detector, "dropped", 0),
        "tracks": len(text.ids),
        "rows": text.rows,
    }
    if args.camera_motion != "off":
        run["counts"]["camera_failures"] = failures
    paths = {"tracks": text.path}
    if video is not None and video.codec is not None:
        run["video_codec"] = video.codec
        paths["video"] = video.path
    paths["run"] = folder / "run.json"
    if frames == 0:
        _remove_if_empty(folder)
    else:
        try:
            paths["run"].write_text(json.dumps(run, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        except OSError as error:
            failure = failure or OSError(error.errno, error.strerror, str(paths["run"]))
            with suppress(OSError):  # an empty or cut file says nothing
                paths["run"].unlink()
            del paths["run"]
        _say(args, run, pipeline, elapsed, written, paths, score)
    if failure is not None:
        if frames:
            print(f"track: stopped after {frames} frames, what was tracked until then is in {folder}", file=sys.stderr)
        raise failure
    if interrupted:
        if not args.quiet:
            print(f"track: interrupted after {frames} frames; the files are complete up to there", file=sys.stderr)
        return INTERRUPTED if interrupted[0] == signal.SIGINT else 128 + interrupted[0]
    if missing:
        print(
            f"track: {source.name}: {missing} of {frames + missing} frames could not be read (a damaged or cut file?); "
            f"the other {frames} are tracked",
            file=sys.stderr,
        )
        return PARTIAL
    return 0


def _say(
    args: argparse.Namespace,
    run: dict[str, Any],
    pipeline: Pipeline,
    elapsed: float,
    written: float,
    paths: dict[str, Path],
    score: SceneScore | None,
) -> None:
    from tracker.commands import report

    seconds = {**pipeline.seconds, "write": written}
    if run["embedder"] is None:
        del seconds["embed"]
    speed = {
        "fps": round(pipeline.frames / elapsed, 2),
        "stages_fps": {name: round(pipeline.frames / s, 2) for name, s in seconds.items() if s > 1e-6},
    }
    where = {name: str(path) for name, path in paths.items()}
    scores = None if score is None else score.scores()
    if args.json:
        print(json.dumps({**run, "speed": speed, "paths": where} | ({} if scores is None else {"scores": scores})))
    elif not args.quiet:
        if "video_codec" in run:
            where["video"] += f" ({run['video_codec']})"
        print(report.summary(run, speed, where))
        if scores is not None:
            print("  ".join(f"{name} {value}" for name, value in scores.items()))


def _untracked(tracker: Any, algo: str, detections: int, best: float) -> str:
    """Why no track was reported, by the best score of the detections."""
    for name in ("birth_score", "birth_threshold", "det_threshold"):
        least = getattr(tracker, name, -math.inf)
        if best < least:
            return (
                f"no tracks: the best of {detections} detections scores {best:.2g}, {algo} starts tracks at "
                f"{name}={least:g}; lower its thresholds with --set (`track algos` lists them)"
            )
    return f"no tracks: {algo} met no object often enough in {detections} detections; `track algos` says how often"


def _note(args: argparse.Namespace, notes: Sequence[str | None], said: list[str]) -> None:
    """Print each note once; ``said`` holds those printed."""
    for note in notes:
        if note and note not in said and not (args.quiet or args.json):
            print(f"track: note: {note}", file=sys.stderr)
        said.append(note or "")


def _describe(
    args: argparse.Namespace, pipeline: Pipeline, source: Any, detector: Any, settings: dict[str, Any]
) -> dict[str, Any]:
    """What run.json says about the inputs."""
    from tracker.commands import report

    used = {**parameters(algorithm(args.algo)), "frame_rate": source.frame_rate, **settings}
    if args.every > 1 and "max_age" in used:  # the pipeline may have made it longer
        used["max_age"] = pipeline.tracker.max_age  # type: ignore[attr-defined]
    return {
        "source": {
            "name": source.name,
            "kind": source.kind,
            "sha256": source.sha256(),
            "frame_rate": source.frame_rate,
            "frames": source.n_frames,
            "size": source.size,
        },
        "detector": {
            "name": getattr(pipeline.detector, "name", detector),
            "device": getattr(pipeline.detector, "device", "cpu"),
            "conf": args.conf,
            "classes": args.classes,
            "every": args.every,
        },
        "embedder": None
        if pipeline.embedder is None
        else {
            "name": getattr(pipeline.embedder, "name", args.reid or "default"),
            "device": getattr(pipeline.embedder, "device", "cpu"),
            "runtime": getattr(pipeline.embedder, "runtime", None),
        },
        "algorithm": {
            "name": args.algo.lower(),
            "camera_motion": args.camera_motion,
            "parameters": used,
        },
        "versions": report.versions(),
    }


def _new_folder(source: str, algo: str, overwrite: bool) -> Path:
    """A folder below runs/ named for the run, numbered where that name is taken."""
    stem = Path(source).stem if not source.isdigit() else f"webcam{source}"
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem) or "run"
    folder = base = Path("runs") / f"{name}-{algo.lower()}"
    n = 1
    while folder.exists() and not overwrite:
        n += 1
        folder = base.with_name(f"{base.name}-{n}")
    return folder


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """While inside, the first Ctrl-C or TERM only leaves its number in the list; one a second later interrupts.

    Those within that second are one press: a key held down, or a shell and a user at once.
    """
    received: list[int] = []
    first = math.inf

    def note(number: int, _: Any) -> None:
        nonlocal first
        if clock.monotonic() - first > PRESS:
            raise KeyboardInterrupt
        if not received:
            first = clock.monotonic()
            received.append(number)

    previous = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # outside the main thread
            previous[number] = signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
