"""Detectors run by OpenVINO, in its own format or in ONNX files, as sessions like onnxruntime's."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tracker.detect.files import files_of
from tracker.detect.names_file import read_yaml
from tracker.detect.session import ModelMeta, Session, TensorInfo
from tracker.install import installing
from tracker.processors import processors
from tracker.spelling import shown

if TYPE_CHECKING:
    from openvino import CompiledModel, ConstOutput, InferRequest

# OpenVINO's names of types, and onnxruntime's.
TYPES = {
    "f32": "tensor(float)",
    "f16": "tensor(float16)",
    "u8": "tensor(uint8)",
    "i64": "tensor(int64)",
    "i32": "tensor(int32)",
}


@dataclass
class Port:
    """An input or output, as onnxruntime describes one."""

    name: str
    shape: list[int | str | None]
    type: str


@dataclass
class Meta:
    """What the files say about the network."""

    custom_metadata_map: dict[str, str]


class OpenVINOSession:
    """A network run by OpenVINO on the CPU in float32, or as it was quantised; several threads may run it at once.

    path       the .xml, with its .bin beside it, or an ONNX file
    described  the ONNX file as onnxruntime describes it: inputs, outputs, metadata; None for a .xml, whose metadata is
               what ultralytics writes to metadata.yaml in the same folder
    threads    1 for several callers at once, one thread each; None for one caller and all threads

    Raises ValueError, in one line, where OpenVINO is not installed, or the file is missing or no such model.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, described: Session | None = None, threads: int | None = None
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads={threads} is below 1; leave it out to use all processors")
        files_of(path)
        if find_spec("openvino") is None:
            instead = f"{path} needs it" if described is None else "or use --detector-runtime onnxruntime"
            raise ValueError(f"OpenVINO is not installed: {installing('openvino')}; {instead}")
        import openvino

        try:
            core = openvino.Core()
            self._compiled: CompiledModel = core.compile_model(core.read_model(str(path)), "CPU", cpu_settings(threads))
        except RuntimeError as error:
            instead = "convert it again" if described is None else "use --detector-runtime onnxruntime"
            raise ValueError(f"{path}: OpenVINO cannot run it ({reason_of(error)}); {instead}") from None
        self._inputs: list[TensorInfo]
        self._outputs: list[TensorInfo]
        self._meta: ModelMeta
        if described is None:
            self._inputs = [_port(one, f"input{number}") for number, one in enumerate(self._compiled.inputs)]
            self._outputs = [_port(one, f"output{number}") for number, one in enumerate(self._compiled.outputs)]
            self._meta = Meta(_metadata(Path(path).parent / "metadata.yaml"))
        else:  # OpenVINO keeps the order of the file
            self._inputs, self._outputs = described.get_inputs(), described.get_outputs()
            self._meta = described.get_modelmeta()
        self._feeds = {port.name: number for number, port in enumerate(self._inputs)}
        self._places = {port.name: number for number, port in enumerate(self._outputs)}
        self._own = threading.local()  # requests: each serves one thread at a time

    def get_inputs(self) -> list[TensorInfo]:
        """The inputs, in the order of the file."""
        return self._inputs

    def get_outputs(self) -> list[TensorInfo]:
        """The outputs, in the order of the file."""
        return self._outputs

    def get_providers(self) -> list[str]:
        """Where it runs."""
        return ["CPUExecutionProvider"]

    def get_modelmeta(self) -> ModelMeta:
        """What the files say about the network."""
        return self._meta

    def run(self, output_names: Sequence[str] | None, feed: Mapping[str, NDArray[Any]], /) -> list[NDArray[Any]]:
        """All outputs, or those of these names, in their order."""
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        request: InferRequest = self._own.request
        request.infer({self._feeds[name]: array for name, array in feed.items()}, share_inputs=True)
        wanted = list(self._places) if output_names is None else output_names
        return [np.array(request.get_output_tensor(self._places[name]).data) for name in wanted]


def cpu_settings(threads: int | None) -> dict[str, str]:
    """How OpenVINO compiles for the CPU. threads: 1 for several callers at once, None for one and all threads."""
    streams = len(processors()) if threads == 1 else 1
    return {
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": "NO",  # bound to a processor each, they wait for the detector there
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(streams if threads == 1 else threads or len(processors())),
    }


def reason_of(error: RuntimeError) -> str:
    """The last line of OpenVINO's error."""
    return shown((str(error).strip().splitlines() or [type(error).__name__])[-1][:200])


def _port(one: ConstOutput, number: str) -> Port:
    shape: list[int | str | None] = [side.get_length() if side.is_static else None for side in one.partial_shape]
    kind = one.element_type.get_type_name()
    return Port(min(one.names, default=number), shape, TYPES.get(kind, kind))


def _metadata(file: Path) -> dict[str, str]:
    """The entries of the file beside the model that say what its outputs are; none where it cannot be read."""
    try:
        return read_yaml(file.read_text(encoding="utf-8"), ("names", "imgsz", "task", "kpt_shape"))
    except (OSError, UnicodeDecodeError):
        return {}
