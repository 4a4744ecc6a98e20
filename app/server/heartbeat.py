"""A sign of life of the webhooks' event loop, for those who are asked from another thread."""

import asyncio
import time
from collections.abc import Callable

from app.server import limits


class Heartbeat:
    """Whether the event loop of the webhooks runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    async def keep(self) -> None:
        """Let it be seen that the loop runs, until cancelled."""
        while True:
            self._last = self._clock()
            await asyncio.sleep(limits.HEARTBEAT_SECONDS)

    def fault(self) -> str | None:
        """Why the process is not alive; None: it is."""
        silent = self._clock() - self._last
        if silent < limits.STALLED_SECONDS:
            return None
        return f"the event loop has not run for {silent:.0f} seconds"
