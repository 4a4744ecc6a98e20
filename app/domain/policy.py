"""The `usagePolicy` of a Repository: which namespaces may use it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.domain.kept import MAX_LABELS, MAX_TEXT_CHARS

_ALL, _SELECTOR = "All", "Selector"
_WITH_VALUES, _WITHOUT = ("In", "NotIn"), ("Exists", "DoesNotExist")


class Condition(NamedTuple):
    """What a label selector asks of one label."""

    key: str
    operator: str
    values: frozenset[str]

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels meet it. A label that is not there is in no set."""
        there = self.key in labels
        if self.operator in _WITH_VALUES:
            return (there and labels[self.key] in self.values) is (self.operator == "In")
        return there is (self.operator == "Exists")


class UsagePolicy(NamedTuple):
    """Who may use a Repository."""

    source: str
    """`All`, `Same` or `Selector`: where allowed namespaces come from."""
    conditions: tuple[Condition, ...] | None = None
    """What the selector asks for; None if there is no readable selector, which selects nothing."""

    @property
    def needs_labels(self) -> bool:
        """Whether it depends on the labels of the namespace."""
        return self.source == _SELECTOR

    def allows(self, namespace: str, home: str, labels: Mapping[str, str]) -> bool:
        """Whether an object in `namespace`, which has these labels, may use a Repository in `home`."""
        if self.source == _ALL:
            return True
        if self.needs_labels:
            return self.conditions is not None and all(condition.holds(labels) for condition in self.conditions)
        return namespace == home

    def __str__(self) -> str:
        """For messages: which namespaces it allows."""
        if self.needs_labels:
            return "only namespaces that match its selector"
        return "all namespaces" if self.source == _ALL else "only its own namespace"


ALL = UsagePolicy(_ALL)
SAME = UsagePolicy("Same")
"""The policy of a Repository that states none."""
TOO_LARGE = UsagePolicy("TooLarge")
"""The policy of a Repository with a selector that is too large to be kept. Nobody knows what it allows."""


def policy_of(repository: Mapping[str, Any]) -> UsagePolicy:
    """The policy of a Repository, which need not be valid: a part that cannot be read allows nothing more."""
    holder: Any = repository
    for name in ("spec", "usagePolicy", "allowedNamespaces"):
        holder = holder.get(name)
        if not isinstance(holder, dict):
            return SAME
    if holder.get("from") == _ALL:
        return ALL
    if holder.get("from") == _SELECTOR:
        conditions = _conditions(holder.get("selector"))
        return TOO_LARGE if _larger_than_kept(conditions or ()) else UsagePolicy(_SELECTOR, conditions)
    return SAME


def _larger_than_kept(conditions: tuple[Condition, ...]) -> bool:
    texts = [text for each in conditions for text in (each.key, *each.values)]
    return len(texts) > MAX_LABELS or any(len(text) > MAX_TEXT_CHARS for text in texts)


def _conditions(selector: Any) -> tuple[Condition, ...] | None:
    """All that a label selector asks for. An empty one asks for nothing, and selects everything."""
    if not isinstance(selector, dict):
        return None
    try:
        equal = [
            _condition({"key": key, "operator": "In", "values": [value]})
            for key, value in (selector.get("matchLabels") or {}).items()
        ]
        more = [_condition(expression) for expression in selector.get("matchExpressions") or ()]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return (*equal, *more)


def _condition(expression: Any) -> Condition:
    condition = Condition(expression["key"], expression["operator"], frozenset(expression.get("values") or ()))
    if condition.operator not in (_WITH_VALUES if condition.values else _WITHOUT):
        raise ValueError(condition.operator)
    if not all(isinstance(text, str) for text in (condition.key, *condition.values)):
        raise TypeError(condition.key)
    return condition
