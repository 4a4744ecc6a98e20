"""What is known of the cluster, however it came to be known: only what rules need, found by lookups."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from sys import intern
from typing import Any

from app.domain.cluster_view import ClusterView, Unknown
from app.domain.key import Key
from app.domain.places import Place, place_of
from app.domain.policy import UsagePolicy, policy_of
from app.domain.reading import read_invoker
from app.domain.repository_index import BACKUPS, RepositoryIndex, Use, use_of

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
_REMEMBER = 5.0
"""Seconds for which an admitted backup counts that nobody has seen stored: a watch delivers it within one."""
_NAME = "kubernetes.io/metadata.name"
"""The label with its name that every Namespace has."""


@dataclass(slots=True)
class _State:
    """What is known of a kind as a whole."""

    synced: bool = False
    heard: float = -inf
    fault: str = ""
    refused: bool = False


class Inventory:
    """What is known of the cluster. A source writes, from as many threads as there are kinds; admission asks.

    `stale_after`: seconds without a word of the source; None for one that says all at once. `clock`: seconds.
    `confidential`: answers name nothing that somebody in the namespace of the object need not be able to see.
    """

    def __init__(
        self,
        stale_after: float | None = STALE_AFTER,
        clock: Callable[[], float] = time.monotonic,
        *,
        confidential: bool = True,
    ) -> None:
        self._confidential = confidential
        self._stale_after = stale_after
        self._clock = clock
        self._started = clock()
        self._states = {kind: _State() for kind in KINDS}
        self._expiries: deque[tuple[float, Use]] = deque()
        self._until: dict[Use, float] = {}
        self.stored = RepositoryIndex()
        """The backups that the cluster holds, by their keys."""
        self.recent = RepositoryIndex()
        """Those that were admitted a moment ago, and may not be stored yet."""
        self.policies: dict[str, dict[str, UsagePolicy]] = {}
        """The Repositories, by namespace and name."""
        self.labels: dict[str, Mapping[str, str]] = {}
        """The labels of the Namespaces, by name."""

    # What admission asks.

    def view(self, but: Key | None) -> ClusterView:
        """The view for judging one object, which is left out."""
        now = self._clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, use = self._expiries.popleft()
            if self._until.get(use, inf) <= now:
                self._forget_recent(use)
        return ClusterView(self, but, confidential=self._confidential)

    def admitted(self, use: Use) -> None:
        """Let a backup count from now on, although the source has not delivered it yet."""
        if not use.key.name or self.stored.get(use.key) == use:
            return
        until = self._until[use] = self._clock() + _REMEMBER
        self._expiries.append((until, use))
        self.recent.put(use, use)

    def lateness(self, kind: str) -> str:
        """Why what is known of a kind may be out of date; empty if it is not. Raises Unknown if nothing is known."""
        state = self._states[kind]
        if not state.synced:
            raise Unknown(f"the {KINDS[kind]} of the cluster are not known{' yet' if not state.fault else ''}")
        late = self._late(state)
        return f"nothing was heard of the {KINDS[kind]} of the cluster for {late:.0f} seconds" if late else ""

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
            self.labels[key.name] = {_NAME: key.name} | (labels if isinstance(labels, dict) else {})
        elif kind == REPOSITORY:
            self.policies.setdefault(key.namespace, {})[key.name] = policy_of(document)
            self._locate(key, place_of(key, document))
        else:
            deleted = document["metadata"].get("deletionTimestamp") is not None
            use = None if deleted else use_of(key, read_invoker(kind, document, key.namespace))
            if use is None:
                self.stored.drop(key)
            else:
                self.stored.put(key, use)
                self._forget_recent(use)
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

    def failed(self, kind: str, fault: str, *, refused: bool = False) -> None:
        """Note why a kind cannot be read. `refused`: it will not change by itself, so nobody waits for it."""
        state = self._states[kind]
        state.fault, state.refused = fault, refused

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
        for uses in (self.stored, self.recent):
            uses.locate(repository, place)

    def _forget_recent(self, use: Use) -> None:
        if self._until.pop(use, None) is not None:
            self.recent.drop(use)


def key_of(kind: str, document: Mapping[str, Any]) -> Key:
    """Which object a document is. Raises ValueError if its metadata does not say."""
    metadata = document.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    name, namespace = named.get("name"), named.get("namespace") or ""
    if not isinstance(name, str) or not isinstance(namespace, str) or not name:
        raise ValueError("metadata.name and metadata.namespace are not names")
    return Key(intern(kind), "" if kind == NAMESPACE else intern(namespace), name)
