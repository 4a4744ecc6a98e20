"""What became of a request."""

from dataclasses import dataclass

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
    def outcome(self) -> str:
        """What became of it in one word: refused, mutated or allowed."""
        if not self.allowed:
            return "refused"
        return "mutated" if self.edits else "allowed"

    @property
    def rules(self) -> list[str]:
        """The ids of the rules that acted, in the order in which they did."""
        acted = [rule for rule, _ in self.edits] + [found.rule for found in self.findings]
        return list(dict.fromkeys(acted))


NOTHING = Decision()
