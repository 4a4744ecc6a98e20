"""What a decision leaves unchecked: rules for which the time of the call, or knowledge of the cluster, was lacking."""

import math
from collections.abc import Callable

from app.domain.pace import OutOfTime

OUT_OF_TIME = "not checked, since the time for the call had run out"


class Undecided(Exception):
    """An enforced rule could not be run, so that nobody may admit the object. The message says which, and why."""


class RuleBudget:
    """Rules that were not run to their end, and why; and the time until which rules are run."""

    def __init__(
        self, clock: Callable[[], float], deadline: float | None = None, *, needs_inventory: bool = False
    ) -> None:
        """`deadline` is a time of `clock`; None: there is always time.

        `needs_inventory`: nothing is decided without what an enforced rule asks about the cluster.
        """
        self._clock = clock
        self._needs_inventory = needs_inventory
        self.deadline = math.inf if deadline is None else deadline
        self.reasons: dict[str, str] = {}
        """By the rules' ids, why they were not checked, or only warned."""
        self._in_part: dict[str, str] = {}
        self._undecided: dict[str, None] = {}

    def over(self, rule: str, *, enforced: bool) -> bool:
        """Whether no time is left for a rule, which is then remembered."""
        if self._clock() < self.deadline:
            return False
        self._note(rule, OUT_OF_TIME, undecided=enforced)
        return True

    def look(self) -> None:
        """Raise OutOfTime if no time is left: for loops inside a rule."""
        if self._clock() >= self.deadline:
            raise OutOfTime

    def decided(self) -> None:
        """Note that nothing is left but to tell what was decided, for which there is always time."""
        self.deadline = math.inf

    def because(self, rule: str, reason: str, *, enforced: bool) -> None:
        """Remember that a rule could not be run, or only in part, for lack of knowledge of the cluster."""
        self._note(rule, f"not checked, since {reason}", undecided=enforced and self._needs_inventory)

    def late(self, rule: str, reason: str, *, enforced: bool) -> None:
        """Remember that a rule only warned, since what it knows of the cluster may be out of date."""
        self._note(rule, f"only a warning, since {reason}", undecided=enforced and self._needs_inventory)

    def partly(self, rule: str, reason: str, *, enforced: bool) -> None:
        """Remember that a rule was run, but that what it knows of the cluster has a gap. What it found holds."""
        self._in_part[rule] = f"checked in part, since {reason}"
        if enforced and self._needs_inventory:
            self._undecided[rule] = None

    def not_settled(self, rule: str, reason: str) -> None:
        """Remember that nobody knows whether the stored object has what an enforced rule found, and why."""
        self._note(rule, reason, undecided=reason == OUT_OF_TIME or self._needs_inventory)

    def raise_undecided(self) -> None:
        """Raise Undecided if an enforced rule could not be run, and for that reason nothing may be admitted."""
        if self._undecided:
            all_reasons = self._in_part | self.reasons
            reasons = dict.fromkeys(all_reasons[rule] for rule in self._undecided)
            raise Undecided(f"{', '.join(self._undecided)}: {'; '.join(reasons)}")

    def alike(self) -> "RuleBudget":
        """Nothing yet, with the same time."""
        return RuleBudget(self._clock, self.deadline, needs_inventory=self._needs_inventory)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The rules that were not run to their end, or not with all that there is to know."""
        return tuple(self._in_part | self.reasons)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each reason, naming all its rules."""
        rules: dict[str, list[str]] = {}
        for rule, reason in (self._in_part | self.reasons).items():
            rules.setdefault(reason, []).append(rule)
        return tuple(f"{', '.join(names)}: {reason}" for reason, names in rules.items())

    def _note(self, rule: str, reason: str, *, undecided: bool) -> None:
        self.reasons[rule] = reason
        if undecided:
            self._undecided[rule] = None
