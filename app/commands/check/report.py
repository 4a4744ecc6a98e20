"""All that there is to say about the objects in some files."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from app.admission.engine import Admission
from app.commands.check.names import CHECKED, concerns
from app.commands.check.one_cluster import OneCluster
from app.commands.check.places import SharedPlaces
from app.commands.check.previous import Stored
from app.commands.check.runner import Checked, check, check_name
from app.manifest.discovery import OtherFile, Skipped, Unreadable
from app.manifest.exclusions import Exclusions
from app.manifest.objects import Found, Manifest, objects


@dataclass
class Report:
    """What was found. `others`: objects of other kinds; `other_files`: files without any of ours."""

    checked: list[Checked] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    others: int = 0
    other_files: int = 0
    apart: str = ""
    """Which directories were not compared with each other; empty: all were, or none."""
    title: str = "stash-admission check"
    """The command that it is of."""
    repositories: list[Checked] = field(default_factory=list)
    """What the snapshots of repositories say of objects, which are judged in `checked`."""
    retention: list[dict[str, Any]] | None = None
    """What retention removes from them next, as JSON; None where no snapshots are given."""

    @property
    def every(self) -> list[Checked]:
        """All that is said."""
        return self.checked + self.repositories

    def count(self, level: str) -> int:
        """How many findings have a level: `error` or `warning`."""
        return sum(each.level == level for one in self.every for each in one.findings)

    @property
    def changes(self) -> int:
        """How many operations the server would make."""
        return sum(len(change.edits) for one in self.checked for change in one.changes)

    def note(self, found: Found) -> None:
        """Note what is not judged: what is named wrongly, and what is left out."""
        named = check_name(found) if isinstance(found, Manifest) else None
        if named is not None:
            self.checked.append(named)
        else:
            self.leave_out(found)

    def leave_out(self, found: Found) -> None:
        """Note what is not looked at."""
        if isinstance(found, Unreadable):
            self.unreadable.append(found)
        elif isinstance(found, Skipped):
            self.skipped.append(found)
        elif isinstance(found, OtherFile):
            self.other_files += 1
        else:
            self.others += 1


def report(
    paths: Iterable[Path],
    admission: Admission,
    old: Iterable[Path] = (),
    but: Exclusions | None = None,
    together: Callable[[Iterable[Manifest]], OneCluster] | None = None,
) -> Iterator[Report]:
    """Check everything in `paths`, but what is left out; against what `old` holds, as updates of it.

    `together` makes one cluster of what is read; without it, each object is judged alone.
    """
    stored = Stored(objects(old, but=but))
    if together is None:
        return reported(objects(paths, CHECKED, but), admission, stored)
    return _compared(objects(paths, CHECKED, but), together, stored)


def _compared(
    found: Iterable[Found], together: Callable[[Iterable[Manifest]], OneCluster], stored: Stored
) -> Iterator[Report]:
    """Check what was found as objects of one cluster, when all of it is known."""
    result, manifests = Report(), list[Manifest]()
    result.unreadable += stored.unreadable
    result.skipped += stored.skipped
    yield result
    for each in found:
        if isinstance(each, Manifest):
            manifests.append(each)
        else:
            result.leave_out(each)
        yield result
    cluster, places = together(manifests), SharedPlaces()
    result.apart = cluster.apart
    numbers = []
    for index, manifest in cluster.in_turn():
        if concerns(manifest):
            checked = check(manifest, cluster.admission, stored.of(manifest), cluster.same(manifest))
            places.note(index, manifest, checked, cluster.cluster, cluster.inventory)
            result.checked.append(checked)
            numbers.append(index)
        else:
            before = len(result.checked)
            result.note(manifest)
            numbers += [index] * (len(result.checked) - before)
        yield result
    in_order = sorted(zip(numbers, result.checked, strict=True), key=itemgetter(0))
    result.checked = list(places.told_once(in_order))
    yield result


def reported(found: Iterable[Found], admission: Admission, stored: Stored) -> Iterator[Report]:
    """Check what was found; what is stored of it as an update.

    Yields the same report after each object, so that somebody can watch; the last time it is complete.
    """
    result = Report()
    result.unreadable += stored.unreadable
    result.skipped += stored.skipped
    yield result
    for each in found:
        if isinstance(each, Manifest) and concerns(each):
            result.checked.append(check(each, admission, stored.of(each)))
        else:
            result.note(each)
        yield result
