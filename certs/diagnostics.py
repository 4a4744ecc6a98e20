"""What is said about a thing that was looked at: whether it is as it should be, and what to do if it is not."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad it is. Only what is WRONG changes an exit code."""

    OK = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Diagnosis:
    """One line, and what to do about it."""

    level: Level
    line: str
    remedy: str = ""
    """What to do: lines, of which those after one that ends in a colon are commands. Empty if nothing is."""
    evidence: str = ""
    """Words of somebody else's that show it, in one line."""

    @property
    def remedy_in_one_line(self) -> str:
        """The same where there is one line for all."""
        return self.remedy.replace(":\n", ": ").replace("\n", "; ")


def ok(line: str) -> Diagnosis:
    """All is as it should be."""
    return Diagnosis(Level.OK, line)


def note(line: str, remedy: str = "", evidence: str = "") -> Diagnosis:
    """Nothing is broken, but somebody should know."""
    return Diagnosis(Level.NOTE, line, remedy, evidence)


def wrong(line: str, remedy: str, evidence: str = "") -> Diagnosis:
    """A fault."""
    return Diagnosis(Level.WRONG, line, remedy, evidence)
