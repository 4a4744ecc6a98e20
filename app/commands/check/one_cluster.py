"""What is read in one run as the objects of one cluster, which the rules that ask about the cluster compare."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from app.admission.engine import Admission
from app.admission.levels import Levels
from app.commands.check.clusters import Choice, Clusters, Parts
from app.domain.key import Key
from app.domain.outcome import Finding, Reason
from app.inventory.store import KINDS, NAMESPACE, Inventory, key_of
from app.manifest.discovery import STANDARD_INPUT
from app.manifest.objects import Manifest

_NOT_READ = "not in the files that were read"
_MOST_NAMED = 5
"""Directories that are named in one line."""


class OneCluster:
    """The objects of a run.

    Directories that hold the same object, as overlays do, are different clusters: what is in them is not compared,
    unless `separate` is false or an inventory says which cluster it is.
    """

    def __init__(
        self,
        manifests: Iterable[Manifest],
        levels: Levels,
        inventory: Inventory | None = None,
        *,
        separate: bool = True,
    ) -> None:
        self._manifests = list(manifests)
        self._held = [_held(each) for each in self._manifests]
        self._in: defaultdict[Parts, list[int]] = defaultdict(list)
        """The objects of each directory, by their numbers."""
        separate = separate and inventory is None
        named: dict[Path, Parts] = {}
        keyed = []
        for index, each in enumerate(self._manifests):
            directory = _directory(each, named) if separate else ()
            self._in[directory].append(index)
            # A Namespace is written down beside what is in it, wherever that is.
            keyed.append((directory, _key(each) if each.name and each.kind != NAMESPACE else None))
        self._clusters = Clusters(keyed, separate=separate)
        self.inventory = inventory or _of_the_run()
        """What is known of the cluster of the object that was given last."""
        self.admission = Admission(levels, self.inventory)
        """Decides on that object as it would where the others of its cluster are stored."""
        self.cluster: tuple[Choice, ...] = ()
        """The cluster of that object."""
        self._began = False
        self._directory: Parts = ()
        self._present: defaultdict[Key, list[int]] = defaultdict(list)
        """The objects of that cluster, by their numbers: of several with one key, the inventory holds the last."""
        self._first: dict[tuple[Parts, Key], Manifest] = {}

    @property
    def apart(self) -> str:
        """Which directories are not compared with each other, and what compares them; empty: all are."""
        paths = [Path(*parts) for parts in self._clusters.apart]
        if not paths:
            return ""
        here = Path.cwd()
        names = [str(each.relative_to(here) if each.is_relative_to(here) else each) for each in paths[:_MOST_NAMED]]
        more = f" and {len(paths) - len(names)} more" if len(paths) > len(names) else ""
        return (
            f"these directories hold the same objects, so they are taken for different clusters, and not compared with "
            f"each other: {', '.join(names)}{more}; --together compares them"
        )

    def in_turn(self) -> Iterator[tuple[int, Manifest]]:
        """All objects, each with its number in the run, directory by directory.

        One directory's cluster is made of the one's before: neighbours have nearly all in common.
        """
        for directory in self._clusters.directories:
            self._turn_to(self._clusters.of(directory))
            self._directory = directory
            yield from ((index, self._manifests[index]) for index in self._in[directory])

    def same(self, manifest: Manifest) -> Iterator[Finding]:
        """That the object that was given last is in its cluster already."""
        if not manifest.name:
            return
        first = self._first.setdefault((self._directory, _key(manifest)), manifest)
        if first is not manifest:
            message = (
                f"this object is also in {first.file}, line {first.line}, and whichever is applied last replaces the "
                "other: remove one, or give it another name"
            )
            yield Finding(("metadata", "name"), Reason.DUPLICATE, message, manifest.name)

    def _turn_to(self, cluster: tuple[Choice, ...]) -> None:
        """Let the inventory hold what agrees with a cluster."""
        before, self.cluster = self.cluster, cluster
        if not self._began:
            self._began = True
            left_out = {each for choice in cluster for each in self._clusters.others(choice)}
            for directory in self._clusters.directories:
                if directory not in left_out:
                    self._add(directory)
            return
        common = 0
        while common < min(len(before), len(cluster)) and before[common] == cluster[common]:
            common += 1
        side_by_side = common < min(len(before), len(cluster)) and before[common][0] == cluster[common][0]
        for choice in reversed(before[common + side_by_side :]):
            for directory in self._clusters.others(choice):
                self._add(directory)
        if side_by_side:  # all others are left out for both of them
            for directory in self._clusters.chosen(before[common]):
                self._remove(directory)
            for directory in self._clusters.chosen(cluster[common]):
                self._add(directory)
        for choice in cluster[common + side_by_side :]:
            for directory in self._clusters.others(choice):
                self._remove(directory)

    def _add(self, directory: Parts) -> None:
        for index in self._in[directory]:
            key = self._held[index]
            if key is not None:
                present = self._present[key]
                insort(present, index)
                if present[-1] == index:
                    self._put(index)

    def _remove(self, directory: Parts) -> None:
        for index in self._in[directory]:
            key = self._held[index]
            if key is not None:
                present = self._present[key]
                del present[bisect_left(present, index)]
                if not present:
                    self.inventory.drop(key)
                elif present[-1] < index:
                    self._put(present[-1])

    def _put(self, index: int) -> None:
        self.inventory.put(self._manifests[index].kind, self._manifests[index].value)


def _of_the_run() -> Inventory:
    """What is known where there are these objects among others."""
    inventory = Inventory(stale_after=None, confidential=False)
    for kind in KINDS:
        inventory.complete(kind)
        inventory.unread(kind, _NOT_READ, "read them too")
    return inventory


def _held(manifest: Manifest) -> Key | None:
    """What an inventory knows an object by; None: it does not hold it."""
    if manifest.kind in KINDS and manifest.name:
        with suppress(ValueError):  # what is wrong with its metadata is not for the rules
            return key_of(manifest.kind, manifest.value)
    return None


def _directory(manifest: Manifest, named: dict[Path, Parts]) -> Parts:
    """Where an object is, by the names that lead there."""
    if manifest.file == STANDARD_INPUT:
        return ()
    folder = Path(manifest.file).parent
    if folder not in named:
        named[folder] = folder.absolute().parts
    return named[folder]


def _key(manifest: Manifest) -> Key:
    return Key(manifest.kind, manifest.namespace, manifest.name)
