"""Which values of an object do not fit the model of its kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import ErrorDetails, SchemaValidator, ValidationError
from typing_extensions import is_typeddict

from schemas.defaults import parts_of

Lack = Literal["missing", "type", "enum", "value"]

MAX_VALUES = 50_000
"""Values beyond which a list reports only its first fault: a hostile 7 MB list of wrong items would cost gigabytes."""

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "bool_type": "true or false",
    "dict_type": "an object",
    "list_type": "a list",
    "int_or_string_type": "an integer or a string",
    "quantity": "a quantity such as 500Mi or 2Gi",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that does not fit: where it is, what it lacks, what was found and what is expected there."""

    path: tuple[str | int, ...]
    lack: Lack
    found: object
    expected: str


class Checker:
    """Compares values with a model. Made once for each model, since that takes milliseconds."""

    def __init__(self, model: Any) -> None:
        self._model = model
        adapter: TypeAdapter[Any] = TypeAdapter(model)
        self._all = adapter.validator
        self._first = SchemaValidator(_failing_fast(adapter.core_schema))

    def faults(self, value: object) -> list[Fault]:
        """Every value in `value` that does not fit, by its path in `value`; none if it fits.

        Of a value with more than MAX_VALUES, only the first ones.
        """
        try:
            self._first.validate_python(value, extra="ignore")
        except ValidationError as error:
            if has_many(value):
                return [_fault(details) for details in error.errors(include_url=False)]
        else:
            return []
        try:
            self._all.validate_python(value, extra="ignore")
        except ValidationError as error:
            return [_fault(details) for details in error.errors(include_url=False)]
        raise AssertionError("both validators come from one schema")

    def unknown(self, value: object) -> list[tuple[str | int, ...]]:
        """The paths of all fields in `value` that the model does not have."""
        validator = self._first if has_many(value) else self._all
        try:
            validator.validate_python(value, extra="forbid")
        except ValidationError as error:
            each_of = error.errors(include_url=False, include_context=False, include_input=False)
            found = [details["loc"] for details in each_of if details["type"] == "extra_forbidden"]
            return [path for path in found if path[:-1] not in self._open]
        return []

    def fields(self, path: tuple[str | int, ...]) -> set[str]:
        """The names of the fields that an object at a path has; empty if its fields are not listed in the model."""
        models = [self._model]
        for part in path:
            if isinstance(part, str):
                hints = [_hints(model).get(part) for model in models]
                models = [below for hint in hints for below in parts_of(hint) if is_typeddict(below)]
        return {name for model in models for name in model.__annotations__}

    @cached_property
    def _open(self) -> set[tuple[str | int, ...]]:
        """The paths of the objects whose further fields are not listed in the model; none is in a list."""
        return set(_open_objects(self._model))


@cache
def _hints(model: Any) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def _open_objects(model: Any) -> Iterator[tuple[str | int, ...]]:
    if (model.__pydantic_config__.get("json_schema_extra") or {}).get("x-kubernetes-preserve-unknown-fields"):
        yield ()
    for name, hint in _hints(model).items():
        for below in filter(is_typeddict, parts_of(hint)):
            yield from ((name, *path) for path in _open_objects(below))


def _failing_fast(schema: Any) -> Any:
    """The schema with every list stopping at its first bad item."""
    if isinstance(schema, dict):
        copy = {key: _failing_fast(value) for key, value in schema.items()}
        if copy.get("type") == "list":
            copy["fail_fast"] = True
        return copy
    if isinstance(schema, list):
        return [_failing_fast(item) for item in schema]
    return schema


def has_many(value: object) -> bool:
    """Whether a value holds more than MAX_VALUES others."""
    seen, rest = 0, [value]
    while rest and seen <= MAX_VALUES:
        item = rest.pop()
        seen += 1
        if isinstance(item, dict):
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return seen > MAX_VALUES


def _fault(details: ErrorDetails) -> Fault:
    kind, found, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing" or found is None:
        return Fault(details["loc"], "missing", None, "")
    if kind == "literal_error":
        return Fault(details["loc"], "enum", found, str(context["expected"]))
    if kind in ("greater_than_equal", "less_than_equal"):
        bits = 32 if abs(context.get("ge", context.get("le", 0))) < 2**32 else 64
        return Fault(details["loc"], "value", found, f"a {bits}-bit integer")
    return Fault(details["loc"], "value" if kind == "quantity" else "type", found, _EXPECTED.get(kind, details["msg"]))
