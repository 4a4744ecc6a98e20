"""Which backups write into a place, and under which hosts: found by lookups, however many there are.

A use names a Repository, and is found by the place that this Repository means, also while others are moved to it.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from app.domain.hosts import Hosts, Shape, certain_index_keys
from app.domain.invoker import Backup
from app.domain.kept import MAX_HOSTS, MAX_TEXT_CHARS
from app.domain.key import Key
from app.domain.places import Place, own_place
from app.domain.resource import Resource

BACKUPS = ("BackupBatch", "BackupConfiguration")
"""The kinds that write into a Repository."""


class Use(NamedTuple):
    """A backup, its Repository, and the hosts under which it writes there, each once."""

    key: Key
    repository: Key
    hosts: tuple[Hosts, ...]
    complete: bool = True
    """Whether these are all its hosts: no more are kept than `app.domain.kept` allows."""


def use_of(key: Key, resource: Resource) -> Use | None:
    """How an object uses a Repository; None for what is no backup, or writes into none, or into an impossible one."""
    if not isinstance(resource, Backup) or resource.repository is None:
        return None
    if max(map(len, resource.repository)) > MAX_TEXT_CHARS:
        return None  # there is no Repository of such a name
    hosts: dict[Hosts, None] = {}
    complete = True
    for _, written in resource.writers:
        if written in hosts:
            continue
        if len(hosts) == MAX_HOSTS or len(written.stem or "") > MAX_TEXT_CHARS:
            complete = False
        else:
            hosts[_kept(written)] = None
    return Use(key, resource.repository, tuple(hosts), complete)


@lru_cache(2**14)
def _kept(hosts: Hosts) -> Hosts:
    """The same object for equal hosts: most backups of a large cluster have one of a few aliases."""
    return hosts


class Located(NamedTuple):
    """A Repository and its place."""

    repository: Key
    place: Place


class RepositoryIndex:
    """Uses, each under a name, found by place, kind and index key. Safe to be changed while others read."""

    def __init__(self) -> None:
        self.lock = Lock()
        """Who holds it keeps the index as it is."""
        self._uses: dict[Hashable, Use] = {}
        self._found: _ManyByKey[Use] = _ManyByKey()
        """Uses by place, kind and index key (`app.domain.hosts`)."""
        self._counts: Counter[str] = Counter()
        self._located: dict[Key, Located] = {}
        self._at: _ManyByKey[Located] = _ManyByKey()
        """Repositories by place."""

    def keys(self, kind: str) -> set[Key]:
        """The backups of a kind."""
        with self.lock:
            return {use.key for use in self._uses.values() if use.key.kind == kind}

    def count(self, kind: str) -> int:
        """How many uses are a kind's."""
        return self._counts.get(kind, 0)

    def get(self, name: Hashable) -> Use | None:
        """The use of this name."""
        return self._uses.get(name)

    def put(self, name: Hashable, use: Use) -> None:
        """Remember a use, in place of the one that had this name."""
        before = self._uses.get(name)
        if before == use:
            return
        with self.lock:
            if before is not None:
                self._discard(before)
            self._add(use)
            self._uses[name] = use
            self._counts[use.key.kind] += before is None

    def drop(self, name: Hashable) -> None:
        """Forget the use of this name, if there is one."""
        with self.lock:
            use = self._uses.pop(name, None)
            if use is not None:
                self._counts[use.key.kind] -= 1
                self._discard(use)

    def place(self, repository: Key) -> Place:
        """The place of a Repository: one of its own as long as nobody has said which."""
        located = self._located.get(repository)
        return own_place(repository) if located is None else located.place

    def locate(self, repository: Key, place: Place | None) -> None:
        """Note the place of a Repository, which may be another than before; None: the Repository is gone."""
        before = self._located.get(repository)
        if (before.place if before else None) == place:
            return
        with self.lock:
            moved = [
                use
                for kind in BACKUPS
                for use in self._found.get((self.place(repository).certain, kind, USING))
                if use.repository == repository
            ]
            for use in moved:
                self._discard(use)
            if before is not None:
                del self._located[repository]
                for site in sites(before.place):
                    self._at.discard(site, before)
            if place is not None:
                located = self._located[repository] = Located(repository, place)
                for site in sites(place):
                    self._at.add(site, located)
            for use in moved:
                self._add(use)

    def neighbours(self, repository: Key, place: Place, most: int) -> list[tuple[Key, bool]]:
        """Other Repositories than this one that have a place, and whether certainly; not more than so many."""
        with self.lock:
            found = {
                located.repository: located.place.certain == place.certain
                for site in sites(place)
                for located in islice(self._at.get(site), most + 1)
                if located.repository != repository
            }
        return list(found.items())[:most]

    def user(self, repository: Key, most: int) -> Use | None:
        """A backup that uses this very Repository.

        Not more than so many of those that write into its place are looked at.
        """
        with self.lock:
            return next(
                (use for use in self._writers(self.place(repository), most) if use.repository == repository), None
            )

    def other_user(self, repository: Key, place: Place, but: Key | None, most: int) -> tuple[Use, bool] | None:
        """A backup that uses another Repository than this one in a place, and whether its place certainly is the same.

        Not more than so many of those that write there are looked at.
        """
        with self.lock:
            for use in self._writers(place, most):
                if use.repository != repository and use.key != but:
                    return use, self.place(use.repository).certain == place.certain
        return None

    def _writers(self, place: Place, most: int) -> Iterator[Use]:
        using = (self._found.get((site, kind, USING)) for site in sites(place) for kind in BACKUPS)
        return islice(chain.from_iterable(using), most)

    def first(
        self, repository: Key, kind: str, index_keys: Iterable[Hashable], but: Key | None, *, certainly: bool = True
    ) -> Use | None:
        """The first use of a Repository's place by this kind that has one of these index keys; `but` is left out.

        Not `certainly`: of a place that may be the same.
        """
        with self.lock:
            place = self.place(repository)
            site = _site(place, certainly=certainly)
            if site is not None:
                for index_key in index_keys:
                    for use in self._found.get((site, kind, index_key)):
                        if use.key != but:
                            return use
        return None

    def hosts(self, repository: Key, most: int) -> list[tuple[Use, Hosts]]:
        """Hosts that are written into the place of a Repository, or into one that may be the same, each with its use.

        If there are many, the first of them.
        """
        with self.lock:
            at = sites(self.place(repository))
            using = (self._found.get((site, kind, USING)) for site in at for kind in BACKUPS)
            written = ((use, hosts) for use in chain.from_iterable(using) for hosts in use.hosts)
            return list(islice(written, most))

    def _add(self, use: Use) -> None:
        for key in self._keys(use):
            self._found.add(key, use)

    def _discard(self, use: Use) -> None:
        for key in self._keys(use):
            self._found.discard(key, use)

    def _keys(self, use: Use) -> set[Hashable]:
        kind, index_keys = use.key.kind, set(_index_keys(use))
        return {(site, kind, key) for site in sites(self.place(use.repository)) for key in index_keys}


USING = "using"
"""The index key that every use has."""
INCOMPLETE = "incomplete"
"""The index key of a use of which not all hosts are kept."""


def per_node(stem: str | None) -> Hashable:
    """The index key of a DaemonSet's hosts, as `possible_lookup_keys` looks for it."""
    return ("per node", stem)


def _site(place: Place, *, certainly: bool) -> Hashable | None:
    """What uses are found by that certainly write into a place, or that may write into it."""
    if certainly:
        return place.certain
    return None if place.possible is None else ("possible", place.possible)


def sites(place: Place) -> list[Hashable]:
    """What uses of a place are found by: the place as far as it is certain, and as far as it is possible."""
    found = (_site(place, certainly=True), _site(place, certainly=False))
    return [site for site in found if site is not None]


def _index_keys(use: Use) -> Iterator[Hashable]:
    yield USING
    if not use.complete:
        yield INCOMPLETE
    for hosts in use.hosts:
        yield from certain_index_keys(hosts)
        if hosts.shape is Shape.PER_NODE:
            yield per_node(hosts.stem)


Value = TypeVar("Value", Use, Located)


class _ManyByKey(Generic[Value]):
    """Values by key, mostly one for each: a dictionary for each of a million keys would be most of the memory."""

    def __init__(self) -> None:
        self._values: dict[Hashable, Value | dict[int, Value]] = {}
        """One value, or several by their id()."""

    def get(self, key: Hashable) -> Iterable[Value]:
        found = self._values.get(key)
        if found is None:
            return ()
        return found.values() if isinstance(found, dict) else (found,)

    def add(self, key: Hashable, value: Value) -> None:
        found = self._values.get(key)
        if found is None:
            self._values[key] = value
        elif isinstance(found, dict):
            found[id(value)] = value
        else:
            self._values[key] = {id(found): found, id(value): value}

    def discard(self, key: Hashable, value: Value) -> None:
        found = self._values[key]
        if not isinstance(found, dict):
            del self._values[key]
            return
        del found[id(value)]
        if len(found) == 1:
            (self._values[key],) = found.values()
