"""Embedders: any callable from an image and boxes to embeddings. These come with the library."""

from tracker.embed.crops import cut_crops
from tracker.embed.embedder import Embedder
from tracker.embed.histogram import Histogram
from tracker.embed.onnx import ONNXEmbedder
from tracker.embed.select import model_files, open_embedder

__all__ = ["Embedder", "Histogram", "ONNXEmbedder", "cut_crops", "model_files", "open_embedder"]
