"""Files made for a test: a video of the drawn scene, a MOTChallenge sequence of three objects, a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.io.video_writer import VideoWriter
from tracker.scene.street import Scene


def write_video(path: Path, n_frames: int) -> None:
    scene = Scene(n_frames=n_frames)
    with VideoWriter(path, scene.size, scene.frame_rate) as writer:
        for frame in scene:
            assert frame.image is not None
            writer.write(frame.image)


def write_sequence(folder: Path, n_frames: int, *, gaps: bool = False, fleeting: bool = False) -> None:
    """Three objects that move apart, the third with a score of 0.3; the folder's name is the sequence's.

    gaps      each object is undetected for three frames in ten
    fleeting  the truth has a new id for each object in each frame
    """
    gt, det = [], []
    for frame in range(1, n_frames + 1):
        for i in range(1, 4):
            box = f"{100 * i + frame * i},{50 + frame},30,60"
            gt.append(f"{frame},{3 * frame + i if fleeting else i},{box},1,1,1")
            if not gaps or (frame + 3 * i) % 10 >= 3:
                det.append(f"{frame},-1,{box},{0.3 if i == 3 else 0.9},-1,-1,-1")
    for part, lines in (("gt", gt), ("det", det)):
        (folder / part).mkdir(parents=True)
        (folder / part / f"{part}.txt").write_text("\n".join(lines) + "\n")
    info = f"[Sequence]\nname={folder.name}\nseqLength={n_frames}\nframeRate=25\n"
    (folder / "seqinfo.ini").write_text(info)


def link(path: Path, target: Path) -> None:
    """Make ``path`` a symbolic link, or skip the test where the system does not allow it, as Windows may not."""
    try:
        path.symlink_to(target)
    except OSError as error:
        pytest.skip(f"no symbolic link can be made here ({error.strerror})")
