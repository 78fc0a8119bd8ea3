"""Scores drawn as SVG: over the localisation threshold, by sequence, and what each cause of errors costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from tracker.arrays import FloatArray
from tracker.evaluate.hota import THRESHOLDS
from tracker.evaluate.scores import Evaluation
from tracker.spelling import shown

_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31")  # Okabe and Ito
_DASHES = ("", "6 3", "2 3")
_PANEL, _HEIGHT, _LEFT, _TOP, _GAP = 280, 240, 48, 40, 44
_BAR, _BETWEEN = 11, 9  # of the bars of causes: how thick, and the space from one cause to the next

Costs = Mapping[str, Mapping[str, Mapping[str, float]]]  # by tracker and cause: "count", and what scores (0..1) gain


def curves_svg(evaluations: Sequence[Evaluation]) -> str:
    """Three panels of the combined scores, side by side, and a legend. Raises ValueError without an evaluation."""
    if not evaluations:
        raise ValueError("no tracker to draw; give at least one evaluation")
    width = _LEFT + 3 * _PANEL + 2 * _GAP + 20
    height = _TOP + _HEIGHT + 50 + 20 * len(evaluations)
    parts = _sheet(width, height)
    for k, title in enumerate(("HOTA", "DetA", "AssA")):
        left = _LEFT + k * (_PANEL + _GAP)
        parts.append(_axes(left, title))
        for n, evaluation in enumerate(evaluations):
            score = evaluation.combined.hota
            values = (score.hota, score.det_a, score.ass_a)[k]
            parts.append(f'<polyline fill="none" stroke-width="2" {_stroke(n)} points="{_points(left, values)}"/>')
    for n, evaluation in enumerate(evaluations):
        y = _TOP + _HEIGHT + 55 + 20 * n
        means = ", ".join(
            f"{name} {100 * evaluation.combined.summary()[name]:.2f}" for name in ("HOTA", "DetA", "AssA")
        )
        parts.append(f'<line x1="{_LEFT}" x2="{_LEFT + 30}" y1="{y - 4}" y2="{y - 4}" stroke-width="2" {_stroke(n)}/>')
        parts.append(f'<text x="{_LEFT + 38}" y="{y}">{escape(shown(evaluation.tracker))} ({means})</text>')
    return "\n".join([*parts, "</svg>\n"])


def sequences_svg(evaluations: Sequence[Evaluation], title: str = "HOTA") -> str:
    """One score of each sequence, a column a sequence and a mark a tracker. Raises ValueError without an evaluation."""
    if not evaluations:
        raise ValueError("no tracker to draw; give at least one evaluation")
    names = [score.name for score in evaluations[0].sequences]
    step = max(26, min(80, 900 // max(len(names), 1)))
    right = _LEFT + step * len(names)
    bottom = _TOP + _HEIGHT
    longest = max(map(len, map(shown, names)))
    height = bottom + 12 + 7 * longest + 30 + 20 * len(evaluations)
    width = max(right + 20, 420)
    parts = [
        *_sheet(width, height),
        f'<text x="{_LEFT}" y="{_TOP - 14}" font-weight="bold">{escape(title)} by sequence</text>',
    ]
    for tick in range(0, 101, 20):
        y = bottom - _HEIGHT * tick / 100
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    for place, name in enumerate(names):
        x = _LEFT + step * (place + 0.5)
        parts.append(
            f'<text transform="translate({x + 4:.1f},{bottom + 10}) rotate(90)" text-anchor="start">'
            f"{escape(shown(name))}</text>"
        )
    for n, evaluation in enumerate(evaluations):
        for place, score in enumerate(evaluation.sequences):
            x = _LEFT + step * (place + 0.5)
            parts.append(_mark(n, x, bottom - _HEIGHT * max(score.summary()[title], 0.0)))
        y = height - 20 * (len(evaluations) - n) + 4
        parts.append(_mark(n, _LEFT + 8, y - 4))
        mean = f"{title} {100 * evaluation.combined.summary()[title]:.2f} together"
        parts.append(f'<text x="{_LEFT + 22}" y="{y}">{escape(shown(evaluation.tracker))} ({mean})</text>')
    return "\n".join([*parts, "</svg>\n"])


def causes_svg(costs: Costs, scores: Sequence[str] = ("HOTA", "IDF1")) -> str:
    """What each cause of errors costs in points of each score: a panel a score, a bar a tracker, and at the bar's end
    how many errors the cause has. The most costly cause is on top.
    """
    causes = {cause for cost in costs.values() for cause in cost}
    gains = [cost.get(cause, {}) for cost in costs.values() for cause in causes]
    lost = {cause: max(cost.get(cause, {}).get(scores[0], 0.0) for cost in costs.values()) for cause in causes}
    order = sorted(causes, key=lambda cause: (-lost[cause], cause))
    left = 16 + 7 * max((len(shown(cause)) for cause in order), default=12)
    row = _BAR * len(costs) + _BETWEEN
    bottom = _TOP + row * len(order)
    width = left + len(scores) * (_PANEL + _GAP)
    height = bottom + 48 + 20 * len(costs)
    parts = _sheet(width, height)
    for k, score in enumerate(scores):
        least, most, step = _ticks([100 * gain.get(score, 0.0) for gain in gains])
        begin = left + k * (_PANEL + _GAP)
        scale = _PANEL / (most - least)
        parts += _points_axis(begin, bottom, score, (least, most, step))
        for n, cost in enumerate(costs.values()):
            for place, cause in enumerate(order):
                if cause in cost:
                    x = begin + scale * (min(100 * cost[cause][score], 0.0) - least)
                    y = _TOP + row * place + _BETWEEN / 2 + _BAR * n
                    parts += _bar(n, x, y, scale * abs(100 * cost[cause][score]), f"{cost[cause]['count']:.0f}")
    for place, cause in enumerate(order):
        y = _TOP + row * (place + 0.5) + 4
        parts.append(f'<text x="{left - 8}" y="{y:.1f}" text-anchor="end">{escape(shown(cause))}</text>')
    for n, name in enumerate(costs):
        y = height - 20 * (len(costs) - n) + 4
        parts.append(f'<rect x="{left}" y="{y - 10}" width="20" height="{_BAR}" fill="{_COLOURS[n % len(_COLOURS)]}"/>')
        parts.append(f'<text x="{left + 28}" y="{y}">{escape(shown(name))}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _ticks(values: Sequence[float]) -> tuple[float, float, float]:
    """The least and the most of an axis that holds 0 and the values, and the step of its ticks: 1, 2 or 5 x 10^n."""
    span = max([*values, 0.0]) - min([*values, 0.0]) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if span / step <= 5)
    return step * math.floor(min([*values, 0.0]) / step), step * math.ceil(max([*values, step]) / step), step


def _points_axis(left: int, bottom: int, score: str, axis: tuple[float, float, float]) -> list[str]:
    """The title and the ticks of a panel of bars."""
    least, most, step = axis
    middle = left + _PANEL / 2
    parts = [
        f'<text x="{middle}" y="{_TOP - 14}" text-anchor="middle" font-weight="bold">{escape(score)} lost</text>',
        f'<text x="{middle}" y="{bottom + 33}" text-anchor="middle">points; at each bar the number of errors</text>',
    ]
    for k in range(round((most - least) / step) + 1):
        x, tick = left + _PANEL * k * step / (most - least), round(least + k * step, 9)
        colour = "#444444" if tick == 0 else "#dddddd"
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom}" stroke="{colour}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:g}</text>')
    return parts


def _bar(n: int, x: float, y: float, length: float, text: str) -> list[str]:
    """A bar to the right from (x, y), in pixels, with a text at its end."""
    colour = _COLOURS[n % len(_COLOURS)]
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{length:.1f}" height="{_BAR - 1}" fill="{colour}"/>',
        f'<text x="{x + length + 4:.1f}" y="{y + _BAR - 2:.1f}" font-size="10">{text}</text>',
    ]


def _sheet(width: int, height: int) -> list[str]:
    """The beginning of a drawing of so many pixels."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]


def _mark(n: int, x: float, y: float) -> str:
    """A mark that differs from the others in shape as well as in colour."""
    shapes = (
        [(-4, -4), (4, -4), (4, 4), (-4, 4)],
        [(0, -5), (5, 4), (-5, 4)],
        [(0, -5), (5, 0), (0, 5), (-5, 0)],
        [(-5, -4), (5, -4), (0, 5)],
    )
    shape = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shapes[n % len(shapes)])
    return f'<polygon points="{shape}" fill="{_COLOURS[n % len(_COLOURS)]}" fill-opacity=".85"/>'


def _axes(left: int, title: str) -> str:
    bottom = _TOP + _HEIGHT
    lines = [f'<text x="{left + _PANEL / 2}" y="{_TOP - 14}" text-anchor="middle" font-weight="bold">{title}</text>']
    for tick in range(0, 101, 20):
        y = bottom - _HEIGHT * tick / 100
        lines.append(f'<line x1="{left}" x2="{left + _PANEL}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        lines.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    for tick in range(0, 101, 20):
        x = left + _PANEL * tick / 100
        lines.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}" stroke="#444444"/>')
        lines.append(f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{tick / 100:g}</text>')
    lines.append(f'<rect x="{left}" y="{_TOP}" width="{_PANEL}" height="{_HEIGHT}" fill="none" stroke="#444444"/>')
    lines.append(f'<text x="{left + _PANEL / 2}" y="{bottom + 33}" text-anchor="middle">localisation threshold</text>')
    return "\n".join(lines)


def _points(left: int, values: FloatArray) -> str:
    pairs = zip(THRESHOLDS.tolist(), values.tolist(), strict=True)
    return " ".join(f"{left + _PANEL * x:.1f},{_TOP + _HEIGHT * (1 - y):.1f}" for x, y in pairs)


def _stroke(n: int) -> str:
    dash = _DASHES[n // len(_COLOURS) % len(_DASHES)]
    return f'stroke="{_COLOURS[n % len(_COLOURS)]}"' + (f' stroke-dasharray="{dash}"' if dash else "")
