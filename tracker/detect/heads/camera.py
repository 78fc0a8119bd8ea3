"""Detectors of ``track detector train --embeddings``: rows as end-to-end heads give them, and an embedding of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tracker.detect.head import Decoded, Outputs
from tracker.detect.heads.end_to_end import EMBEDDINGS, EndToEnd
from tracker.detect.metadata import class_count_in


@dataclass(frozen=True, eq=False)
class Camera(EndToEnd):
    """Finished boxes and their embeddings of unit length, so that no embedder runs."""

    name = "camera"
    form = "detections [1, boxes, 6], embeddings [1, boxes, D], `track detector train`"
    embeds = True

    @classmethod
    def recognise(cls, outputs: Outputs, metadata: Mapping[str, str]) -> Camera | None:
        """By the output "embeddings" with a row for each box."""
        if EMBEDDINGS not in outputs or len(outputs.arrays) != 2 or outputs.first.shape[2:] != (6,):
            return None
        if outputs[EMBEDDINGS].ndim != 3 or outputs[EMBEDDINGS].shape[:2] != outputs.first.shape[:2]:
            return None
        names = class_count_in(metadata)
        return cls() if names is None else cls(classes=names)

    def decode(self, outputs: Outputs, conf: float) -> Decoded:
        """Rows as they are."""
        kept = outputs.first[0][:, 4] >= conf
        return replace(super().decode(outputs, conf), embeddings=outputs[EMBEDDINGS][0][kept])
