"""Words of the command line: settings and lists of names."""

from __future__ import annotations

import pytest

from tracker.commands.words import names_of, settings_of


def test_settings_by_key() -> None:
    assert settings_of([]) == {}
    assert settings_of(["a=1", " b = x=y ", "a=2"]) == {"a": "2", "b": "x=y"}
    for wrong in ("a", "=1", ""):
        with pytest.raises(ValueError, match=r"^--set .*: give KEY=VALUE, a key=value pair such as max_age=30$"):
            settings_of(["b=1", wrong])


def test_names_between_commas() -> None:
    assert names_of("a, b,,c ") == ["a", "b", "c"]
    assert names_of(None) is None
    assert names_of("") is None
