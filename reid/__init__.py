"""Train, evaluate, export and run models of person re-identification (ReID). ``tracker.embed`` runs them."""

from reid.card import Card, read_card
from reid.embed import Embedder, default_model
from reid.errors import ReidError
from reid.evaluate import Scores, evaluate, evaluate_one_set

__all__ = ["Card", "Embedder", "ReidError", "Scores", "default_model", "evaluate", "evaluate_one_set", "read_card"]
