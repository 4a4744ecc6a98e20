"""What a rule says: an Edit of the object, or a Finding about it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from app.domain.path import Path, pointer


@dataclass(frozen=True, slots=True)
class Edit:
    """One operation of a JSON Patch (RFC 6902). A `move` has a `source`, an `add` or `replace` a `value`."""

    op: Literal["add", "remove", "replace", "move"]
    path: Path
    value: Any = None
    source: Path = ()

    def operation(self) -> dict[str, Any]:
        """The operation as JSON."""
        if self.op == "move":
            return {"op": "move", "from": pointer(self.source), "path": pointer(self.path)}
        if self.op == "remove":
            return {"op": "remove", "path": pointer(self.path)}
        return {"op": self.op, "path": pointer(self.path), "value": self.value}


def apply(edits: Iterable[Edit], document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the edits applied, in order. The original stays as it was; what no edit touches is shared."""
    result = dict(document)
    own: set[int] = set()
    for edit in edits:
        value = edit.value
        if edit.op == "move":
            value = _holder(result, edit.source, own).pop(edit.source[-1])
        holder = _holder(result, edit.path, own)
        if edit.op == "remove":
            del holder[edit.path[-1]]
        else:
            holder[edit.path[-1]] = value
    return result


def _holder(document: dict[str, Any], path: Path, own: set[int]) -> Any:
    """The object or list that holds the last part of the path. It and all above it are copies, made once (`own`)."""
    holder: Any = document
    for part in path[:-1]:
        below = holder[part]
        if id(below) not in own:
            below = holder[part] = below.copy()
            own.add(id(below))
        holder = below
    return holder


class Reason(StrEnum):
    """The reasons that Kubernetes knows for a cause (metav1.CauseType)."""

    DUPLICATE = "FieldValueDuplicate"
    FORBIDDEN = "FieldValueForbidden"
    INVALID = "FieldValueInvalid"
    NOT_SUPPORTED = "FieldValueNotSupported"
    REQUIRED = "FieldValueRequired"
    TYPE_INVALID = "FieldValueTypeInvalid"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a field.

    `value` is what was found there; together with rule and path it tells whether a stored object already had the
    same fault. A finding about two members names them in `pair` instead (indexes, the earlier first), and says itself
    whether both stand as they stood in the stored object (`preexisting`). One that is `advisory` never refuses an
    object. `covered_by` names rules, each with a field: where one of them says something of its field, and as strictly,
    this is no news.

    `said` is the message, or makes it: what takes work, such as to look for an alias to suggest, is done only for a
    finding that is shown.
    """

    path: Path
    reason: Reason
    said: str | Callable[[], str]
    value: object = None
    pair: tuple[int, int] | None = None
    preexisting: bool = False
    advisory: bool = False
    covered_by: tuple[tuple[str, Path], ...] = ()

    @property
    def message(self) -> str:
        """What is wrong, where, and what to write instead. Always the same."""
        return self.said if isinstance(self.said, str) else self.said()
