"""Large reviews are judged in a process of their own, one after the other, so that small ones never wait for them.

A thread would not do: the parser and the validator hold the interpreter for as long as they run, and all that a large
review made would be collected in the middle of others. A forked process has the inventory as it was at that moment,
gives all memory back at once, and can be ended when its time is over, whatever it is doing.
"""

import asyncio
import contextlib
import gc
import os
import pickle
import signal
import time
import warnings
from pathlib import Path

from app.admission.budget import OUT_OF_TIME, Undecided
from app.admission.judgement import Decide, Failed, Judgement, judge
from app.admission.review import BadReview
from app.inventory.store import Inventory
from app.server.limits import LARGE_REVIEW_MEMORY, MAX_LARGE_REVIEWS, MAX_WAITING_LARGE_REVIEWS

_LATE_SECONDS = 0.25
"""After the deadline, until a process is ended that does not look at the time."""
_NICENESS = 10
"""What others do comes first."""
_LOOK_SECONDS = 0.01
"""Between two looks at how much memory it has: it takes 3 MiB in a millisecond at most."""
_REAP_SECONDS = 0.05
"""Between two looks whether a process that was killed is gone: large ones take a moment."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# What other threads may hold at that moment is not needed: the inventory is paused, and the child imports and logs
# nothing.
warnings.filterwarnings("ignore", r".*multi-threaded, use of fork\(\)", DeprecationWarning)


class TooMany(Exception):
    """So many large reviews wait already that another one might not come to its turn in time."""


class LargeReviews:
    """Judges large reviews."""

    def __init__(self, inventory: Inventory | None) -> None:
        """`inventory` is what decisions ask about the cluster."""
        self._inventory = inventory
        self._turn = asyncio.Semaphore(MAX_LARGE_REVIEWS)
        self._under_way = 0

    async def judge(self, decide: Decide, body: bytes, deadline: float) -> Judgement:
        """Judge a review, as `app.admission.judgement.judge` does; the objects of its request are left out.

        When it returns, nothing was added meanwhile to the place that a backup is going to write into. Raises also
        TooMany.
        """
        if self._under_way >= MAX_LARGE_REVIEWS + MAX_WAITING_LARGE_REVIEWS:
            raise TooMany
        self._under_way += 1
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic()) + _LATE_SECONDS), self._turn:
                return await self._settled(decide, body, deadline)
        except TimeoutError:
            raise _out_of_time() from None
        finally:
            self._under_way -= 1

    async def _settled(self, decide: Decide, body: bytes, deadline: float) -> Judgement:
        inventory = self._inventory
        while True:
            changes = 0 if inventory is None else inventory.changes
            judgement = await self._beside(decide, body, deadline)
            use = judgement.use
            if inventory is None or use is None or not inventory.changed(use.repository, changes):
                return judgement

    async def _beside(self, decide: Decide, body: bytes, deadline: float) -> Judgement:
        child, pipe = self._fork(decide, body, deadline)
        reading, at_first = asyncio.create_task(_read(pipe)), _resident(child)
        try:
            while not (await asyncio.wait({reading}, timeout=_LOOK_SECONDS))[0]:
                if _resident(child) > at_first + LARGE_REVIEW_MEMORY:
                    raise Failed("", f"it took more than {LARGE_REVIEW_MEMORY // 2**20} MiB of memory", [])
            said = reading.result()
        finally:
            reading.cancel()
            _end(child)
        if said:
            result = pickle.loads(said)  # noqa: S301 -- it comes from nobody but us
            if isinstance(result, Judgement):
                return result
            raise result
        if time.monotonic() >= deadline:
            raise _out_of_time()
        raise Failed("", "its process ended without a word", [])

    def _fork(self, decide: Decide, body: bytes, deadline: float) -> tuple[int, int]:
        """The process that judges, and the pipe on which it says what came of it."""
        ours, its = os.pipe()
        try:
            with contextlib.nullcontext() if self._inventory is None else self._inventory.paused():
                child = os.fork()
            if child == 0:  # pragma: no cover -- nobody sees what is run in there
                _be_the_child(decide, body, deadline, its)
        except OSError:
            os.close(ours)
            raise TooMany from None
        finally:
            os.close(its)
        return child, ours


def _be_the_child(decide: Decide, body: bytes, deadline: float, pipe: int) -> None:  # pragma: no cover
    """Judge, say what came of it, and end: whatever happens, nothing of the server's goes on in here."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):  # sent to all of a terminal: the server ends us if it wants to
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # if there is no server any more
        signal.setitimer(signal.ITIMER_REAL, max(0.0, deadline - time.monotonic()) + _LATE_SECONDS)
        os.closerange(0, pipe)  # or callers would see their connections open that the server closes meanwhile
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")  # of all processes, it is missed least
        gc.disable()
        result: Judgement | Exception
        try:
            result = judge(decide, body, deadline).without_objects
        except (BadReview, Undecided, Failed) as known:
            result = known
        with os.fdopen(pipe, "wb") as out:
            pickle.dump(result, out, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)


async def _read(pipe: int) -> bytes:
    """All that is written into a pipe."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(pipe, "rb", 0))
    try:
        return await reader.read()
    finally:
        transport.close()


def _resident(process: int) -> int:
    """Bytes of memory that a process has; 0 where the system does not say.

    No limit of the system would do: it counts what is reserved as well, and the parser crashes where it cannot reserve.
    """
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _end(child: int) -> None:
    """End a process, and have it gone, without waiting for that."""
    os.kill(child, signal.SIGKILL)
    _reap(child)


def _reap(child: int) -> None:
    if os.waitpid(child, os.WNOHANG) == (0, 0):
        asyncio.get_running_loop().call_later(_REAP_SECONDS, _reap, child)


def _out_of_time() -> Undecided:
    return Undecided(f"any rule: {OUT_OF_TIME}")
