"""An object of one of Stash's kinds as rules see it: a read-only view of its JSON."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any, ClassVar, Self

from app.domain.pace import paced, unhurried
from app.domain.path import Path, ancestors
from schemas.faults import Checker, Fault


class Resource:
    """An object of one of the kinds that are judged."""

    kind: ClassVar[str]
    checker: ClassVar[Checker]
    """Compares a spec with the kind's model."""

    def __init__(
        self,
        spec: Any,
        namespace: str,
        faults: Sequence[Fault] = (),
        look: Callable[[], None] = unhurried,
        *,
        unread: str = "",
        like: "Resource | None" = None,
    ) -> None:
        """`like`: another form of the object, from which what is equal is taken rather than read again."""
        self.spec = spec
        """The spec, as its TypedDict has it, without the values in `faults`: these are null."""
        self.unread = unread
        """Why the spec was not read, and is empty here; empty text: it was."""
        self._look = look
        self.namespace = namespace
        """Namespace of the object; empty if unknown."""
        self.faults = paced(list(faults), look)
        """What does not fit the model, by paths from the object's root."""
        self._wrong = {fault.path for fault in faults}
        self._faulty = {above for path in self._wrong for above in ancestors(path)}
        self.stored: Self | None = None
        """On an update that changes the meaning of the spec, the object as it is stored."""
        self._read(like)

    def _read(self, like: "Resource | None") -> None:
        """What a kind makes of its spec, once."""

    def fields_valid(self, path: Path, fields: Iterable[Path]) -> bool:
        """Whether none of the fields below a path has itself a wrong type; what is below them may."""
        return not self._wrong or self._wrong.isdisjoint((*path, *field) for field in fields)

    def subtree_valid(self, *paths: Path) -> bool:
        """Whether nothing at or below these paths lacks the type that the model asks for."""
        return self._faulty.isdisjoint(paths)

    def as_update_of(self, stored: Self) -> Self:
        """The same object, to be judged as an update of the stored one."""
        update = copy(self)
        update.stored = stored
        return update

    def stored_path(self, path: Path) -> Path | None:
        """Where a field of this update is in the stored object; None if it is in something that is new."""
        return path
