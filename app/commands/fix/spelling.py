"""How a value is spelled in YAML."""

import json
import re
from typing import Any

from app.manifest.scalars import plain

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_LIKE_A_NUMBER = re.compile(r"[0-9][0-9_.:+-]*([eExXoObB][0-9A-Fa-f_+-]*)?")
"""Also dates, and what YAML readers other than kubectl's take for numbers."""


def scalar(value: str | bool, style: str = "") -> str:
    """A text in a style: `"`, `'`, or plain, where it stays a text without quotes. A boolean has no style."""
    if isinstance(value, bool):
        return json.dumps(value)
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return value if not style and _is_safe(value) else f'"{"".join(map(_escaped, value))}"'


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, list):
        return f"[{', '.join(flow(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(name)}: {flow(item)}" for name, item in value.items()) + "}"
    return scalar(value) if isinstance(value, str) else json.dumps(value)


def _escaped(character: str) -> str:
    """A character in double quotes. YAML does not know the surrogates of JSON."""
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _is_safe(value: str) -> bool:
    return bool(_WORD.fullmatch(value)) and not _LIKE_A_NUMBER.fullmatch(value) and plain(value) == value
