"""Documents of YAML 1.2, read by libyaml: the cases alone are hundreds of files, and every worker reads them.

PyYAML resolves plain scalars as YAML 1.1 does, where `on` is true and `010` is eight. Only its parser is used: what a
scalar is, is said here, after the core schema of YAML 1.2 (section 10.3.2), with timestamps.
"""

import re
from typing import Any

import yaml

_SCALARS = (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*|0[0-9]+)|0o[0-7]+|0x[0-9a-fA-F]+|0b[01]+", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ][0-9:.]+(?:Z|[-+][0-9:]+)?)?", "0123456789"),
)


class _Loader(yaml.CSafeLoader):
    """The safe loader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  so PyYAML names it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Without a key that is there twice, of which PyYAML would take the last."""
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError("a mapping", node.start_mark, "with a key that is there twice")
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Without PyYAML's octal and sexagesimal numbers."""
        text = str(self.construct_scalar(node)).replace("_", "")
        return int(text, 0) if text.startswith(("0o", "0x", "0b")) else int(text)


for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def load_all(text: str) -> list[Any]:
    """All documents of a text."""
    return list(yaml.load_all(text, _Loader))


def load(text: str) -> Any:
    """The one document of a text."""
    return yaml.load(text, _Loader)  # noqa: S506  a safe one
