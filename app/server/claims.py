"""Claims: an admitted backup is told to the other replicas before it is answered.

Two replicas decide at the same moment, each by what its watch has delivered. Which of two backups that clash was first,
only the API server can tell: so the one whose claim it stores first is admitted, and the other one is judged again.
"""

import asyncio
import random
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from app.admission.judgement import Judgement
from app.domain.key import Key
from app.domain.repository_index import Use
from app.inventory.claim import MAX_RECORD_CHARS, BadRecord, Claim, ClaimRecord, claim_of
from app.inventory.claim_leases import ClaimLeases, Held
from app.inventory.recent import UNCLAIMED_SECONDS
from app.inventory.store import REPOSITORY, STALE_AFTER, Inventory
from app.server.limits import MAX_CLAIM_CALLS, MAX_KNOWN_PLACES
from app.server.observability.telemetry import ClaimTelemetry
from kube.client import Client
from kube.connect import configuration
from kube.errors import Conflict, Forbidden, Gone, KubeError

_USER_AGENT = "stash-admission"
_FORBIDDEN_SECONDS = 30.0
"""Seconds until it is tried again whether claims may be written."""
_DELIVERY_SECONDS = 0.005
"""Seconds between two looks whether the watch has delivered what somebody else has seen already."""
_SWEEP_SECONDS = 60.0
"""Seconds between two looks for what nobody needs any more, at most."""
_AGAIN_SECONDS = 0.2
"""Seconds after which a call is tried again that the API server could not answer now."""

Again = Callable[[float], Awaitable[Judgement]]
"""Judges the same review again, by what is known now, until a time of the clock."""
Result = TypeVar("Result")


class NotClaimed(Exception):
    """The place of a backup could not be claimed in time, so nobody may admit it. The message says why."""


class Confirming(Protocol):
    """Has the last word on what was decided."""

    async def confirm(self, judgement: Judgement, again: Again, deadline: float) -> Judgement:
        """The judgement that is answered. Raises NotClaimed, and what `again` raises."""


@dataclass(eq=False)
class _Place:
    """A place, and what of its Lease is known."""

    site: Hashable
    text: str
    held: Held | None = None
    """As it was written or read last; None: there was none."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One after the other: each has to know what those before it have claimed."""


class Claims:
    """Claims places for the backups that are admitted."""

    def __init__(
        self,
        inventory: Inventory,
        leases: ClaimLeases,
        telemetry: ClaimTelemetry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The inventory remembers backups for as long as claims count."""
        self._inventory = inventory
        self._leases = leases
        self._telemetry = telemetry
        self._clock = clock
        self._seconds = inventory.remembers
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()
        self._threads = ThreadPoolExecutor(MAX_CLAIM_CALLS, "claims")
        self._off_until = 0.0
        self.fault: str | None = None
        """Why no claims are made; None: they are."""

    async def confirm(self, judgement: Judgement, again: Again, deadline: float) -> Judgement:
        """The judgement, once its place is claimed; or another one, if somebody else has been faster.

        Raises NotClaimed if it could not be claimed by `deadline`, a time of the clock.
        """
        use = judgement.use
        if use is None:
            return judgement
        if not judgement.adds_hosts or not use.key.name or self._clock() < self._off_until:
            self._inventory.admitted(use, UNCLAIMED_SECONDS)
            return judgement
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock())):
                judgement = await self._confirm(judgement, use.repository, lambda: again(deadline))
        except (TimeoutError, NotClaimed) as error:
            self._telemetry.claimed("undecided")
            raise NotClaimed(str(error) or "the API server did not answer in time to a claim of its place") from None
        except (Forbidden, Gone) as error:
            self._forbidden(error)
            self._inventory.admitted(use, UNCLAIMED_SECONDS)
            return judgement
        self._telemetry.claimed("made" if judgement.use is not None else "lost")
        return judgement

    async def _confirm(
        self, judgement: Judgement, repository: Key, again: Callable[[], Awaitable[Judgement]]
    ) -> Judgement:
        known = await self._knows(repository)
        place = self._place(repository)
        # Of what those before it have learned in their turns, the judgement knows nothing.
        outdated = not known or place.turn.locked()
        async with place.turn:
            return await self._claim(place, judgement, again, outdated=outdated)

    async def _claim(
        self, place: _Place, judgement: Judgement, again: Callable[[], Awaitable[Judgement]], *, outdated: bool
    ) -> Judgement:
        while True:
            record, news = await self._learn(place.held.record if place.held else ClaimRecord())
            if news or outdated:
                judgement, outdated = await again(), False
            use = judgement.use
            if use is None:
                return judgement
            self._check_hosts(record, use)
            record = record.with_claim(claim_of(use, self._leases.now()))
            if len(record.text) > MAX_RECORD_CHARS:
                raise NotClaimed("too many other backups were admitted to its Repository a moment ago")
            write = partial(self._leases.write, place.site, place.text, record, place.held)
            try:
                place.held = await self._call(write)
            except Conflict as error:
                if isinstance(error, Gone) and place.held is None:
                    raise  # there is no such namespace
                place.held = await self._read(place)
                outdated = True
                continue
            self._inventory.admitted(use)
            return judgement

    async def _learn(self, record: ClaimRecord) -> tuple[ClaimRecord, bool]:
        """Let what others have claimed count; the record without what needs no claim, and whether any of it is new."""
        delivered, kept, news = dict(record.delivered), [], False
        for kind, reached in record.delivered.items():
            while self._inventory.waits_for(kind, reached):
                news = True
                await asyncio.sleep(_DELIVERY_SECONDS)
        for claim in record.claims:
            version = self._inventory.deliveries.version_of(claim)
            if version is not None:
                kind = claim.key.kind
                delivered[kind] = max(version, delivered.get(kind, 0))
            elif self._inventory.has_stored(claim):
                if self._age(claim) < STALE_AFTER + self._seconds:
                    kept.append(claim)
            elif await self._counts(claim):
                kept.append(claim)
                left = max(self._seconds - self._age(claim), UNCLAIMED_SECONDS)
                news = (not claim.hosts_unknown and self._inventory.admitted(claim.use, left)) or news
            else:
                self._inventory.forget_recent(claim.use)
        return ClaimRecord(tuple(kept), delivered), news

    async def _counts(self, claim: Claim) -> bool:
        """Whether a claim counts whose object was not delivered: it is too young to be given up, or is stored."""
        if self._age(claim) < self._seconds:
            return True
        return claim.is_of(await self._call(lambda: self._leases.stored(claim.key)))

    def _age(self, claim: Claim) -> float:
        return self._leases.now() - claim.since

    def _check_hosts(self, record: ClaimRecord, use: Use) -> None:
        for claim in record.claims:
            if claim.hosts_unknown and claim.key != use.key and not self._inventory.has_stored(claim):
                raise NotClaimed("another backup with very many hosts was admitted to its Repository a moment ago")

    async def _knows(self, repository: Key) -> bool:
        """Whether the place of a Repository was known. If it is not, and there is one, wait until it is."""
        if self._inventory.has_repository(repository):
            return True
        if await self._call(lambda: self._leases.has_repository(repository)):
            while self._inventory.follows(REPOSITORY) and not self._inventory.has_repository(repository):
                await asyncio.sleep(_DELIVERY_SECONDS)
        return False

    def _place(self, repository: Key) -> _Place:
        place = self._inventory.stored.place(repository)
        found = self._places.get(place.certain)
        if found is None:
            found = self._places[place.certain] = _Place(place.certain, place.text or str(repository))
            if len(self._places) > MAX_KNOWN_PLACES:
                oldest = next(iter(self._places.values()))
                if not oldest.turn.locked():
                    del self._places[oldest.site]
        self._places.move_to_end(place.certain)
        return found

    async def _read(self, place: _Place) -> Held | None:
        try:
            return await self._call(lambda: self._leases.read(place.site))
        except BadRecord:
            raise NotClaimed(f"{self._leases.describe(place.site)} cannot be read: delete it") from None

    async def _call(self, call: Callable[[], Result]) -> Result:
        """What a call to the API server gives. What it cannot answer now is tried again, until there is no time."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                result = await loop.run_in_executor(self._threads, call)
            except (Conflict, Forbidden):
                raise
            except KubeError as error:
                await asyncio.sleep(max(_AGAIN_SECONDS, error.retry_after))
            else:
                if self.fault is not None:
                    self._tell(None)
                return result

    async def sweep(self) -> None:
        """For ever: remove what nobody needs any more, and see whether claims may be written."""
        while True:
            try:
                await self._call(lambda: self._leases.remove_older(STALE_AFTER + 2 * self._seconds))
            except KubeError as error:
                self._tell(error)  # whether claims can be made, the next one will see
            await asyncio.sleep(random.uniform(0.5, 1.0) * _SWEEP_SECONDS)  # noqa: S311 -- so that not all do it at once

    def close(self) -> None:
        """End. A call that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _forbidden(self, error: KubeError) -> None:
        self._off_until = self._clock() + _FORBIDDEN_SECONDS
        self._tell(error)

    def _tell(self, error: KubeError | None) -> None:
        why = f"claims cannot be made, so two replicas may admit what clashes at the same moment: {error}"
        fault = why if error else None
        if fault != self.fault:
            self.fault = fault
            self._telemetry.fault(fault)


class Unclaimed:
    """Admits without claims: one server alone, or one that knows nothing of the cluster."""

    def __init__(self, inventory: Inventory | None) -> None:
        self._inventory = inventory

    async def confirm(self, judgement: Judgement, _again: Again, _deadline: float) -> Judgement:
        """The judgement as it is. A backup counts for the next ones, although no watch has delivered it yet."""
        if self._inventory is not None and judgement.use is not None:
            self._inventory.admitted(judgement.use)
        return judgement


def connect_leases(seconds: float) -> ClaimLeases:
    """The Leases of the cluster at hand; `seconds` as ClaimLeases takes them. Raises `kube.errors.Refused`."""
    config = configuration()
    return ClaimLeases(Client(config, _USER_AGENT), config.namespace, socket.gethostname(), seconds)
