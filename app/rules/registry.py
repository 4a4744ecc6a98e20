"""The rules as users know them: id, kinds, level, documentation, and how they are called."""

import difflib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from textwrap import dedent
from typing import Any

from app.domain.cluster_view import ClusterView
from app.domain.kinds import KINDS
from app.domain.resource import Resource
from app.domain.twin import NoTwin, Rewriting, Twin
from app.rules import ANNOUNCEMENTS, MUTATIONS, REFUSALS, WARNINGS


class Level(StrEnum):
    """What a rule's findings do: refuse the object, warn, or nothing."""

    ENFORCE = "enforce"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True)
class Rule:
    """One rule. A mutation has no level: it cannot be set."""

    function: Callable[..., Iterable[Any]]
    level: Level | None
    settable: tuple[Level, ...]
    """The levels that the operator of the server can choose from."""

    @property
    def id(self) -> str:
        """`unique_alias` is `unique-alias`."""
        return self.function.__name__.replace("_", "-")

    @property
    def scope(self) -> type[Resource]:
        """The type of the rule's first parameter: the objects that it is for."""
        scope = self._parameters[0].annotation
        assert isinstance(scope, type)  # noqa: S101  a rule without a type is a mistake of ours
        return scope

    @property
    def asks_the_cluster(self) -> bool:
        """Whether the rule asks about the other objects of the cluster."""
        return any(parameter.annotation is ClusterView for parameter in self._parameters)

    @property
    def twin(self) -> Twin | Rewriting | NoTwin:
        """What CEL can say of it: the constant `TWIN` beside the function."""
        twin = vars(sys.modules[self.function.__module__])["TWIN"]
        assert isinstance(twin, Twin | Rewriting | NoTwin)  # noqa: S101  a rule without one is a mistake of ours
        return twin

    @property
    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.function).parameters.values())

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that the rule is for."""
        return tuple(kind for kind, view in KINDS.items() if issubclass(view, self.scope))

    @property
    def documentation(self) -> str:
        """The docstring: a summary line, the reason, and examples in YAML under `Bad:` and `Good:`."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0]

    @property
    def reason(self) -> str:
        """The documentation between summary and examples."""
        return self.documentation.partition("\n")[2].partition(f"\n{self._headings[0]}:\n")[0].strip()

    @property
    def examples(self) -> dict[str, str]:
        """`Bad` and `Good` (of a mutation: `Before` and `After`), each with its YAML: of an update, both documents."""
        first, second = self._headings
        rest = self.documentation.partition(f"\n{first}:\n")[2]
        one, _, other = rest.partition(f"\n{second}:\n")
        return {first: dedent(one).strip(), second: dedent(other).strip()}

    @property
    def _headings(self) -> tuple[str, str]:
        return ("Before", "After") if self.level is None else ("Bad", "Good")


_ALL = tuple(Level)
_MAX_SHOWN_CHARS = 80
"""Characters of what the operator wrote in a message."""
RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        *(Rule(function, None, ()) for function in MUTATIONS),
        *(Rule(function, Level.WARN, (Level.WARN, Level.OFF)) for function in ANNOUNCEMENTS),
        *(Rule(function, Level.ENFORCE, _ALL) for function in REFUSALS),
        *(Rule(function, Level.WARN, _ALL) for function in WARNINGS),
    )
}
"""Every rule by its id, in the order in which they act."""


class UnknownLevel(ValueError):
    """A level for a rule that does not exist, or that the rule cannot have."""


def levels(chosen: Mapping[str, str]) -> dict[str, Level]:
    """The level of every rule that has one, with those that the operator chose. Raises UnknownLevel."""
    result = {rule.id: rule.level for rule in RULES.values() if rule.level is not None}
    return result | {name: level(name, text) for name, text in chosen.items()}


def level(name: str, text: str) -> Level:
    """The level that the operator chose for a rule. Raises UnknownLevel."""
    rule = RULES.get(name)
    if rule is None:
        near = difflib.get_close_matches(name[:_MAX_SHOWN_CHARS], RULES)
        advice = f"write {' or '.join(near)}" if near else "`stash-admission rules` lists all rules"
        raise UnknownLevel(f"unknown rule {name[:_MAX_SHOWN_CHARS]!r}: {advice}")
    if rule.level is None:
        raise UnknownLevel(f"{name} changes objects and has no level: remove it")
    if text not in rule.settable:
        raise UnknownLevel(f"{name} cannot be {text[:_MAX_SHOWN_CHARS]!r}: write {' or '.join(rule.settable)}")
    return Level(text)


def for_kind(kind: str, functions: Iterable[Callable[..., Iterable[Any]]]) -> list[tuple[str, Callable[..., Any]]]:
    """Those of the functions that are for a kind, with their ids."""
    rules = (RULES[function.__name__.replace("_", "-")] for function in functions)
    return [(rule.id, rule.function) for rule in rules if kind in rule.kinds]
