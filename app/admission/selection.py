"""Which rules run on an object, by the levels of its namespace: found once, so that a decision only looks it up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.admission.levels import Levels
from app.domain.kinds import KINDS
from app.rules import ANNOUNCEMENTS, VALIDATIONS
from app.rules.registry import RULES, Level, for_kind

Function = Callable[..., Iterable[Any]]


Announcements = tuple[tuple[str, Function], ...]
"""Rules by which `/mutate` warns: their ids and functions."""
Validations = tuple[tuple[str, Function, bool, bool], ...]
"""Those of `/validate`: their ids and functions, whether they ask about the cluster, and whether they refuse."""


@dataclass(frozen=True, slots=True)
class Selected:
    """The rules that run, by the kinds of objects."""

    announcements: Mapping[str, Announcements]
    validations: Mapping[str, Validations]


class Selection:
    """The rules that run, in every namespace. It never changes: other levels make another one."""

    def __init__(self, levels: Levels, *, knows_cluster: bool) -> None:
        """Without knowledge of the cluster, the rules that ask about it do not run."""
        self._everywhere = _select(levels.everywhere, knows_cluster)
        alike: dict[Any, Selected] = {}
        self._own: dict[str, Selected] = {}
        for namespace, own in levels.namespaces.items():
            key = tuple(sorted(own.items()))
            if key not in alike:  # thousands of namespaces have few different levels
                alike[key] = _select(levels.within(namespace), knows_cluster)
            self._own[namespace] = alike[key]

    def within(self, namespace: str) -> Selected:
        """The rules that run on objects of a namespace."""
        return self._own.get(namespace, self._everywhere)


def _select(levels: Mapping[str, Level], knows_cluster: bool) -> Selected:
    return Selected(
        {
            kind: tuple((rule, function) for rule, function, _ in rules if levels[rule] is not Level.OFF)
            for kind, rules in _candidates(ANNOUNCEMENTS).items()
        },
        {
            kind: tuple(
                (rule, function, asks, levels[rule] is Level.ENFORCE)
                for rule, function, asks in rules
                if levels[rule] is not Level.OFF and (knows_cluster or not asks)
            )
            for kind, rules in _candidates(VALIDATIONS).items()
        },
    )


@cache
def _candidates(functions: tuple[Function, ...]) -> dict[str, list[tuple[str, Function, bool]]]:
    """For each kind the rules that are for it: their ids, the functions, and whether they ask about the cluster."""
    return {
        kind: [(rule, function, RULES[rule].asks_the_cluster) for rule, function in for_kind(kind, functions)]
        for kind in KINDS
    }
