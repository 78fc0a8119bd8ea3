"""The card of a model: what its file says about itself, as JSON in the ONNX metadata under ``reid.card``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.errors import ReidError
from tracker.embed.preprocess import CARD
from tracker.embed.runner import open_runner

if TYPE_CHECKING:
    from onnx import ModelProto

PREPROCESSING = ("order", "scale", "mean", "std")


@dataclass(frozen=True)
class Card:
    """What a user of the file must know. ``model``: the name of its architecture; ``size`` (height, width) of a crop in
    pixels; ``width``: number of values in an embedding; ``layout``: ``NHWC`` or ``NCHW``; ``normalised``: the network
    takes uint8 BGR pixels as they are, else float (pixel - 128) / 64; ``mirrored``: it averages each crop with its
    mirror image; ``scores``: measured ones by name, 0..1; ``attributes``: the values of each attribute whose
    probabilities are the network's second output, by name, none where it has no such output."""

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
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """All of it by name, ``attributes`` only where there are some."""
        values = asdict(self)
        if not self.attributes:
            del values["attributes"]
        return values

    def dump(self) -> str:
        """One line of JSON. It also says what a program must do to the pixels, (pixel * scale - mean) / std in colour
        ``order``, so that it need not know this package."""
        outside: dict[str, Any] = {"order": "BGR", "scale": 1.0, "mean": [0.0] * 3, "std": [1.0] * 3}
        if not self.normalised:
            outside |= {"scale": 1 / 64, "mean": [2.0] * 3}
        return json.dumps(self.values() | outside, sort_keys=True)

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
    """Raises ReidError for weights as torch saves them, known by their name or first bytes; none is unpickled."""
    with file.open("rb") as opened:
        start = opened.read(9)
    zipped = start.startswith(b"PK\x03\x04")
    plain = start[:1] == b"\x80" and start[8:] != b"{"  # the length of a safetensors header may begin with 80 too
    if zipped or plain or file.suffix.lower() in {".pt", ".pth", ".pkl", ".bin"}:
        raise ReidError(
            f"{file}: a pickle, and opening one can run code; export the model to ONNX in the program that made it "
            "(torch.onnx.export) and give that file to --reid"
        )


def check_model(file: Path) -> None:
    """Raises ReidError for what cannot be a model to run: no such file, a pickle, or a checkpoint of training."""
    if not file.is_file():
        raise ReidError(f"{file}: no such model file")
    refuse_pickle(file)
    if file.suffix == ".safetensors":
        raise ReidError(f"{file}: a checkpoint; track reid export makes an ONNX file with a card of it")


def read_card(path: str | Path) -> Card:
    """The card of an ONNX file.

    Raises:
        ReidError: no such file, not ONNX, or a file without a card.
    """
    file = Path(path)
    check_model(file)
    try:
        text = open_runner(file).metadata.get(CARD)
    except ValueError as error:
        raise ReidError(str(error)) from error
    if text is None:
        raise ReidError(f"{file}: has no reid card; files written by track reid export have one")
    return Card.parse(text)


def write_model(model: ModelProto, path: str | Path) -> None:
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
