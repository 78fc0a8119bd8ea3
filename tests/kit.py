"""The official kit as an oracle: its figures for per-frame arrays and for trees of files."""

from __future__ import annotations

import contextlib
import io
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tracker.io.mot import write_results
from tracker.rows import as_rows

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its imports, not ours
    import trackeval

QUIET = {
    "USE_PARALLEL": False,
    "BREAK_ON_ERROR": True,
    "PRINT_RESULTS": False,
    "PRINT_CONFIG": False,
    "TIME_PROGRESS": False,
    "OUTPUT_SUMMARY": False,
    "OUTPUT_DETAILED": False,
    "PLOT_CURVES": False,
}

Scene = tuple[list[Any], list[Any], list[Any]]


def of_arrays(gt_ids: Sequence[Any], ids: Sequence[Any], similarity: Sequence[Any]) -> dict[str, Any]:
    """Every figure of HOTA, CLEAR and Identity for one sequence."""
    gt, gt_count = _numbered(gt_ids)
    results, id_count = _numbered(ids)
    data = {
        "num_timesteps": len(gt),
        "num_gt_ids": gt_count,
        "num_tracker_ids": id_count,
        "num_gt_dets": sum(map(len, gt)),
        "num_tracker_dets": sum(map(len, results)),
        "gt_ids": gt,
        "tracker_ids": results,
        "similarity_scores": [
            np.asarray(s, dtype=float).reshape(len(g), len(t)) for g, t, s in zip(gt, results, similarity, strict=True)
        ],
    }
    figures: dict[str, Any] = {}
    with _silent():
        for metric in metrics():
            figures.update(metric.eval_sequence(data))
    return figures


def of_tree(tree: Path, benchmark: str) -> dict[str, dict[str, Any]]:
    """Figures by sequence, and under COMBINED_SEQ; `tree` as `make_tree` leaves it."""
    with _silent():
        return _evaluated(_dataset(tree, benchmark), "pedestrian")


def of_kitti(tree: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The same for a tree in KITTI's format: gt/label_02, gt/evaluate_tracking.seqmap.training, trackers/ours/data."""
    folders = {"GT_FOLDER": str(tree / "gt"), "TRACKERS_FOLDER": str(tree / "trackers")}
    folders |= {"OUTPUT_FOLDER": str(tree / "out")}
    with _silent():
        config = {**folders, "TRACKERS_TO_EVAL": ["ours"], "CLASSES_TO_EVAL": [kind], "PRINT_CONFIG": False}
        return _evaluated(trackeval.datasets.Kitti2DBox(config), kind)


def of_bdd(tree: Path) -> dict[str, dict[str, Any]]:
    """Figures by class, and under cls_comb_det_av and cls_comb_cls_av, of all sequences: gt, trackers/ours/data."""
    folders = {"GT_FOLDER": str(tree / "gt"), "TRACKERS_FOLDER": str(tree / "trackers")}
    config = {**folders, "OUTPUT_FOLDER": str(tree / "out"), "TRACKERS_TO_EVAL": ["ours"], "PRINT_CONFIG": False}
    with _silent():
        found, _ = trackeval.Evaluator(QUIET).evaluate([trackeval.datasets.BDD100K(config)], metrics())
    (by_tracker,) = found.values()
    return {
        kind: {key: value for metric in ("HOTA", "CLEAR", "Identity") for key, value in r[metric].items()}
        for kind, r in by_tracker["ours"]["COMBINED_SEQ"].items()
    }


def _evaluated(dataset: Any, kind: str) -> dict[str, dict[str, Any]]:
    found, _ = trackeval.Evaluator(QUIET).evaluate([dataset], metrics())
    (by_tracker,) = found.values()
    return {
        name: {key: value for metric in ("HOTA", "CLEAR", "Identity") for key, value in r[kind][metric].items()}
        for name, r in by_tracker["ours"].items()
    }


def loaded(tree: Path, benchmark: str) -> list[Any]:
    """What the kit's metrics get for each sequence: read, overlapped and preprocessed."""
    with _silent():
        dataset = _dataset(tree, benchmark)
        return [
            dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("ours", name), "pedestrian")
            for name in dataset.seq_list
        ]


def _dataset(tree: Path, benchmark: str) -> Any:
    return trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tree / "gt"),
            "TRACKERS_FOLDER": str(tree / "trackers"),
            "OUTPUT_FOLDER": str(tree / "out"),
            "TRACKERS_TO_EVAL": ["ours"],
            "BENCHMARK": benchmark,
            "SPLIT_TO_EVAL": "train",
            "PRINT_CONFIG": False,
        }
    )


def metrics() -> list[Any]:
    with _silent():
        config = {"PRINT_CONFIG": False, "THRESHOLD": 0.5}
        return [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(config), trackeval.metrics.Identity(config)]


def make_tree(
    tree: Path, source: Path, sequences: Sequence[str], benchmark: str, results: dict[str, tuple[Any, Any, Any]]
) -> tuple[Path, Path]:
    """Lay out ground truth and results as the kit wants them; returns the folders of both."""
    gt = tree / "gt" / f"{benchmark}-train"
    ours = tree / "trackers" / f"{benchmark}-train" / "ours" / "data"
    ours.mkdir(parents=True)
    for name in sequences:
        (gt / name).mkdir(parents=True)
        shutil.copytree(source / name / "gt", gt / name / "gt")
        shutil.copy(source / name / "seqinfo.ini", gt / name)
        frames, ids, boxes = results[name]
        write_results(ours / f"{name}.txt", as_rows(frames, ids, boxes))
    maps = tree / "gt" / "seqmaps"
    maps.mkdir()
    (maps / f"{benchmark}-train.txt").write_text("\n".join(["name", *sequences]) + "\n")
    return gt, ours


def assert_equal(ours: dict[str, Any], kit: dict[str, Any], where: str = "") -> None:
    """Counts exactly, everything else to 1e-9."""
    for key, value in kit.items():
        assert key in ours, f"{where} {key} is missing"
        if key in COUNTS:
            assert np.array_equal(np.asarray(ours[key]), np.asarray(value)), f"{where} {key}: {ours[key]}, kit {value}"
        else:
            np.testing.assert_allclose(ours[key], value, rtol=0, atol=1e-9, err_msg=f"{where} {key}")


COUNTS = (
    *("HOTA_TP", "HOTA_FN", "HOTA_FP", "CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "Frag", "MT", "PT", "ML", "CLR_Frames"),
    *("IDTP", "IDFN", "IDFP"),
)


def _numbered(ids: Sequence[Any]) -> tuple[list[Any], int]:
    known: dict[int, int] = {}
    rows = [np.array([known.setdefault(int(i), len(known)) for i in frame], dtype=int) for frame in ids]
    return rows, len(known)


@contextlib.contextmanager
def _silent() -> Any:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
