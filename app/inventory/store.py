"""What is known of the cluster, however it came to be known: only what rules need, found by lookups."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from sys import intern
from typing import Any

from app.domain.cluster_view import ClusterView, Unknown
from app.domain.kept import MAX_HOSTS, MAX_LABELS
from app.domain.key import Key
from app.domain.places import Place, place_of
from app.domain.policy import UsagePolicy, policy_of
from app.domain.reading import read_invoker
from app.domain.repository_index import BACKUPS, RepositoryIndex, Use, sites, use_of
from app.inventory.changes import Changes
from app.inventory.claim import Claim
from app.inventory.deliveries import Deliveries
from app.inventory.recent import UNCLAIMED_SECONDS, RecentUses

REPOSITORY, NAMESPACE = "Repository", "Namespace"
KINDS = {
    "BackupConfiguration": "BackupConfigurations",
    "BackupBatch": "BackupBatches",
    REPOSITORY: "Repositories",
    NAMESPACE: "Namespaces",
}
"""What an inventory holds: the kinds, and their plurals for people."""

STALE_AFTER = 150.0
"""Seconds without a word about a kind after which it is not trusted. A quiet watch is heard at least every minute."""
FIRST_SYNC = 30.0
"""Seconds that readiness waits for the first sync."""
_NAME = "kubernetes.io/metadata.name"
"""The label with its name that every Namespace has."""


@dataclass(slots=True)
class _State:
    """What is known of a kind as a whole."""

    synced: bool = False
    heard: float = -inf
    fault: str = ""
    refused: bool = False
    unread: str = ""
    """What the objects are that cannot be read; empty: all are."""


class Inventory:
    """What is known of the cluster. A source writes, from as many threads as there are kinds; admission asks.

    `stale_after`: seconds without a word of the source; None for one that says all at once. `clock`: seconds.
    `confidential`: answers name nothing that somebody in the namespace of the object need not be able to see.
    `remember`: seconds for which a backup counts that was admitted, or claimed, and that nobody has seen stored.
    """

    def __init__(
        self,
        stale_after: float | None = STALE_AFTER,
        clock: Callable[[], float] = time.monotonic,
        *,
        confidential: bool = True,
        remember: float = UNCLAIMED_SECONDS,
    ) -> None:
        self._confidential = confidential
        self._stale_after = stale_after
        self._clock = clock
        self._started = clock()
        self._states = {kind: _State() for kind in KINDS}
        self.stored = RepositoryIndex()
        """The backups that the cluster holds, by their keys."""
        self._recent = RecentUses(remember, clock)
        self.policies: dict[str, dict[str, UsagePolicy]] = {}
        """The Repositories, by namespace and name."""
        self.labels: dict[str, Mapping[str, str]] = {}
        """The labels of the Namespaces, by name."""
        self.deliveries = Deliveries(2 * remember, clock)
        """What was lately seen stored."""
        self._changes = Changes()

    # What admission asks.

    @property
    def recent(self) -> RepositoryIndex:
        """Those that were admitted a moment ago, and may not be stored yet."""
        return self._recent.index

    @property
    def remembers(self) -> float:
        """Seconds for which a backup counts that was admitted, or claimed, and that nobody has seen stored."""
        return self._recent.seconds

    def view(self, but: Key | None) -> ClusterView:
        """The view for judging one object, which is left out."""
        self._recent.expire()
        return ClusterView(self, but, confidential=self._confidential)

    def admitted(self, use: Use, seconds: float | None = None) -> bool:
        """Let a backup count from now on, although the source has not delivered it yet; whether it did not before.

        It counts for so many seconds, without them for as long as the inventory remembers.
        """
        if not use.key.name or self.stored.get(use.key) == use:
            return False
        added = self._recent.add(use, seconds)
        if added:
            self._added(self.stored.place(use.repository))
        return added

    @property
    def changes(self) -> int:
        """How often a backup was added to a place, or a Repository got another one: what to ask `changed` with."""
        return self._changes.count

    def changed(self, repository: Key, since: int) -> bool:
        """Whether a backup may have been added to the place of a Repository since there were so many changes."""
        return self._changes.since(since, sites(self.stored.place(repository)))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Keep all backups and places as they are, for a moment: a process forked meanwhile has no half of a change."""
        with self._recent.lock, self._recent.index.lock, self.stored.lock:
            yield

    def has_stored(self, claim: Claim) -> bool:
        """Whether what is claimed is stored, as far as is known."""
        return claim.is_of(self.stored.get(claim.key))

    def forget_recent(self, use: Use) -> None:
        """Note that a backup which was admitted, or claimed, is not going to be stored."""
        self._recent.forget(use)

    def follows(self, kind: str) -> bool:
        """Whether what happens to a kind is delivered."""
        state = self._states[kind]
        return state.synced and not self._late(state)

    def waits_for(self, kind: str, version: int) -> bool:
        """Whether something that happened to a kind, at this resourceVersion, is about to be delivered."""
        return kind in self._states and self.follows(kind) and not self.deliveries.has_reached(kind, version)

    def has_repository(self, repository: Key) -> bool:
        """Whether a Repository is known."""
        return repository.name in self.policies.get(repository.namespace, ())

    def lateness(self, kind: str) -> str:
        """Why what is known of a kind may be out of date; empty if it is not. Raises Unknown if nothing is known."""
        state = self._states[kind]
        if not state.synced:
            raise Unknown(f"the {KINDS[kind]} of the cluster are not known{' yet' if not state.fault else ''}")
        late = self._late(state)
        return f"nothing was heard of the {KINDS[kind]} of the cluster for {late:.0f} seconds" if late else ""

    def gap(self, kind: str) -> str:
        """Which objects of a kind are not known although the kind is; empty if all are."""
        unread = self._states[kind].unread
        return f"some {KINDS[kind]} of the cluster are {unread}" if unread else ""

    def _late(self, state: _State) -> float:
        """Seconds without a word, if they are too many; otherwise 0."""
        age = self._clock() - state.heard
        return 0.0 if self._stale_after is None or age < self._stale_after else age

    # What a source says.

    def put(self, kind: str, document: Mapping[str, Any]) -> Key:
        """Take in an object as it is stored now. A backup that is being deleted counts no more."""
        key = key_of(kind, document)
        if kind == NAMESPACE:
            labels = document["metadata"].get("labels")
            labels = labels if isinstance(labels, dict) else {}
            if len(labels) > MAX_LABELS:
                self.drop(key)  # rather than know some of them
            else:
                self.labels[key.name] = {_NAME: key.name} | labels
        elif kind == REPOSITORY:
            self.policies.setdefault(key.namespace, {})[key.name] = policy_of(document)
            self._locate(key, place_of(key, document))
        else:
            deleted = document["metadata"].get("deletionTimestamp") is not None
            use = None if deleted else _use_of(key, document)
            if use is None:
                self.stored.drop(key)
            else:
                known = self.stored.get(key) == use or self._recent.has(use)
                self.stored.put(key, use)
                if not known:
                    self._added(self.stored.place(use.repository))
                self._delivered(kind, use, document)
                self._recent.forget(use)
        return key

    def drop(self, key: Key) -> None:
        """Forget an object that is gone."""
        if key.kind == NAMESPACE:
            self.labels.pop(key.name, None)
        elif key.kind == REPOSITORY:
            self.policies.get(key.namespace, {}).pop(key.name, None)
            self._locate(key, None)
        else:
            self.stored.drop(key)

    def synced(self, kind: str, keys: Iterable[Key]) -> None:
        """Note that these are all the objects of a kind: others are gone."""
        for gone in self._keys(kind).difference(keys):
            self.drop(gone)
        self.complete(kind)

    def complete(self, kind: str) -> None:
        """Note that all objects of a kind were put."""
        self._states[kind].synced = True
        self.heard(kind)

    def heard(self, kind: str) -> None:
        """Note that the source has just heard of a kind, even if only that nothing changed."""
        state = self._states[kind]
        state.heard, state.fault, state.refused = self._clock(), "", False

    def reached(self, kind: str, version: str) -> None:
        """Note the resourceVersion up to which a kind is known."""
        if version.isdecimal():
            self.deliveries.reached(kind, int(version))

    def failed(self, kind: str, fault: str, *, refused: bool = False) -> None:
        """Note why a kind cannot be read. `refused`: it will not change by itself, so nobody waits for it."""
        state = self._states[kind]
        state.fault, state.refused = fault, refused

    def unread(self, kind: str, what: str, advice: str = "make them smaller") -> None:
        """Note what those objects of a kind are that cannot be read, and what to do; an empty `what`: all are."""
        self._states[kind].unread = what and f"{what}, and not known: {advice}"

    # What the operator of the server sees.

    def not_ready(self) -> str | None:
        """What a server waits for before it decides without it; None: nothing, or too long."""
        waiting = [KINDS[kind] for kind, state in self._states.items() if not state.synced and not state.refused]
        if not waiting or self._clock() - self._started >= FIRST_SYNC:
            return None
        return f"the inventory does not know the {', '.join(waiting)} of the cluster yet"

    def remark(self) -> str | None:
        """What is wrong with it in one line; None: nothing."""
        kinds: dict[str, list[str]] = {}
        for kind, plural in KINDS.items():
            state = self._states[kind]
            fault = state.fault if state.fault or self._late(state) or not state.synced else None
            if fault is not None:
                kinds.setdefault(fault, []).append(plural)
        faults = [f"{', '.join(names)} of the cluster: {fault or 'nothing heard'}" for fault, names in kinds.items()]
        faults += filter(None, map(self.gap, KINDS))
        return "; ".join(faults) or None

    @property
    def age(self) -> float:
        """Seconds since the kind was heard of that has been silent longest; infinite if one was never heard of."""
        return 0.0 if self._stale_after is None else self._clock() - min(each.heard for each in self._states.values())

    def counts(self) -> dict[str, int]:
        """How many objects are held, by kind: of backups, those that use a Repository and are not being deleted."""
        repositories = sum(map(len, list(self.policies.values())))
        return {
            **{kind: self.stored.count(kind) for kind in BACKUPS},
            REPOSITORY: repositories,
            NAMESPACE: len(self.labels),
        }

    def _keys(self, kind: str) -> set[Key]:
        if kind == NAMESPACE:
            return {Key(kind, "", name) for name in list(self.labels)}
        if kind == REPOSITORY:
            return {
                Key(kind, namespace, name) for namespace, names in list(self.policies.items()) for name in list(names)
            }
        return self.stored.keys(kind)

    def _locate(self, repository: Key, place: Place | None) -> None:
        same = self.stored.place(repository) == place
        self.stored.locate(repository, place)
        self._recent.locate(repository, place)
        if place is not None and not same:
            self._added(place)

    def _added(self, place: Place) -> None:
        self._changes.note(sites(place))

    def _delivered(self, kind: str, use: Use, document: Mapping[str, Any]) -> None:
        version = document["metadata"].get("resourceVersion")
        if self._states[kind].synced and isinstance(version, str) and version.isdecimal():
            self.deliveries.note(use, int(version))


def _use_of(key: Key, document: Mapping[str, Any]) -> Use | None:
    """How a stored backup uses a Repository. Of more members than hosts are kept, no more are looked at."""
    spec = document.get("spec")
    members = spec.get("members") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(members, list) or len(members) <= MAX_HOSTS:
        return use_of(key, read_invoker(key.kind, document, key.namespace))
    few = {"spec": {**spec, "members": members[:MAX_HOSTS]}}
    use = use_of(key, read_invoker(key.kind, few, key.namespace))
    return use and use._replace(complete=False)


def key_of(kind: str, document: Mapping[str, Any]) -> Key:
    """Which object a document is. Raises ValueError if its metadata does not say."""
    metadata = document.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    name, namespace = named.get("name"), named.get("namespace") or ""
    if not isinstance(name, str) or not isinstance(namespace, str) or not name:
        raise ValueError("metadata.name and metadata.namespace are not names")
    return Key(intern(kind), "" if kind == NAMESPACE else intern(namespace), name)
