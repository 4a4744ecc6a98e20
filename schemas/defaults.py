"""What the API server fills in before any webhook sees an object: the defaults that the models state."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict


@dataclass(frozen=True)
class Defaults:
    """The fields of an object that have a default, and those in which something has one."""

    values: dict[str, Any] = field(default_factory=dict)
    inside: dict[str, "Defaults"] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """The value, each default written where its field is absent or null; what is as it should be is shared."""
        if isinstance(value, list):
            items = [self.fill(item) for item in value]
            return value if all(map(_is, items, value)) else items
        if not isinstance(value, dict):
            return value
        filled = {name: default for name, default in self.values.items() if value.get(name) is None}
        for name, defaults in self.inside.items():
            if name in value and (below := defaults.fill(value[name])) is not value[name]:
                filled[name] = below
        return {**value, **filled} if filled else value


@cache
def defaults_of(model: Any) -> Defaults:
    """The defaults of a typed dictionary."""
    found = Defaults()
    for name, hint in get_type_hints(model, include_extras=True).items():
        for each in parts_of(hint):
            extra = each.json_schema_extra if isinstance(each, FieldInfo) else None
            if isinstance(extra, dict) and "default" in extra:
                found.values[name] = extra["default"]
            elif is_typeddict(each):
                below = defaults_of(each)
                if below.values or below.inside:
                    found.inside[name] = below
    return found


def parts_of(hint: Any) -> Iterator[Any]:
    """Everything that a type is made of, but what is inside its objects."""
    yield hint
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
    for each in get_args(hint):
        yield from parts_of(each)


def _is(one: object, other: object) -> bool:
    return one is other
