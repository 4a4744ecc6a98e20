"""Repositories of one run that are one place: said once for the place, and not again of each of them and its users."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace

from app.commands.check.clusters import Choice
from app.commands.check.runner import Checked, Diagnostic
from app.domain.key import Key
from app.domain.quoting import printable, quoted
from app.inventory.store import Inventory
from app.manifest.objects import Manifest

_REPOSITORY_PLACE, _SHARED_PLACE = "repository-place", "shared-place"
_MOST = 1_000
"""Repositories of a place that are counted."""
_MOST_NAMED = 10

_Cluster = tuple[Choice, ...]
_Told = tuple[_Cluster, Hashable]


@dataclass(frozen=True, slots=True)
class _Meeting:
    """An object that a place is told of: its number, its cluster, the place, and who else is there."""

    index: int
    cluster: _Cluster
    site: Hashable
    everybody: str = ""

    @property
    def wider(self) -> Iterator[_Told]:
        """The same place as it may have been told of already, in the cluster or in what it shares with others."""
        return ((self.cluster[:length], self.site) for length in range(len(self.cluster) + 1))


class SharedPlaces:
    """What is said of places in one run."""

    def __init__(self) -> None:
        self._meetings: dict[str, list[_Meeting]] = defaultdict(list)
        """By the rules that told them."""
        self._listed: set[_Told] = set()

    def note(self, index: int, manifest: Manifest, found: Checked, cluster: _Cluster, known: Inventory) -> None:
        """Take in what was found of an object, while it is known who else is there."""
        rules = {each.rule for each in found.findings}
        key = Key(manifest.kind, manifest.namespace, manifest.name)
        if _REPOSITORY_PLACE in rules:
            site = _site(known, key)
            everybody = ""
            if (cluster, site) not in self._listed:  # the first one's is told
                self._listed.add((cluster, site))
                everybody = _everybody(known, key)
            self._meetings[_REPOSITORY_PLACE].append(_Meeting(index, cluster, site, everybody))
        elif _SHARED_PLACE in rules and (use := known.stored.get(key)) is not None:
            self._meetings[_SHARED_PLACE].append(_Meeting(index, cluster, _site(known, use.repository)))

    def told_once(self, found: Iterable[tuple[int, Checked]]) -> Iterator[Checked]:
        """What was found, each place told of at the first of its Repositories, with all that are there."""
        told: set[_Told] = set()
        suffixes: dict[int, str] = {}
        silent: dict[int, str] = {}
        for each in sorted(self._meetings[_REPOSITORY_PLACE], key=lambda one: len(one.cluster)):
            if told.isdisjoint(each.wider):
                told.add((each.cluster, each.site))
                suffixes[each.index] = each.everybody
            else:
                silent[each.index] = _REPOSITORY_PLACE
        for each in self._meetings[_SHARED_PLACE]:
            if not told.isdisjoint(each.wider):
                silent[each.index] = _SHARED_PLACE
        for index, checked in found:
            if index in silent:
                yield replace(checked, findings=tuple(f for f in checked.findings if f.rule != silent[index]))
            elif suffixes.get(index):
                yield replace(checked, findings=tuple(_with(f, suffixes[index]) for f in checked.findings))
            else:
                yield checked


def _with(finding: Diagnostic, suffix: str) -> Diagnostic:
    if finding.rule != _REPOSITORY_PLACE:
        return finding
    return replace(finding, message=finding.message + printable(suffix))


def _site(known: Inventory, repository: Key) -> Hashable:
    """A place, or all that may be that one."""
    place = known.stored.place(repository)
    return place.certain if place.possible is None else ("possible", place.possible)


def _everybody(known: Inventory, repository: Key) -> str:
    """All Repositories of a place and their users; empty where there are but two, which the rule names."""
    others = known.stored.neighbours(repository, known.stored.place(repository), _MOST)
    if len(others) < 2:
        return ""
    keys = [repository, *(key for key, _ in others)]
    named = []
    for key in keys[:_MOST_NAMED]:
        use = known.stored.user(key, _MOST)
        named.append(f"{quoted(key.path)}{f' (used by {use.key})' if use else ''}")
    at_least = "at least " if len(others) >= _MOST else ""
    more = f" and {at_least}{len(keys) - len(named)} more" if len(keys) > len(named) else ""
    is_one = "are" if all(certain for _, certain in others) else "are, or may be,"
    return f"; {at_least}{len(keys)} Repositories {is_one} in this place: {', '.join(named)}{more}"
