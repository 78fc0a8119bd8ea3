"""A program for test_resume.py: one run, and the same run killed again and again and resumed, by SIGKILL.

    python killed_runs.py FOLDER SEED KILLS OPTIONS...

OPTIONS are those of `track`. FOLDER/whole gets the run that nobody kills, FOLDER/killed the other; a snapshot is taken
every third frame. Each run is a forked process, so that the modules are loaded once. Prints the frames of the kills.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

from tracker.commands.main import main
from tracker.count import kept
from tracker.io.sinks import Step, TextSink
from tracker.run.snapshots import Snapshots


def child(options: list[str], frames: int | None, how: str) -> int:
    """Run in a process of its own, which kills itself after so many frames; returns its wait status."""
    pid = os.fork()
    if pid == 0:
        kept.AT_ONCE = 2
        Snapshots.due = property(lambda self: self._steps % 3 == 0)  # type: ignore[assignment]
        if frames is not None:
            arm(frames, how)
        os._exit(main(options))
    return os.waitpid(pid, 0)[1]


def arm(frames: int, how: str) -> None:
    """Kill this process in the frame after so many: before it is written, with half of it written, after it, or before
    the next snapshot replaces the last."""
    write, replace, done = TextSink.write, Path.replace, [0]

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def written(self: TextSink, step: Step) -> None:
        done[0] += 1
        if done[0] == frames and how == "before":
            die()
        write(self, step)
        if done[0] == frames and how == "half" and self._size:
            os.truncate(self.path, self.path.stat().st_size - 7)
        if done[0] == frames and how in ("half", "after"):
            die()

    def replaced(self: Path, target: Path) -> Path:
        if done[0] >= frames and how == "snapshot" and Path(target).name == "snapshot.npz":
            die()
        return replace(self, target)

    TextSink.write, Path.replace = written, replaced  # type: ignore[method-assign,assignment]


def run(folder: Path, seed: int, kills: int, options: list[str]) -> None:
    chance = random.Random(seed)
    whole = ["-o", str(folder / "whole"), "--snapshot", "1h"]
    assert child([*options, *whole], None, "") == 0
    killed = [*options, "-o", str(folder / "killed"), "--snapshot", "1h", "--resume"]
    for kill in range(kills):
        how = chance.choice(["before", "half", "after", "snapshot"])
        status = child(killed, chance.randint(1, 6), how)
        if status == 0:  # the video ended first
            print(f"ended before kill {kill + 1}")
            return
        assert os.WIFSIGNALED(status), status
    assert child(killed, None, "") == 0
    print("ended after the kills")


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
