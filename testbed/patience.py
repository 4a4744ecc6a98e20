"""Waiting for what must happen: for as long as any machine may need, and no longer than until it has happened."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 120.0 * float(os.environ.get("TEST_PATIENCE", "1"))
"""Seconds after which a test believes that something does not happen. `TEST_PATIENCE=3` has it believe that later."""
T = TypeVar("T")


def eventually(look: Callable[[], T | None], says: Callable[[], object] | None = None, every: float = 0.05) -> T:
    """Look every so many seconds until there is something to see, which is returned.

    `says` is asked what to show of a test that fails because there is nothing.
    """
    until = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < until, f"not within {PATIENCE:.0f} seconds: {says() if says else seen}"
        time.sleep(every)
    return seen
