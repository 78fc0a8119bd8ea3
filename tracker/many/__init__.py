"""Many videos: a run for each, on any number of workers, and only those that are missing or changed."""

from tracker.many.job import Job, Outcome
from tracker.many.listing import Video, chosen, listed
from tracker.many.schedule import outcomes
from tracker.workers.call import WrongVersion

__all__ = ["Job", "Outcome", "Video", "WrongVersion", "chosen", "listed", "outcomes"]
