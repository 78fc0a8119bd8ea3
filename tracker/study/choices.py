"""What the options of ``track bench`` and ``track tune`` choose from. Without numpy, so that ``--help`` is quick."""

from __future__ import annotations

from typing import Literal, get_args

Split = Literal["full", "first-half", "second-half"]
Metric = Literal["HOTA", "IDF1", "MOTA"]
SPLITS: tuple[Split, ...] = get_args(Split)
METRICS: tuple[Metric, ...] = get_args(Metric)
