"""Why ids change: every identity switch, miss and false row with its cause, proved by replay where there is truth.

``tracker.explain(run, gt)`` is ``tracker.explain.explanation.explain``: this package can be called.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.explain.explanation import Explanation


class _Package(ModuleType):
    """The package, which is also the function: an import of its modules must not hide ``tracker.explain(run)``."""

    def __call__(self, *given: Any, **named: Any) -> Explanation:
        from tracker.explain.explanation import explain

        return explain(*given, **named)

    def __getattr__(self, name: str) -> Any:
        if name == "explain":
            return self
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


__module__ = __name__
sys.modules[__name__].__class__ = _Package
