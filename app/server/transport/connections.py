"""The connections of a listener: how long each may keep it waiting, and which ones are closed if there are too many."""

import asyncio
import enum
from collections.abc import Callable
from typing import Protocol

from app.server import limits


class Stage(enum.Enum):
    """What a connection is doing."""

    GREETING = enum.auto()
    """It agrees on TLS."""
    NEW = enum.auto()
    """Nothing has arrived yet. The API server dials ahead: such a connection may be used as late as an idle one."""
    HEAD = enum.auto()
    """The head of a call is arriving."""
    BODY = enum.auto()
    """The body is arriving."""
    ANSWER = enum.auto()
    """The call is being answered, or its answer taken."""
    KEEPALIVE = enum.auto()
    """Waiting for the next call."""
    LEAVING = enum.auto()
    """It was ended, and the other side has not closed it yet."""


_BOUNDS = {
    Stage.NEW: (limits.NEW_SECONDS, "never called"),
    Stage.HEAD: (limits.HEAD_SECONDS, "head too slow"),
    Stage.BODY: (limits.CALL_SECONDS, "body too slow"),
    Stage.ANSWER: (limits.CALL_SECONDS, "answer not taken"),
    Stage.KEEPALIVE: (limits.KEEPALIVE_SECONDS, ""),
    Stage.LEAVING: (limits.LEAVING_SECONDS, "did not leave"),
}
"""Seconds, and the reason to report; empty if it is normal. The stages of a call count from its beginning. The
handshake is limited by `Acceptor`."""
_NO_LIMIT = (float("inf"), "")
_POLL_SECONDS = 1.0
"""Seconds between two checks of all connections: a timer for each would slow down every call."""
_UNPROVEN = frozenset({Stage.GREETING, Stage.NEW, Stage.HEAD, Stage.BODY, Stage.LEAVING})
"""Stages before a whole request has arrived. Well-behaved clients pass through most of them in milliseconds."""


class Member(Protocol):
    """An open connection."""

    stage: Stage
    since: float
    """Loop time at which the stage began; of a call, at which the call began."""

    @property
    def is_stuck(self) -> bool:
        """Whether an answer waits for the other side to take it."""

    def end(self, *, again: bool = False) -> None:
        """End it, now or very soon. `again`: nothing is wrong with it, so its call may be tried again."""


class Connections:
    """All open connections of a listener."""

    def __init__(self, most: int, ended: Callable[[str], None]) -> None:
        """`most` is how many there may be; `ended` is told why one was ended."""
        self._most = most
        self._ended = ended
        self._open: set[Member] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, member: Member) -> None:
        """Count it among the open ones."""
        self._open.add(member)

    def discard(self, member: Member) -> None:
        """Count it no more."""
        self._open.discard(member)

    def has_room(self) -> bool:
        """Whether there is room for one more, if need be after closing another one.

        The oldest one that has not sent a whole request is closed first, so that two thousand silent connections keep
        no one away. If there is none, the one that was idle for longest is closed. While all others are being
        answered, the newcomer is turned away.
        """
        if len(self._open) < self._most:
            return True
        unproven = [member for member in self._open if member.stage in _UNPROVEN]
        candidates = unproven or [member for member in self._open if member.stage is Stage.KEEPALIVE]
        if not candidates:
            self._ended("no room")
            return False
        oldest = min(candidates, key=lambda member: member.since)
        self.discard(oldest)
        self._ended("gave way")
        oldest.end(again=True)
        return True

    async def watch(self) -> None:
        """End what takes too long, until cancelled."""
        time = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            now = time()
            for member in tuple(self._open):
                seconds, reason = _BOUNDS.get(member.stage, _NO_LIMIT)
                if now - member.since > seconds:
                    if reason:
                        self._ended(reason)
                    member.end()
            stuck = sorted((member for member in self._open if member.is_stuck), key=lambda member: member.since)
            for member in stuck[: -limits.MAX_STUCK_ANSWERS]:
                self._ended("answer not taken")
                member.end()

    def end_all(self) -> None:
        """End every connection at once: the process was told to stop now."""
        for member in tuple(self._open):
            member.stage = Stage.LEAVING
            member.end()
