"""Where backups were added lately: what a decision that takes its time has to know once it is made."""

from collections import deque
from collections.abc import Hashable, Iterable
from threading import Lock

_MOST = 4_096
"""Of the changes that are remembered. What happened before them may have been anywhere."""


class Changes:
    """The places to which backups were added, the latest ones. Any thread may write or ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._latest: deque[Hashable] = deque(maxlen=_MOST)
        self.count = 0
        """How many there were: what to ask `since` with later."""

    def note(self, places: Iterable[Hashable]) -> None:
        """Note that a backup was added to each of these places, or may be."""
        with self._lock:
            for place in places:
                self._latest.append(place)
                self.count += 1

    def since(self, count: int, places: Iterable[Hashable]) -> bool:
        """Whether a backup was added to one of these places, or may have been, since there were so many changes."""
        with self._lock:
            missed = self.count - count
            if missed > len(self._latest):
                return True
            newest = (self._latest[-number] for number in range(1, missed + 1))
            return not set(places).isdisjoint(newest)
