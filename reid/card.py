"""The card a model file carries about itself, stored in the ONNX metadata under the key ``reid.card``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reid.errors import ReidError

KEY = "reid.card"
PREPROCESSING = ("order", "scale", "mean", "std")


@dataclass(frozen=True)
class Card:
    """What a user of the file must know. ``size`` (height, width) in pixels; ``width``: of the embedding, in values;
    ``layout``: ``NHWC`` or ``NCHW``; ``normalised``: the graph takes raw uint8 BGR pixels itself, else float
    (pixel - 128) / 64; ``mirrored``: it averages each crop with its mirror image; ``scores``: measured, by name."""

    model: str
    size: tuple[int, int]
    width: int
    layout: str = "NCHW"
    normalised: bool = True
    mirrored: bool = False
    trained_on: str = "not said"
    licence: str = "not said"
    scores: dict[str, float] = field(default_factory=dict)
    notes: str = ""

    def dump(self) -> str:
        """One line of JSON. It also says what to do to pixels, (pixel * scale - mean) / std in ``order``, for programs
        that know nothing of this package."""
        outside: dict[str, Any] = {"order": "BGR", "scale": 1.0, "mean": [0.0] * 3, "std": [1.0] * 3}
        if not self.normalised:
            outside |= {"scale": 1 / 64, "mean": [2.0] * 3}
        return json.dumps(asdict(self) | outside, sort_keys=True)

    @staticmethod
    def parse(text: str) -> Card:
        """The card in ``text``.

        Raises:
            ReidError: it is not a card.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            height, width = values.pop("size")
            own = {name: value for name, value in values.items() if name not in PREPROCESSING}
            return Card(size=(int(height), int(width)), **own)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ReidError(f"the model's card cannot be read ({error}): export the model again") from error


def refuse_pickle(file: Path) -> None:
    """Raises ReidError for weights as torch saves them, known by their name or first bytes; they are not unpickled."""
    with file.open("rb") as opened:
        start = opened.read(9)
    zipped = start.startswith(b"PK\x03\x04")
    plain = start[:1] == b"\x80" and start[8:] != b"{"  # the length of a safetensors header may begin with 80 too
    if zipped or plain or file.suffix.lower() in {".pt", ".pth", ".pkl", ".bin"}:
        raise ReidError(
            f"{file}: a pickle, and opening one can run code; export the model to ONNX in the program that made it "
            "(torch.onnx.export) and give that file to --reid"
        )


def read_card(path: str | Path) -> Card:
    """The card of an ONNX file.

    Raises:
        ReidError: no such file, not ONNX, or a file without a card.
    """
    import onnxruntime

    file = Path(path)
    if not file.is_file():
        raise ReidError(f"{file}: no such model file")
    refuse_pickle(file)
    if file.suffix == ".safetensors":
        raise ReidError(f"{file}: a checkpoint; track reid export makes an ONNX file with a card of it")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ReidError(f"{file}: not an ONNX model that onnxruntime can open ({first_line(error)})") from error
    text = session.get_modelmeta().custom_metadata_map.get(KEY)
    if text is None:
        raise ReidError(f"{file}: carries no reid card; files written by track reid export do")
    return Card.parse(text)


def write_model(model: Any, path: str | Path) -> None:
    """Write an ONNX ``model`` to ``path``, whole or not at all: a file of that name is replaced at the end.

    Raises:
        ReidError: no space, or a folder that cannot be written; an earlier file is kept.
    """
    target = Path(path)
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(model.SerializeToString())
        os.replace(part, target)
    except OSError as error:
        raise ReidError(f"{target}: cannot be written ({error}); free some space or choose another place") from error
    finally:
        part.unlink(missing_ok=True)


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error).splitlines() or [type(error).__name__])[0]
