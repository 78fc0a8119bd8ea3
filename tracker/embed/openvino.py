"""Networks run by OpenVINO, an extra: ONNX files, and OpenVINO's own format."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.files import files_of
from tracker.detect.openvino import cpu_settings, reason_of
from tracker.detect.session import describe
from tracker.install import installing

if TYPE_CHECKING:
    from openvino import CompiledModel, InferRequest, Model

    from tracker.embed.runner import Runner

TYPES: dict[str, type[np.generic]] = {"f32": np.float32, "f16": np.float16, "u8": np.uint8}


class OpenVINO:
    """A network of one input and, as far as it is used, one output, on the CPU in float32 or as it was quantised.

    It compiles a model once per batch size, when that is first met, so batches are run in parts of 1, 2, 4, ... rows:
    padding them to one size takes longer than onnxruntime does.

    path     ONNX file, or OpenVINO's ``.xml`` with its ``.bin`` beside it
    onnx     the ONNX file as onnxruntime describes it, which knows its metadata; None for a ``.xml``
    threads  1 for several callers at once, one thread each; None for one caller and all threads

    A ``.xml`` names a batch size without meaning it, so it is given others where its network lets it. Attributes as in
    ``Runner``. Raises ValueError, in one line, where OpenVINO is not installed or cannot run the file.
    """

    runtime = "openvino"
    device = "cpu"

    def __init__(self, path: str | os.PathLike[str], *, onnx: Runner | None = None, threads: int | None = None) -> None:
        if find_spec("openvino") is None:
            instead = f"; {path} needs it" if onnx is None else ", or use onnxruntime"
            raise ValueError(f"OpenVINO is not installed: {installing('openvino')}{instead}")
        import openvino

        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads} is below 1; leave it out to use the processors that are there")
        self.path = path
        self._instead = "convert it again" if onnx is None else "use onnxruntime"
        self._core = openvino.Core()
        self._settings = cpu_settings(threads)
        self._compiled: dict[int, CompiledModel] = {}
        self._compiling = threading.Lock()
        self._own = threading.local()  # requests: each serves one thread at a time
        self.shape: Sequence[int | str | None]
        self.fixed: int | None
        self.dtype: type[np.generic]
        self.metadata: Mapping[str, str]
        if onnx is None:
            self._describe()
        else:
            self.shape, self.fixed, self.dtype, self.metadata = onnx.shape, onnx.fixed, onnx.dtype, onnx.metadata
        self._model(self.fixed or 1)

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        """The first output (N, ...) of an input (N, ...)."""
        answers = []
        start = 0
        while start < len(block):
            size = self.fixed or 1 << ((len(block) - start).bit_length() - 1)
            answers.append(self._request(size).infer({0: block[start : start + size]})[0].copy())
            start += size
        return np.concatenate(answers)

    def _describe(self) -> None:
        """Read what a ``.xml`` says of its input."""
        files_of(self.path)
        try:
            model = self._core.read_model(str(self.path))
        except RuntimeError as error:
            raise ValueError(f"{self.path}: is not an OpenVINO model ({reason_of(error)}); {self._instead}") from None
        shape = [side.get_length() if side.is_static else None for side in model.input(0).partial_shape]
        kind = model.input(0).element_type.get_type_name()
        if len(model.inputs) != 1 or len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise ValueError(f"{self.path}: input {describe(shape)} is not one batch of images; expected [N, 3, H, W]")
        if kind not in TYPES:
            raise ValueError(f"{self.path}: input has type {kind}; convert it with f32, f16 or u8 pixels")
        self.shape, self.dtype, self.metadata = shape, TYPES[kind], {}
        self.fixed = None if _takes_batches(model) else shape[0]

    def _request(self, size: int) -> InferRequest:
        mine: dict[str, InferRequest] = vars(self._own)
        name = f"rows_{size}"
        if name not in mine:
            mine[name] = self._model(size).create_infer_request()
        return mine[name]

    def _model(self, size: int) -> CompiledModel:
        with self._compiling:
            if size not in self._compiled:
                try:
                    model = self._core.read_model(str(self.path))
                    model.reshape([size, *list(model.input(0).partial_shape)[1:]])
                    self._compiled[size] = self._core.compile_model(model, "CPU", self._settings)
                except RuntimeError as error:
                    reason = f"OpenVINO cannot run it ({reason_of(error)}); {self._instead}"
                    raise ValueError(f"{self.path}: {reason}") from None
            return self._compiled[size]


def _takes_batches(model: Model) -> bool:
    """Whether a network that is given two images gives two rows: some have their batch written into a layer."""
    try:
        model.reshape([2, *list(model.input(0).partial_shape)[1:]])
        rows = model.output(0).partial_shape[0]
    except RuntimeError:
        return False
    return not rows.is_static or bool(rows.get_length() == 2)
