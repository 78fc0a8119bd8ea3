"""Model files by name: a catalogue says what can be fetched, and a folder in the user's cache holds what was."""

from tracker.models.model import FetchError, Model, cache_folder, to_stderr
from tracker.models.store import Store

__all__ = ["FetchError", "Model", "Store", "cache_folder", "to_stderr"]
