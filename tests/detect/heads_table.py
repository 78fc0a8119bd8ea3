"""The table of heads in ``docs/detectors.md``, made from the heads and their tests.

``python tests/detect/heads_table.py`` writes it; ``test_docs.py`` checks that it is up to date.
"""

from __future__ import annotations

from pathlib import Path

from tracker.detect.head import Head, Preprocessing
from tracker.detect.heads import head, heads

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "detectors.md"
BEGIN, END = "<!-- heads: made by tests/detect/heads_table.py -->", "<!-- end of heads -->"

# Real networks of ../shared/data/models that a head reads; test_docs.py opens each.
REAL = {
    "yolox": ("yolox_nano.onnx",),
    "yunet": ("yunet_2026may.onnx",),
    "faceboxes": ("faceboxes.onnx",),
    "ultralight": ("ultraface_rfb_320_raw.onnx", "ultraface_rfb_320.onnx"),
}
TABLES = ("conventions", "test_heads")  # what the files begin with that decode made outputs


def table() -> str:
    """The table in Markdown, a row for each head."""
    lines = [
        "| `--head` | outputs | input | made graphs | real model |",
        "|---|---|---|---|---|",
        *(_row(head(name)) for name in heads()),
    ]
    return "\n".join(lines)


def tried_in(name: str) -> list[str]:
    """The files of made outputs that name a head."""
    files = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name.startswith(TABLES))
    return [path.name for path in files if f'"{name}"' in path.read_text(encoding="utf-8")]


def _row(cls: type[Head]) -> str:
    form = cls.form.format(cells="A").replace("|", "\\|")
    tested = ", ".join(f"`{file.removesuffix('.py')}`" for file in tried_in(cls.name)) or "none"
    real = ", ".join(f"`{file}`" for file in REAL.get(cls.name, ())) or "none"
    return f"| `{cls.name}` | {form} | {_input(cls.preprocessing)} | {tested} | {real} |"


def _input(how: Preprocessing) -> str:
    values = "0..255" if how.scale == 1 else "0..1" if abs(how.scale * 255 - 1) < 1e-9 else f"x {how.scale:g}"
    if any(how.mean) or how.std != (1, 1, 1):
        values += " less a mean"
    fit = "stretched" if how.fit == "stretch" else f"padded {how.pad.replace('end', 'at the end')} with {how.pad_value}"
    return f"{how.order} {values}, {fit}"


def written() -> str:
    """The page as it should be."""
    page = DOCS.read_text(encoding="utf-8")
    return f"{page.split(BEGIN)[0]}{BEGIN}\n\n{table()}\n\n{END}{page.split(END)[1]}"


if __name__ == "__main__":
    DOCS.write_text(written(), encoding="utf-8")
