"""A small detector for one camera, taught by a large one. Training needs torch (extra reid)."""
