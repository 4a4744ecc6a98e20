"""Label selectors, as Kubernetes applies them."""

from collections.abc import Mapping
from typing import Any


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects an object with these labels. An empty one selects everything."""
    selector = selector or {}
    wanted = selector.get("matchLabels") or {}
    return has(labels, wanted) and all(_holds(each, labels) for each in selector.get("matchExpressions") or ())


def has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether these labels are among them."""
    return wanted.items() <= labels.items()


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
