"""Backups that were admitted or claimed a moment ago, and that no source has delivered yet."""

import time
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from threading import Lock

from app.domain.key import Key
from app.domain.places import Place
from app.domain.repository_index import RepositoryIndex, Use

UNCLAIMED_SECONDS = 5.0
"""Seconds for which an admitted backup counts that nobody has seen stored: a watch delivers it within one. Where there
are claims, it counts for as long as a claim does."""


class RecentUses:
    """Uses, each for so many seconds. Any thread may add to them, forget some, or look for what has expired."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        """How long a use counts where nothing else is said."""
        self.index = RepositoryIndex()
        """The uses, each under itself."""
        self._clock = clock
        self.lock = Lock()
        """Who holds it, and then that of the index, keeps all as it is."""
        self._until: dict[Use, float] = {}
        self._expiries: list[tuple[float, int, Use]] = []

    def add(self, use: Use, seconds: float | None = None) -> bool:
        """Count a use from now on, for so many seconds; whether it did not count before."""
        until = self._clock() + (self.seconds if seconds is None else seconds)
        with self.lock:
            known = use in self._until
            self._until[use] = until
            heappush(self._expiries, (until, id(use), use))
            self.index.put(use, use)
        return not known

    def has(self, use: Use) -> bool:
        """Whether a use counts."""
        return use in self._until

    def forget(self, use: Use) -> None:
        """Count a use no more: it was delivered, or it is known that it will not be."""
        if use in self._until:
            with self.lock:
                if self._until.pop(use, None) is not None:
                    self.index.drop(use)

    def expire(self) -> None:
        """Forget all whose time has come."""
        now = self._clock()
        if not self._expiries or self._expiries[0][0] > now:
            return
        with self.lock:
            while self._expiries and self._expiries[0][0] <= now:
                _, _, use = heappop(self._expiries)
                if self._until.get(use, inf) <= now:
                    del self._until[use]
                    self.index.drop(use)

    def locate(self, repository: Key, place: Place | None) -> None:
        """Note the place of a Repository, as RepositoryIndex has it."""
        self.index.locate(repository, place)
