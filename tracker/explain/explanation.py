"""A run explained: events, each with a sentence, and their counts; with ground truth each error has one cause."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from tracker.detections import Invalid
from tracker.evaluate.benchmark import GroundTruth, load_ground_truth
from tracker.evaluate.doctor import apart
from tracker.explain.advise import Advice, Advised, advise, most_costly
from tracker.explain.controls import Controls, controls
from tracker.explain.cost import gains, undone
from tracker.explain.errors import RowError, false_rows, fragments, misses
from tracker.explain.lives import CORRECTED, FREE_DETECTION, Life, lives_of, lives_of_rows
from tracker.explain.load import HOW, Loaded, load_run, tracker_of
from tracker.explain.recording import Recorded
from tracker.explain.refusals import Refusal
from tracker.explain.sentences import moment, of_advice, of_switch, seconds
from tracker.explain.suspects import Suspect, suspects_of
from tracker.explain.truth import Switch, Truth
from tracker.explain.whatif import rows_of
from tracker.explain.why import Cause, Why
from tracker.io.run_folder import TEXT
from tracker.protocol import Updates
from tracker.rows import Rows, left_out, notes_of

FEW, FITS = 50, 0.05  # of so many rows or more, so many must fit the truth: else it is of another video

Kind = Literal["switch", "fragment", "miss", "false", "birth", "end", "suspect"]
GroundTruthSource = str | os.PathLike[str] | Rows | GroundTruth


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    frame        number in tracks.txt, 0 where a row of the truth lies outside the run
    time         seconds, None where there is no log
    kind         "switch" (one event for both where two objects exchanged their ids: the last link of the chain names
                 the other), "fragment", "miss", "false", "birth", "end", "suspect"
    id           of the track, previous_id before a switch, truth_id in the ground truth's file; None: none
    cause        one code
    chain        what led to it, in order of time: frame, cause, and what is known of the decision
    confirmed    whether a replay proved the cause; None where nothing was replayed, or proved only one decision
    setting      the smallest change of one setting that would have kept the id, where it was looked for
    sentence     for a person
    """

    frame: int
    time: float | None
    kind: Kind
    id: int | None
    previous_id: int | None
    truth_id: int | None
    cause: str
    chain: tuple[dict[str, Any], ...] = ()
    confirmed: bool | None = None
    setting: dict[str, Any] | None = None
    sentence: str = ""


@dataclass(eq=False)
class Explanation:
    """What ``explain`` returns.

    events    by time within each kind: switches, fragmentations, misses, false rows, births, ends; then the suspects,
              the most suspect first
    counts    how many of each kind; with ground truth also by cause ("switch by cause", ...). The official counts are
              "switch" (IDSW), "fragment" (Frag), "miss" (FN) and "false" (FP)
    cost      by cause: how many, and what HOTA, IDF1 and MOTA (0..1) gain by undoing it, where asked for
    lives     of every id
    causes    of every switch; controls  of their proof, where asked for
    notes     lines for people
    advice    by cause of switches, the most costly ones alone: what to set, where asked for; see ``Advised``
    """

    name: str
    events: list[Event]
    counts: dict[str, Any]
    lives: dict[int, Life]
    run: Recorded | None = None
    causes: list[Cause] = field(default_factory=list)
    controls: Controls | None = None
    cost: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    advice: dict[str, Advice | None] = field(default_factory=dict)

    def of_kind(self, kind: Kind) -> list[Event]:
        """The events of one kind."""
        return [event for event in self.events if event.kind == kind]

    def to_dict(self) -> dict[str, Any]:
        """``events``, ``counts`` and ``cost``, ready for JSON; and ``advice`` where it was asked for."""
        return {
            "events": [{**vars(event), "chain": list(event.chain)} for event in self.events],
            "counts": self.counts,
            "cost": self.cost,
            **({"advice": self.advice} if self.advice else {}),
        }


def explain(
    run: str | os.PathLike[str],
    gt: GroundTruthSource | None = None,
    *,
    rules: str = "auto",
    check: bool = False,
    cost: bool = False,
    advice: bool = False,
    invalid: Invalid = "raise",
) -> Explanation:
    """Explain a run that was made with ``log=True`` (`track SOURCE --log`).

    run    its folder, or its log.sqlite. A folder without a log, or tracks.txt, is explained as far as its rows allow
    gt     ground truth of the same video: a file, a sequence's folder, rows, or what ``load_ground_truth`` gave. With
           it every identity switch, fragmentation, miss and false row gets its cause, the switches by replays
    rules  what counts, as in ``tracker.evaluate.evaluate``
    check  also run the controls of the proof, which takes as long again
    cost   also score the run with the errors of each cause undone
    advice  also look for the smallest change of one setting that keeps each id lost to one of the most costly causes:
            some 50 runs over the log
    invalid  bad rows of ``gt``, and of a run without a log: "raise", or "drop" to leave them out; notes say how many

    Raises ValueError, in one line, for what is no run, a log of another version, or ground truth of another video.
    """
    loaded = load_run(run, invalid=invalid)
    truth = None if gt is None else ground_truth_of(gt, rules, loaded.name, invalid)
    return explain_loaded(loaded, truth, check=check, cost=cost, advice=advice)


def explain_loaded(
    loaded: Loaded, truth: GroundTruth | None = None, *, check: bool = False, cost: bool = False, advice: bool = False
) -> Explanation:
    """Explain what ``load_run`` gave; ``truth`` of one sequence. The others as in ``explain``."""
    if loaded.run is None:
        out = _of_rows(loaded, truth)
    else:
        out = explain_recorded(
            loaded.run,
            truth,
            loaded.name,
            size=loaded.size,
            check=check,
            cost=cost,
            build=partial(tracker_of, loaded.meta) if advice else None,
        )
    out.notes += truth_notes(truth)
    return out


def truth_notes(truth: GroundTruth | None) -> list[str]:
    """How many bad rows of the ground truth were left out."""
    return [] if truth is None else [f"gt: {left_out(gt)}" for gt in truth.rows.values() if gt.dropped]


def explain_recorded(
    run: Recorded,
    truth: GroundTruth | None = None,
    name: str = "run",
    *,
    size: tuple[int, int] | None = None,
    check: bool = False,
    cost: bool = False,
    build: Callable[[dict[str, Any]], Updates] | None = None,
) -> Explanation:
    """Explain a run in memory; ``truth`` of one sequence. The others as in ``explain``.

    build  makes the tracker with some settings changed; with it advice on settings is looked for
    """
    lives = lives_of(run)
    life_events = [*(_birth(run, one) for one in lives.values()), *_ends(run, lives)]
    suspects = suspects_of(run, lives, size)
    out = Explanation(name, [], {}, lives, run)
    found: list[Event] = []
    if truth is not None:
        why = why_of(run, truth, name)
        out.causes = list(why.switches())
        missed, false = misses(why), false_rows(why)
        advised = Advised({}, {})
        if build is not None:
            advised = advise(why, most_costly(why, out.causes, truth), truth, build)
        out.advice = advised.by_cause
        found = [
            *(_switch(why, cause, advised.by_switch) for cause in _once(out.causes)),
            *(_row(why, "fragment", one) for one in fragments(why, missed)),
            *(_row(why, "miss", one) for one in missed),
            *(_row(why, "false", one) for one in false),
        ]
        if cost:
            out.cost = gains(truth, {next(iter(truth.rows)): undone(why, out.causes, missed, false)})
        if check:
            out.controls = controls(why, out.causes)
    out.events = [*found, *life_events, *(_suspect(run, one) for one in suspects)]
    out.counts = _counts(out.events, out.causes, truth is not None)
    if not lives:
        out.notes.append(f"{name}: no track was started, so there is nothing to explain")
    return out


def ground_truth_of(gt: GroundTruthSource, rules: str, name: str, invalid: Invalid = "raise") -> GroundTruth:
    """Ground truth of one sequence. Raises ValueError where there are several and none has the run's name."""
    truth = gt if isinstance(gt, GroundTruth) else load_ground_truth(gt, rules, invalid=invalid)
    if len(truth.rows) == 1:
        return truth
    stem = Path(name).stem
    # A folder's seqinfo.ini may say MOT17-04-FRCNN where the folder is MOT17-04.
    known = max((one for one in truth.rows if stem.startswith(one)), key=len, default=stem)
    if known not in truth.rows:
        raise ValueError(
            f"gt: holds {len(truth.rows)} sequences ({', '.join(list(truth.rows)[:4])}, ...), none of them {known}; "
            "give the one of this run"
        )
    return GroundTruth({known: truth.sequences[known]}, {known: truth.rows[known]}, truth.rules, truth.why)


def why_of(run: Recorded, truth: GroundTruth, name: str) -> Why:
    """A run beside its truth, of one sequence. Raises ValueError for the truth of another video."""
    (gt,) = truth.rows.values()
    _refuse_other(rows_of(run), gt, name)
    why = Why(run, Truth(gt, truth.rules, run.recording.numbers, written=True))
    _refuse_apart(why, name)
    return why


def _refuse_other(results: Rows, gt: Rows, name: str) -> None:
    """Refuse the truth of another video."""
    said = apart(results.by_frame(), gt)
    if said is not None:
        raise ValueError(f"gt: is not of {name}: {said}")


def _refuse_apart(why: Why, name: str) -> None:
    """Refuse truth that fits nowhere."""
    matched = int((why.matches.partner >= 0).sum())
    rows = min(len(why.matches.partner), len(why.matches.result_id))
    if rows >= FEW and matched < FITS * rows:
        raise ValueError(
            f"gt: only {matched} of {rows} rows fit a track of {name}; is it the truth of another video, or of another "
            "image size?"
        )


def _of_rows(loaded: Loaded, truth: GroundTruth | None) -> Explanation:
    """What tracks.txt alone allows."""
    assert loaded.rows is not None
    if truth is not None:
        (gt,) = truth.rows.values()
        _refuse_other(loaded.rows, gt, loaded.name)
    lives = lives_of_rows(loaded.rows)
    events = [
        Event(
            life.born,
            None,
            "birth",
            life.track,
            None,
            None,
            "first-row",
            sentence=f"id {life.track} is in {TEXT} from frame {life.born} to {life.last}.",
        )
        for life in lives.values()
    ]
    notes = [f"{loaded.name}: {note}" for note in notes_of(loaded.rows)]
    notes += [f"{loaded.name}: there is no log, so {TEXT} alone is shown; {HOW} and learn why ids change"]
    out = Explanation(loaded.name, events, _counts(events, [], False), lives, notes=notes)
    if truth is not None:
        scores = truth.score({next(iter(truth.rows)): loaded.rows}, look=False).combined.clear
        out.counts |= {"switch": scores.idsw, "fragment": scores.frag, "miss": scores.fn, "false": scores.fp}
    return out


def _once(causes: list[Cause]) -> Iterator[Cause]:
    """The causes without the second one of each swap."""
    second = set()
    for cause in causes:
        if cause.switch not in second:
            yield cause
        if cause.swap is not None:
            second.add(cause.swap)


def _counts(events: Iterable[Event], causes: list[Cause], with_truth: bool) -> dict[str, Any]:
    kinds = Counter(event.kind for event in events)
    out: dict[str, Any] = {}
    if with_truth:
        for kind in ("switch", "fragment", "miss", "false"):
            found = Counter(event.cause for event in events if event.kind == kind)
            if kind == "switch":
                found = Counter(cause.code for cause in causes)
            out[kind] = sum(found.values())
            out[f"{kind} by cause"] = dict(found.most_common())
        out["swaps"] = sum(cause.swap is not None for cause in causes) // 2
        out["hidden switches"] = sum(cause.hidden for cause in causes)
        out["switch by level"] = dict(sorted(Counter(cause.level for cause in causes).items()))
    return out | {kind: kinds.get(kind, 0) for kind in ("birth", "end", "suspect")}


# Events.


def _switch(why: Why, cause: Cause, advice: Mapping[Switch, Advice | None]) -> Event:
    run, switch = why.run, cause.switch
    setting = advice.get(switch)
    what_to_do = f" {of_advice(setting)}" if switch in advice else ""
    chain = [_link(why, one) for one in cause.chain]
    if cause.swap is not None:
        other = cause.swap
        chain.append(
            {
                "frame": int(run.recording.numbers[other.frame]),
                "cause": "swap",
                "id": other.after,
                "previous_id": other.before,
                "truth_id": int(why.truth.names[other.truth]),
            }
        )
    return Event(
        int(run.recording.numbers[switch.frame]),
        round(seconds(run, switch.frame), 3),
        "switch",
        switch.after,
        switch.before,
        int(why.truth.names[switch.truth]),
        cause.code,
        tuple(chain),
        cause.confirmed if cause.level != "-" else False,
        setting,
        of_switch(run, cause) + what_to_do,
    )


def _link(why: Why, one: Refusal) -> dict[str, Any]:
    """A refusal, ready for JSON."""
    verdict = one.verdict
    out: dict[str, Any] = {
        "frame": int(why.run.recording.numbers[one.frame]),
        "cause": one.code,
        "id": one.track,
        "detection": one.row,
        "took": one.took,
        "by": one.by,
    }
    if verdict is not None:
        gain = round(verdict.gain, 4) if verdict.gain == verdict.gain else None
        out |= {"reason": verdict.reason, "stage": verdict.stage, "detail": verdict.detail, "gain": gain}
    if one.ended is not None:
        out |= {"ended": int(why.run.recording.numbers[one.ended[0]]), "reason": one.ended[1]}
    if why.is_hidden(one.frame, one.truth):
        out["hidden"] = True
    return out


_SAID = {
    ("miss", "undetected"): "object {truth} was not detected",
    ("miss", "localisation"): "object {truth} was found, but in a box that fits badly",
    ("miss", "weak"): "object {truth} was detected, too weakly for any track",
    ("miss", "tentative"): "object {truth} was seen, but its track {id} was still on probation",
    ("miss", "lost"): "object {truth} had lost its track; its new one, {id}, was still on probation",
    ("miss", "double"): "the box of object {truth} went to {id}, which was counted as another object's or as a double",
    ("miss", "not-tracked"): "the run has no such frame",
    ("false", "false-box"): "id {id} followed a box where nothing is",
    ("false", "coasting"): "id {id} was reported without a detection, where nothing is",
    ("false", "double"): "id {id} is a second track of object {truth}",
    ("false", "localisation"): "the box of id {id} fits object {truth} badly",
    ("false", "nobody"): "id {id} never was an object of the truth",
    ("fragment", "absent"): "the truth of object {truth} has a gap before",
}


def _row(why: Why, kind: Kind, one: RowError) -> Event:
    truth = int(why.truth.names[one.truth]) if one.truth >= 0 else None
    track = one.track if one.track >= 0 else None
    said = _SAID.get((kind, one.cause))
    if kind == "fragment" and said is None:
        said = "object {truth} goes on after a gap that began: " + _SAID.get(("miss", one.cause), one.cause)
    if one.frame < 0:
        return Event(0, 0.0, kind, track, None, truth, one.cause, sentence=f"{said}.")
    text = (said or one.cause).format(truth=truth, id=track)
    number = int(why.run.recording.numbers[one.frame])
    time = round(seconds(why.run, one.frame), 3)
    return Event(number, time, kind, track, None, truth, one.cause, sentence=f"{text} at frame {number}.")


def _birth(run: Recorded, life: Life) -> Event:
    frame = life.born
    said = f"id {life.track} began at {moment(run, frame)} from a free detection of score {life.score:.2f}"
    if life.before is not None:
        said = (
            f"id {life.track} began at {moment(run, frame)}: the track of {life.before} got it, since its looks changed"
        )
    if life.confirmed is None:
        said += " and was never confirmed"
    elif life.confirmed > frame:
        said += f", confirmed at frame {run.recording.numbers[life.confirmed]}"
    return Event(
        int(run.recording.numbers[frame]),
        round(seconds(run, frame), 3),
        "birth",
        life.track,
        None,
        None,
        FREE_DETECTION if life.before is None else CORRECTED,
        sentence=f"{said}.",
    )


def _ends(run: Recorded, lives: dict[int, Life]) -> Iterable[Event]:
    ended = [(life.ended, life) for life in lives.values() if life.ended is not None]
    for (frame, reason), life in sorted(ended, key=lambda one: (one[0][0], one[1].track)):
        of = "" if life.duplicate is None else f" of {life.duplicate}"
        of += "" if life.renamed is None else f" to {life.renamed}, which it looks like"
        said = f"id {life.track} ended at {moment(run, frame)}: {reason}{of}, after {life.hits} detections"
        yield Event(
            int(run.recording.numbers[frame]),
            round(seconds(run, frame), 3),
            "end",
            life.track,
            None,
            None,
            reason.replace(" ", "-"),
            sentence=f"{said}.",
        )


def _suspect(run: Recorded, one: Suspect) -> Event:
    number = int(run.recording.numbers[one.frame])
    return Event(
        number,
        round(seconds(run, one.frame), 3),
        "suspect",
        one.track,
        one.other,
        None,
        one.kind,
        ({"frame": number, "cause": one.kind, "score": round(one.score, 3)},),
        sentence=f"{moment(run, one.frame)}: {one.said}.",
    )
