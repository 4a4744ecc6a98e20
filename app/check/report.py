"""All that there is to say about the objects in some files."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from app.admission import Admission
from app.check.judging import Checked, check, concerns
from app.check.stored import Stored
from app.files.objects import Manifest, objects
from app.files.walking import Unreadable


@dataclass
class Report:
    """What was found. `others`: objects of other kinds, which were left out."""

    checked: list[Checked] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    others: int = 0
    title: str = "stash-admission check"
    """The command that it is of."""

    def count(self, level: str) -> int:
        """How many findings have a level: `error` or `warning`."""
        return sum(each.level == level for one in self.checked for each in one.findings)

    @property
    def changes(self) -> int:
        """How many operations the server would make."""
        return sum(len(change.edits) for one in self.checked for change in one.changes)


def report(paths: Iterable[Path], admission: Admission, old: Iterable[Path] = ()) -> Iterable[Report]:
    """Check everything in `paths`; against what `old` holds, as updates of it.

    Yields the same report after each object, so that somebody can watch; the last time it is complete.
    """
    result = Report()
    stored = Stored(old)
    result.unreadable += stored.unreadable
    yield result
    for found in objects(paths):
        if isinstance(found, Unreadable):
            result.unreadable.append(found)
        elif isinstance(found, Manifest) and concerns(found):
            result.checked.append(check(found, admission, stored.of(found)))
        else:
            result.others += 1
        yield result
