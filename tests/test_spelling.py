"""Names in error lines and tables."""

from __future__ import annotations

from pathlib import Path

from tracker.spelling import cell, nearest, shown


def test_nearest() -> None:
    assert nearest("confg", ["conf", "other"]) == ", did you mean 'conf'?"
    assert nearest("PERSN", ["car", "Person"]) == ", did you mean 'Person'?"
    assert nearest("zzz", ["conf", "other"]) == nearest("conf", []) == ""
    assert nearest("street.avi", ["street.mp4"]) == ", did you mean 'street.mp4'?"
    assert nearest("street.avi", ["tracks.mp4"], cutoff=0.7) == ""


def test_what_a_terminal_would_obey_is_shown_escaped() -> None:
    assert shown("street é 街") == "street é 街"
    assert shown("a\x1b[31m\nb\u202ec\udcff") == r"a\x1b[31m\nb\u202ec\udcff"
    assert shown(Path("x\ty")) == r"x\ty"


def test_what_a_spreadsheet_would_run_is_text() -> None:
    assert [cell(name) for name in ("=1+1", " @a", "-x", "+x", "a=b")] == ["'=1+1", "' @a", "'-x", "'+x", "a=b"]
    assert cell("=a\n") == r"'=a\n"
