"""The scores of each sequence and of all together, and how they are printed and written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tracker.evaluate.clear import Clear, combine_clear
from tracker.evaluate.hota import Hota, combine_hota
from tracker.evaluate.identity import Identity, combine_identity
from tracker.spelling import cell, number_of, shown

COMBINED = "COMBINED"
Figure = float | int | list[float]


@dataclass(frozen=True, eq=False)
class SequenceScore:
    """Scores of one sequence, or of several together.

    dets, ids: rows and identities of the results, without those that the rules leave out. gt_dets, gt_ids: the same of
    the ground truth.
    """

    name: str
    frames: int
    hota: Hota
    clear: Clear
    identity: Identity
    dets: int
    gt_dets: int
    ids: int
    gt_ids: int

    def to_dict(self) -> dict[str, Figure]:
        """Every figure under the official kit's name: floats 0..1, counts as int, HOTA's as lists of 19."""
        found = {**self.hota.to_dict(), **self.clear.to_dict(), **self.identity.to_dict()}
        figures: dict[str, Figure] = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in found.items()}
        return {**figures, "Dets": self.dets, "GT_Dets": self.gt_dets, "IDs": self.ids, "GT_IDs": self.gt_ids}

    def figures(self) -> dict[str, Figure | dict[str, Figure]]:
        """Every figure, ready for JSON, under the table's name, or else the official kit's without the prefix CLR_.

        HOTA's figures, which the table averages, are also under `by_threshold`, as lists of 19.
        """
        kit = self.to_dict()
        lists = {name: kit.pop(name) for name, value in list(kit.items()) if isinstance(value, list)}
        others = {name.removeprefix("CLR_"): value for name, value in kit.items() if name not in _RENAMED}
        return {**self.summary(), **others, "by_threshold": lists}

    def summary(self) -> dict[str, float]:
        """The figures of the table: floats 0..1 (HOTA's averaged over its thresholds) and counts."""
        return {title: read(self) for title, read in COLUMNS.items()}


def combine(parts: Sequence[SequenceScore], name: str = COMBINED) -> SequenceScore:
    """Scores of several sequences together, as the official kit combines them."""
    return SequenceScore(
        name=name,
        frames=sum(part.frames for part in parts),
        hota=combine_hota([part.hota for part in parts]),
        clear=combine_clear([part.clear for part in parts]),
        identity=combine_identity([part.identity for part in parts]),
        dets=sum(part.dets for part in parts),
        gt_dets=sum(part.gt_dets for part in parts),
        ids=sum(part.ids for part in parts),
        gt_ids=sum(part.gt_ids for part in parts),
    )


COLUMNS: dict[str, Callable[[SequenceScore], float]] = {
    "HOTA": lambda s: float(s.hota.hota.mean()),
    "DetA": lambda s: float(s.hota.det_a.mean()),
    "AssA": lambda s: float(s.hota.ass_a.mean()),
    "LocA": lambda s: float(s.hota.loc_a.mean()),
    "DetRe": lambda s: float(s.hota.det_re.mean()),
    "DetPr": lambda s: float(s.hota.det_pr.mean()),
    "AssRe": lambda s: float(s.hota.ass_re.mean()),
    "AssPr": lambda s: float(s.hota.ass_pr.mean()),
    "MOTA": lambda s: s.clear.mota,
    "MOTP": lambda s: s.clear.motp,
    "IDF1": lambda s: s.identity.idf1,
    "IDP": lambda s: s.identity.idp,
    "IDR": lambda s: s.identity.idr,
    "Rcll": lambda s: s.clear.recall,
    "Prcn": lambda s: s.clear.precision,
    "IDSW": lambda s: s.clear.idsw,
    "Frag": lambda s: s.clear.frag,
    "FP": lambda s: s.clear.fp,
    "FN": lambda s: s.clear.fn,
    "MT": lambda s: s.clear.mt,
    "PT": lambda s: s.clear.pt,
    "ML": lambda s: s.clear.ml,
    "Dets": lambda s: s.dets,
    "GT_Dets": lambda s: s.gt_dets,
    "IDs": lambda s: s.ids,
    "GT_IDs": lambda s: s.gt_ids,
    "Frames": lambda s: s.frames,
}
_AVERAGED = ("HOTA", "MOTA", "IDF1")  # over classes
# Those that a narrow table shows, first choice first.
BY_WEIGHT = ("HOTA", "MOTA", "IDF1", "IDSW", "AssA", "DetA", "FP", "FN", "Frag", "MT", "ML", "Prcn", "Rcll", "MOTP")
LOW_IS_GOOD = frozenset(("IDSW", "Frag", "FP", "FN", "ML"))
COUNTS = frozenset(("PT", "Dets", "GT_Dets", "IDs", "GT_IDs", "Frames"))  # neither good nor bad
_RENAMED = ("CLR_Re", "CLR_Pr", "CLR_Frames")  # the kit's names of the table's Rcll, Prcn and Frames


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of one tracker.

    rules, why: the rules applied, and what they were recognised by. sequences, combined: the scores of each sequence
    and of all together. notes: what a reader must know, such as sequences without results and suspicious input.
    alarms: how many of the notes, the first ones, say that results and ground truth have no frame in common.
    classes: the scores of each class that has ground truth, over all sequences, where rules score classes apart.
    """

    tracker: str
    rules: str
    why: str
    sequences: tuple[SequenceScore, ...]
    combined: SequenceScore
    notes: tuple[str, ...] = ()
    alarms: int = 0
    classes: tuple[SequenceScore, ...] = ()

    @property
    def rows(self) -> tuple[SequenceScore, ...]:
        """The sequences, then the combined row unless it would repeat a single sequence."""
        return self.sequences if len(self.sequences) == 1 else (*self.sequences, self.combined)

    def table(self, width: int | None = None, columns: Iterable[str] | None = None) -> str:
        """Aligned text: shares in per cent, counts as they are; several tables if one is wider than `width`.

        columns: titles of `COLUMNS`; default all.
        """
        text = aligned([(row.name, row) for row in self.rows], "sequence", width, columns=columns)
        if not self.classes:
            return text
        by_class = aligned([(row.name, row) for row in self.classes], "class", width, columns=columns)
        return f"{text}\n\n{by_class}\n\n{self.mean_line()}"

    def mean_line(self) -> str:
        """The figures averaged over the classes as text; "" where there are none."""
        mean = "  ".join(f"{title} {100 * value:.2f}" for title, value in self.class_average().items())
        return f"mean of {number_of(len(self.classes), 'class')}: {mean}" if mean else ""

    def class_average(self) -> dict[str, float]:
        """HOTA, MOTA and IDF1 averaged over the classes that have ground truth; nothing where there are none."""
        if not self.classes:
            return {}
        return {title: float(np.mean([COLUMNS[title](row) for row in self.classes])) for title in _AVERAGED}

    def markdown(self) -> str:
        """The table as Markdown."""
        return as_markdown([(row.name, row) for row in self.rows], "sequence")

    def csv(self) -> str:
        """The table as CSV: shares as fractions in full precision."""
        return as_csv([self])

    def to_dict(self) -> dict[str, object]:
        """Everything, ready for JSON; figures named as in the table (`SequenceScore.figures`)."""
        return {
            "tracker": self.tracker,
            "rules": self.rules,
            "sequences": {row.name: row.figures() for row in self.sequences},
            "combined": self.combined.figures(),
            **self._class_figures(),
            "notes": list(self.notes),
        }

    def _class_figures(self) -> dict[str, object]:
        if not self.classes:
            return {}
        return {"classes": {row.name: row.figures() for row in self.classes}, "class_average": self.class_average()}

    def json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=2)


def cells_of(
    rows: Sequence[tuple[str, SequenceScore]],
    heading: str,
    extra: Mapping[str, Sequence[str]] | None = None,
    columns: Iterable[str] | None = None,
) -> list[list[str]]:
    """The texts of a table, column by column, each with its title: the names, the extra ones, then the figures."""
    cells = [[heading, *(shown(name) for name, _ in rows)]]
    cells += [[title, *texts] for title, texts in (extra or {}).items()]
    chosen = COLUMNS if columns is None else columns
    return cells + [[title, *(_shown(title, score) for _, score in rows)] for title in chosen]


def fitting(
    rows: Sequence[tuple[str, SequenceScore]],
    heading: str,
    width: int,
    extra: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """The figures that matter most, as many as fit in ``width`` characters, in the order of the table."""
    names, *further = cells_of(rows, heading, extra, columns=())
    room = width - max(map(len, names)) - sum(2 + max(map(len, column)) for column in further)
    chosen = set(BY_WEIGHT[:1])
    for title in BY_WEIGHT:
        room -= 2 + max(len(title), *(len(_shown(title, score)) for _, score in rows))
        if room < 0:
            break
        chosen.add(title)
    return [title for title in COLUMNS if title in chosen]


def aligned(
    rows: Sequence[tuple[str, SequenceScore]],
    heading: str,
    width: int | None = None,
    extra: Mapping[str, Sequence[str]] | None = None,
    columns: Iterable[str] | None = None,
) -> str:
    """Named scores as aligned text; see `Evaluation.table`. extra: further columns by title, shown first."""
    names, *cells = cells_of(rows, heading, extra, columns)
    margin = max(map(len, names))
    blocks: list[list[list[str]]] = [[]]
    used = margin
    for column in cells:
        size = 2 + max(map(len, column))
        if width is not None and blocks[-1] and used + size > width:
            blocks.append([])
            used = margin
        blocks[-1].append(column)
        used += size
    tables = []
    for block in blocks:
        sizes = [max(map(len, column)) for column in block]
        tables.append(
            "\n".join(
                names[r].ljust(margin) + "".join("  " + c[r].rjust(n) for c, n in zip(block, sizes, strict=True))
                for r in range(len(names))
            )
        )
    return "\n\n".join(tables)


def as_markdown(
    rows: Sequence[tuple[str, SequenceScore]], heading: str, extra: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Named scores as a Markdown table; extra as in `aligned`."""
    more = extra or {}
    titles = [heading, *more, *COLUMNS]
    lines = [f"| {' | '.join(titles)} |", "|---|" + "---:|" * (len(titles) - 1)]
    for k, (name, score) in enumerate(rows):
        cells = [markdown_text(name), *(texts[k] for texts in more.values())]
        cells += [_shown(title, score) for title in COLUMNS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_csv(evaluations: Sequence[Evaluation]) -> str:
    """Scores of several trackers as CSV, one line for each sequence of each tracker and its combined line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["tracker", "rules", "sequence", *COLUMNS])
    for evaluation in evaluations:
        for row in (*evaluation.sequences, evaluation.combined):
            writer.writerow([cell(evaluation.tracker), evaluation.rules, cell(row.name), *row.summary().values()])
    return out.getvalue()


LATEX = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW", "FP", "FN")  # what a paper's table shows
LESS_IS_BETTER = ("IDSW", "Frag", "FP", "FN", "PT", "ML")


def as_latex(rows: Sequence[tuple[str, SequenceScore]], heading: str, *, best: bool = False) -> str:
    """Named scores as a LaTeX tabular (package booktabs), shares in per cent.

    best  set the best value of each column in bold: the rows are trackers, not sequences
    """
    cells = [[_shown(title, score) for title in LATEX] for _, score in rows]
    if best:
        for column, title in enumerate(LATEX):
            sign = -1 if title in LESS_IS_BETTER else 1
            top = max(sign * float(line[column]) for line in cells)
            for line in cells:
                if sign * float(line[column]) == top:
                    line[column] = rf"\textbf{{{line[column]}}}"
    arrows = [rf"{title} $\{'down' if title in LESS_IS_BETTER else 'up'}arrow$" for title in LATEX]
    body = [" & ".join([latex_text(name), *line]) for (name, _), line in zip(rows, cells, strict=True)]
    lines = [
        "% needs \\usepackage{booktabs}",
        rf"\begin{{tabular}}{{l{'r' * len(LATEX)}}}",
        r"\toprule",
        " & ".join([heading, *arrows]) + r" \\",
        r"\midrule",
        *(line + r" \\" for line in body),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def latex_text(name: str) -> str:
    """The name as text in LaTeX."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in shown(name))


def markdown_text(name: str) -> str:
    """The name as text in Markdown: a `|` would end a cell, and marks and tags would be obeyed."""
    return re.sub(r"([\\`*|<>\[\]&])", r"\\\1", shown(name))


def _shown(title: str, score: SequenceScore) -> str:
    value = COLUMNS[title](score)
    return str(value) if isinstance(value, int) else f"{100 * value:.2f}"
