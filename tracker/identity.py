"""Whose track is this? Ids of tracks corrected by embeddings, a few frames after motion took the wrong one.

A track keeps two means of its embeddings: a slow one, and a recent one since it was last out of sight or covered. When
the recent one has seen enough (``DUE``) it is compared with the slow one, which learns it only then. A track that no
longer looks like itself is a suspect: perhaps it has become somebody else. Ids change where a look fits:

- a young track that looks like a lost one within reach is that one, and takes back its id;
- a young track that looks like a suspect did takes its id, and the suspect gets a new one;
- a suspect that looks like a lost track, or like another suspect did, gets its id.

An id that is left over in this way may come back for a while, to a track that looks like its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from tracker.appearance import Separation
from tracker.arrays import BoolArray, EmbeddingArray, FloatArray, IntArray
from tracker.log import RENAMED
from tracker.motion import Motion
from tracker.state import AGES, HITS, EmbeddedState, State

# How far from its prediction a lost track may be found again, in heights of its box: at once, and per second out of
# sight (people walk less than one height a second).
REACH, REACH_PER_SECOND = 0.5, 1.5

SLOW, RECENT = 0, 1  # the two means
WEIGHTS = (0.03, 0.2)  # least weight of the newest embedding in each
DUE, EVERY = (4, 8), 16  # embeddings in the recent mean at which it is compared, and then every so many
KNOWN = 10  # embeddings that make a slow mean
YOUNG = 2.0  # seconds
CHANGED = (
    0.7  # how far a track's two means are apart for a suspect: 0 as its own embeddings are, 1 as the nearest other
)
ACCEPTED = 90  # embeddings after which a suspect that nobody replaced has only changed its looks
GONE = 3.0  # seconds for which an id without a track may come back


@dataclass(frozen=True, eq=False)
class Gone:
    """An id whose track turned out to be somebody else: its embedding (D,), unit, and where (2,) and when that was."""

    id: int
    class_id: int
    embedding: EmbeddingArray
    place: FloatArray
    frame: int


@dataclass
class IdentifiedState(EmbeddedState):
    """State of trackers whose ids appearance corrects."""

    means: EmbeddingArray = field(default_factory=lambda: np.empty((2, 0, 0), dtype=np.float32))  # (2, D, N)
    seen: IntArray = field(
        default_factory=lambda: np.empty((4, 0), dtype=np.int64)
    )  # embeddings in each, and see below
    gone: tuple[Gone, ...] = ()
    separation: Separation = field(default_factory=Separation)

    def expect(self, embeddings: EmbeddingArray) -> None:
        super().expect(embeddings)
        if not self.means.size:
            self.means = np.zeros((2, embeddings.shape[1], len(self)), dtype=np.float32)

    @property
    def embedded(self) -> IntArray:
        """(N,) 1 for tracks that had an embedding so far, else 0."""
        marks: IntArray = self.seen[3]
        return marks

    def unseen(self, born: IntArray, embedded: bool) -> IntArray:
        """(4, K) of new tracks at the detections ``born`` (K,)."""
        out = np.zeros((4, len(born)), dtype=np.int64)
        out[3] = embedded
        return out

    @property
    def suspect(self) -> IntArray:
        """(N,) clean embeddings since the track no longer looks like itself, 0 for those that do."""
        counts: IntArray = self.seen[2]
        return counts

    def warp(self, motion: Motion, matrix: FloatArray) -> None:
        super().warp(motion, matrix)
        if self.gone:
            self.gone = tuple(replace(one, place=matrix[:, :2] @ one.place + matrix[:, 2]) for one in self.gone)

    def mean(self, which: int, tracks: IntArray) -> EmbeddingArray:
        """(K, D) unit embeddings of the tracks (K,)."""
        means = self.means[which].take(tracks, axis=1).T
        lengths: EmbeddingArray = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        out: EmbeddingArray = means / lengths
        return out

    def remember(self, tracks: IntArray, embeddings: EmbeddingArray, clean: BoolArray) -> None:
        """Add the embeddings (K, D) of the matched tracks (K,), where they are ``clean`` (K,).

        One that is not, and a frame without a match, end the recent mean. The slow mean learns what was judged.
        """
        recent = self.seen[RECENT]
        recent[(self.missed > 0).nonzero()[0]] = 0
        recent[tracks[~clean]] = 0
        if np.count_nonzero(clean) < len(clean):
            tracks, embeddings = tracks[clean], embeddings[clean]
        self.embedded[tracks] = 1
        self._add(RECENT, tracks, embeddings)
        suspect = self.suspect
        some = (suspect[tracks] > 0).nonzero()[0]
        if len(some):
            suspect[tracks[some]] += 1
            accepted = tracks[some][suspect[tracks[some]] > ACCEPTED]
            self.replace(accepted, self.mean(RECENT, accepted))

    def replace(self, tracks: IntArray, embeddings: EmbeddingArray) -> None:
        """The tracks (K,) look like this from now on, (K, D)."""
        self.means[SLOW][:, tracks] = embeddings.T
        self.seen[SLOW][tracks] = 2 * KNOWN
        self.suspect[tracks] = 0

    def learn_judged(self, tracks: IntArray, embeddings: EmbeddingArray) -> None:
        """The slow means of the tracks (K,) learn what the recent ones, (K, D), got since they were last judged."""
        recent = self.seen[RECENT].take(tracks)
        self._add(SLOW, tracks, embeddings, np.where(recent == DUE[0], recent, np.minimum(recent // 2, EVERY)))

    def _add(self, which: int, tracks: IntArray, embeddings: EmbeddingArray, each: IntArray | None = None) -> None:
        """Average embeddings (K, D), each the mean of so many, into those of the tracks (K,)."""
        if not len(tracks):
            return
        table, count = self.means[which], self.seen[which]
        total = count.take(tracks) + (1 if each is None else each)
        least = WEIGHTS[which] if each is None else 1 - (1 - WEIGHTS[which]) ** each
        weight = np.maximum((1 if each is None else each) / total, least).astype(np.float32)
        if 2 * len(tracks) > len(self):  # the whole table by rows is faster than many columns of it
            of_all, new = np.zeros(len(self), dtype=np.float32), np.zeros(table.shape[::-1], dtype=np.float32)
            of_all[tracks], new[tracks] = weight, weight[:, None] * embeddings
            table *= 1 - of_all
            table += new.T
        else:
            table[:, tracks] = (1 - weight) * table.take(tracks, axis=1) + weight * embeddings.T
        count[tracks] = total


@dataclass
class Arbiter:
    """Corrects the ids of one frame.

    heights  (N,) of the tracks, pixels
    limit    largest cosine distance of a fit
    """

    state: IdentifiedState
    motion: Motion
    heights: FloatArray
    limit: float
    frame_rate: float
    per_class: bool
    over: BoolArray | None = None  # (N,) tracks whose id went on in another

    def judge(self, correct: bool) -> None:
        """Let the slow means of tracks that look like themselves learn; if ``correct``, find ids for the others."""
        state, recent = self.state, self.state.seen[RECENT]
        due = (recent == DUE[0]) | (recent == DUE[1]) | ((recent % EVERY == 0) & (recent > 0))
        due &= state.missed == 0
        tracks = due.nonzero()[0]
        if not len(tracks):
            return
        now = state.mean(RECENT, tracks)
        known = state.seen[SLOW][tracks]
        away = 1 - np.einsum("kd,kd->k", now, state.mean(SLOW, tracks))
        changed = known >= KNOWN
        if correct:
            own, other = state.separation.own.mean, state.separation.other.mean
            changed &= away > own + CHANGED * (other - own)
        else:
            changed[:] = False
        learns = ~changed
        state.suspect[tracks] = np.where(changed, np.maximum(state.suspect[tracks], 1), 0)
        young = (known <= recent[tracks]) & (state.ages[tracks] <= YOUNG * self.frame_rate)
        asked = (young | changed).nonzero()[0] if correct else np.empty(0, dtype=np.int64)
        if len(asked) and self._look_around():
            for i in asked[self._fits_any(now[asked])].tolist():
                if self._identify(int(tracks[i]), now[i], bool(young[i])):
                    learns[i] = False
        state.learn_judged(tracks[learns], now[learns])
        if self.over is not None and np.count_nonzero(self.over):
            State.end(state, self.over, RENAMED)

    def _look_around(self) -> bool:
        """Whether there is an id that a track may have."""
        state = self.state
        state.gone = tuple(one for one in state.gone if state.frame - one.frame <= GONE * self.frame_rate)
        self.lost = (state.missed > 1) & (state.seen[SLOW] >= KNOWN)
        self.suspect = (state.suspect > 0) & (state.missed == 0)
        self.others = (self.lost | self.suspect).nonzero()[0]
        if not len(self.others) and not state.gone:
            return False
        boxes = self.motion.boxes(state.motion)
        self.places = (boxes[:, :2] + boxes[:, 2:]) / 2
        self.over = np.zeros(len(state), dtype=bool)
        return True

    def _fits_any(self, now: EmbeddingArray) -> BoolArray:
        """(K,) which of the looks (K, D) fit any id at all, wherever it is: seldom any."""
        looks = self.state.mean(SLOW, self.others)
        looks = np.concatenate((looks, *(one.embedding[None] for one in self.state.gone)))
        fits: BoolArray = (1 - now @ looks.T).min(axis=1) < self.limit
        return fits

    def _identify(self, track: int, now: EmbeddingArray, young: bool) -> bool:
        """Give a track that looks like ``now`` (D,) the id that this fits best; whether there is one."""
        state = self.state
        assert self.over is not None
        others = self._others(track, young)
        distance = 1 - state.mean(SLOW, others) @ now
        nearest = int(distance.argmin()) if len(others) else -1
        best = float(distance[nearest]) if len(others) else np.inf
        found: Gone | None = None
        for one in self._gone(track):
            far = 1 - float(one.embedding @ now)
            if far < best:
                best, found = far, one
        if best >= self.limit:
            return False
        if found is not None:
            state.gone = tuple(one for one in state.gone if one is not found)
            self._leave(track, young)
            self._rename(track, found.id, found.embedding)
            return True
        other = int(others[nearest])
        looks = state.mean(SLOW, np.array([other]))[0]
        if state.missed[other] > 0:  # a lost one, which goes on here
            id_ = int(state.ids[other])
            self._leave(track, young)
            state.ids[other] = state.ids[track]
            self.over[other] = True
            self._rename(track, id_, looks)
            return True
        self._displace(track, other, looks, young)
        return True

    def _displace(self, track: int, other: int, looks: EmbeddingArray, young: bool) -> None:
        """The track gets the id of a suspect, which gets that of the track where it fits, or else a new one."""
        state = self.state
        id_, old, since = int(state.ids[other]), int(state.ids[track]), int(state.suspect[other])
        theirs, mine = state.mean(RECENT, np.array([other]))[0], state.mean(SLOW, np.array([track]))[0]
        swap = not young and 1 - float(theirs @ mine) < self.limit
        if not swap:
            self._leave(track, young)
        self._rename(track, id_, looks)
        if swap:
            self._rename(other, old, mine)
            return
        state.integers[[HITS, AGES], other] = max(1, since)
        self._rename(other, state.next_id, theirs)
        state.next_id += 1

    def _leave(self, track: int, young: bool) -> None:
        """Keep the id and looks of a track that is not young, for whom they fit."""
        if not young:
            state = self.state
            looks, place = state.mean(SLOW, np.array([track]))[0], self.places[track].copy()
            one = Gone(int(state.ids[track]), int(state.classes[track]), looks, place, state.frame)
            state.gone = (*state.gone, one)

    def _rename(self, track: int, id_: int, looks: EmbeddingArray) -> None:
        state = self.state
        old, state.ids[track] = int(state.ids[track]), id_
        state.replace(np.array([track]), looks[None])
        state.embeddings[:, track] = looks
        if state.log is not None:
            state.log.rename(old, id_)

    def _others(self, track: int, young: bool) -> IntArray:
        """Lost tracks and suspects whose id this one may have."""
        state, others = self.state, self.others
        assert self.over is not None
        suspect = self.suspect[others] & (state.suspect[others] > 0)  # one that has another id by now is none
        some = (self.lost[others] & ~self.over[others]) | suspect
        some &= others != track
        if young:
            some &= suspect | (state.missed[others] >= state.ages[track] - 1)
            some &= state.ids[others] < state.ids[track]
        if self.per_class:
            some &= state.classes[others] == state.classes[track]
        seconds = np.where(suspect, state.suspect[others], state.time_since_update[others]) / self.frame_rate
        away = np.hypot(*(self.places[others] - self.places[track]).T)
        some &= away < self.heights[others] * (REACH + REACH_PER_SECOND * seconds)
        near: IntArray = others[some]
        return near

    def _gone(self, track: int) -> Iterator[Gone]:
        """Ids without a track that this one may have."""
        state, place, height = self.state, self.places[track], self.heights[track]
        for one in state.gone:
            if self.per_class and one.class_id != state.classes[track]:
                continue
            seconds = (state.frame - one.frame) / self.frame_rate
            if float(np.hypot(*(one.place - place))) < height * (REACH + REACH_PER_SECOND * seconds):
                yield one
