"""A run as one HTML page that shows what happened and why, opens without a network, and lets a person mend it."""

from tracker.report.write import write_report

__all__ = ["write_report"]
