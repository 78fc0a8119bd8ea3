"""Train, evaluate, export and run person re-identification (ReID) embeddings. Imports nothing of ``tracker``."""
