"""The page as one file."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from tracker.detections import Invalid
from tracker.evaluate.benchmark import GroundTruth
from tracker.explain.explanation import GroundTruthSource, ground_truth_of
from tracker.explain.load import Loaded, load_run
from tracker.io.source import Source
from tracker.io.video import open_source
from tracker.io.whole import whole
from tracker.report.compare import differences
from tracker.report.document import run_json, strips_of, with_tables
from tracker.report.entries import Look, entries_of
from tracker.report.given import Given, open_given
from tracker.report.pack import Json
from tracker.report.pictures import Pictures, cut
from tracker.report.video import Video, linked
from tracker.run.manifest import versions
from tracker.spelling import shown

WORST = 200  # entries with crops that a page lists unless all are wanted
MOST_ROWS = 2_000_000  # of one run
CROPS = 2_600_000  # characters of crops, unless all are wanted: a page is to stay below 5 MB
SCRIPTS = ("pack", "model", "player", "timeline", "list", "track", "charts", "edits", "app")


@dataclass(frozen=True)
class Choice:
    """What a page is to hold.

    video     what was tracked, where it is not where run.json has it
    every     list every entry, and not only the 200 worst
    embed     put a small copy of the video into the page (needs PyAV)
    progress  called with the number of each frame read
    """

    video: str | os.PathLike[str] | Source | None = None
    every: bool = False
    embed: bool = False
    progress: Callable[[int], None] | None = None


def write_report(
    run: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    other: str | os.PathLike[str] | None = None,
    gt: GroundTruthSource | None = None,
    video: str | os.PathLike[str] | Source | None = None,
    every: bool = False,
    embed: bool = False,
    rules: str = "auto",
    invalid: Invalid = "raise",
) -> Path:
    """Write one HTML file that shows what happened in a run and why; returns its path.

    run, other  as ``tracker.explain`` takes them; with ``other`` the two runs are shown beside each other
    out         the file; one that exists is replaced
    gt, rules   ground truth, as ``tracker.explain`` takes it
    video       what was tracked, where it is not where run.json has it
    every       list every entry, and not only the 200 worst
    embed       put a small copy of the video into the page (needs PyAV)
    invalid     what to do with bad rows, as ``tracker.explain`` takes it

    Raises ValueError, in one line, as ``tracker.explain`` does, for runs of different videos, and where the file cannot
    be written.
    """
    loaded = load_run(run, invalid=invalid)
    truth = None if gt is None else ground_truth_of(gt, rules, loaded.name, invalid)
    runs = [(run, loaded)] if other is None else [(run, loaded), (other, load_run(other, invalid=invalid))]
    return write_loaded(runs, truth, Path(out), Choice(video, every, embed))


def write_loaded(
    runs: Sequence[tuple[str | os.PathLike[str], Loaded]], truth: GroundTruth | None, out: Path, choice: Choice
) -> Path:
    """``write_report`` for one run or two that are loaded, with their paths, and the truth of one sequence."""
    opened = [_sized(open_given(path, loaded, truth), choice) for path, loaded in runs]
    _refuse_apart(opened)
    document: Json = {
        "title": shown(opened[0].name),
        "version": versions().get("trackwhy", ""),
        "runs": [_run(one, out, truth, choice) for one in opened],
        "between": differences(opened[0].rows, opened[1].rows) if len(opened) > 1 else None,
    }
    with whole(out) as part:
        part.write_text(page(document), encoding="utf-8", newline="\n")
    return out


def page(document: Json) -> str:
    """The page of a document: ``page/report.html`` with the styles, the scripts and the data in their places."""
    folder = files("tracker.report") / "page"
    scripts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    parts = {
        "/*styles*/": (folder / "report.css").read_text(encoding="utf-8"),
        "/*scripts*/": "".join(scripts),
        # "<" ends no script and begins no comment as its escape.
        "/*data*/": json.dumps(document, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    out, rest = "", (folder / "report.html").read_text(encoding="utf-8")
    for mark, part in parts.items():
        before, found, rest = rest.partition(mark)
        assert found, f"report.html lacks {mark}, or has it too early"
        out += before + part
    return out + rest


def _sized(given: Given, choice: Choice) -> Given:
    """The run with the size of its video, where the run itself does not say it."""
    video = choice.video
    if given.sized or video is None:
        return given
    if isinstance(video, Source):
        return given if video.size is None else replace(given, size=video.size, sized=True)
    with open_source(video if isinstance(video, str) else Path(video)) as source:
        return given if source.size is None else replace(given, size=source.size, sized=True)


def _run(given: Given, out: Path, truth: GroundTruth | None, choice: Choice) -> Json:
    if len(given.rows) > MOST_ROWS:
        raise ValueError(
            f"{given.name}: has {len(given.rows)} rows; a report holds {MOST_ROWS}, so give a part of them"
        )
    found = entries_of(given.explained, given.rows, given.truth)
    kept = with_tables(found if choice.every else found[:WORST], given.explained)
    left_out = Counter(str(one.event.kind) for one in found[len(kept) :])
    strips = strips_of(given.rows)
    tall = [look for entry in kept for pair in entry.looks for look in pair if look is not None]
    low = [look for looks in strips.values() for look in looks]
    pictures, video = _pictures(given, out, tall, low, choice)
    return run_json(given, kept, left_out, strips, pictures, video, truth)


def _pictures(given: Given, out: Path, tall: list[Look], low: list[Look], choice: Choice) -> tuple[Pictures, Video]:
    """What is cut from the video, and what the page plays."""
    named = choice.video if choice.video is not None else given.source
    if named is None:
        return Pictures(), linked(given, None, out)
    if isinstance(named, Source):
        return _cut(given, named, out, None, tall, low, choice)
    with open_source(named if isinstance(named, str) else Path(named)) as source:
        if source.live:
            raise ValueError(f"--video {named}: is live; give the recording that was tracked")
        return _cut(given, source, out, Path(named), tall, low, choice)


def _cut(
    given: Given, source: Source, out: Path, path: Path | None, tall: list[Look], low: list[Look], choice: Choice
) -> tuple[Pictures, Video]:
    copy = choice.embed and source.has_images
    most = None if choice.every else CROPS
    pictures = cut(source, tall, low, given.size, copy=copy, most=most, progress=choice.progress)
    if pictures.video is not None:
        video = Video("data:video/mp4;base64," + base64.b64encode(pictures.video).decode("ascii"))
    else:
        video = linked(given, path, out, has_images=source.has_images)
    if path is not None and given.digest and source.sha256() != given.digest:
        changed = f"{shown(source.name)} is not the file that was tracked (another SHA-256), so pictures may not fit."
        video = replace(video, said=f"{video.said} {changed}".strip())
    return pictures, video


def _refuse_apart(runs: Sequence[Given]) -> None:
    """Refuse two runs whose images differ in size, where both sizes are known."""
    one, other = runs[0], runs[-1]
    if one.sized and other.sized and one.size != other.size:
        raise ValueError(
            f"{other.name}: its images are {other.size[0]}x{other.size[1]}, those of {one.name} "
            f"{one.size[0]}x{one.size[1]}; give two runs of one video"
        )
