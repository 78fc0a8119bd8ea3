"""Classes are chosen by name or by number."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.detect.names import class_mask

NAMES = {0: "person", 1: "bicycle", 2: "car", 3: "7"}


def test_names_and_numbers() -> None:
    assert np.flatnonzero(class_mask(["Car", "0"], NAMES, 4, "m.onnx")).tolist() == [0, 2]
    assert np.flatnonzero(class_mask(["7"], NAMES, 9, "m.onnx")).tolist() == [3]  # a name comes first
    for wrong in ("9", "-1", "1.0", "cra"):
        with pytest.raises(ValueError, match=rf"^m.onnx has no class '{wrong}'"):
            class_mask([wrong], NAMES, 4, "m.onnx")
