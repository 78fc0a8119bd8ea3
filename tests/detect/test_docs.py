"""``docs/detectors.md`` is true: its table is that of the heads, and every head is tried."""

from __future__ import annotations

import numpy as np
import pytest
from detect.heads_table import DOCS, REAL, ROOT, tried_in, written

from tracker.detect import ONNX
from tracker.detect.heads import heads


def test_the_table_is_up_to_date():
    assert DOCS.read_text(encoding="utf-8") == written(), "run python tests/detect/heads_table.py"


@pytest.mark.parametrize("name", heads())
def test_every_head_is_tried_on_made_graphs(name):
    assert tried_in(name)


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name, files in REAL.items() if name in heads() for file in files]
)
def test_real_networks_have_these_heads(shared, name, file):
    detector = ONNX(shared / "data/models" / file)
    assert detector.head == name
    detector(np.zeros((64, 96, 3), np.uint8))


def test_the_options_that_it_names_exist():
    text = (ROOT / "tracker/commands/run.py").read_text(encoding="utf-8")
    page = DOCS.read_text(encoding="utf-8")
    for option in ("--detector", "--head", "--names", "--imgsz", "--device", "--classes", "--conf"):
        assert f'"{option}"' in text
        assert option in page
