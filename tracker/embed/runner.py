"""Networks that take images, run by onnxruntime or OpenVINO: the one place that opens a ReID model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tracker.detect.files import IR
from tracker.detect.session import TYPES, device_of, image_input, metadata_of, open_session
from tracker.embed.openvino import OpenVINO
from tracker.spelling import nearest

RUNTIMES = ("onnxruntime", "openvino")


class Runner(Protocol):
    """A network opened. Called with its input (N, ...) it gives its first output (N, ...).

    runtime   what runs it, one of RUNTIMES
    device    where: "cpu", "cuda", ...
    shape     of the input, (N, 3, H, W) or (N, H, W, 3); a name or None for each size that the file leaves open
    fixed     N where the file fixes it, else None
    dtype     of the input: float32, float16 or uint8
    metadata  what the file says about itself, by key
    """

    @property
    def runtime(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def shape(self) -> Sequence[int | str | None]: ...

    @property
    def fixed(self) -> int | None: ...

    @property
    def dtype(self) -> type[np.generic]: ...

    @property
    def metadata(self) -> Mapping[str, str]: ...

    def __call__(self, block: NDArray[Any], /) -> NDArray[Any]: ...


def open_runner(
    path: str | os.PathLike[str],
    *,
    runtime: str | None = None,
    providers: Sequence[str] | None = None,
    threads: int | None = None,
) -> Runner:
    """The network in an ONNX file, or in an OpenVINO ``.xml`` with its ``.bin`` beside it.

    runtime    "onnxruntime" (default for ONNX files) or "openvino" (the only one for ``.xml``), where that is installed
    providers  onnxruntime's names, first choice first; the CPU by default
    threads    by default as many as this process may use; 1 where several callers run the network at once

    Several threads may call what is returned. Raises ValueError, in one line, for a file that is missing, unreadable
    or no such model, for an input that is not one batch of images, and for a runtime or provider that is not there.
    """
    ir = Path(path).suffix.lower() == IR
    runtime = runtime or ("openvino" if ir else "onnxruntime")
    if runtime not in RUNTIMES:
        raise ValueError(f"unknown runtime {runtime!r}{nearest(runtime, RUNTIMES)}; there are {', '.join(RUNTIMES)}")
    if runtime == "openvino" and providers is not None:
        raise ValueError("providers are onnxruntime's; leave them out with runtime='openvino'")
    if ir:
        if runtime != "openvino":
            raise ValueError(f"{path}: {runtime} cannot run OpenVINO's own format; use the runtime openvino")
        return OpenVINO(path, threads=threads)
    network = OnnxRuntime(path, providers=providers, threads=threads)
    return network if runtime == "onnxruntime" else OpenVINO(path, onnx=network, threads=threads)


class OnnxRuntime:
    """A network in an ONNX file, run by onnxruntime; attributes and errors as in ``Runner`` and ``open_runner``."""

    runtime = "onnxruntime"

    def __init__(
        self, path: str | os.PathLike[str], *, providers: Sequence[str] | None = None, threads: int | None = None
    ) -> None:
        self._session = open_session(path, providers=providers, threads=threads)
        self.device = device_of(self._session)
        source = image_input(path, self._session.get_inputs())
        self.shape: Sequence[int | str | None] = source.shape
        self.fixed: int | None = source.shape[0] if isinstance(source.shape[0], int) else None
        self.dtype: type[np.generic] = TYPES[source.type]
        self.metadata: Mapping[str, str] = metadata_of(self._session)[0]
        self._feed, self._output = source.name, self._session.get_outputs()[0].name

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        answer: NDArray[Any] = self._session.run([self._output], {self._feed: block})[0]
        return answer
