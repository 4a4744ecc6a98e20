"""Which backups use a Repository, and under which hosts they write: found by lookups, however many there are."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from threading import Lock
from typing import NamedTuple

from app.domain.hosts import Hosts, Shape, certain_index_keys
from app.domain.invoker import Backup, Invoker
from app.domain.key import Key

BACKUPS = ("BackupBatch", "BackupConfiguration")
"""The kinds that write into a Repository."""


class Use(NamedTuple):
    """A backup, its Repository, and the hosts under which it writes there, each once."""

    key: Key
    repository: Key
    hosts: tuple[Hosts, ...]


def use_of(key: Key, invoker: Invoker) -> Use | None:
    """How an object uses a Repository; None for a restore, and for what writes into none."""
    if not isinstance(invoker, Backup) or invoker.repository is None:
        return None
    hosts = dict.fromkeys(_kept(hosts) for _, hosts in invoker.writers)
    return Use(key, invoker.repository, tuple(hosts))


@lru_cache(2**14)
def _kept(hosts: Hosts) -> Hosts:
    """The same object for equal hosts: most backups of a large cluster have one of a few aliases."""
    return hosts


class RepositoryIndex:
    """Uses, each under a name, with their marks (`app.domain.hosts`). Safe to be changed while others read."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._uses: dict[Hashable, Use] = {}
        self._marked: dict[Hashable, Use | dict[int, Use]] = {}
        """Uses by Repository, kind and mark: one, or several by their id()."""
        self._counts: Counter[str] = Counter()

    def keys(self, kind: str) -> set[Key]:
        """The backups of a kind."""
        with self._lock:
            return {use.key for use in self._uses.values() if use.key.kind == kind}

    def count(self, kind: str) -> int:
        """How many uses are a kind's."""
        return self._counts.get(kind, 0)

    def get(self, name: Hashable) -> Use | None:
        """The use of this name."""
        return self._uses.get(name)

    def put(self, name: Hashable, use: Use) -> None:
        """Remember a use, in place of the one that had this name. In between, both count."""
        before = self._uses.get(name)
        if before == use:
            return
        added, removed = _marks(use), set() if before is None else _marks(before)
        with self._lock:
            self._uses[name] = use
            self._counts[use.key.kind] += before is None
            for index_key in added:
                self._mark(index_key, use)
            for index_key in removed:
                self._unmark(index_key, before)

    def drop(self, name: Hashable) -> None:
        """Forget the use of this name, if there is one."""
        with self._lock:
            use = self._uses.pop(name, None)
            if use is not None:
                self._counts[use.key.kind] -= 1
                for index_key in _marks(use):
                    self._unmark(index_key, use)

    def first(self, repository: Key, kind: str, index_keys: Iterable[Hashable], but: Key | None) -> Use | None:
        """The first use of a Repository by this kind that has one of these marks; `but` is left out."""
        with self._lock:
            for index_key in index_keys:
                for use in _all(self._marked.get((repository, kind, index_key))):
                    if use.key != but:
                        return use
        return None

    def hosts(self, repository: Key, most: int) -> list[Hosts]:
        """Hosts that are written into a Repository; if there are many, the first of them."""
        with self._lock:
            using = (_all(self._marked.get((repository, kind, USING))) for kind in BACKUPS)
            written = (hosts for use in chain.from_iterable(using) for hosts in use.hosts)
            return list(islice(written, most))

    def _mark(self, index_key: Hashable, use: Use) -> None:
        marked = self._marked.get(index_key)
        if marked is None:
            self._marked[index_key] = use  # a dictionary for each of a million marks would be most of the memory
        elif isinstance(marked, dict):
            marked[id(use)] = use
        else:
            self._marked[index_key] = {id(marked): marked, id(use): use}

    def _unmark(self, index_key: Hashable, use: Use | None) -> None:
        marked = self._marked[index_key]
        if not isinstance(marked, dict):
            del self._marked[index_key]
            return
        del marked[id(use)]
        if len(marked) == 1:
            (self._marked[index_key],) = marked.values()


USING = "using"
"""The mark that every use has."""


def per_node(stem: str | None) -> Hashable:
    """The mark of a DaemonSet's hosts, as `possible_lookup_keys` looks for it."""
    return ("per node", stem)


def _marks(use: Use) -> set[Hashable]:
    repository, kind = use.repository, use.key.kind
    return {(repository, kind, index_key) for index_key in _marks_of(use.hosts)}


def _marks_of(written: Iterable[Hosts]) -> Iterator[Hashable]:
    yield USING
    for hosts in written:
        yield from certain_index_keys(hosts)
        if hosts.shape is Shape.PER_NODE:
            yield per_node(hosts.stem)


def _all(marked: Use | dict[int, Use] | None) -> Iterable[Use]:
    if marked is None:
        return ()
    return marked.values() if isinstance(marked, dict) else (marked,)
