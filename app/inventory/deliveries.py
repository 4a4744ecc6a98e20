"""What a source has lately said of backups, and up to where it has come: what tells whether a claim is needed still."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from app.domain.key import Key
from app.domain.repository_index import Use
from app.inventory.claim import Claim

_MOST = 20_000
"""Of deliveries. Of one that is forgotten, the claim is judged by its age."""


class Deliveries:
    """Deliveries of backups by a watch, for so many seconds. Any thread may write, another one ask."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._order: deque[tuple[float, Key]] = deque()
        self._found: dict[Key, list[tuple[Use, int]]] = {}
        self._reached: dict[str, int] = {}

    def note(self, use: Use, version: int) -> None:
        """Remember that a backup was seen stored, with its resourceVersion."""
        now = self._clock()
        with self._lock:
            while self._order and (self._order[0][0] <= now - self._seconds or len(self._order) >= _MOST):
                _, key = self._order.popleft()
                kept = self._found[key][1:]
                if kept:
                    self._found[key] = kept
                else:
                    del self._found[key]
            self._order.append((now, use.key))
            self._found.setdefault(use.key, []).append((use, version))

    def version_of(self, claim: Claim) -> int | None:
        """The resourceVersion with which what is claimed was seen stored; None: it was not, or long ago."""
        with self._lock:
            found = self._found.get(claim.key, ())
            return next((version for use, version in found if claim.is_of(use)), None)

    def reached(self, kind: str, version: int) -> None:
        """Note the resourceVersion up to which a kind is known."""
        self._reached[kind] = max(version, self._reached.get(kind, 0))

    def has_reached(self, kind: str, version: int) -> bool:
        """Whether a kind is known up to a resourceVersion."""
        return self._reached.get(kind, 0) >= version
