"""An event loop in a thread: load goes on while the main thread starts, signals and waits for processes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import uvloop

from proof.load import Load
from proof.tally import Tally

T = TypeVar("T")


class Background:
    """The thread: a context manager, which cancels what still runs when it ends."""

    def __enter__(self) -> Self:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="load", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def make(self, build: Callable[[], T]) -> T:
        """What `build` makes, made in the thread: some objects belong to an event loop."""

        async def made() -> T:
            return build()

        return self.start(made()).result()

    @contextlib.contextmanager
    def loads(self, *loads: Load) -> Iterator[None]:
        """The loads run; afterwards they have ended, and their tallies are whole."""
        running: list[Future[Tally]] = [self.start(load.run()) for load in loads]
        try:
            yield
        finally:
            for load in loads:
                self._loop.call_soon_threadsafe(load.stop)
        for each in running:
            each.result(60)


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
