"""Loops over what an object may have very many of: they look at the time now and then."""

from collections.abc import Callable, Iterator
from typing import TypeVar

Value = TypeVar("Value")

_EVERY = 256
"""Values between two looks at the time: a rule is through with them in a few milliseconds."""


class OutOfTime(Exception):
    """The time for a decision has run out in the middle of a loop."""


def unhurried() -> None:
    """Look at no time."""


class _Paced(list[Value]):
    def __init__(self, values: list[Value], look: Callable[[], None]) -> None:
        super().__init__(values)
        self._look = look

    def __iter__(self) -> Iterator[Value]:
        for start in range(0, len(self), _EVERY):
            self._look()
            yield from self[start : start + _EVERY]


def paced(values: list[Value], look: Callable[[], None]) -> list[Value]:
    """The values, in a list whose loops call `look` now and then, if there are many of them.

    So a rule stops in time, with the exception that `look` raises, and knows nothing of it.
    """
    return values if len(values) <= _EVERY or look is unhurried else _Paced(values, look)
