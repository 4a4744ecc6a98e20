"""What snapshots say beside the objects: which place each list of them is of, and whose fault what is found is."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO

from app.admission.offline import Subject
from app.commands.audit.snapshot_file import snapshots_in
from app.commands.check.runner import Checked, Diagnostic, place_in
from app.commands.cluster.snapshot import Step
from app.domain.cron import Interval, due_before
from app.domain.damage import Damage, Place
from app.domain.invoker import Backup, Restore
from app.domain.key import Key
from app.domain.path import dotted
from app.domain.quoting import printable
from app.domain.reading import read_invoker
from app.domain.removal import Removal
from app.domain.snapshot import History, Snapshot
from app.domain.writers import Reader, Writer, Writers, readers_of, writers_of
from app.inventory.store import Inventory
from app.manifest.discovery import STANDARD_INPUT, Unreadable, shown


@dataclass(frozen=True)
class Given:
    """A list of snapshots on the command line."""

    repository: str
    """`demo/gcs-repo`, `gcs-repo`, or empty where there is only one."""
    file: Path


@dataclass
class Damages:
    """What the snapshots of some repositories say."""

    given: list[Given]
    now: datetime
    zone: tzinfo = UTC
    standard_input: BinaryIO | None = None
    checked: list[Checked] = field(default_factory=list)
    removals: list[tuple[Key, Removal]] = field(default_factory=list)
    snapshots: int = 0
    unreadable: list[Unreadable] = field(default_factory=list)

    def look(self, subjects: Iterable[Subject], inventory: Inventory, *, whole: bool) -> Iterator[Step]:
        """Compare the snapshots with the objects, `whole` if these are all that there are. Yields how far it is."""
        if not self.given:
            return
        found = _Objects(subjects, inventory, self.now, self.zone, whole=whole)
        for each in self.given:
            name = shown(each.file)
            try:
                repository = found.repository(each.repository)
                read: list[Snapshot] = []
                yield from self._read(each.file, read)
            except OSError as error:
                self.unreadable.append(Unreadable(name, f"cannot read it: {error.strerror}"))
            except ValueError as error:
                self.unreadable.append(Unreadable("standard input" if name == STANDARD_INPUT else name, str(error)))
            else:
                self.snapshots += len(read)
                self._compare(found.place(repository, History(read)), found)
                yield Step("comparing snapshots", self.snapshots, None)

    def retention(self) -> list[dict[str, Any]]:
        """What retention removes next, as JSON."""
        return [
            {
                "repository": repository.path,
                "host": each.host,
                "paths": list(each.paths),
                "at": f"{each.at:%Y-%m-%dT%H:%M:%SZ}",
                "by": each.key._asdict(),
                "snapshots": [snapshot.id for snapshot in each.removed],
            }
            for repository, each in self.removals
        ]

    def _read(self, path: Path, into: list[Snapshot]) -> Iterator[Step]:
        from app.manifest.regular_file import opened

        with (
            nullcontext(self.standard_input)
            if self.standard_input and str(path) == STANDARD_INPUT
            else opened(path) as file
        ):
            for count, each in enumerate(snapshots_in(file), 1):
                into.append(each)
                if count % 10_000 == 0:
                    yield Step("reading snapshots", self.snapshots + count, None)

    def _compare(self, place: Place, found: "_Objects") -> None:
        for each in place.damage():
            self.checked.append(_checked(each, found.subjects.get(each.key)))
        self.removals += ((place.repository, each) for each in place.removals())


class _Objects:
    """The objects that write into repositories and restore from them."""

    def __init__(
        self, subjects: Iterable[Subject], inventory: Inventory, now: datetime, zone: tzinfo, *, whole: bool
    ) -> None:
        self.subjects: dict[Key, Subject] = {}
        self._whole = whole
        self._inventory, self._now, self._zone = inventory, now, zone
        self._writers: list[tuple[Key, Writer]] = []
        self._readers: list[tuple[Key, Reader]] = []
        self._new: set[Key] = set()
        self._known: dict[Key, None] = {}
        for each in subjects:
            self._add(each)
        for namespace, names in inventory.policies.items():
            self._known.update((Key("Repository", namespace, name), None) for name in names)

    def _add(self, subject: Subject) -> None:
        key = Key(subject.kind, subject.namespace, subject.name)
        self.subjects.setdefault(key, subject)
        if subject.kind == "Repository":
            self._known[key] = None
            return
        invoker = read_invoker(subject.kind, subject.value, subject.namespace)
        repository = invoker.repository
        if repository is None:
            return
        if isinstance(invoker, Backup):
            self._known[repository] = None
            found = list(writers_of(key, invoker))
            self._writers += ((repository, each) for each in found)
            if found and _is_new(found[0], subject.value, self._now, self._zone):
                self._new.add(key)
        elif isinstance(invoker, Restore):
            self._readers += ((repository, each) for each in readers_of(key, invoker))

    def repository(self, name: str) -> Key:
        """The Repository of a name. Raises ValueError if there is none, or another of that name."""
        fitting = [key for key in self._known if not name or name in (key.path, key.name)]
        places = {self._inventory.stored.place(key).certain for key in fitting}
        if len(places) == 1:
            return fitting[0]
        exact = [key for key in fitting if key.path == name]
        if exact:
            return exact[0]
        names = ", ".join(sorted(key.path for key in (fitting or self._known))[:5]) or "none at all"
        if not fitting:
            what = f"there is no Repository {name}" if name else "no object names a Repository"
            raise ValueError(f"{what} (there is {names}): write --snapshots NAMESPACE/NAME=FILE")
        raise ValueError(f"of which Repository are they? Write --snapshots NAMESPACE/NAME=FILE; there are {names}")

    def place(self, repository: Key, history: History) -> Place:
        """The place of a Repository with all that writes into it or restores from it."""
        where = self._inventory.stored.place
        certain = where(repository).certain
        writers = Writers(each for key, each in self._writers if where(key).certain == certain)
        readers = [each for key, each in self._readers if where(key).certain == certain]
        return Place(repository, history, writers, readers, self._now, self._zone, frozenset(self._new), self._whole)


def _is_new(writer: Writer, document: Mapping[str, Any], now: datetime, zone: tzinfo) -> bool:
    """Whether an object was created less than two runs ago, so that it need not have a snapshot."""
    created = (document.get("metadata") or {}).get("creationTimestamp")
    if not isinstance(created, str) or writer.schedule is None:
        return False
    try:
        since = datetime.fromisoformat(created)
    except ValueError:
        return False
    if since.tzinfo is None:
        return False
    until = now - writer.patience
    if isinstance(writer.schedule, Interval):
        return since > until - 2 * writer.schedule.step
    due = [at for at, _ in zip(due_before(writer.schedule, until, zone), range(2), strict=False)]
    return len(due) < 2 or since > due[1]


def _checked(damage: Damage, subject: Subject | None) -> Checked:
    said = Diagnostic(
        rule=damage.rule,
        level=damage.level,
        reason=damage.reason.value,
        path=printable(dotted(damage.path)),
        message=printable(damage.message),
        place=None if subject is None else place_in(subject, damage.path),
        snapshots=tuple(each.id for each in damage.snapshots),
        commands=tuple(map(printable, damage.commands)),
    )
    file, line = (None, None) if subject is None else (subject.file, subject.line)
    return Checked(file, line, damage.key.kind, damage.key.namespace, damage.key.name, (said,))
