"""What the scores of a detector can be. Without numpy, so that ``--help`` is quick."""

from __future__ import annotations

from typing import Literal, get_args

ScoreKind = Literal["probability", "percent", "logit"]
SCORE_KINDS: tuple[ScoreKind, ...] = get_args(ScoreKind)
