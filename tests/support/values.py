"""The values that a manifest holds."""

from typing import Any

from app.manifest.documents import documents
from app.manifest.nodes import Malformed
from app.manifest.values import value_of


def values(text: str) -> list[Any]:
    """All documents of a text that are not null. Raises Malformed where one cannot be read."""
    result = []
    for each in documents(text):
        if isinstance(each, Malformed):
            raise each
        result.append(value_of(each.root))
    return [each for each in result if each is not None]


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON. Numbers are compared as JSON has them, which has one kind."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, int | float):
        return bool(one == other and type(one) is type(other))
    return isinstance(other, int | float) and float(one) == float(other)
