"""A server of a made model, a catalogue that points to it, and an empty cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.server import Served, serving

from tracker.detect.catalogue import CATALOGUE
from tracker.models import Model

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching is allowed, straight from the server and into a folder of the test."""
    for name in ("TRACKWHY_OFFLINE", "TRACKWHY_MODELS_URL", *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRACKWHY_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def network() -> bytes:
    """An ONNX file with the output of YOLOX before its decoding: 64x64, 84 cells, a person of .81 at 8, 8, 24, 40."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")
    rows = np.zeros((1, 84, 85), np.float32)
    rows[0, 0, :6] = 2, 3, np.log(2), np.log(4), 0.9, 0.9
    helper, types = onnx.helper, onnx.TensorProto
    tensor = onnx.numpy_helper.from_array(rows, "output")
    node = helper.make_node("Constant", [], ["output"], value=tensor)
    source = helper.make_tensor_value_info("images", types.FLOAT, [1, 3, 64, 64])
    target = helper.make_tensor_value_info("output", types.FLOAT, [1, 84, 85])
    graph = helper.make_graph([node], "made", [source], [target])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


@pytest.fixture
def served(network: bytes) -> Iterator[Served]:
    """The server; it gives the made network."""
    with serving(network) as server:
        yield server


@pytest.fixture
def made(served: Served, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Model]:
    """``made(**changes)`` enters the served file into the catalogue, as yolox-nano unless a name is given."""

    def enter(**changes: Any) -> Model:
        facts: dict[str, Any] = {
            "name": "yolox-nano",
            "url": f"{served.url}/release/made.onnx",
            "size": len(served.content),
            "sha256": hashlib.sha256(served.content).hexdigest(),
            "licence": "Apache-2.0",
            "about": "made for a test",
            "head": "yolox",
            "classes": CATALOGUE["yolox-tiny"].classes,
            "notice": "nobody's",
        }
        model = Model(**{**facts, **changes})
        monkeypatch.setitem(CATALOGUE, model.name, model)
        return model

    return enter
