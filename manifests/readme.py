"""The parts of the README that are generated: real answers of the real code."""

import re
import subprocess
import sys
from pathlib import Path

from app.catalogue import RULES

_PART = re.compile(r"(<!-- generated: (?P<name>[a-z -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def readme(text: str, reviews: Path) -> str:
    """The README with every generated part made anew."""
    parts = {"rules": _rules}

    def replace(match: re.Match[str]) -> str:
        return f"{match[1]}{parts[match['name']]()}{match[3]}"

    return _PART.sub(replace, text)


def _rules() -> str:
    rows = [f"| `{rule.id}` | {rule.level or 'changes'} | {rule.summary} |\n" for rule in RULES.values()]
    return "| rule | level | |\n|---|---|---|\n" + "".join(rows)
