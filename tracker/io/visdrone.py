"""VisDrone's text for tracking: MOTChallenge's columns with another meaning from the seventh on.

    ground truth         frame,id,left,top,width,height,counts,category,truncation,occlusion
    results, detections  frame,id,left,top,width,height,score,category,-1,-1       (id -1 in detections)

A data set is a folder of annotations/SEQ.txt and sequences/SEQ/0000001.jpg. ``tracker.io.mot`` reads the lines. Format:
the toolkit for MOT of the VisDrone challenge (Zhu 2021, TPAMI, "Detection and Tracking Meet Drones Challenge").
"""

from __future__ import annotations

import os

from tracker.detections import Invalid
from tracker.io.mot import read_detections, read_ground_truth
from tracker.rows import Rows

NAMES = dict(
    enumerate(
        (
            *("ignored", "pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle"),
            *("bus", "motor", "others"),
        )
    )
)
SCORED = ("pedestrian", "car", "van", "truck", "bus")  # the categories that the challenge of tracking scores
REGIONS = (0, 11)  # of the classes: boxes in them, of results and of ground truth, do not count


def read_visdrone_truth(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> Rows:
    """Ground truth with the classes of ``NAMES``; errors as in ``read_ground_truth``."""
    return read_ground_truth(path, "visdrone", invalid=invalid)


def read_visdrone_detections(path: str | os.PathLike[str], *, invalid: Invalid = "raise") -> Rows:
    """Detections with the classes of ``NAMES``; errors as in ``read_detections``."""
    return read_detections(path, invalid=invalid, classed=True)
