"""The driver: runs an opened pipeline into its sinks and leaves whole files, however the run ends.

The command `track` and ``tracker.track`` both use it.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Generator, Sequence, Sized
from contextlib import closing, suppress

from tracker.detect.detector import RecordedDetector
from tracker.io.sinks import Sink, Step, Tally, WantsLiving
from tracker.run.interrupts import Interrupts
from tracker.run.manifest import Facts, State
from tracker.run.open import Opened, camera_failures, camera_rested
from tracker.run.output import Output
from tracker.run.snapshots import Captured
from tracker.run.threads import BackgroundWriter
from tracker.scores import unreached, why_nothing
from tracker.settings import settings_of
from tracker.tracker import most_scale_of

NOTED_EVERY = 1.0  # seconds from one update of run.json to the next


class Driver:
    """Iterate over ``steps()`` to run, once.

    opened  what to run; closed with it
    output  the folder to write to, or None
    sinks   further ones; like those of the output they are written to by a thread

    interrupts  the signals to stop: after one the files are finished and ``steps()`` ends
    state       how far it came, as ``run.json`` says it
    tally       what was written: frames, rows, ids; without an output what was tracked
    missing     frames of the source that could not be read, known at its end
    at_least    whether there may be more of them
    unmatched   whether no recorded detection belongs to a frame of the source, known at its end
    elapsed, writing  seconds of the run without the hashing of its inputs, and of the thread that writes
    """

    def __init__(self, opened: Opened, output: Output | None = None, sinks: Sequence[Sink] = ()) -> None:
        self.opened = opened
        self.output = output
        self.earlier = 0  # frames that earlier runs had tracked, where this one goes on with them
        self.interrupts = Interrupts()
        self.interrupts.stop = opened.pipeline.source.stop
        self.state: State = "running"
        self.tally = Tally()
        self.missing = 0
        self.at_least = False
        self.unmatched = False
        self.elapsed = self.writing = 0.0
        written = [] if output is None else output.sinks
        # The tally comes after the text, so that it counts the frames that are in the file.
        self._sinks: list[Sink] = [*written[:1], self.tally, *written[1:], *sinks]
        opened.pipeline.keeps_living = any(isinstance(sink, WantsLiving) and sink.living for sink in sinks)
        self._snapshots = None if output is None else output.snapshots
        self._earlier_notes: list[str] = []
        if output is not None and self._snapshots is not None:
            try:
                self._snapshots.check(opened, self._sinks)
            except BaseException:
                output.release()
                raise
        self._closing_notes: list[str] = []
        self._noted = clock.monotonic()

    @property
    def writes_aside(self) -> bool:
        """Whether a thread writes while the caller has the step: there is more to write than the tally."""
        return len(self._sinks) > 1

    def steps(self) -> Generator[Step, None, None]:
        """Each step, once it has been handed to the sinks.

        An error of the pipeline or of a sink is raised when the files are finished. Closing the generator finishes
        them too.
        """
        writer = BackgroundWriter(self._write) if self.writes_aside else None
        put: Callable[[Step | Captured], None] = self._write if writer is None else writer.put
        snapshots = self._snapshots
        failure: BaseException | None = None
        ended = False
        started, preparing = clock.perf_counter(), 0.0
        with self.interrupts:
            try:
                self._go_on()
                with closing(iter(self.opened.pipeline)) as steps:
                    for step in steps:
                        if self.output is not None and not self.output.begun:
                            before = clock.perf_counter()
                            self.output.begin()  # to hash a long video takes seconds
                            preparing = clock.perf_counter() - before
                        put(step)
                        if snapshots is not None:
                            snapshots.passed(step)
                            if snapshots.due:
                                put(snapshots.capture(self.opened))
                        yield step
                        if self.interrupts.received is not None:
                            break
                    else:
                        ended = self.interrupts.received is None and not self.opened.pipeline.source.stopped
            except BaseException as error:  # raised again when the files are finished
                failure = error
            failure = self._close(writer, failure)
            self.elapsed = clock.perf_counter() - started - preparing
            failure = self._conclude(ended, failure)
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # it knows this frame: a circle that would keep the last image alive

    def _go_on(self) -> None:
        """Where an earlier run is resumed, put everything back to where its snapshot stands."""
        snapshots = self._snapshots
        if self.output is None or snapshots is None or snapshots.resumed is None:
            return
        self._earlier_notes = snapshots.restore(self.opened, self._sinks)
        self.earlier = self.tally.frames
        self.output.begin()

    def _write(self, step: Step | Captured) -> None:
        if isinstance(step, Captured):
            assert self._snapshots is not None
            self._snapshots.write(step, self._sinks, self.notes)
            return
        for sink in self._sinks:
            sink.write(step)
        if self.output is not None and clock.monotonic() - self._noted >= NOTED_EVERY:
            with suppress(OSError):  # raised again at the end
                self.output.manifest.write("running", counts=self.counts)
            self._noted = clock.monotonic()

    def _close(
        self, writer: BackgroundWriter[Step | Captured] | None, failure: BaseException | None
    ) -> BaseException | None:
        """Finish every file, even where one fails. Returns the first failure; to have left the loop is none."""
        before = clock.perf_counter()
        writing: list[Callable[[], None]] = [] if writer is None else [writer.finish]
        for finish in [*writing, self._last_snapshot, *(sink.close for sink in self._sinks), self.opened.close]:
            try:
                # After an error what is remembered is not that of the last frame written.
                if finish != self._last_snapshot or failure is None or isinstance(failure, GeneratorExit):
                    finish()
            except Exception as error:  # of a sink of the user's own, any
                if failure is None or isinstance(failure, GeneratorExit):
                    failure = error
        self.writing = (0.0 if writer is None else writer.seconds) + clock.perf_counter() - before
        return failure

    def _last_snapshot(self) -> None:
        """A snapshot behind the last step, unless nothing was tracked."""
        if self._snapshots is not None and self.tally.frames:
            self._write(self._snapshots.capture(self.opened))

    def _conclude(self, ended: bool, failure: BaseException | None) -> BaseException | None:
        """Settle the state and write ``run.json``; ended: the source gave its last frame. Returns the failure."""
        if isinstance(failure, Exception):
            self.state = "failed"
        elif failure is not None or not ended:
            self.state = "interrupted"
        else:
            self.missing = self.opened.pipeline.source.missing
            self.at_least = self.opened.pipeline.source.at_least and self.missing > 0
            self.state = "incomplete" if self.missing or self.opened.pipeline.source.cut else "complete"
        self._closing_notes = self._notes_at_the_end()
        output = self.output
        if output is None:
            return failure
        if self.tally.frames == 0:
            output.release()
            with suppress(OSError):  # the folder holds an earlier run
                output.folder.rmdir()
            return failure
        if output.detections is not None:
            output.detections.conclude(complete=self.state == "complete")
        source = {**output.manifest.facts["source"], "frames": self.opened.pipeline.source.n_frames}
        error = {"error": f"{type(failure).__name__}: {failure}"} if self.state == "failed" else {}
        try:
            output.manifest.write(
                self.state, source=source, counts=self.counts, notes=self.notes, **output.coding, **error
            )
        except OSError as unwritten:
            if failure is None or isinstance(failure, GeneratorExit):
                return unwritten
        finally:
            output.release()
        return failure

    @property
    def counts(self) -> Facts:
        """What there is to count so far."""
        pipeline, tally = self.opened.pipeline, self.tally
        counted = {
            "frames": tally.frames,
            "missing_frames": self.missing,
            "detections": tally.detections,
            "dropped": pipeline.dropped + pipeline.detector.dropped,
            "tracks": len(tally.ids),
            "rows": tally.rows,
        }
        if self.at_least:
            counted["missing_frames_at_least"] = True
        if pipeline.source.watch is not None:
            counted |= pipeline.source.watch.counts
        if not camera_rested(self.opened.camera):
            counted["camera_failures"] = camera_failures(self.opened.camera)
        return counted

    @property
    def notes(self) -> list[str]:
        """Lines for people, each once: what was assumed or left out, and what reading brought to light."""
        pipeline = self.opened.pipeline
        video = None if self.output is None else self.output.video
        written = [] if video is None else video.notes
        said = [
            *self._earlier_notes,
            *pipeline.source.notes,
            pipeline.detector.note,
            *self.opened.notes,
            *written,
            *self._closing_notes,
        ]
        return list(dict.fromkeys(line for line in said if line))

    def _unused(self, detector: RecordedDetector) -> int:
        """How many recorded detections belong to no frame of the source, where that can be counted."""
        pipeline, options = self.opened.pipeline, self.opened.options
        all_asked = pipeline.min_score is None and options.every == 1 and not options.classes
        return len(detector) - self.tally.detections if isinstance(detector, Sized) and all_asked else 0

    def _notes_at_the_end(self) -> list[str]:
        frames, detector, notes = self.tally.frames, self.opened.pipeline.detector, []
        ended = self.state in ("complete", "incomplete")
        first, last = self.tally.first, self.tally.last
        part = self.opened.options.frames or self.opened.options.seconds
        if ended and isinstance(detector, RecordedDetector) and frames and detector.frames and not part:
            name, until = self.opened.detector_name, detector.frames
            self.unmatched = not self.tally.detections and self.opened.pipeline.min_score is None
            unused = self._unused(detector)
            if self.unmatched:
                notes.append(
                    f"{name}: none of its detections, which run to frame {until}, belongs to a frame of the source, "
                    f"{first} to {last}"
                )
            elif until > last:
                notes.append(f"{name}: has detections up to frame {until}, beyond the last frame, {last}")
            elif unused:
                notes.append(f"{name}: {unused} of its {unused + self.tally.detections} detections belong to no frame")
        if failures := camera_failures(self.opened.camera):
            notes.append(
                f"camera motion not found in {failures} of {frames} frames (scene cuts?): taken as still there"
            )
        if ended and self.tally.detections and not self.tally.rows:
            notes.append(why_untracked(self.opened, self.tally))
        return notes


def why_untracked(opened: Opened, tally: Tally) -> str:
    """Why no track was reported, by the best score of the detections and the algorithm's thresholds."""
    n, algo = tally.detections, opened.algo
    threshold = unreached(
        settings_of(type(opened.tracker)), opened.settings, tally.best_score, most_scale_of(opened.tracker)
    )
    if threshold is not None:
        return why_nothing(algo, n, tally.best_score, threshold)
    return f"no tracks: {algo} met no object often enough in {n} detections; `track algos` lists how often it must"
