"""Scoring: HOTA, CLEAR MOT and identity of results against ground truth, by the official rules."""

from tracker.evaluate.benchmark import Accumulator, evaluate, load_ground_truth
from tracker.evaluate.clear import Clear, clear
from tracker.evaluate.curves import curves_svg
from tracker.evaluate.doctor import examine
from tracker.evaluate.hota import THRESHOLDS, Hota, hota
from tracker.evaluate.identity import Identity, identity
from tracker.evaluate.motmetrics_bridge import to_motmetrics
from tracker.evaluate.scores import Evaluation, SequenceScore

__all__ = [
    "THRESHOLDS",
    "Accumulator",
    "Clear",
    "Evaluation",
    "Hota",
    "Identity",
    "SequenceScore",
    "clear",
    "curves_svg",
    "evaluate",
    "examine",
    "hota",
    "identity",
    "load_ground_truth",
    "to_motmetrics",
]
