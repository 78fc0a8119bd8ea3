"""What happened, in sentences that a person understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracker.explain.recording import Recorded
from tracker.explain.refusals import (
    BELOW,
    CLUTTER,
    DETECTOR,
    EXPIRED_CODES,
    HIDDEN,
    ONE_DECISION,
    OUT_OF_REACH,
    OUTBID,
    STOLEN,
    UNEXPLAINED,
    WRONG_STAGE,
    Refusal,
)
from tracker.explain.why import Cause


def moment(run: Recorded, frame: int) -> str:
    """Number and time of a frame: "frame 311 (12.4 s)"."""
    return f"frame {run.recording.numbers[frame]} ({seconds(run, frame):.1f} s)"


def seconds(run: Recorded, frame: int) -> float:
    """Seconds of a frame since the start, by the times given or else the frame rate."""
    recording = run.recording
    time = None if recording.times is None else recording.times[frame]
    return (int(recording.numbers[frame]) - 1) / recording.rate if time is None else time


def of_switch(run: Recorded, cause: Cause) -> str:
    """Why a switch happened."""
    switch = cause.switch
    head = f"id {switch.before} became {switch.after} at {moment(run, switch.frame)}"
    if cause.swap is not None:
        head = f"ids {switch.before} and {switch.after} were exchanged at {moment(run, switch.frame)}"
    hidden = "; the object could hardly be seen then" if cause.hidden else ""
    kept = f"id {cause.kept}" if cause.kept >= 0 else f"id {switch.before}"
    if cause.code == UNEXPLAINED:
        seen = f" (first: {of_refusal(run, cause.chain[:1])})" if cause.chain else ""
        return f"{head}: unexplained, no removal of up to three reasons keeps {kept}{seen}{hidden}."
    if cause.code == DETECTOR:
        return f"{head}: only better detections of the object keep {kept}{hidden}."
    if cause.code == ONE_DECISION:
        at = run.recording.numbers[cause.chain[0].frame]
        return f"{head}: one other decision at frame {at} keeps {kept}; its reason is not proved{hidden}."
    said = "; ".join(of_refusal(run, same) for same in by_code(cause.chain))
    return f"{head}: {said}{hidden}. Without that {kept} keeps the object."


def of_advice(setting: dict[str, Any] | None) -> str:
    """What one setting would have done; None: nothing tried keeps the id."""
    if setting is None:
        return "No change of one setting that was tried keeps it."
    more = "; no change tried keeps it without more switches" if setting["raises"] else ""
    return f"{_change(setting)} keeps it too; {_total(setting)}{more}."


def of_cause_advice(code: str, setting: dict[str, Any] | None) -> str:
    """What one setting would do against a cause."""
    if setting is None:
        return f"{code}: no change of one setting that was tried keeps an id without more switches in the whole video"
    return f"{code}: {_change(setting)} keeps {setting['keeps']} of {setting['of']}; {_total(setting)}"


def _change(setting: dict[str, Any]) -> str:
    return f"{setting['name']} {setting['from']:g} -> {setting['to']:g}"


def _total(setting: dict[str, Any]) -> str:
    (before, after), hota = setting["switches"], [f"{100 * value:.1f}" for value in setting["HOTA"]]
    return f"over the whole video {before} -> {after} switches, HOTA {hota[0]} -> {hota[1]}"


def by_code(chain: tuple[Refusal, ...]) -> list[list[Refusal]]:
    """The refusals of a chain, those of one reason together, in order of time."""
    found: dict[str, list[Refusal]] = {}
    for one in sorted(chain, key=lambda refusal: refusal.frame):
        found.setdefault(one.code, []).append(one)
    return list(found.values())


def of_refusal(run: Recorded, same: list[Refusal] | tuple[Refusal, ...]) -> str:
    """One reason, which held in one frame or in several."""
    one = same[0]
    if one.code in EXPIRED_CODES:
        return _expired(run, one)
    when = f"at frame {run.recording.numbers[one.frame]}"
    if len(same) > 1:
        when = f"in {len(same)} frames from {run.recording.numbers[one.frame]} on"
    return f"{when} {_REASONS[one.code](run, one)}"


def _expired(run: Recorded, one: Refusal) -> str:
    assert one.ended is not None
    frame, why = one.ended
    had = "had only boxes that it did not get" if one.code == EXPIRED_CODES[1] else "was not detected"
    return (
        f"{one.track} had ended at frame {run.recording.numbers[frame]} ({why}): until then the object {had}, and it "
        f"was seen again at frame {run.recording.numbers[one.frame]}"
    )


def _own_box(run: Recorded, one: Refusal) -> str:
    """What the log says about the object's own box."""
    verdict = one.verdict
    if verdict is None or one.row is None:
        return "the object's own box"
    score = run.recording.found[one.frame].scores[one.row]
    if verdict.gain > 0 and verdict.reason != "refused":
        return "the object's own box was there to be taken"
    if verdict.reason in ("below threshold", "taken") and verdict.gain == verdict.gain:
        limit = f" of {verdict.detail}" if verdict.detail else ""
        return f"the object's own box was {-verdict.gain:.2f} short{limit}"
    if verdict.reason == "refused":
        value = f" at {verdict.gain:.2f}" if verdict.gain == verdict.gain else ""
        return f"the object's own box, of score {score:.2f}, was refused{value} by {verdict.detail}"
    if verdict.reason == "stage":
        return f"the object's own box, of score {score:.2f}, was open to other tracks only"
    return "the object's own box was out of reach"


def _weak(run: Recorded, one: Refusal) -> str:
    score = run.recording.found[one.frame].scores[one.row]
    lost = "" if one.verdict is None or not one.verdict.detail else f" ({one.verdict.detail})"
    return f"the object's box scored {score:.2f}, too little for {one.track} as it was then{lost}"


_REASONS: dict[str, Callable[[Recorded, Refusal], str]] = {
    HIDDEN: lambda run, one: f"the object was not detected and {one.track} took another box",
    STOLEN: lambda run, one: f"{one.track} took another object's box; {_own_box(run, one)}",
    CLUTTER: lambda run, one: f"{one.track} followed a false box; {_own_box(run, one)}",
    OUTBID: lambda run, one: f"{one.by} took the object's box, which {one.track} wanted too",
    OUT_OF_REACH: lambda run, one: f"the object's box was out of the reach of {one.track}",
    WRONG_STAGE: _weak,
    BELOW: _own_box,
}
