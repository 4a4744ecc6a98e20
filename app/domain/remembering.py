"""Cached checks of texts that are the same in many objects."""

from collections.abc import Callable
from functools import lru_cache, wraps

_MAX_CHARS = 64
"""Longer texts are not honest input, and would fill the memory."""


def remembered(judge: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Let a function remember its results for the last few short texts.

    The objects of a cluster have a handful of schedules and durations, which are read on every write.
    """
    known = lru_cache(maxsize=256)(judge)

    @wraps(judge)
    def recall(text: str) -> str | None:
        return known(text) if len(text) <= _MAX_CHARS else judge(text)

    return recall
