"""The plot is an SVG that any reader of XML takes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from tracker.evaluate.benchmark import Accumulator
from tracker.evaluate.curves import causes_svg, curves_svg, sequences_svg
from tracker.evaluate.scores import Evaluation, combine


def test_one_line_a_tracker_in_each_panel() -> None:
    evaluations = []
    for name in ("first & best", "<second>"):
        accumulator = Accumulator()
        accumulator.update([1], [2], [[0.6]])
        score = accumulator.result()
        evaluations.append(Evaluation(name, "plain", "as asked", (score,), score))
    root = ET.fromstring(curves_svg(evaluations))
    space = "{http://www.w3.org/2000/svg}"
    lines = root.findall(f"{space}polyline")
    assert len(lines) == 6
    assert all(len(line.attrib["points"].split()) == 19 for line in lines)
    text = [element.text or "" for element in root.iter(f"{space}text")]
    assert any(t.startswith("first & best (HOTA ") for t in text)
    assert any(t.startswith("<second>") for t in text)
    with pytest.raises(ValueError, match="no tracker to draw"):
        curves_svg([])


def test_sequences_have_a_mark_a_tracker() -> None:
    evaluations = []
    for name in ("one", "<two>"):
        scores = []
        for sequence in ("a & b", "c"):
            accumulator = Accumulator(sequence)
            accumulator.update([1], [2], [[0.6]])
            scores.append(accumulator.result())
        evaluations.append(Evaluation(name, "plain", "as asked", tuple(scores), combine(scores)))
    root = ET.fromstring(sequences_svg(evaluations))
    space = "{http://www.w3.org/2000/svg}"
    marks = root.findall(f"{space}polygon")
    assert len(marks) == 2 * 2 + 2  # and the legend
    assert len({mark.attrib["fill"] for mark in marks}) == 2
    text = [element.text or "" for element in root.iter(f"{space}text")]
    assert "a & b" in text
    assert any(t.startswith("<two> (HOTA ") for t in text)


def test_causes_have_a_bar_a_tracker_as_long_as_what_they_cost() -> None:
    costs = {
        "one": {
            "miss: weak": {"count": 40, "HOTA": 0.01, "IDF1": 0.02},
            "switch: stolen": {"count": 3, "HOTA": 0.04, "IDF1": -0.01},
        },
        "<two>": {"switch: stolen": {"count": 1, "HOTA": 0.02, "IDF1": 0.01}},
    }
    root = ET.fromstring(causes_svg(costs))
    space = "{http://www.w3.org/2000/svg}"
    sheet, *bars, first, second = root.findall(f"{space}rect")
    assert sheet.attrib["fill"] == "white"
    assert {first.attrib["fill"], second.attrib["fill"]} == {bar.attrib["fill"] for bar in bars}
    assert len(bars) == 3 * 2
    lengths = sorted(float(bar.attrib["width"]) for bar in bars[:3])
    assert [width / lengths[0] for width in lengths] == pytest.approx([1, 2, 4], abs=0.01)
    one = [bar for bar in bars if bar.attrib["fill"] == bars[0].attrib["fill"]]
    stolen, weak = one[2:]  # of IDF1: what undoing it would harm lies left of zero, where the other begins
    assert float(stolen.attrib["x"]) + float(stolen.attrib["width"]) == pytest.approx(float(weak.attrib["x"]), abs=0.11)
    text = [element.text or "" for element in root.iter(f"{space}text")]
    assert text.index("switch: stolen") < text.index("miss: weak")  # the most costly on top
    assert {"HOTA lost", "IDF1 lost", "40", "3", "1", "<two>"} <= set(text)
    ET.fromstring(causes_svg({"perfect": {}}))
