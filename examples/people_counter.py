"""Count who crosses a line, live.

python people_counter.py rtsp://camera/stream "door=100,200 400,200" [DETECTOR]
"""

from __future__ import annotations

import sys
from contextlib import suppress

import tracker
from tracker.count import Counter, Event, parse_line


def told(event: Event) -> None:
    """Print a crossing as soon as it is certain; who began or ended on the line is not counted."""
    if event.certainty != "undecided":
        print(f"{event.time:8.2f} s  id {event.id}  {event.place}: {event.direction}", flush=True)


def main(source: str, line: str, detector: str = "auto") -> dict[str, int]:
    """Count until the stream ends or Ctrl-C; returns how many went in and out."""
    door = parse_line(line, "door")
    counter = Counter([door], told=told)
    run = tracker.track(source, detector=detector, invalid="drop", sinks=[counter])
    with suppress(KeyboardInterrupt), run:  # Ctrl-C is raised once the run has ended
        for _ in run:
            pass
    totals = counter.counts.totals(door)
    return {"in": totals.into, "out": totals.out}


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(f"usage: {(__doc__ or '').splitlines()[2]}")
    print(main(*sys.argv[1:]))
