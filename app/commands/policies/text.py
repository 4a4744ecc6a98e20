"""Policies as YAML, the same for the same input."""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString


def text(documents: list[dict[str, Any]]) -> str:
    """Documents as one text. Expressions of several lines are written as such."""
    yaml = YAML()
    yaml.width = 140
    yaml.indent(mapping=2, sequence=2, offset=0)
    yaml.representer.ignore_aliases = lambda _: True
    out = StringIO()
    for document in documents:
        out.write("---\n")
        yaml.dump(_literal(document), out)
    return out.getvalue()


def _literal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return LiteralScalarString(value) if isinstance(value, str) and "\n" in value else value
