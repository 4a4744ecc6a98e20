"""The cases: one YAML file each, whose name says what must happen.

`tests/cases/<rule-id>/<expectation>-<sentence>.yaml`, where the expectation is

    allow  the object is admitted, and the rule says nothing
    deny   the object is refused, by this rule and no other
    warn   the object is admitted, and the rule warns
    edit   the rule changes the object, and the result is admitted

A file holds

    object:   the object
    old:      what is stored, if it is an update
    cluster:  what else the cluster holds; left out, the rules that ask about the cluster do not run
    mutated:  for `edit`, the object afterwards
    fields:   the fields that the rule finds fault with, in any order; left out, any
    says:     texts that its messages hold
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from testbed.documents import load

FOLDER = Path(__file__).parents[1] / "tests" / "cases"
EXPECTATIONS = ("allow", "deny", "warn", "edit")
_KEYS = {"object", "old", "cluster", "mutated", "fields", "says"}


@dataclass(frozen=True)
class Case:
    """One case."""

    rule: str
    expectation: str
    sentence: str
    object: dict[str, Any]
    old: dict[str, Any] | None = None
    cluster: list[dict[str, Any]] | None = None
    mutated: dict[str, Any] | None = None
    fields: list[str] | None = None
    says: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.rule}-{self.expectation}-{self.sentence}"


@cache
def cases() -> list[Case]:
    """All cases."""
    return [_read(path) for path in sorted(FOLDER.glob("*/*.yaml"))]


def _read(path: Path) -> Case:
    expectation, _, sentence = path.stem.partition("-")
    assert expectation in EXPECTATIONS, f"{path.name} does not begin with {', '.join(EXPECTATIONS)}"
    content = load(path.read_text())
    unknown = content.keys() - _KEYS
    assert not unknown, f"{path}: unknown keys {unknown}"
    assert (expectation == "edit") == ("mutated" in content), f"{path}: `mutated` belongs to `edit`"
    return Case(path.parent.name, expectation, sentence, **content)
