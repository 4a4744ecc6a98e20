"""The levels that rules have: in all namespaces, and in those that have levels of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rules.registry import Level, levels

DEFAULT = "default"
"""Where a level comes from that nobody has set."""


@dataclass(frozen=True)
class Levels:
    """What a server decides by, at one moment."""

    everywhere: Mapping[str, Level]
    """Of every rule that has one, by its id."""
    namespaces: Mapping[str, Mapping[str, Level]] = field(default_factory=dict)
    """What namespaces have of their own, by their names: there it wins."""

    def within(self, namespace: str) -> Mapping[str, Level]:
        """The level of every rule that has one, in a namespace."""
        own = self.namespaces.get(namespace)
        return {**self.everywhere, **own} if own else self.everywhere


@dataclass(frozen=True)
class Configuration:
    """The levels that a configuration file sets; by itself, those of none."""

    rules: Mapping[str, Level] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[str, Level]] = field(default_factory=dict)

    def under(self, flags: Mapping[str, str]) -> Levels:
        """With what flags say, which wins over what the file says of all namespaces. Raises UnknownLevel."""
        return Levels(levels({**self.rules, **flags}), self.namespaces)

    def origin(self, rule: str, flags: Mapping[str, str], namespace: str) -> str:
        """Where the level that a rule has in a namespace comes from."""
        if rule in self.namespaces.get(namespace, ()):
            return f"namespace {namespace}"
        return "--rule" if rule in flags else "file" if rule in self.rules else DEFAULT
