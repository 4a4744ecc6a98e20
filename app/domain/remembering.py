"""Judgements on texts that are the same in object after object."""

from collections.abc import Callable
from functools import lru_cache, wraps

_MAX_CHARS = 64
"""Characters. What is longer comes from nobody who means well, and would fill the memory."""


def remembered(judge: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Let a function remember what it said of the last few short texts.

    The objects of a cluster have a handful of schedules and durations, which are read on every write.
    """
    known = lru_cache(maxsize=256)(judge)

    @wraps(judge)
    def recall(text: str) -> str | None:
        return known(text) if len(text) <= _MAX_CHARS else judge(text)

    return recall
