"""What a decision leaves unchecked: rules for which the time of the call, or knowledge of the cluster, was lacking."""

import math
from collections.abc import Callable

_OVER = "not checked, since the time of the call was over"


class RuleBudget:
    """Rules that were not run to their end, and why; and the time until which rules are run."""

    def __init__(self, clock: Callable[[], float], deadline: float | None = None) -> None:
        """`deadline` is a time of `clock`; None: there is always time."""
        self._clock = clock
        self.deadline = math.inf if deadline is None else deadline
        self.reasons: dict[str, str] = {}
        """By the rules' ids."""

    def over(self, rule: str) -> bool:
        """Whether no time is left for a rule, which is then remembered."""
        if self._clock() < self.deadline:
            return False
        self.reasons[rule] = _OVER
        return True

    def because(self, rule: str, reason: str) -> None:
        """Remember that a rule could not be run, or only in part."""
        self.reasons[rule] = f"not checked, since {reason}"

    def late(self, rule: str, reason: str) -> None:
        """Remember that a rule only warned."""
        self.reasons[rule] = f"only a warning, since {reason}"

    def alike(self) -> "RuleBudget":
        """Nothing yet, with the same time."""
        return RuleBudget(self._clock, self.deadline)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each reason, naming all its rules."""
        rules: dict[str, list[str]] = {}
        for rule, reason in self.reasons.items():
            rules.setdefault(reason, []).append(rule)
        return tuple(f"{', '.join(names)}: {reason}" for reason, names in rules.items())
