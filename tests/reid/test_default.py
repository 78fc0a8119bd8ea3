"""The packaged model; needs no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import reid
from reid import Embedder, read_card
from reid.data import load


@pytest.mark.slow
def test_the_packaged_model_keeps_its_promises(market: Path) -> None:
    path = reid.default_model()
    card = read_card(path)
    assert path.stat().st_size <= 3e6
    assert "Market-1501" in card.trained_on
    assert "academic research" in card.licence
    crops = load(market, card.size, last=100)
    scores = reid.evaluate_one_set(Embedder(path, "onnxruntime").crops(crops.images), crops.ids, crops.cameras)
    assert scores.mean_ap == pytest.approx(card.scores["mAP"], abs=0.01)
    assert scores.rank1 == pytest.approx(card.scores["rank1"], abs=0.02)


def test_running_it_never_imports_torch() -> None:
    code = (
        "import sys, numpy, reid, reid.cli;"
        "reid.Embedder(runtime='onnxruntime')(numpy.zeros((50, 50, 3), 'uint8'), numpy.array([[0., 0., 20., 40.]]));"
        "assert not {'torch', 'onnx', 'openvino'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])
