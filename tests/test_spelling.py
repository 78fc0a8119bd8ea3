"""Names in error lines and tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.spelling import cell, nearest, number_of, shown, utf8


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


def test_numbers_agree_with_their_nouns() -> None:
    assert [number_of(n, "frame") for n in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]
    assert [number_of(n, "box") for n in (1, 2)] == ["1 box", "2 boxes"]


def test_a_name_that_is_not_utf8_is_refused_before_a_c_library_sees_it() -> None:
    assert utf8("street é 街.mp4") == utf8(Path("street é 街.mp4")) == "street é 街.mp4"
    with pytest.raises(ValueError, match=r"^caf\\udce9.mp4: the name is not UTF-8; rename the file or its folder$"):
        utf8("caf\udce9.mp4")
