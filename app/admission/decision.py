"""What became of a request."""

from dataclasses import dataclass
from typing import NamedTuple

from app.domain.outcome import Edit, Finding
from app.domain.repository_index import Use


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A finding, the rule that found it, and whether it refuses the object."""

    rule: str
    finding: Finding
    refuses: bool
    preexisting: bool = False
    """Whether the stored object has the same fault, so that it only warns."""
    last: bool = False
    """Whether it is the last that is looked at: nothing tells whether the stored object has those after it."""


class Verdict(NamedTuple):
    """A decision in a few words: what is counted and logged of it."""

    outcome: str
    """What became of the object: refused, mutated or allowed."""
    rules: tuple[str, ...] = ()
    """The ids of the rules that acted, in the order in which they did."""
    acts: frozenset[tuple[str, str]] = frozenset()
    """The rules, each with what it did: edit, refuse or warn."""


_ALLOWED = Verdict("allowed")


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a request."""

    edits: tuple[tuple[str, Edit], ...] = ()
    """The changes, each with the rule that makes it."""
    findings: tuple[RuleFinding, ...] = ()
    notes: tuple[str, ...] = ()
    """What else to warn of: that no rule is for the request, or that rules were not checked, and why."""
    unchecked: tuple[str, ...] = ()
    """The rules that were not checked, or could only warn."""
    use: Use | None = None
    """How the object will use its Repository, where it is a backup that may be stored and other objects matter."""
    adds_hosts: bool = False
    """Whether it will write under hosts, or into a place, under or into which the stored object did not write."""

    @property
    def allowed(self) -> bool:
        """Whether no finding refuses the object."""
        return not self.findings or not any(found.refuses for found in self.findings)

    @property
    def plain(self) -> bool:
        """Whether there is nothing to say but that the object is allowed."""
        return not (self.edits or self.findings or self.notes or self.unchecked)

    @property
    def verdict(self) -> Verdict:
        """What became of it, and which rules acted."""
        if self.plain:
            return _ALLOWED
        acts = [(rule, "edit") for rule, _ in self.edits]
        acts += [(found.rule, "refuse" if found.refuses else "warn") for found in self.findings]
        outcome = "refused" if not self.allowed else "mutated" if self.edits else "allowed"
        return Verdict(outcome, tuple(dict.fromkeys(rule for rule, _ in acts)), frozenset(acts))


NOTHING = Decision()
