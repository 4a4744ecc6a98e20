"""The calls that are being answered, and which of them has to go when there are too many."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from app.server import limits


@dataclass(eq=False, slots=True)
class Call:
    """A call under way."""

    task: asyncio.Task[Any] | None
    since: float
    """Its time.monotonic()."""
    size: int = 0
    """Bytes of its body so far."""
    arriving: bool = True
    """Whether there is more of its body to come."""
    gave_way: bool = False


@dataclass
class InFlightRequests:
    """The calls that are being answered, and how the server takes leave."""

    most: int
    """Calls that are answered at the same time."""
    calls: dict[Call, None] = field(default_factory=dict)
    """The oldest first."""
    held: int = 0
    """Bytes of the bodies that are arriving, and of the large ones that wait until they are judged."""
    last: float = 0.0
    """The time.monotonic() at which the last call came."""
    closing: bool = False
    """Whether connections are closed after the next answer."""

    def begin(self) -> Call | None:
        """Take a call, if need be in the place of another. None: there are too many."""
        self.last = time.monotonic()
        if len(self.calls) >= self.most and not self._make_room(0):
            return None
        call = Call(asyncio.current_task(), self.last)
        self.calls[call] = None
        return call

    def hold(self, call: Call, size: int) -> bool:
        """Take a part of a body, if need be in the place of another call. Whether that was possible."""
        call.size += size
        self.held += size
        return self._fits(call) or self._make_room(limits.SLOW_BODY_SECONDS)

    def _fits(self, call: Call) -> bool:
        return self.held <= limits.MAX_HELD_BYTES or call.size <= limits.SMALL_BODY_BYTES

    def arrived(self, call: Call) -> None:
        """Note that a call's body is complete."""
        call.arriving = False
        if call.size <= limits.SMALL_BODY_BYTES:
            self.held -= call.size

    def end(self, call: Call) -> None:
        """Forget a call."""
        if call in self.calls:
            del self.calls[call]
            self.held -= call.size if call.arriving or call.size > limits.SMALL_BODY_BYTES else 0

    def _make_room(self, seconds: float) -> bool:
        """End the call whose body has been arriving for longest, if it has for so long.

        It is told to try again. A body of the usual size arrives at once, so it is hardly ever who means well.
        """
        oldest = next((each for each in self.calls if each.arriving), None)
        if oldest is None or oldest.task is None or time.monotonic() - oldest.since < seconds:
            return False
        if oldest.task is asyncio.current_task():  # it asks for room itself, and is told that there is none
            return False
        self.end(oldest)
        oldest.gave_way = True
        oldest.task.cancel()
        return True
