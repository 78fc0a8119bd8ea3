"""What every test shares: the folder of data, tiny ONNX files, and a hypothesis profile without chance or clock."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

SHARED = Path(__file__).resolve().parents[1].parent / "shared"

# A shell starts what it puts into the background deaf to Ctrl-C, and programs that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fetches a model, or finds one in the user's cache, but those that serve their own.
os.environ["TRACKWHY_OFFLINE"] = "1"
os.environ["TRACKWHY_CACHE"] = os.path.join(tempfile.gettempdir(), "trackwhy-tests-without-models")

settings.register_profile(
    "tests",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tracker",
        action="append",
        metavar="my_module:Mine",
        help="run tests/conformance on this tracker instead of the library's; may be given again",
    )


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ../shared of data and published outputs; a checkout elsewhere does not have it."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the project's shared data, absent here: {SHARED}")
    return SHARED


@pytest.fixture
def constant_onnx(tmp_path: Path) -> Callable[..., Path]:
    """``make(output, input_shape=..., metadata=..., ...)`` writes a network that answers ``output`` to any picture."""
    onnx = pytest.importorskip("onnx", reason="needs the onnx package to write models")

    def make(
        *outputs: Any,
        input_shape: tuple[Any, ...] = (1, 3, 64, 64),
        metadata: Mapping[str, str] | None = None,
        names: tuple[str, ...] = ("output", "output1"),
        dtype: str = "FLOAT",
        file: str = "model.onnx",
    ) -> Path:
        helper, types = onnx.helper, onnx.TensorProto
        nodes, infos = [], []
        for name, output in zip(names, outputs, strict=False):
            tensor = onnx.numpy_helper.from_array(np.asarray(output, dtype=np.float32), name)
            nodes.append(helper.make_node("Constant", [], [name], value=tensor))
            infos.append(helper.make_tensor_value_info(name, types.FLOAT, None))
        source = helper.make_tensor_value_info("images", getattr(types, dtype), list(input_shape))
        model = helper.make_model(
            helper.make_graph(nodes, "test", [source], infos), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
        )
        helper.set_model_props(model, dict(metadata or {}))
        path = tmp_path / file
        path.write_bytes(model.SerializeToString())
        return path

    return make
