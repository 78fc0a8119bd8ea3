"""ONNX files run by OpenVINO, an extra."""

from __future__ import annotations

import os
import threading
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.session import processors


class OpenVINO:
    """A network of one input and, as far as it is asked, one output, on the CPU in float32 or as it was quantised.

    It compiles a model once per batch size, when that is first met, so batches are run in parts of 1, 2, 4, ... rows:
    padding them to one size takes longer than onnxruntime does.

    path     ONNX file
    fixed    rows of the input where the file fixes them, else None
    threads  1 for several callers at once, one thread each; None for one caller and all threads
    Raises ValueError, in one line, where OpenVINO is not installed or cannot run the file.
    """

    def __init__(self, path: str | os.PathLike[str], *, fixed: int | None, threads: int | None) -> None:
        if find_spec("openvino") is None:
            raise ValueError("OpenVINO is not installed: pip install 'trackwhy[openvino]', or use onnxruntime")
        import openvino

        self.path, self.fixed = path, fixed
        self._core = openvino.Core()
        streams = processors() if threads == 1 else 1
        self._settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": "NO",  # bound to a processor each, they wait for the detector there
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(streams if threads == 1 else threads or processors()),
        }
        self._compiled: dict[int, Any] = {}
        self._compiling = threading.Lock()
        self._own = threading.local()  # requests: each serves one thread at a time
        self._model(self.fixed or 1)

    def __call__(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """The first output (N, ...) of an input (N, ...)."""
        answers = []
        start = 0
        while start < len(block):
            size = self.fixed or 1 << ((len(block) - start).bit_length() - 1)
            answers.append(self._request(size).infer({0: block[start : start + size]})[0].copy())
            start += size
        return np.concatenate(answers)

    def _request(self, size: int) -> Any:
        mine: dict[str, Any] = vars(self._own)
        name = f"rows_{size}"
        if name not in mine:
            mine[name] = self._model(size).create_infer_request()
        return mine[name]

    def _model(self, size: int) -> Any:
        with self._compiling:
            if size not in self._compiled:
                try:
                    model = self._core.read_model(str(self.path))
                    model.reshape([size, *list(model.input(0).partial_shape)[1:]])
                    self._compiled[size] = self._core.compile_model(model, "CPU", self._settings)
                except RuntimeError as error:
                    reason = str(error).strip().splitlines()[-1][:200]
                    raise ValueError(f"{self.path}: OpenVINO cannot run it ({reason}); use onnxruntime") from None
            return self._compiled[size]
