"""What people mean who bring the options of other programs, or mistype one: a word for each error line."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path

from tracker.spelling import nearest

SOURCE = "the source is the first word: track street.mp4"
DETECTOR = "--detector names the model: --detector yolo.onnx, or one that `track models` lists"
ALGO = "--algo names the tracker, such as --algo bytetrack, and --set KEY=VALUE its parameters"
FOLDER = "-o names the folder to write to; without it a new one below runs/ is made"

# Options of ultralytics, boxmot, the published trackers and the official kit -> ours.
KNOWN = {
    **dict.fromkeys(("--source", "--input", "--video", "--source-path", "--path", "-i"), SOURCE),
    **dict.fromkeys(("--tracker", "--tracking-method", "--tracker-type", "--tracking_method", "--algorithm"), ALGO),
    **dict.fromkeys(("--model", "--weights", "--yolo-model", "--yolo_model", "--yolo-weights", "-m"), DETECTOR),
    **dict.fromkeys(("--save-txt", "--save-mot", "--save-conf"), "tracks.txt is written always; --save csv adds more"),
    **dict.fromkeys(("--save-vid", "--save-video"), "the video is written unless there is --no-video"),
    **dict.fromkeys(("--nosave", "--no-save"), "--no-video writes no video"),
    **dict.fromkeys(("--conf-thres", "--conf-threshold", "--confidence", "--score-thr", "--track-conf"), "give --conf"),
    **dict.fromkeys(("--iou", "--iou-thres", "--nms-thres", "--agnostic-nms"), "--nms says which boxes are one object"),
    **dict.fromkeys(("--img", "--img-size", "--imgsize", "--input-size"), "give --imgsz"),
    **dict.fromkeys(("--vid-stride", "--stride", "--skip-frames", "--frame-skip"), "--every N detects every Nth frame"),
    **dict.fromkeys(("--reid-model", "--reid-weights", "--with-reid"), "give --reid default or --reid MODEL.onnx"),
    **dict.fromkeys(("--project", "--name", "--out", "--outdir", "--output-dir", "--save-dir", "--save-path"), FOLDER),
    **dict.fromkeys(("--exist-ok", "--force", "-f", "-y"), "--overwrite replaces results"),
    **dict.fromkeys(("--view-img", "--show-vid", "--display", "--view"), "--show opens a window"),
    **dict.fromkeys(("--gpu", "--cuda", "--half", "--fp16"), "--device cuda,cpu names onnxruntime's providers"),
    **dict.fromkeys(("--line-width", "--line-thickness"), "the width of lines follows the size of the image"),
    **dict.fromkeys(("--hide-labels",), "give --labels none"),
    **dict.fromkeys(("--show-conf",), "give --labels id,score"),
    **dict.fromkeys(("--region", "--mask"), "--roi is the region to detect in, --zone one to count in"),
    **dict.fromkeys(("--cfg", "--config"), "--params FILE reads what `track tune` found; --set KEY=VALUE sets one"),
    **dict.fromkeys(("--gt-folder", "--gt_folder", "--ground-truth"), "give --gt"),
    **dict.fromkeys(("--trackers-folder", "--trackers_folder", "--trackers-to-eval"), "results are the first words"),
    **dict.fromkeys(("--split-to-eval", "--val-half"), "--split second-half scores MOT17's val half"),
    **dict.fromkeys(("--threads", "--jobs", "-j"), "give --workers"),
    **dict.fromkeys(("--verbose", "-v"), "what it does is printed unless there is --quiet"),
}


def unknown_options(words: Sequence[str], options: Collection[str], settings: Collection[str]) -> str:
    """One line about words that a command does not know.

    words     of the command line, the first of which is named
    options   those of the command
    settings  parameters that ``--set`` takes
    """
    first = next((word for word in words if word.startswith("-")), words[0])
    option = first.partition("=")[0]
    if not first.startswith("-"):
        return f"{first}: one word too many; put names with spaces in quotes, and give lists as a,b"
    hint = KNOWN.get(option.lower())
    # A hint that names an option of another command would not help.
    if hint is not None and all(named in options for named in re.findall(r"(?<![\w`-])--[a-z][a-z-]*", hint)):
        return f"unknown option {option}: {hint}"
    key = option.lstrip("-").replace("-", "_")
    if "--set" in options and key in settings:
        return f"unknown option {option}: {key} is a parameter of the algorithm; give --set {key}=VALUE"
    if option.replace("_", "-") in options:
        return f"unknown option {option}, did you mean {option.replace('_', '-')!r}?"
    starts = [known for known in options if len(option) > 3 and known.startswith(option)]
    if len(starts) == 1:
        return f"unknown option {option}, did you mean {starts[0]!r}?"
    # Without their dashes, in which all are alike.
    by_word = {known.lstrip("-"): known for known in options if known.startswith("--")}
    close = get_close_matches(option.lstrip("-").lower(), by_word, n=1, cutoff=0.6)
    return f"unknown option {option}" + (f", did you mean {by_word[close[0]]!r}?" if close else "")


def unknown_source(word: str, commands: Collection[str]) -> str | None:
    """One line about a first word that is neither a command nor a source; None where it may be a source."""
    key, equals, value = word.partition("=")
    if equals and key in ("source", "model", "tracker", "mode", "task", "conf", "data") and not Path(word).exists():
        return f"{word}: options are words with --, and the source stands alone: track {value or 'street.mp4'}"
    if not re.fullmatch(r"[A-Za-z][A-Za-z-]*", word) or Path(word).exists():
        return None
    meant = nearest(word, commands, cutoff=0.6)
    return f"{word}: no such command, file or folder{meant}" if meant else None
