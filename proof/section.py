"""One part of the page: what was measured and how, what had to hold, and what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from proof.tally import HEADINGS, Tally

_LOADS = ("reviews on kept connections", "reviews on a new connection each", "creations through the API server")


@dataclass(frozen=True)
class Check:
    """Something that has to hold."""

    what: str
    seen: str
    wanted: str
    holds: bool


@dataclass(frozen=True)
class Table:
    """Rows under headings."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass
class Section:
    """What one measurement says."""

    title: str
    how: str
    """The method, in sentences."""
    checks: list[Check] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    faults: dict[str, Tally] = field(default_factory=dict)
    """Calls by what made them: the reasons of the failed ones are written down."""
    remarks: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether all is as it has to be."""
        return all(check.holds for check in self.checks)

    def none_failed(self, what: str, *tallies: Tally) -> None:
        """Require that calls were made and none of them failed."""
        calls, failed = sum(each.calls for each in tallies), sum(each.failed for each in tallies)
        self.checks.append(Check(what, f"{failed} of {calls:,}", "0", failed == 0 < calls))

    def loads(self, tallies: Sequence[Tally]) -> None:
        """Show the three loads of what is measured both straight and through the API server."""
        named = dict(zip(_LOADS, tallies, strict=True))
        self.tables.append(Table(("load", *HEADINGS), [(name, *tally.row) for name, tally in named.items()]))
        self.faults |= named

    def at_least(self, what: str, seen: int, wanted: int) -> None:
        """Require a number."""
        self.checks.append(Check(what, f"{seen:,}", f"at least {wanted:,}", seen >= wanted))
