"""What is read in one run as the objects of one cluster, which the rules that ask about the cluster compare."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from app.admission.engine import Admission
from app.admission.levels import Levels
from app.domain.key import Key
from app.domain.outcome import Finding, Reason
from app.inventory.store import KINDS, NAMESPACE, Inventory
from app.manifest.discovery import STANDARD_INPUT
from app.manifest.objects import Manifest

_NOT_READ = "not in the files that were read"
_Parts = tuple[str, ...]
_Cluster = frozenset[tuple[_Parts, str]]
"""For each directory that holds several clusters, in which of its directories a file is."""


class OneCluster:
    """The objects of a run.

    Directories side by side that hold the same object, as overlays do, are different clusters: what is in them is not
    compared, unless `separate` is false or an inventory says which cluster it is.
    """

    def __init__(
        self,
        manifests: Iterable[Manifest],
        levels: Levels,
        inventory: Inventory | None = None,
        *,
        separate: bool = True,
    ) -> None:
        self._levels = levels
        self._inventory = inventory
        manifests = list(manifests)
        several = _several(manifests) if separate and inventory is None else {}
        self._of = {id(each): frozenset(_cluster(_directory(each), several)) for each in manifests}
        self._in: defaultdict[_Cluster, list[Manifest]] = defaultdict(list)
        for each in manifests:
            self._in[self._of[id(each)]].append(each)
        self._known: tuple[_Cluster, Admission] | None = None
        """The one that was asked for last: a directory's objects come one after the other."""
        self._first: dict[tuple[_Cluster, Key], Manifest] = {}

    def admission(self, manifest: Manifest) -> Admission:
        """Decides on an object as it would where the others of its cluster are stored."""
        cluster = self._of[id(manifest)]
        if self._known is None or self._known[0] != cluster:
            others = (each for key, found in self._in.items() if _agree(key, cluster) for each in found)
            self._known = cluster, Admission(self._levels, _holding(others, self._inventory))
        return self._known[1]

    def same(self, manifest: Manifest) -> Iterator[Finding]:
        """That an object is in the run already."""
        if not manifest.name:
            return
        first = self._first.setdefault((self._of[id(manifest)], _key(manifest)), manifest)
        if first is not manifest:
            message = (
                f"this object is also in {first.file}, line {first.line}, and whichever is applied last replaces the "
                "other: remove one, or give it another name"
            )
            yield Finding(("metadata", "name"), Reason.DUPLICATE, message, manifest.name)


def _holding(manifests: Iterable[Manifest], inventory: Inventory | None) -> Inventory:
    """What is known of a cluster: the inventory with these objects, or that there are these among others."""
    if inventory is None:
        inventory = Inventory(stale_after=None, confidential=False)
        for kind in KINDS:
            inventory.complete(kind)
            inventory.unread(kind, _NOT_READ, "read them too")
    for each in manifests:
        if each.kind in KINDS and each.name:
            with suppress(ValueError):  # what is wrong with its metadata is not for the rules
                inventory.put(each.kind, each.value)
    return inventory


def _several(manifests: Iterable[Manifest]) -> dict[_Parts, set[str]]:
    """The directories that hold the same object more than once, and in which of their directories it is.

    An object in the directory itself has an empty name.
    """
    where: defaultdict[Key, set[_Parts]] = defaultdict(set)
    for each in manifests:
        if each.name and each.kind != NAMESPACE:  # which is written down beside what is in it, wherever that is
            where[_key(each)].add(_directory(each))
    result: defaultdict[_Parts, set[str]] = defaultdict(set)
    for directories in where.values():
        if len(directories) > 1:
            below: defaultdict[_Parts, set[str]] = defaultdict(set)
            for parts in directories:
                for depth in range(len(parts) + 1):
                    below[parts[:depth]].add(parts[depth] if depth < len(parts) else "")
            for directory, names in below.items():
                if len(names) > 1:
                    result[directory] |= names
    return result


def _cluster(directory: _Parts, several: dict[_Parts, set[str]]) -> Iterator[tuple[_Parts, str]]:
    for depth in range(len(directory) + 1):
        name = directory[depth] if depth < len(directory) else ""
        if name in several.get(directory[:depth], ()):
            yield directory[:depth], name


def _agree(one: _Cluster, other: _Cluster) -> bool:
    """Whether what is in one of them may be in the other."""
    names = dict(one)
    return all(names.get(directory, name) == name for directory, name in other)


def _directory(manifest: Manifest) -> _Parts:
    if manifest.file == STANDARD_INPUT:
        return ()
    return Path(manifest.file).absolute().parent.parts


def _key(manifest: Manifest) -> Key:
    return Key(manifest.kind, manifest.namespace, manifest.name)
