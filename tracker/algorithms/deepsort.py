"""DeepSORT: SORT with a deep association metric (Wojke, Bewley, Paulus 2017, arXiv 1703.07402).

1. predict     every track moves by its Kalman filter over centre, aspect ratio and height         (section 2.1)
2. appearance  smallest cosine distance of every detection to every track's gallery                (equation 2)
3. gate        pairs beyond the 95 % quantile of the squared Mahalanobis distance are refused       (equations 1, 4)
4. cascade     confirmed tracks match by appearance, those seen most recently first                 (section 2.3)
5. overlap     tentative tracks and tracks missed once match free detections by IoU                 (section 2.3)
6. update      matched tracks measure their detection and remember its embedding                    (section 2.2)
7. birth       every free detection starts a tentative track, confirmed after n_init matches        (section 2.1)
8. death       tentative tracks end at their first miss, confirmed ones after max_age frames        (section 2.1)

Beyond the paper, and off by default: with lone_iou < 1 a track and a detection that overlap each other so much and
nothing else are matched before stage 2, and only the detections then free need an embedding, which costs the most time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tracker.appearance import Galleries
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, IntArray
from tracker.assign import Matching, lone_pairs
from tracker.log import TENTATIVE
from tracker.motion import XYAH
from tracker.protocol import EmbedderCall, Embeddings
from tracker.settings import Age, age, count, part, share
from tracker.state import State
from tracker.tracker import EMBEDDER, Seen, Tracker
from tracker.tracks import Tracks

# The published limit is inclusive: a cost equal to it still matches.
INCLUSIVE = 1e-5


@dataclass
class DeepSORTState(State):
    slots: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))  # gallery of each track
    galleries: Galleries = field(default_factory=lambda: Galleries(1, 1))

    @property
    def embedding_width(self) -> int | None:
        return self.galleries.width


class DeepSORT(Tracker):
    """DeepSORT. Detections need embeddings, or the tracker an embedder."""

    embeddings: ClassVar[Embeddings] = "required"
    default_motion = XYAH

    max_age: Age = age(default=30, about="time a confirmed track lives without a detection")
    n_init: int = count(default=3, about="matches, its birth included, before a track is confirmed")
    max_cosine_distance: float = share(
        default=0.2, about="largest cosine distance of a match by appearance", high=2, role="appearance"
    )
    max_iou_distance: float = share(default=0.7, about="largest 1 - IoU of a match by overlap")
    budget: int = count(default=100, about="embeddings in a track's gallery")
    max_galleries: int = count(
        default=1000, about="tracks that hold a gallery at a time, which bounds the memory", search=None
    )
    lone_iou: float = share(
        default=1.0,
        about="IoU from which a track and a detection that overlap nothing else match without an embedding; 1: never",
    )
    embed_every: int = count(
        default=10, about="a track matched so is embedded all the same when its hits are a multiple of this"
    )
    embedder: EmbedderCall | None = part(EMBEDDER, default=None)

    @property
    def embeds_itself(self) -> bool:
        return self.lone_iou < 1

    def start(self) -> DeepSORTState:
        return DeepSORTState.start(self.motion, galleries=Galleries(self.budget, self.max_galleries))

    def step(self, state: DeepSORTState, seen: Seen) -> Tracks:
        self.move(state, seen)
        outlasted = state.outlasted(self.max_age, self.frame_rate)
        expired = outlasted | state.outlived(self.max_age)

        cascading = state.confirmed & ~expired
        gated, looked_at, _ = self.gated(state, seen, cascading)
        # Boxes that do not overlap match only where any distance is allowed.
        rows, columns, iou = self.overlaps(state, seen, least=None if self.max_iou_distance < 1 else 0.0)

        matching = self.matching(state, seen)
        embeddings, embedded = seen.embeddings, np.full(len(seen.detections), True)
        if embeddings is None:
            embeddings, embedded = self._match_lone(state, seen, matching, (rows, columns, iou), (gated, looked_at))
            still = matching.free_detections[looked_at]
            gated, looked_at = gated[still], looked_at[still]
        distance = state.galleries.pair_distances(state.slots, embeddings, gated, looked_at)
        gain = self.max_cosine_distance + INCLUSIVE - distance
        parts = {"distance": distance}
        for missed in sorted(set(state.missed[cascading].tolist())):
            some = cascading & (state.missed == missed)
            name = f"appearance, missed {missed}"
            matching.stage(name, gated, looked_at, gain, some, limit="max_cosine_distance", parts=parts)
        gain = self.max_iou_distance + INCLUSIVE - (1.0 - iou)
        overlapping = (~state.confirmed | (state.missed == 1)) & ~outlasted
        matching.stage("overlap", rows, columns, gain, overlapping, limit="max_iou_distance", parts={"overlap": iou})
        return self._finish(state, seen, matching, expired, embeddings, embedded)

    def _match_lone(
        self,
        state: DeepSORTState,
        seen: Seen,
        matching: Matching,
        pairs: tuple[IntArray, IntArray, FloatArray],
        gated: tuple[IntArray, IntArray],
    ) -> tuple[EmbeddingArray, BoolArray]:
        """Match the pairs that overlap alone decides; embed the other detections, and some of these now and then.

        pairs: tracks, detections and IoU, each (K,); gated: those within the gate. Returns the embeddings (M, D), zeros
        where there is none, and the mask (M,) of the detections that have one.
        """
        rows, columns, iou = pairs
        lone = lone_pairs(rows, columns, iou, self.lone_iou)
        m = len(seen.detections)  # a pair as one number
        within = np.isin(rows[lone] * m + columns[lone], gated[0] * m + gated[1])
        lone = lone[within & (state.missed == 1)[rows[lone]]]
        r, c, gain = rows[lone], columns[lone], iou[lone]
        those: tuple[BoolArray | None, BoolArray | None] = (None, None)
        if state.log is not None:  # a pair that an edit admits must be of such a track and detection too
            those = np.isin(np.arange(len(state)), r), np.isin(np.arange(m), c)
        matching.stage("lone", r, c, gain, *those, limit="lone_iou", parts={"overlap": gain})
        alone, its = matching.pairs
        wanted = np.full(m, True)
        wanted[its] = state.hits[alone] % self.embed_every == 0
        asked = self.embedded(seen.detections.numbered()[wanted], seen.image, seen.invalid)
        state.dropped += asked.dropped - seen.detections.dropped
        found = self.embeddings_of(asked, state)
        assert found is not None  # they are required
        embeddings = np.zeros((m, found.shape[1]), dtype=np.float32)
        embeddings[asked.rows] = found
        # A detection whose embedding was dropped may match by overlap, and starts no track.
        embedded = np.full(m, False)
        embedded[asked.rows] = True
        return embeddings, embedded

    def _finish(
        self,
        state: DeepSORTState,
        seen: Seen,
        matching: Matching,
        expired: BoolArray,
        embeddings: EmbeddingArray,
        embedded: BoolArray,
    ) -> Tracks:
        """Update, birth and death; the galleries, which are written in place, come last: a motion model may fail."""
        tracks, matched = matching.pairs
        state.update(self.motion, tracks, seen.detections, matched)
        state.confirmed |= state.hits >= self.n_init
        dead = (state.missed > 0) & (expired | ~state.confirmed)
        dead = state.mortal(dead)
        continued, ended = state.slots[tracks], state.slots[dead]
        state.end(dead, TENTATIVE)

        born = (matching.free_detections & embedded).nonzero()[0]
        state.birth(self.motion, seen.detections, born, slots=np.full(len(born), -1))
        state.confirmed |= state.hits >= self.n_init
        reported = self.report(state, state.confirmed & (state.missed <= 1))

        fresh = embedded[matched]
        state.galleries.add(continued[fresh], embeddings[matched[fresh]])
        state.galleries.close(ended)
        state.slots = np.concatenate((state.slots[: len(state) - len(born)], state.galleries.open(embeddings[born])))
        return reported
