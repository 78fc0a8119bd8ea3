"""The nearest name, for error lines."""

from __future__ import annotations

from tracker.spelling import nearest


def test_nearest() -> None:
    assert nearest("confg", ["conf", "other"]) == ", did you mean 'conf'?"
    assert nearest("PERSN", ["car", "Person"]) == ", did you mean 'Person'?"
    assert nearest("zzz", ["conf", "other"]) == nearest("conf", []) == ""
    assert nearest("street.avi", ["street.mp4"]) == ", did you mean 'street.mp4'?"
    assert nearest("street.avi", ["tracks.mp4"], cutoff=0.7) == ""
