"""The other objects of the cluster, as rules ask about them."""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, Protocol

from app.domain.hosts import Hosts, Shape, certain_lookup_keys, possible_index_keys, possible_lookup_keys
from app.domain.kept import MAX_HOSTS, MAX_LABELS, MAX_TEXT_CHARS
from app.domain.key import Key
from app.domain.places import Place, place_of
from app.domain.policy import TOO_LARGE, UsagePolicy
from app.domain.quoting import quoted
from app.domain.repository_index import BACKUPS, INCOMPLETE, USING, RepositoryIndex, Use

_MOST_LOOKED_AT = 10_000
_MOST_NEIGHBOURS = 1_000
_UNNAMED_REPOSITORY = "a Repository of another namespace"


class Unknown(Exception):
    """What a rule asks for is not known. The message says what, and why."""


class ClusterState(Protocol):
    """What is known of a cluster."""

    stored: RepositoryIndex
    """The backups that the cluster holds, by their keys."""

    @property
    def recent(self) -> RepositoryIndex:
        """Those that were admitted a moment ago, and may not be stored yet."""

    @property
    def remembers(self) -> float:
        """Seconds for which those count at most."""

    @property
    def policies(self) -> Mapping[str, Mapping[str, UsagePolicy]]:
        """The Repositories, by namespace and name."""

    @property
    def labels(self) -> Mapping[str, Mapping[str, str]]:
        """The labels of the Namespaces, by name."""

    def lateness(self, kind: str) -> str:
        """Why what is known of a kind may be out of date; empty if it is not. Raises Unknown."""

    def gap(self, kind: str) -> str:
        """Which objects of a kind are not known although the kind is; empty if all are."""


class Other(NamedTuple):
    """Another backup, which writes into the place of a Repository."""

    key: Key
    repository: Key
    """The Repository that it uses, which need not be the one that was asked about."""
    recent: bool
    """Whether it was admitted a moment ago, and may not be stored."""
    certain: bool = True
    """Whether its place is certainly the same."""
    known: bool = True
    """Whether the object that is judged may see it."""
    counts_for: float = 0.0
    """Seconds for which it counts at most, if it is not stored."""

    @property
    def name(self) -> str:
        """For messages: `BackupBatch demo/shop`, unless its name is none of the reader's business."""
        return str(self.key) if self.known else f"a {self.key.kind} of another namespace"

    @property
    def advice(self) -> str:
        """What to do beside changing the object that it clashes with."""
        if not self.recent:
            return ""
        return (
            f"; {self.name} was admitted a moment ago: if it was not stored, try again in {self.counts_for:g} seconds"
        )


class Encounter(NamedTuple):
    """Two Repositories in one place, the judged one and another, as messages name them."""

    judged: str
    other: str
    place: str
    certain: bool
    """Whether it certainly is one place."""
    users: tuple[str, str] | None
    """A backup that uses the judged one and one that uses the other, where there are both."""


class ClusterView:
    """All objects of the cluster but one: the object that is judged. Whatever is asked may raise Unknown."""

    def __init__(self, state: ClusterState, but: Key | None, *, confidential: bool) -> None:
        """`confidential`: no name is told that somebody in the namespace of the object need not be able to see."""
        self._state = state
        self._but = but
        self._reader = but.namespace if confidential and but is not None else None
        self._begun: dict[Key, set[Hashable]] = {}
        self.late = ""
        """Why something that was asked of this view may be out of date; empty if nothing is."""
        self.partial = ""
        """Why something that was asked of this view is known in part only; empty if nothing is."""
        self._looked_at: set[Key] = set()

    def batch(self, repository: Key) -> Other | None:
        """A BackupBatch that writes into the place of a Repository."""
        return self._first(repository, ("BackupBatch",), [USING])

    def uses(self, repository: Key) -> bool:
        """Whether any backup writes into the place of a Repository, or into one that may be the same."""
        return self._first(repository, BACKUPS, [USING]) is not None

    def writer(self, repository: Key, hosts: Hosts) -> Other | None:
        """A backup that certainly writes under one of these hosts into the place; a BackupBatch if one does."""
        found = self._first(repository, BACKUPS, certain_lookup_keys(hosts))
        if found is None:
            self._note_incomplete(repository)
        return found

    def may_write(self, repository: Key, hosts: Hosts) -> bool:
        """Whether a backup writes under one of these hosts into the place, certainly or on a node of some name.

        Not reported of a DaemonSet: that the hosts of others may begin as its own do.
        """
        return self._first(repository, BACKUPS, [*certain_lookup_keys(hosts), *possible_lookup_keys(hosts)]) is not None

    def can_be_restored(self, repository: Key, hosts: Hosts) -> bool:
        """Whether a backup may write one of these hosts into the place, into which backups write.

        Raises Unknown where none is known to, and not all hosts are known.
        """
        if self.may_write(repository, hosts):
            return True
        if hosts.stem is not None:
            if self._first(repository, BACKUPS, [Hosts(Shape.PER_NODE, None)]) is not None:
                return True  # nodes have any names
            beginnings = self._beginnings(repository) if hosts.shape is Shape.PER_NODE else set()
            if not beginnings.isdisjoint(possible_lookup_keys(hosts)):
                return True
        self._note_incomplete(repository)
        if self.partial:
            raise Unknown(self.partial)
        return False

    def _beginnings(self, repository: Key) -> set[Hashable]:
        """What a DaemonSet's hosts may begin with: rarely asked, so no index keeps it.

        Where very many hosts are written, the rest is not looked at.
        """
        if repository not in self._begun:
            written = self._written(repository, _MOST_LOOKED_AT)
            self._begun[repository] = {key for _, hosts in written for key in possible_index_keys(hosts)}
        return self._begun[repository]

    def written(self, repository: Key, most: int) -> list[Hosts]:
        """Hosts that backups write into the place which the reader may see, not more than so many."""
        return [hosts for use, hosts in self._written(repository, most) if self._may_see(use.key, use.repository)]

    def _written(self, repository: Key, most: int) -> list[tuple[Use, Hosts]]:
        self._ask(*BACKUPS)
        stored = self._state.stored.hosts(repository, most)
        return [*stored, *self._state.recent.hosts(repository, most - len(stored))]

    def place(self, repository: Key) -> Place:
        """The place of a Repository."""
        return self._state.stored.place(repository)

    def neighbour(self, repository: Key) -> Other | None:
        """A backup that uses another Repository whose place is the same, or may be."""
        self._ask("Repository", *BACKUPS)
        place = self.place(repository)
        if not self._state.stored.neighbours(repository, place, 1):
            return None  # nearly no place has two Repositories, and some have very many backups
        return self._other_user(repository, place)

    def encounter(self, backend: Mapping[str, Any]) -> Encounter | None:
        """What the judged Repository meets in the place that its backend means; None: no other Repository.

        Another Repository that backups use is preferred if backups use the judged one, then one that is certainly in
        that place, then one that the reader may see.
        """
        judged = self._but
        assert judged is not None  # noqa: S101  it is a rule that asks
        place = place_of(judged, {"spec": {"backend": backend}})
        self._ask(judged.kind)
        found = self._state.stored.neighbours(judged, place, _MOST_NEIGHBOURS)
        if not found:
            return None
        self._ask(*BACKUPS)
        mine = self._user(judged)
        theirs = None if mine is None else self._other_user(judged, place)
        other, certain = max(found, key=lambda each: (each[1], self.may_see(each[0])))
        if theirs is not None:
            other, certain = theirs.repository, theirs.certain
        named = f"Repository {quoted(judged.path)}" if judged.name else "this Repository"
        users = None if mine is None or theirs is None else (mine.name, theirs.name)
        return Encounter(named, self._named(other), place.text, certain, users)

    def _user(self, repository: Key) -> Other | None:
        """A backup that uses this very Repository."""
        for uses in (self._state.stored, self._state.recent):
            use = uses.user(repository, _MOST_LOOKED_AT)
            if use is not None:
                return self._other(use, recent=uses is self._state.recent, certain=True)
        return None

    def _other_user(self, repository: Key, place: Place) -> Other | None:
        """A backup that uses another Repository than this one in a place."""
        for uses in (self._state.stored, self._state.recent):
            found = uses.other_user(repository, place, self._but, _MOST_LOOKED_AT)
            if found is not None:
                return self._other(found[0], recent=uses is self._state.recent, certain=found[1])
        return None

    def sharing(self, repository: Key, other: Other) -> str:
        """For messages: a Repository, and if another backup uses another one, how both are one place.

        `Repository "demo/a", which is the same place as Repository "demo/b" (s3:s3.example/backups)`.
        """
        mine = f"Repository {quoted(repository.path)}"
        if other.repository == repository:
            return mine
        is_one = "is" if other.certain else "may be"
        theirs = self._named(other.repository)
        place = self.place(repository).text if self.may_see(repository) else ""
        return f"{mine}, which {is_one} the same place as {theirs}{f' ({place})' if place else ''},"

    def _named(self, repository: Key) -> str:
        """A Repository for messages."""
        return f"Repository {quoted(repository.path)}" if self.may_see(repository) else _UNNAMED_REPOSITORY

    def allows(self, repository: Key, namespace: str) -> bool:
        """Whether the usage policy of a Repository allows a namespace.

        It does not where nobody knows: of a Repository that is not there, or by labels that are not known.
        """
        policy = self._state.policies.get(repository.namespace, {}).get(repository.name)
        labels = self._state.labels.get(namespace) if policy and policy.needs_labels else {}
        return policy is not None and labels is not None and policy.allows(namespace, repository.namespace, labels)

    def exists(self, repository: Key) -> bool:
        """Whether there is such a Repository. Raises Unknown where it may be one that could not be read."""
        self._ask("Repository")
        if repository.name in self._state.policies.get(repository.namespace, {}):
            return True
        if self.partial:
            raise Unknown(self.partial)
        return False

    def policy(self, repository: Key) -> UsagePolicy | None:
        """Who may use a Repository; None if there is no such Repository. Raises Unknown where nobody knows."""
        if not self.exists(repository):
            return None
        policy = self._state.policies[repository.namespace].get(repository.name)
        if policy is TOO_LARGE:
            most = f"at most {MAX_LABELS} keys and values of at most {MAX_TEXT_CHARS} characters"
            raise Unknown(f"the selector in the usagePolicy of {repository} is too large to be known: write {most}")
        return policy

    def repositories(self, namespace: str) -> list[str]:
        """The names of those Repositories in a namespace that the reader may see."""
        self._ask("Repository")
        names = list(self._state.policies.get(namespace, ()))
        if self._reader is None or self._reader == namespace:
            return names
        return [name for name in names if self.allows(Key("Repository", namespace, name), self._reader)]

    def labels(self, namespace: str) -> Mapping[str, str]:
        """The labels of a Namespace."""
        self._ask("Namespace")
        found = self._state.labels.get(namespace)
        if found is None:
            raise Unknown(f"the labels of Namespace {namespace} are not known")
        return found

    def _first(self, repository: Key, kinds: tuple[str, ...], index_keys: list[Hashable]) -> Other | None:
        """A backup at the place of a Repository, or at one that may be the same, if there is none at that one.

        Raises Unknown if none is found where nobody knows which places Repositories mean.
        """
        self._ask(*kinds)
        for certain in (True, False):
            for kind in kinds:
                for uses in (self._state.stored, self._state.recent):
                    use = uses.first(repository, kind, index_keys, self._but, certainly=certain)
                    if use is not None:
                        return self._other(use, recent=uses is self._state.recent, certain=certain)
        self._ask("Repository")
        return None

    def _other(self, use: Use, *, recent: bool, certain: bool) -> Other:
        known, counts_for = self._may_see(use.key, use.repository), self._state.remembers
        return Other(use.key, use.repository, recent, certain, known, counts_for)

    def _may_see(self, key: Key, repository: Key) -> bool:
        """Whether the reader may know of a backup: it is in the reader's namespace, or uses what the reader may use."""
        if self._reader is None or key.namespace == self._reader:
            return True
        return repository.namespace == self._reader or self.allows(repository, self._reader)

    def may_see(self, repository: Key) -> bool:
        """Whether the reader may know of a Repository: it is in the reader's namespace, or may be used there."""
        return self._may_see(repository, repository)

    def _note_incomplete(self, repository: Key) -> None:
        """Note whether there is a backup at the place of a Repository of which not all hosts are known."""
        if repository in self._looked_at:
            return
        self._looked_at.add(repository)
        other = self._first(repository, BACKUPS, [INCOMPLETE])
        if other is not None:
            self.partial = f"not all hosts of {other.name} are known, only {MAX_HOSTS:,}: split it"

    def _ask(self, *kinds: str) -> None:
        for kind in kinds:
            self.late = self._state.lateness(kind) or self.late
            self.partial = self._state.gap(kind) or self.partial
