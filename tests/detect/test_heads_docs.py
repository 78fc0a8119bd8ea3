"""The snippets of ``docs/detectors.md`` run as written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import write_video

PAGE = (Path(__file__).resolve().parents[2] / "docs/detectors.md").read_text(encoding="utf-8")
PAYLOAD, PEAKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def street(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_video(tmp_path / "street.mp4", 4)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_payload_of_the_tracks(street: Path, shared: Path) -> None:
    (street / "ultraface_rfb_320.onnx").symlink_to(shared / "data/models/ultraface_rfb_320.onnx")
    exec(compile(PAYLOAD, "detectors.md", "exec"), {})


def test_peaks_of_a_map_are_tracked(street: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Any] = []

    def network(image: np.ndarray) -> np.ndarray:
        seen.append(image)
        maps = np.zeros((19, 12, 16))
        maps[0, 4, 3 + len(seen) // 2], maps[0, 4, 4 + len(seen) // 2] = 0.9, 0.5  # a peak and its slope
        maps[1, 9, 9] = 1  # another keypoint
        return maps

    names: dict[str, Any] = {"network": network}
    exec(compile(PEAKS, "detectors.md", "exec"), names)
    assert len(seen) == 4
    assert names["tracks"].ids.tolist() == [1]
    assert capsys.readouterr().out.count("[1]") >= 1
