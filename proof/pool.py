"""The connections of a caller, kept and chosen as Go's `net/http` does it, which the API server calls webhooks with.

The idle connection that was used last is taken first. Where there is none, a new one is dialled, and the call takes
whichever is there first: that one or one that another call has finished with. What is dialled and not needed any more
is kept, without a call ever made on it. A connection that the server closed while it was idle is dropped as soon as the
closing arrives, and no call fails for it. A call that was sent is never sent again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable

from proof.connection import Answer, CallFailed, Connection

_MOST_IDLE = 25
"""Idle connections that the API server keeps for one webhook."""
_IDLE_SECONDS = 90.0
"""For how long it keeps them."""


class Pool:
    """The connections to one port."""

    def __init__(
        self,
        port: int,
        context: Callable[[], ssl.SSLContext],
        name: str,
        fresh: bool = False,
        dialled: Callable[[Connection], None] = lambda _: None,
    ) -> None:
        """Of 127.0.0.1; `context` is asked at every dial, `fresh`: a new connection for each call."""
        self._port = port
        self._context = context
        self._name = name
        self._fresh = fresh
        self._dialled = dialled
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._dialling: set[asyncio.Task[None]] = set()
        self.dials = 0
        """Connections opened."""

    async def call(self, message: bytes) -> Answer:
        """The answer to a request. Raises CallFailed."""
        connection = await self._take()
        try:
            return await connection.call(message)
        finally:
            self._give(connection)

    def close(self) -> None:
        """Close what is idle."""
        for connection, timer in self._idle.items():
            timer.cancel()
            connection.close()
        self._idle.clear()

    async def _take(self) -> Connection:
        while self._idle:
            connection, timer = self._idle.popitem()  # the last that came
            timer.cancel()
            if connection.alive:
                return connection
        waiting: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        task = asyncio.create_task(self._dial(waiting))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and not waiting.exception():
                self._give(waiting.result())
            raise

    async def _dial(self, waiting: asyncio.Future[Connection]) -> None:
        try:
            self.dials += 1
            connection = await Connection.dial("127.0.0.1", self._port, self._context(), self._name)
        except CallFailed as error:
            if not waiting.done():
                waiting.set_exception(error)
            return
        self._dialled(connection)
        if waiting.done():
            self._give(connection)
        else:
            waiting.set_result(connection)

    def _give(self, connection: Connection) -> None:
        if not connection.alive:
            return
        if self._fresh:
            connection.close()
            return
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
        if len(self._idle) >= _MOST_IDLE:
            connection.close()
            return
        self._idle[connection] = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._expire, connection)

    def _expire(self, connection: Connection) -> None:
        if self._idle.pop(connection, None):
            connection.close()
