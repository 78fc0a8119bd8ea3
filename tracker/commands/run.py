"""``track SOURCE``, which is ``track run SOURCE``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import warnings
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.algorithms import DEFAULT, algorithms
from tracker.commands.stdout import put
from tracker.commands.words import add_engine, add_places, add_scores, add_settings, names_of, seconds_of, settings_of
from tracker.detect.heads import heads
from tracker.detect.overlaps import NMS
from tracker.detect.runtime import RUNTIMES
from tracker.spelling import number_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tracker.commands.words import Subparsers
    from tracker.count.places import Line, Zone
    from tracker.detect.detector import Detector
    from tracker.io.anonymise import Region
    from tracker.io.detections_file import Embeddings
    from tracker.io.sinks import Look, Sink
    from tracker.io.video import Live, Source
    from tracker.run.driver import Driver
    from tracker.run.monitor import Monitor
    from tracker.run.open import Opened, Options
    from tracker.scene.score import SceneScore

PARTIAL, INTERRUPTED = 1, 130

LONGEST_TRAIL = 60  # seconds

NOTED_EVERY = 50  # frames from one look for new notes to the next


def add_parsers(subparsers: Subparsers) -> None:
    """Register ``run``."""
    run = subparsers.add_parser("run", usage="track SOURCE [options]", description="Track a video.", allow_abbrev=False)
    run.add_argument(
        "source",
        metavar="SOURCE",
        nargs="?",
        help="video file, folder of images, MOTChallenge sequence folder, webcam number or URL",
    )
    add_options(run)
    add_parts(run)
    add_engine(run, "detect in pieces of a long video in N processes, for the same tracks (default: in this one)")
    run.add_argument("--show", action="store_true", help="also show the annotated video in a window (q closes it)")
    add_live(run)
    run.set_defaults(run=run_track)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that tracks."""
    add = parser.add_argument
    add(
        "--algo",
        metavar="NAME",
        help=f"{', '.join(algorithms())}, or a class of your own, my_module:Mine or ./mine.py:Mine "
        f"(default: that of --params, or else {DEFAULT})",
    )
    add(
        "--detector",
        metavar="WHAT",
        help="auto, hog, motion, a model that `track models` lists, such as yolox-nano, yunet:MODEL.onnx, MODEL.onnx, "
        "MODEL.xml, recorded DETS.txt or DETS.npz, what --save-detections kept (default auto: yolox-nano, fetched "
        "once, or hog where it cannot be)",
    )
    add("--offline", action="store_true", help="fetch no model (TRACKWHY_OFFLINE=1 says the same)")
    add(
        "--head",
        metavar="NAME",
        help=f"what reads the outputs of MODEL.onnx, where the file does not tell: {', '.join(heads())}",
    )
    add("--names", metavar="FILE", help="class names of MODEL.onnx: one per line, the names of a data.yaml, or JSON")
    add(
        "--imgsz",
        metavar="N|WxH",
        help="input of MODEL.onnx where it is free, in pixels: 640 or 1280x736 (default 640)",
    )
    add(
        "--device",
        "--provider",
        metavar="NAME",
        help="onnxruntime's providers that run MODEL.onnx, first choice first, such as cuda,cpu (default cpu)",
    )
    add(
        "--nms",
        choices=tuple(NMS),
        help=f"which overlapping boxes of MODEL.onnx are one object. {'. '.join(f'{n}: {a}' for n, a in NMS.items())}. "
        "Default per-object",
    )
    add(
        "--detector-runtime",
        choices=RUNTIMES,
        help="what runs MODEL.onnx: onnxruntime (default), openvino (an extra), or auto: openvino where installed",
    )
    add(
        "--reid",
        metavar="WHAT",
        help="default (the packaged model), histogram, MODEL.onnx or OpenVINO's MODEL.xml; without it the packaged "
        "model, where the algorithm needs appearance",
    )
    add(
        "--reid-runtime",
        choices=("onnxruntime", "openvino"),
        help="what runs the ReID model (default onnxruntime; openvino is an extra)",
    )
    add(
        "--camera-motion",
        default="auto",
        metavar="HOW",
        help="what tells how the camera moves: pairs (the tracks and detections themselves), flow, orb or ecc (the "
        "images), a file of affine maps, gmc (that in the sequence's folder gmc), or off; for a camera that stands "
        "still such a file costs HOTA (default auto: pairs for steady, off for the others)",
    )
    add("--conf", type=float, metavar="X", help="least score of a detection (default: the detector's own)")
    add_scores(parser)
    add("--every", type=int, default=1, metavar="N", help="detect every Nth frame, predict between (default 1)")
    add("--classes", metavar="A,B", help="classes to keep, by name or number, such as person,car or 0,2")
    add(
        "--roi",
        metavar="X,Y X,Y X,Y ...",
        help='detect only in this polygon, in pixels: "10,10 90,10 90,80"; an object is where the foot of its box is',
    )
    add_settings(parser, "parameters of the algorithm; `track algos` lists them")
    add("--params", metavar="FILE", help="parameters that `track tune` found; --set and --conf override them")
    add("-o", "--output", dest="out", metavar="DIR", help="folder to write to (default: a new one below runs/)")
    add(
        "--class-column",
        action="store_true",
        help="write each track's class (voted) to column 8 of tracks.txt; MOTChallenge's kit refuses classes above 1",
    )
    add_places(parser)
    add(
        "--save",
        metavar="A,B",
        help="also write the tracks as csv, parquet, cvat, crops, ...: what `track export --to` takes",
    )
    add(
        "--anonymise",
        nargs="?",
        const="box",
        metavar="box|head",
        help="hide every tracked and detected box in the video, the window and crops: the whole box (default) or the "
        "head, its upper part",
    )
    add(
        "--labels",
        metavar="A,B",
        help="what the video's labels show: id, class, score, or none (default: the id, and the class of tracks that "
        "are not of the commonest one)",
    )
    add("--trails", type=float, default=2.0, metavar="SECONDS", help="how long the video's trails are (default 2)")
    add("--no-video", action="store_true", help="write no annotated video")
    add("--log", action="store_true", help="keep the decision log, log.sqlite, which `track explain` reads")
    add("--json", action="store_true", help="print the summary as JSON and nothing else")
    add("--quiet", action="store_true", help="print errors only")
    add("--overwrite", action="store_true", help="replace the results in an existing folder")


def add_live(parser: argparse.ArgumentParser) -> None:
    """The options of a run that goes on: a webcam's or a stream's, and what tells of it."""
    live = parser.add_argument_group("webcams and URLs")
    live.add_argument(
        "--keep-all",
        action="store_true",
        help="track every frame, however late (default: the newest; frames that the detector has no time for are "
        "dropped)",
    )
    live.add_argument(
        "--reconnect",
        metavar="TIME",
        help="longest pause between two attempts to reconnect, 0 for none (default 30s for URLs, 0 for webcams)",
    )
    live.add_argument("--give-up", metavar="TIME", help="end without a connection for that long, such as 10m (never)")
    live.add_argument(
        "--stall", metavar="TIME", help="silence that counts as a lost connection, and a frozen image (default 10s)"
    )
    tells = parser.add_argument_group("runs that go on")
    tells.add_argument("--rotate", metavar="TIME", help="a new part, part-0001/ and so on, every TIME, such as 1h")
    tells.add_argument("--health", metavar="FILE", help="write how the run is doing to a JSON file every 10 s")
    tells.add_argument(
        "--metrics", metavar="[HOST:]PORT", help="serve the same to Prometheus (HOST 127.0.0.1; the [live] extra)"
    )
    tells.add_argument(
        "--events",
        metavar="FILE",
        help="what happens to tracks, and at lines and zones, as JSON lines; - for stdout",
    )
    tells.add_argument(
        "--mqtt", metavar="URL", help="the events to a broker, mqtt://host:port/topic too (the [live] extra)"
    )


def live_of(args: argparse.Namespace) -> Live | None:
    """How a webcam or URL is read; None where no option says anything of it."""
    from tracker.io.video import Live

    default = Live()
    live = Live(
        keep_all=args.keep_all,
        reconnect=seconds_of(args.reconnect, "--reconnect", zero=True),
        give_up=seconds_of(args.give_up, "--give-up") or default.give_up,
        stall=seconds_of(args.stall, "--stall") or default.stall,
    )
    return None if live == default else live


def add_parts(parser: argparse.ArgumentParser) -> None:
    """The options of a part of a source, and of a run that may be killed and goes on."""
    add = parser.add_argument
    add("--frames", metavar="A:B", help="track these frames only, such as 100:200; they keep their numbers and times")
    add(
        "--save-detections",
        metavar="FOLDER",
        help="also keep what was detected, with embeddings, camera motion and times: --detector FOLDER tracks from it",
    )
    add(
        "--save-embeddings",
        choices=("float32", "float16", "none"),
        default="float32",
        help="how --save-detections keeps embeddings: exact (float32, default), in half of the space, or not at all",
    )
    add("--seconds", metavar="A:B", help="track from second A on and before B only")
    add(
        "--snapshot",
        metavar="TIME",
        help="save the state of the run in its folder every TIME (30s, 10m), so that it can go on when it was killed; "
        "goes with --no-video",
    )
    add(
        "--resume",
        action="store_true",
        help="go on with the run whose snapshot is in the folder, given the same options; begin it where there is none",
    )


def run_track(args: argparse.Namespace) -> int:
    """``track SOURCE``."""
    if args.source is None and args.settings and "=" not in args.settings[-1]:
        args.source = args.settings.pop()  # `track --set max_age=30 street.mp4`
    if args.source is None and args.anonymise not in (None, "box", "head"):
        args.source, args.anonymise = args.anonymise, "box"  # `track --anonymise street.mp4`
    if args.source is None:
        raise ValueError("no SOURCE given; name a video file, a folder of images, a webcam number or a URL")
    if args.json and args.events == "-":
        raise ValueError("--json and --events - both print to stdout; give --events a file")
    live = live_of(args)
    if args.resume:
        from tracker.run.snapshots import live_as_before

        live = live_as_before(live, args.source, args.out)
    options = replace(options_of(args, args.source, args.detector), live=live)
    return track_into_folder(args, options, label=args.source)


def options_of(args: argparse.Namespace, source: str | Source, detector: str | Detector | None) -> Options:
    """What the command line asks for."""
    from tracker.run.open import Options

    # A drawn scene has a length instead, and no parts.
    shows = not args.no_video or ("show" in args and args.show) or "crops" in (names_of(args.save) or [])
    part: dict[str, Any] = {"images": shows}
    if "seconds" in args:
        part |= {"frames": args.frames, "seconds": args.seconds, "keeps": args.save_detections is not None}
    if args.classes is not None and not names_of(args.classes):
        raise ValueError("--classes: give names or numbers, such as person,car or 0,2")
    return Options(
        source,
        algo=args.algo,
        detector=detector,
        reid=args.reid,
        reid_runtime=args.reid_runtime,
        conf=args.conf,
        classes=names_of(args.classes),
        roi=args.roi,
        settings=settings_of(args.settings),
        params=args.params,
        camera_motion=args.camera_motion,
        every=args.every,
        invalid="drop",
        head=args.head,
        names=args.names,
        imgsz=args.imgsz,
        device=args.device,
        nms=args.nms,
        detector_runtime=args.detector_runtime,
        offline=args.offline,
        log=args.log,
        **part,
        scores=args.scores,
    )


def track_into_folder(
    args: argparse.Namespace,
    options: Options,
    *,
    label: str,
    score: SceneScore | None = None,
    after: Callable[[Path], None] | None = None,
) -> int:
    """Run into a folder and say what happened; returns the exit code.

    label  names the folder
    after  called with the folder when the run is complete
    """
    from tracker.commands.count import places_of
    from tracker.commands.pieces import Shares
    from tracker.io.anonymise import region_named
    from tracker.run.driver import Driver
    from tracker.run.manifest import plain
    from tracker.run.open import open_run
    from tracker.run.output import Output, new_folder

    every, resume = _snapshots(args)
    places, look = places_of(args.line, args.zone), look_of(args)
    rotate = seconds_of(vars(args).get("rotate"), "--rotate")
    if rotate is not None and (resume or every is not None):
        raise ValueError("--rotate does not go with --snapshot and --resume: give one of them")
    anonymise = None if args.anonymise is None else region_named(args.anonymise)
    with ExitStack() as finish:
        shares = finish.enter_context(closing(Shares(args, options)))
        opened = finish.enter_context(closing(open_run(shares.options)))
        shares.check(opened)
        window = _window(opened, places, anonymise, look) if args.show else []
        monitor = _monitor(args, opened, resume=resume)
        finish.callback(monitor.close)
        output = Output(
            args.out or new_folder(label, opened.algo, overwrite=args.overwrite or resume),
            opened,
            {"command": plain(args.command_line), **shares.facts},
            overwrite=args.overwrite,
            video=not args.no_video,
            log=args.log,
            class_column=args.class_column,
            places=places,
            saves=names_of(args.save) or [],
            rotate=rotate,
            events=monitor.events,
            detections=_kept(args),
            snapshot=every,
            resume=resume,
            anonymise=anonymise,
            look=look,
        )
        driver = Driver(opened, output, [sink for sink in (monitor if monitor.asked else None, score) if sink])
        # Interrupts until the last line is printed, so that a Ctrl-C held down does not cut it.
        with shares.detected(opened, output), driver.interrupts:
            monitor.start()
            code = _Session(args, driver, window, score, shares.seconds).run()
    if after is not None and code == 0:
        after(output.folder)
    return code


def _monitor(args: argparse.Namespace, opened: Opened, *, resume: bool) -> Monitor:
    """What tells of the run; `track demo` has none of its options."""
    from tracker.run.monitor import Monitor

    asked = vars(args)
    events = asked.get("events")
    return Monitor(
        opened,
        told=None if args.json or args.quiet else _complain,
        health=Path(asked["health"]) if asked.get("health") else None,
        metrics=asked.get("metrics"),
        events=[] if events is None else [_put_line] if events == "-" else Path(events),
        mqtt=asked.get("mqtt"),
        overwrite=args.overwrite,
        resume=resume,
    )


def _put_line(line: str) -> None:
    put(line + "\n")


def _snapshots(args: argparse.Namespace) -> tuple[float | None, bool]:
    """Seconds from one snapshot to the next, None for none, and whether to go on from one."""
    if "snapshot" not in args:  # a drawn scene
        return None, False
    from tracker.run.snapshots import seconds_between

    every = None if args.snapshot is None else seconds_between(args.snapshot, "--snapshot")
    if args.resume and args.overwrite:
        raise ValueError("--resume goes on with the results and --overwrite replaces them; give one of them")
    if (args.resume or every is not None) and not args.no_video:
        raise ValueError("--snapshot, --resume: an annotated video cannot be gone on with; add --no-video")
    return every, args.resume


def _kept(args: argparse.Namespace) -> tuple[Path, Embeddings] | None:
    """Where the detections are saved, and how their embeddings."""
    if "save_detections" not in args or args.save_detections is None:
        return None
    return Path(args.save_detections), args.save_embeddings


def look_of(args: argparse.Namespace) -> Look:
    """How the video shows the tracks."""
    from tracker.io.draw import parse_labels
    from tracker.io.sinks import Look

    if not 0 <= args.trails <= LONGEST_TRAIL:
        raise ValueError(f"--trails {args.trails:g}: give seconds, 0 to {LONGEST_TRAIL}")
    return Look(None if args.labels is None else parse_labels(names_of(args.labels) or []), args.trails)


def _window(opened: Opened, places: Sequence[Line | Zone], anonymise: Region | None, look: Look) -> list[Sink]:
    """The window, and before it what counts for it: the other counter is in the thread that writes."""
    from tracker.count.live import Counter
    from tracker.io.anonymise import AnonymisedSink
    from tracker.io.sinks import WindowSink

    rate, every = opened.pipeline.source.frame_rate, opened.options.every
    counters = [Counter(places, frame_rate=rate, step=every)] if places else []
    window = WindowSink(opened.pipeline.detector.class_names, counters, rate, look)
    if opened.pipeline.source.watch is not None:
        opened.pipeline.source.watch.idle = window.left
    return [*counters, window if anonymise is None else AnonymisedSink(anonymise, [window])]


class _Session:
    """One run of the command: what it prints while it runs and when it ends."""

    def __init__(
        self,
        args: argparse.Namespace,
        driver: Driver,
        window: Sequence[Sink],
        score: SceneScore | None,
        detecting: float,
    ) -> None:
        assert driver.output is not None
        self.driver, self.output = driver, driver.output
        self.window, self.score = window, score
        self.detecting = detecting  # seconds that workers took before
        self.json, self.quiet = args.json, args.quiet
        self.talks = not (args.json or args.quiet)
        self._noted: set[str] = set()

    def run(self) -> int:
        """Run to the end; returns the exit code. Raises what ended the run too early, after the summary."""
        from tracker.commands import report

        driver, name = self.driver, self.driver.opened.pipeline.source.name
        if self.talks:
            print(report.choice(self.output.manifest.facts), flush=True)
            if self.output.goes_on_behind is not None:
                print(f"goes on behind frame {self.output.goes_on_behind}", flush=True)
            if driver.opened.options.detector == "hog":
                print("hog is OpenCV's built-in people detector; --detector yolox-nano is a stronger one", flush=True)
        self._note()
        stopped, failure = self._steps()
        self._note()
        frames = driver.tally.frames
        if frames == 0 and failure is None and not stopped:
            cut = driver.opened.pipeline.source.cut
            failure = ValueError(cut or f"{name}: no frame could be read; nothing was tracked")
        if frames:
            self._summarise()
        if failure is not None:
            if frames:
                done = number_of(frames, "frame")
                _complain(f"stopped after {done}, what was tracked until then is in {self.output.folder}")
            raise failure
        if stopped:
            if not self.quiet:
                _complain(f"interrupted after {number_of(frames, 'frame')}; the files are complete up to there")
            return INTERRUPTED if stopped == signal.SIGINT else 128 + stopped
        if driver.missing:
            least = "at least " if driver.at_least else ""
            _complain(
                f"{name}: {least}{driver.missing} of {frames + driver.missing} frames could not be read "
                f"(a damaged or cut file?); the other {frames} are tracked"
            )
            return PARTIAL
        if cut := driver.opened.pipeline.source.cut:
            _complain(cut)
            return PARTIAL
        if driver.unmatched:
            if not self.talks:  # else a note has said it
                _complain("no recorded detection belongs to a frame of the source; nothing was tracked")
            return PARTIAL
        return 0

    def _steps(self) -> tuple[int, Exception | None]:
        """Run the steps; returns the signal that stopped them, 0 without one, and what failed."""
        from tracker.io.sinks import WindowClosed
        from tracker.progress import Progress

        driver = self.driver
        pipeline = driver.opened.pipeline
        # Of a live source the health line says it.
        progress = Progress("frame", pipeline.source.n_frames) if self.talks and not pipeline.source.live else None
        stopped, failure = 0, None
        with warnings.catch_warnings():
            # A note at the end tells it, with the number of frames.
            warnings.filterwarnings("ignore", message="camera motion not found")
            try:
                with closing(driver.steps()) as steps:
                    for step in steps:
                        for sink in self.window:
                            sink.write(step)
                        if pipeline.frames % NOTED_EVERY == 0 and self._news:
                            if progress is not None:
                                progress.close()
                            self._note()
                        if progress is not None:
                            progress.skipped = driver.earlier
                            said = f"{progress.rate(pipeline.frames):.1f} fps, {len(step.tracks)} on screen"
                            progress(pipeline.frames, said)
            except WindowClosed:
                pass
            except KeyboardInterrupt:
                stopped = signal.SIGINT
            except (ValueError, OSError, MemoryError) as error:
                failure = error
            finally:
                if progress is not None:
                    progress.close()
                for sink in self.window:
                    sink.close()
        return driver.interrupts.received or stopped, failure

    @property
    def _news(self) -> list[str]:
        """The notes that are new."""
        watch = self.driver.opened.pipeline.source.watch
        told = self._noted if watch is None else self._noted | watch.told
        return [note for note in self.driver.notes if note not in told]

    def _note(self) -> None:
        """Print the notes that are new."""
        new = self._news
        self._noted.update(new)
        for note in new if self.talks else []:
            _complain(f"note: {note}")

    def _summarise(self) -> None:
        from tracker.commands import report
        from tracker.count.report import as_dict, as_text

        driver, facts = self.driver, self.output.manifest.facts
        frames, seconds = (
            driver.opened.pipeline.frames - driver.earlier,
            {**driver.opened.pipeline.seconds, "write": driver.writing},
        )
        seconds["detect"] += self.detecting
        if facts["embedder"] is None or (self.detecting and not driver.opened.pipeline.embeds_itself):
            del seconds["embed"]
        least = 1e-3 * self.detecting or 1e-6  # what workers do takes no time here
        speed = {
            "fps": round(frames / (driver.elapsed + self.detecting), 2),
            "stages_fps": {name: round(frames / s, 2) for name, s in seconds.items() if s > least},
            "shares": {name: round(s / max(sum(seconds.values()), 1e-9), 4) for name, s in seconds.items()},
        }
        paths = {kind: str(path) for kind, path in self.output.paths.items()}
        scores = None if self.score is None else self.score.scores()
        counts = None if self.output.counter is None else self.output.counter.counts
        if self.json:
            results = {**facts, "speed": speed, "paths": paths} | ({} if scores is None else {"scores": scores})
            put(json.dumps(results if counts is None else {**results, "count": as_dict(counts)}) + "\n")
        elif not self.quiet:
            if "video" in paths and "video_codec" in facts:
                paths["video"] += f" ({facts['video_codec']})"
            print(report.summary(facts, speed, paths))
            if counts is not None:
                print(as_text(counts))
            if scores is not None:
                print("  ".join(f"{name} {value}" for name, value in scores.items()))


def _complain(line: str) -> None:
    print(f"track: {shown(line)}", file=sys.stderr)
