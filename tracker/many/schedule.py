"""The videos of one call: those to do, handed to the workers, and how each ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tracker.io.claim import Claim, Taken
from tracker.many.job import Job, Outcome, failed, files_named, kept, line_of, run_job
from tracker.workers.engine import Ended, Engine, run_all


def outcomes(jobs: Sequence[Job], engine: Engine) -> Iterator[Outcome]:
    """How each video ended, in the order in which they end; those that were done before come first.

    A video that fails, or whose worker is lost, is tried once more. Raises WrongVersion.
    """
    waiting = []
    for job in jobs:
        before = kept(job)
        if before is None:
            waiting.append(job)
        else:
            yield before
    for ended in run_all(engine, run_job, waiting, again=_worth_another_try, sees=_needed):
        yield _outcome(waiting[ended.place], ended)


def _needed(job: Job) -> list[str]:
    return [*files_named(job.options), str(Path(job.folder).parent)]


def _worth_another_try(ended: Ended[Outcome]) -> bool:
    if ended.result is not None:
        return ended.result.state == "failed"
    return not isinstance(ended.error, Taken)


def _outcome(job: Job, ended: Ended[Outcome]) -> Outcome:
    if ended.result is not None:
        return ended.result
    assert ended.error is not None
    if isinstance(ended.error, Taken):  # its folder is the other run's
        return Outcome(job.name, job.source, "failed", line_of(ended.error))
    return failed(job, line_of(ended.error))  # of a worker that was lost nobody has said it


def claim(folder: Path, shard: str | None) -> Claim:
    """The folder of a call, for itself: another call, or another with the same shard, is refused while this runs."""
    place = folder / ".many" / ("all" if shard is None else shard.replace("/", "-of-"))
    try:
        place.mkdir(parents=True, exist_ok=True)
        return Claim(place)
    except Taken:
        raise ValueError(f"{folder}: another call is writing there; wait for its end, or give another folder") from None
    except OSError as error:
        raise ValueError(f"{folder}: cannot be made ({error.strerror}); give another folder to write to") from None
