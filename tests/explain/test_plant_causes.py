"""scripts/plant_causes.py: faults of known kinds, planted into made scenes, are named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "scripts"))

import plant_causes
from plant_causes import KINDS, Said, Scene, scenes_of, table, try_kind, walks

EACH = 2


@pytest.fixture(scope="module")
def scenes() -> dict[bool, list[Scene]]:
    """Scenes of one object that is free of others, and of two that cross."""
    out: dict[bool, list[Scene]] = {}
    for crossed in (False, True):
        made = scenes_of("walks", walks(12, 300, 1), 30.0, np.random.default_rng(0), crossed)
        out[crossed] = [scene for scene, _ in zip(made, range(6 if crossed else 24), strict=False)]
    return out


@pytest.mark.parametrize("algo", ["steady", "sort", "deepsort"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "control"])
def test_the_planted_kind_is_named(scenes: dict[bool, list[Scene]], kind: str, algo: str) -> None:
    said = try_kind(kind, algo, iter(scenes[kind == "crossing"]), EACH)
    assert said.named == said.explained == EACH, said.wrong


@pytest.mark.parametrize("algo", ["steady", "bytetrack", "sort", "deepsort"])
def test_nothing_is_said_of_the_control(scenes: dict[bool, list[Scene]], algo: str) -> None:
    said = try_kind("control", algo, iter(scenes[False]), EACH)
    assert (said.explained, said.without) == (0, EACH)


def test_a_wrong_name_is_counted(scenes: dict[bool, list[Scene]], monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = plant_causes.Kind(plant_causes.gap, frozenset({"clutter"}))
    monkeypatch.setitem(KINDS, "gap", wrong)
    said = try_kind("gap", "sort", iter(scenes[False]), 1)
    assert (said.named, said.explained) == (0, 1)
    assert said.wrong == [f"{said.wrong[0].split(':')[0]}: expired-undetected"]
    other = Said()
    other.without = 3
    text = table({("sort", "gap"): said, ("sort", "jump"): other}, ["sort"], ["gap", "jump"])
    assert "| gap | 0 of 1 |" in text
    assert "| jump | 0 of 0, 3 without an error |" in text
    assert "| planted \\ said | expired-undetected |" in text
