"""The memory of the process, which is given back when nobody calls."""

import asyncio
import ctypes
import time
from collections.abc import Callable
from typing import Any

_QUIET = 1.0
"""Seconds without a call. To give memory back takes less than a millisecond; to get it again, the next call a few."""


def _trim() -> Callable[[int], Any]:
    """What gives back to the system all pages that hold nothing: glibc's, as other allocators do so by themselves."""
    return getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)


async def give_back(last: Callable[[], float]) -> None:
    """Give back what the buffers of large reviews took, again and again, until cancelled.

    Without it glibc keeps 15 MB after a few reviews of hundreds of members at once. `last` is the time.monotonic() of
    the last call.
    """
    trim = _trim()
    given = time.monotonic()
    while True:
        await asyncio.sleep(_QUIET)
        now = time.monotonic()
        if given < last() <= now - _QUIET:
            trim(0)
            given = now
