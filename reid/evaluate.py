"""Retrieval scores by the Market-1501 protocol: mAP, CMC and mINP.

Sources: Zheng et al. (ICCV 2015), section 4 (same identity and same camera is ignored; identity 0 is a distractor, -1
junk); mINP, Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook" (TPAMI 2021), section 4.1.
Average precision is the mean of the precision at each true match.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reid.errors import ReidError

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """``mean_ap``, ``rank1``, ``rank5``, ``rank10`` and ``minp`` are 0..1; ``queries``: how many had a match to find,
    ``skipped``: how many had none."""

    mean_ap: float
    rank1: float
    rank5: float
    rank10: float
    minp: float
    queries: int
    skipped: int

    def __str__(self) -> str:
        values = zip(
            ("mAP", "rank-1", "rank-5", "rank-10", "mINP"),
            (self.mean_ap, self.rank1, self.rank5, self.rank10, self.minp),
            strict=True,
        )
        return ", ".join(f"{name} {100 * value:.1f}" for name, value in values) + f" ({self.queries} queries)"


def evaluate(query: Floats, query_ids: Ints, query_cameras: Ints, gallery: Floats, gallery_ids: Ints,
             gallery_cameras: Ints) -> Scores:  # fmt: skip
    """Rank ``gallery`` (M, D) for each of ``query`` (N, D) by cosine similarity (ties keep the gallery's order).

    Raises:
        ReidError: widths differ, an embedding is not finite, or no query has a match from another camera.
    """
    if query.shape[1] != gallery.shape[1]:
        raise ReidError(
            f"query embeddings are {query.shape[1]} wide, the gallery's {gallery.shape[1]}: "
            "they come from different models; embed the gallery again"
        )
    if not (np.isfinite(query).all() and np.isfinite(gallery).all()):
        raise ReidError("embeddings hold NaN or infinity: the model did not train, or the file is damaged")
    similarity = unit(query) @ unit(gallery).T
    precisions: list[float] = []
    firsts: list[int] = []
    inverse: list[float] = []
    known = gallery_ids != -1
    for row, identity, camera in zip(similarity, query_ids, query_cameras, strict=True):
        kept = known & ~((gallery_ids == identity) & (gallery_cameras == camera))
        order = np.argsort(-row[kept], kind="stable")
        places = np.flatnonzero((gallery_ids[kept] == identity)[order]) + 1  # 1-based ranks of the true matches
        if identity <= 0 or len(places) == 0:
            continue
        precisions.append(float(np.mean(np.arange(1, len(places) + 1) / places)))
        firsts.append(int(places[0]))
        inverse.append(len(places) / float(places[-1]))
    if not precisions:
        raise ReidError("no query has a match under another camera: retrieval cannot be scored on this data")
    first = np.array(firsts)
    return Scores(
        float(np.mean(precisions)), float(np.mean(first <= 1)), float(np.mean(first <= 5)), float(np.mean(first <= 10)),
        float(np.mean(inverse)), len(first), len(query_ids) - len(first),
    )  # fmt: skip


def evaluate_one_set(embeddings: Floats, ids: Ints, cameras: Ints) -> Scores:
    """The protocol on one set: queries are the first crop of each (identity, camera), the gallery is everything.

    Where all crops come from one camera (a MOT sequence), each crop counts as a camera of its own, so that only the
    query itself is ignored.
    """
    if len(np.unique(cameras)) == 1:
        cameras = np.arange(len(ids), dtype=np.int64)
        rows = np.sort(np.unique(ids, return_index=True)[1])
    else:
        rows = first_of_each(ids, cameras)
    rows = rows[ids[rows] > 0]
    return evaluate(embeddings[rows], ids[rows], cameras[rows], embeddings, ids, cameras)


def evaluate_apart(embeddings: Floats, ids: Ints, cameras: Ints) -> Scores:
    """As ``evaluate_one_set``, but the queries are not in the gallery, so fewer crops mislead."""
    query = first_of_each(ids, cameras)
    rest = np.setdiff1d(np.arange(len(ids)), query)
    return evaluate(embeddings[query], ids[query], cameras[query], embeddings[rest], ids[rest], cameras[rest])


def evaluate_draws(
    embeddings: Floats, ids: Ints, cameras: Ints, draws: int = 40, seed: int = 0
) -> tuple[Scores, Scores]:
    """The mean and the standard deviation of ``draws`` scores, each as by ``evaluate_apart`` with the query of each
    (identity, camera) drawn anew: with few people one choice of queries says little about rank-1."""
    chance = np.random.default_rng(seed)
    drawn = []
    for _ in range(draws):
        order = chance.permutation(len(ids))
        drawn.append(evaluate_apart(embeddings[order], ids[order], cameras[order]))
    rows = np.array([(one.mean_ap, one.rank1, one.rank5, one.rank10, one.minp) for one in drawn])
    mean, spread = (drawn_scores(row, drawn[0]) for row in (rows.mean(axis=0), rows.std(axis=0)))
    return mean, spread


def drawn_scores(row: Floats, one: Scores) -> Scores:
    """``row``: mAP, rank-1, rank-5, rank-10 and mINP; the numbers of queries are those of ``one``."""
    mean_ap, rank1, rank5, rank10, minp = row.tolist()
    return Scores(mean_ap, rank1, rank5, rank10, minp, one.queries, one.skipped)


def first_of_each(ids: Ints, cameras: Ints) -> Ints:
    """The row of the first crop of each (identity, camera), in ascending order."""
    rows: Ints = np.sort(np.unique(np.stack([ids, cameras]), axis=1, return_index=True)[1])
    return rows


def check_scorable(ids: Ints, cameras: Ints) -> None:
    """Check, before any embedding is computed, that ``evaluate_one_set`` will find matches.

    Raises:
        ReidError: no crops, or none with a match under another camera.
    """
    if len(ids) == 0:
        raise ReidError("no identity is held out for scoring: --held-out must be at least 1")
    evaluate_one_set(np.ones((len(ids), 1)), ids, cameras)


def unit(rows: Floats) -> npt.NDArray[np.float64]:
    """Rows scaled to length 1 in float64; a zero row stays zero."""
    wide = rows.astype(np.float64)
    length = np.linalg.norm(wide, axis=1, keepdims=True)
    out: npt.NDArray[np.float64] = np.divide(wide, length, out=np.zeros_like(wide), where=length > 0)
    return out
