"""What a run that goes on for months tells: its health, its events, and both to other programs."""
