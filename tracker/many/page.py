"""The summary of many videos: a page to look at, and the same as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tracker.io.passwords import without_passwords
from tracker.io.run_folder import MANIFEST, TEXT
from tracker.io.whole import whole
from tracker.many.job import Outcome
from tracker.spelling import number_of, shown

PAGE, DATA = "index.html", "summary.json"

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
th { font-weight: 600; position: sticky; top: 0; background: Canvas; }
td.n, th.n { text-align: right; }
tr.failed td:first-child, tr.incomplete td:first-child { font-weight: 600; }
"""  # noqa: E501

LINKS = {"report.html": "report", "tracks.mp4": "video", TEXT: "tracks", "count.json": "counts", MANIFEST: "run"}


def write_summary(folder: Path, found: Sequence[Outcome]) -> None:
    """Write ``index.html`` and ``summary.json`` into the folder. Raises ValueError where they cannot be written."""
    with whole(folder / DATA) as part:
        rows = [{**asdict(one), "source": without_passwords(one.source)} for one in found]
        part.write_text(json.dumps({"videos": rows, "totals": totals(found)}, indent=2) + "\n", encoding="utf-8")
    with whole(folder / PAGE) as part:
        part.write_text(_page(folder, found), encoding="utf-8")


def totals(found: Sequence[Outcome]) -> dict[str, Any]:
    """How many videos ended in which way, and what they hold together."""
    states = [one.state for one in found]
    whole_ones = {state: states.count(state) for state in ("complete", "kept", "incomplete", "failed")}
    counted = {key: sum(one.counts.get(key, 0) for one in found) for key in ("frames", "tracks", "rows")}
    return {"videos": len(found), **whole_ones, **counted}


def _page(folder: Path, found: Sequence[Outcome]) -> str:
    counted = totals(found)
    worst_first = sorted(found, key=lambda one: (one.state != "failed", one.whole))
    body = "".join(_row(folder, one) for one in worst_first)
    said = ", ".join(f"{counted[state]} {state}" for state in ("failed", "incomplete", "complete", "kept"))
    heads = "".join(
        f'<th scope="col"{kind}>{text}</th>'
        for text, kind in (
            ("Video", ""),
            ("State", ""),
            ("Frames", ' class="n"'),
            ("Tracks", ' class="n"'),
            ("Frames/s", ' class="n"'),
            ("Files", ""),
        )
    )
    videos = number_of(len(found), "video")
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{videos}</title>'
        f"<style>{STYLE}</style>\n<h1>{videos}</h1>\n"
        f"<p>{said}; {number_of(counted['frames'], 'frame')}, {number_of(counted['tracks'], 'track')}.</p>\n"
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table></html>\n"
    )


def _row(folder: Path, one: Outcome) -> str:
    rate = f"{one.counts.get('frames', 0) / one.seconds:.1f}" if one.seconds else ""
    links = " ".join(
        f'<a href="{quote(one.name)}/{file}">{about}</a>'
        for file, about in LINKS.items()
        if (folder / one.name / file).is_file()
    )
    said = html.escape(shown(f"{one.state}: {one.line}" if one.line else one.state))
    shown_source = html.escape(shown(without_passwords(one.source)))
    return (
        f'<tr class="{one.state}"><td title="{shown_source}">{html.escape(shown(one.name))}</td><td>{said}</td>'
        f'<td class="n">{one.counts.get("frames", "")}</td><td class="n">{one.counts.get("tracks", "")}</td>'
        f'<td class="n">{rate}</td><td>{links}</td></tr>\n'
    )
