"""Embedders: any callable from a picture and boxes to appearance vectors. These come with the library."""

from tracker.embed.crops import cut_crops
from tracker.embed.embedder import Embedder
from tracker.embed.histogram import Histogram
from tracker.embed.onnx import ONNXEmbedder
from tracker.embed.select import open_embedder

__all__ = ["Embedder", "Histogram", "ONNXEmbedder", "cut_crops", "open_embedder"]
