"""The one entry to files of boxes, whatever their format: ground truth, results and detections as ``Rows``.

    mot      MOTChallenge text (``tracker.io.mot``), which DanceTrack and SportsMOT use as it is
    kitti    KITTI's labels and detections (``tracker.io.kitti``), of one kind of object at a time
    visdrone VisDrone's text (``tracker.io.visdrone``)
    coco     COCO's JSON for videos (``tracker.io.coco``)
    bdd100k  BDD100K's JSON (``tracker.io.bdd``)
    cvat     CVAT's XML for video (``tracker.io.cvat``)

JSON and XML are told by the suffix and by what is in them; text is MOTChallenge's unless it is called KITTI's or
VisDrone's, as scoring rules do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from tracker.io import bdd, coco, cvat, kitti, mot, visdrone
from tracker.io.json_file import Video, read_json
from tracker.io.mot_lines import MotFormatError
from tracker.rows import Rows
from tracker.spelling import shown

Role = Literal["gt", "results", "detections"]
Form = Literal["mot", "kitti", "visdrone", "coco", "bdd100k", "cvat"]
SUFFIXES = (".txt", ".json", ".xml")  # of files of boxes; text comes first


def form_of(path: str | os.PathLike[str]) -> Form:
    """The format of a file. Raises MotFormatError for a JSON file that is none of them."""
    suffix = Path(path).suffix.lower()
    if suffix == ".xml":
        return "cvat"
    if suffix != ".json":
        return "kitti" if kitti.is_kitti(path) else "mot"
    content = read_json(path)
    if coco.is_coco(content):
        return "coco"
    if bdd.is_bdd(content):
        return "bdd100k"
    raise MotFormatError(
        f"{shown(path)}: is neither COCO's JSON (images, annotations) nor BDD100K's (frames with labels); "
        "give one of these, MOTChallenge text, or CVAT's XML"
    )


def videos_of(path: str | os.PathLike[str]) -> tuple[Video, ...]:
    """The videos in a file: several in COCO's and BDD100K's JSON, and one of the file's name in others."""
    form = form_of(path)
    if form == "coco":
        return coco.coco_videos(path)
    return bdd.bdd_videos(path) if form == "bdd100k" else (Video(Path(path).stem),)


def read_truth(
    path: str | os.PathLike[str],
    *,
    form: Form | None = None,
    kind: kitti.Kind | None = None,
    video: str | None = None,
    invalid: mot.Invalid = "raise",
) -> Rows:
    """Ground truth of one video; ``Rows.layout`` names its format.

    form   the format, where it is known: text may be called "visdrone" or "kitti"
    kind   of object, for KITTI's labels
    video  its name in a file of several
    invalid  "raise", or "drop" to leave out bad rows (NaN, negative sizes, an id twice in a frame) and count them

    Raises MotFormatError, in one line, naming the file.
    """
    told = form_of(path)
    form = told if form is None or told in ("coco", "bdd100k", "cvat") else form
    if form == "coco":
        return coco.read_coco_truth(path, video, invalid=invalid)
    if form == "bdd100k":
        return bdd.read_bdd_truth(path, video, invalid=invalid)
    if form == "cvat":
        return replace(_of_cvat(path, invalid), layout="cvat")
    if form == "kitti":
        if kind is None:
            raise MotFormatError(
                f"{shown(path)}: KITTI's labels are scored for one kind of object; give the rules kitti-car or "
                "kitti-pedestrian"
            )
        return kitti.read_kitti_labels(path, kind, invalid=invalid)
    if form == "visdrone":
        return visdrone.read_visdrone_truth(path, invalid=invalid)
    return mot.read_ground_truth(path, invalid=invalid)


def read_tracks(
    path: str | os.PathLike[str],
    *,
    video: str | None = None,
    truth: str | os.PathLike[str] | None = None,
    invalid: mot.Invalid = "raise",
) -> Rows:
    """Results of one video. truth: the file of ground truth, which explains the image ids of COCO's lists.

    video, invalid and errors as in ``read_truth``.
    """
    form = form_of(path)
    if form == "coco":
        return coco.read_coco_results(path, video, truth, invalid=invalid)
    if form == "bdd100k":
        return bdd.read_bdd_results(path, video, invalid=invalid)
    return _of_cvat(path, invalid) if form == "cvat" else mot.read_results(path, invalid=invalid)


def read_found(
    path: str | os.PathLike[str],
    *,
    form: Form | None = None,
    kind: kitti.Kind | None = None,
    video: str | None = None,
    truth: str | os.PathLike[str] | None = None,
    invalid: mot.Invalid = "raise",
) -> Rows:
    """Detections of one video, with their classes where the format has them; arguments and errors as above."""
    told = form_of(path)
    if told == "coco":
        return coco.read_coco_detections(path, video, truth, invalid=invalid)
    if told == "bdd100k":
        return bdd.read_bdd_detections(path, video, invalid=invalid)
    if told == "cvat":
        raise MotFormatError(f"{shown(path)}: CVAT's XML holds tracks, not detections; give JSON or text")
    if form == "kitti" and kind is not None:
        return kitti.read_kitti_detections(path, kind, invalid=invalid)
    if form == "visdrone":
        return visdrone.read_visdrone_detections(path, invalid=invalid)
    return mot.read_detections(path, invalid=invalid)


def role_of(path: str | os.PathLike[str]) -> Role | None:
    """What a file of annotations holds, as its first entry tells; None for MOTChallenge text, which does not say.

    Without a score it is ground truth; with one and an id results, with one and no id detections.
    """
    form = form_of(path)
    if form in ("mot", "visdrone"):
        return None
    if form == "coco":
        return _role(coco.first_entry(path), "track_id", "instance_id")
    return _role(bdd.first_entry(path), "id") if form == "bdd100k" else "gt"


def _role(entry: Mapping[str, object], *ids: str) -> Role:
    if "score" not in entry:
        return "gt"
    return "results" if any(entry.get(id) is not None for id in ids) else "detections"


def names_in(path: str | os.PathLike[str]) -> Mapping[int, str]:
    """The names of classes by number that a file of results tells; none in text."""
    form = form_of(path)
    if form == "coco":
        return coco.coco_names(path)
    if form == "bdd100k":
        return bdd.NAMES
    return cvat.read_cvat(path, invalid="drop")[1] if form == "cvat" else {}


def _of_cvat(path: str | os.PathLike[str], invalid: mot.Invalid) -> Rows:
    return cvat.read_cvat(path, invalid=invalid)[0]
