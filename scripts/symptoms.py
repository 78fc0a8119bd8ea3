"""The table "symptom -> setting" of docs/choose.md: each row is two runs over shared sequences, scored.

    python scripts/symptoms.py [--shared ../shared] [--only WORD]

No setting is searched here: each row shows what one change does, where its symptom is plain. The scores are not those
of a tracker at its best.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tracker.evaluate.benchmark import load_ground_truth
from tracker.evaluate.scores import SequenceScore
from tracker.io.mot import read_results, write_results
from tracker.refine import refine
from tracker.study.bench import bench

NAMES = {"sort": "SORT", "bytetrack": "ByteTrack", "steady": "Steady"}
MOVING = ["MOT17-05"]  # carried through a street; with the few people of MOT15 pairs show nothing
STILL = ["PETS09-S2L1", "TUD-Campus", "TUD-Stadtmitte", "Venice-2"]


@dataclass(frozen=True)
class Row:
    """A symptom, what to do, and the two runs that show it.

    tree, sequences  of the shared data
    before, after    algorithm, settings, and conf as "conf"
    figures          columns of the scores that the symptom shows in
    repaired         the second run is the first, refined
    """

    symptom: str
    advice: str
    tree: str
    sequences: Sequence[str] | None
    before: tuple[str, Mapping[str, object]]
    after: tuple[str, Mapping[str, object]]
    figures: Sequence[str]
    repaired: bool = False
    split: str = field(default="full")


ROWS = [
    Row(
        "A person who was hidden comes back with a new id",
        "`--set max_age=2s` (SORT forgets after 1 frame)",
        "MOT15",
        STILL,
        ("sort", {}),
        ("sort", {"max_age": "2s"}),
        ("IDSW", "IDF1"),
    ),
    Row(
        "Ids change in crowds",
        "`--algo steady`",
        "MOT15",
        STILL,
        ("sort", {"max_age": "2s"}),
        ("steady", {}),
        ("IDSW", "IDF1"),
    ),
    Row(
        "Ids change when the camera moves",
        "`--camera-motion pairs` (Steady does so by itself)",
        "MOT17",
        MOVING,
        ("bytetrack", {}),
        ("bytetrack", {"camera_from_pairs": True}),
        ("IDSW", "IDF1"),
    ),
    Row(
        "Tracks of things that are nobody",
        "`--conf 0.6`",
        "MOT17",
        None,
        ("sort", {}),
        ("sort", {"conf": 0.6}),
        ("FP", "Rcll"),
        split="second-half",
    ),
    Row(
        "Short tracks of things that are nobody",
        "`--set min_hits=6`",
        "MOT15",
        STILL,
        ("sort", {}),
        ("sort", {"min_hits": 6}),
        ("FP", "Rcll"),
    ),
    Row(
        "People are lost where they are half covered or small",
        "`--conf 0.1` with Steady, ByteTrack or BoT-SORT, which use weak detections",
        "MOT17",
        None,
        ("bytetrack", {"conf": 0.5}),
        ("bytetrack", {"conf": 0.1}),
        ("Rcll", "IDF1"),
        split="second-half",
    ),
    Row(
        "Tracks have holes",
        "`track refine` afterwards",
        "MOT15",
        STILL,
        ("sort", {"max_age": "2s"}),
        ("sort", {"max_age": "2s"}),
        ("Frag", "Rcll"),
        repaired=True,
    ),
]


def scores(row: Row, shared: Path, out: Path) -> tuple[SequenceScore, SequenceScore]:
    """Of both runs, all sequences together."""
    tree = shared / "data" / row.tree / "train"
    found = []
    for algo, settings in (row.before, row.after):
        values = {key: value for key, value in settings.items() if key != "conf"}
        conf = settings.get("conf")
        runs, _ = bench(
            tree,
            [algo],
            settings=values,
            conf=None if conf is None else float(str(conf)),
            split=row.split,  # type: ignore[arg-type]
            sequences=None if row.sequences is None else list(row.sequences),
            out=out / row.tree,
            workers=1,
        )
        found.append(runs[0])
    before, after = found
    if not row.repaired:
        return before.evaluation.combined, after.evaluation.combined
    repaired = {}
    for name, file in _files(out / row.tree / row.split / before.label).items():
        target = out / "refined" / f"{name}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_results(target, refine(read_results(file))[0])
        repaired[name] = target
    truth = load_ground_truth(tree, sequences=list(row.sequences or ()) or None)
    return before.evaluation.combined, truth.score(repaired).combined


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.txt"))}


def shown(title: str, score: SequenceScore) -> str:
    """A figure as the table shows it."""
    value = score.summary()[title]
    return f"{int(value):,}" if title in ("IDSW", "FP", "FN", "Frag") else f"{100 * value:.1f}"


def begun(row: Row) -> str:
    """The row of the table but for its figures: symptom, setting, and what it is measured on."""
    algo, settings = row.before
    words = [f"from `--conf {value}`" if key == "conf" else f"with `{key}={value}`" for key, value in settings.items()]
    place = "MOT17-05, carried through a street" if row.sequences == MOVING else row.tree
    if "steady" in (row.before[0], row.after[0]):
        place += ", on which Steady's settings were chosen"
    return f"| {row.symptom} | {row.advice} | {' '.join([NAMES[algo], *words])}, {place} |"


def ended(row: Row, before: SequenceScore, after: SequenceScore) -> str:
    """The figures of the row, before and after."""
    titles = {"Rcll": "recall"}
    return ", ".join(f"{titles.get(t, t)} {shown(t, before)} -> {shown(t, after)}" for t in row.figures) + " |"


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[1].parent / "shared")
    parser.add_argument("--only", default="", help="rows whose symptom has this word")
    args = parser.parse_args()
    print("| Symptom | Setting | Measured on | Before -> after |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for row in ROWS:
            if args.only not in row.symptom:
                continue
            print(begun(row), ended(row, *scores(row, args.shared, Path(name))), flush=True)


if __name__ == "__main__":
    main()
