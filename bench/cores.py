"""Which core does what: servers on one, the load on another, so that neither takes time from the other."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator


class TooFewCores(RuntimeError):
    """There are not two cores."""


def server_core() -> int:
    """The core of the servers. Raises TooFewCores."""
    return _cores()[0]


def load_core() -> int:
    """The core of the load. Raises TooFewCores."""
    return _cores()[1]


def _cores() -> list[int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise TooFewCores("two cores are needed: one for the server, one for the load")
    return cores


@contextlib.contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Processes that this thread starts meanwhile run on one core."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors until now, all its threads together, to the nanosecond."""
    return time.clock_gettime(~pid << 3 | 2)  # what clock_getcpuclockid(3) makes of a process id
