"""Training curves as CSV and as an SVG that any browser shows."""

from __future__ import annotations

from pathlib import Path

from reid.errors import ReidError


def write_curves(folder: Path, history: list[dict[str, float]]) -> None:
    """Write ``curves.csv``, a row per epoch, and ``curves.svg``, loss and held-out mAP over the epochs.

    Raises:
        ReidError: the files cannot be written.
    """
    columns = list(history[0])
    lines = [",".join(columns), *(",".join(f"{row[name]:.6g}" for name in columns) for row in history)]
    try:
        (folder / "curves.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "curves.svg").write_text(svg(history), encoding="utf-8")
    except OSError as error:
        raise ReidError(f"{folder}: curves cannot be written ({error}); the checkpoint is kept") from error


def svg(history: list[dict[str, float]], width: int = 640, height: int = 320) -> str:
    """Loss (left axis, from 0) and mAP (right axis, 0..1) over the epochs."""
    top = max(row["loss"] for row in history) or 1.0
    left, right, up, down = 50, width - 50, 20, height - 40

    def line(name: str, highest: float, colour: str) -> str:
        steps = max(1, len(history) - 1)
        points = " ".join(
            f"{left + (right - left) * i / steps:.1f},{down - (down - up) * row[name] / highest:.1f}"
            for i, row in enumerate(history)
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'

    def text(x: int, y: int, words: str, colour: str = "#444", anchor: str = "middle") -> str:
        place = f'x="{x}" y="{y}" fill="{colour}" text-anchor="{anchor}"'
        return f'<text {place} font-family="sans-serif" font-size="12">{words}</text>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<path d="M{left} {up}V{down}H{right}V{up}" fill="none" stroke="#888"/>',
        line("loss", top, "#c0392b"), line("mAP", 1.0, "#2471a3"),
        text(left - 5, up + 4, f"{top:.2f}", "#c0392b", "end"), text(left - 5, down, "0", "#c0392b", "end"),
        text(right + 5, up + 4, "1", "#2471a3", "start"), text(right + 5, down, "0", "#2471a3", "start"),
        text((left + right) // 2, height - 10, f"epochs 1 to {len(history)}"),
        text(left + 40, up + 14, "loss", "#c0392b"), text(right - 40, up + 14, "held-out mAP", "#2471a3", "end"),
        "</svg>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"
