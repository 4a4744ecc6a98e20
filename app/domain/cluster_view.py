"""The other objects of the cluster, as rules ask about them."""

from collections.abc import Hashable, Mapping
from typing import NamedTuple, Protocol

from app.domain.hosts import Hosts, Shape, certain_lookup_keys, possible_index_keys, possible_lookup_keys
from app.domain.key import Key
from app.domain.policy import UsagePolicy
from app.domain.repository_index import BACKUPS, USING, RepositoryIndex

_MOST_LOOKED_AT = 10_000


class Unknown(Exception):
    """What a rule asks for is not known. The message says what, and why."""


class ClusterState(Protocol):
    """What is known of a cluster."""

    stored: RepositoryIndex
    """The backups that the cluster holds, by their keys."""
    recent: RepositoryIndex
    """Those that were admitted a moment ago, and may not be stored yet."""

    @property
    def policies(self) -> Mapping[str, Mapping[str, UsagePolicy]]:
        """The Repositories, by namespace and name."""

    @property
    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of the Namespaces, by name."""

    def lateness(self, kind: str) -> str:
        """Why what is known of a kind may be out of date; empty if it is not. Raises Unknown."""


class Other(NamedTuple):
    """Another object."""

    key: Key
    recent: bool
    """Whether it was admitted a moment ago, and may not be stored."""

    @property
    def advice(self) -> str:
        """What to do beside changing the object that it clashes with."""
        return f"; {self.key} was admitted a moment ago: if it was not stored, try again" if self.recent else ""


class ClusterView:
    """All objects of the cluster but one: the object that is judged. Whatever is asked may raise Unknown."""

    def __init__(self, holdings: ClusterState, but: Key | None) -> None:
        self._holdings = holdings
        self._but = but
        self._begun: dict[Key, set[Hashable]] = {}
        self.late = ""
        """Why something that was asked of this view may be out of date; empty if nothing is."""

    def batch(self, repository: Key) -> Other | None:
        """A BackupBatch that uses a Repository."""
        return self._first(repository, ("BackupBatch",), [USING])

    def uses(self, repository: Key) -> bool:
        """Whether any backup uses a Repository."""
        return self._first(repository, BACKUPS, [USING]) is not None

    def writer(self, repository: Key, hosts: Hosts) -> Other | None:
        """A backup that certainly writes under one of these hosts into a Repository; a BackupBatch if one does."""
        return self._first(repository, BACKUPS, certain_lookup_keys(hosts))

    def may_write(self, repository: Key, hosts: Hosts) -> bool:
        """Whether a backup writes under one of these hosts into a Repository, certainly or on a node of some name.

        Not reported of a DaemonSet: that the hosts of others may begin as its own do.
        """
        return self._first(repository, BACKUPS, [*certain_lookup_keys(hosts), *possible_lookup_keys(hosts)]) is not None

    def can_be_restored(self, repository: Key, hosts: Hosts) -> bool:
        """Whether a backup may write one of these hosts into a Repository, which backups use."""
        if self.may_write(repository, hosts):
            return True
        if hosts.stem is None:
            return False
        if self._first(repository, BACKUPS, [Hosts(Shape.PER_NODE, None)]) is not None:
            return True  # nodes have any names
        return hosts.shape is Shape.PER_NODE and not self._beginnings(repository).isdisjoint(
            possible_lookup_keys(hosts)
        )

    def _beginnings(self, repository: Key) -> set[Hashable]:
        """What a DaemonSet's hosts may begin with: rarely asked, so no index keeps it.

        Where very many hosts are written, the rest is not looked at.
        """
        if repository not in self._begun:
            written = self.written(repository, _MOST_LOOKED_AT)
            self._begun[repository] = {index_key for hosts in written for index_key in possible_index_keys(hosts)}
        return self._begun[repository]

    def written(self, repository: Key, most: int) -> list[Hosts]:
        """Hosts that backups write into a Repository, not more than so many."""
        self._ask(*BACKUPS)
        stored = self._holdings.stored.hosts(repository, most)
        return [*stored, *self._holdings.recent.hosts(repository, most - len(stored))]

    def policy(self, repository: Key) -> UsagePolicy | None:
        """Who may use a Repository; None if there is no such Repository."""
        self._ask("Repository")
        return self._holdings.policies.get(repository.namespace, {}).get(repository.name)

    def repositories(self, namespace: str) -> list[str]:
        """The names of the Repositories in a namespace."""
        self._ask("Repository")
        return list(self._holdings.policies.get(namespace, ()))

    def labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a Namespace."""
        self._ask("Namespace")
        found = self._holdings.labels.get(namespace)
        if found is None:
            raise Unknown(f"the labels of Namespace {namespace} are not known")
        return found

    def _first(self, repository: Key, kinds: tuple[str, ...], index_keys: list[Hashable]) -> Other | None:
        self._ask(*kinds)
        for kind in kinds:
            for uses in (self._holdings.stored, self._holdings.recent):
                use = uses.first(repository, kind, index_keys, self._but)
                if use is not None:
                    return Other(use.key, uses is self._holdings.recent)
        return None

    def _ask(self, *kinds: str) -> None:
        for kind in kinds:
            self.late = self._holdings.lateness(kind) or self.late
