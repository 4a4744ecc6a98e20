"""Steady load: calls at a fixed rate, whether or not those before them were answered.

A generator that waits for an answer before it sends the next call hides what a slow server does to those who come
meanwhile. Here every call has a time at which it is due, and how long it took is counted from then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from proof.calls import Call
from proof.connection import Answer, CallFailed
from proof.pool import Pool
from proof.tally import Tally


class Load:
    """Calls at a rate until stopped."""

    def __init__(self, pool: Pool, make: Callable[[int], Call], rate: float, patience: float = 5) -> None:
        """`rate` is in calls a second, `patience` in seconds: the `timeoutSeconds` of the registration."""
        self.tally = Tally()
        self._pool = pool
        self._make = make
        self._rate = rate
        self._patience = patience
        self._stopped = asyncio.Event()

    async def run(self) -> Tally:
        """Call until `stop`, then wait for the last answers."""
        started, number = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while not self._stopped.is_set():
                due = started + number / self._rate
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                group.create_task(self._call(number, due))
                number += 1
        self._pool.close()
        return self.tally

    def stop(self) -> None:
        """Make no more calls. Of the event loop's own thread."""
        self._stopped.set()

    async def _call(self, number: int, due: float) -> None:
        fault = await fate(self._pool.call, self._make(number), self._patience)
        self.tally.add(time.perf_counter() - due, fault)


async def fate(send: Callable[[bytes], Awaitable[Answer]], call: Call, patience: float) -> str | None:
    """Why a call failed; None if it did not. `send` is `call` of a pool or a connection."""
    try:
        async with asyncio.timeout(patience):
            return call.check(await send(call.message))
    except CallFailed as failed:
        return str(failed)
    except TimeoutError:
        return f"no answer within {patience:g} s"
