"""What became of the calls of one load."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

_MOST_FAULTS = 20
_LONGEST = 300


@dataclass
class Tally:
    """Calls, how long each took, and why the failed ones failed."""

    seconds: list[float] = field(default_factory=list)
    """From the moment at which a call was due to the end of its answer, of the calls that did not fail."""
    faults: Counter[str] = field(default_factory=Counter)
    """How often each reason was seen. Ports and the like are left out, so that equal ones are counted as such."""

    @property
    def calls(self) -> int:
        """All calls."""
        return len(self.seconds) + self.failed

    @property
    def failed(self) -> int:
        """Calls without the answer that they should have had."""
        return self.faults.total()

    def add(self, seconds: float, fault: str | None) -> None:
        """Count a call."""
        if fault is None:
            self.seconds.append(seconds)
            return
        text = re.sub(r"\d{4,}|\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "#", " ".join(fault.split()))[:_LONGEST]
        is_kept = text in self.faults or len(self.faults) < _MOST_FAULTS
        self.faults[text if is_kept else "other reasons"] += 1

    def milliseconds(self, share: float) -> str:
        """The time within which this share of the calls was answered, in milliseconds, from 0 to 1; `-` of none."""
        if not self.seconds:
            return "-"
        ordered = sorted(self.seconds)
        return f"{ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000:.1f}"

    @property
    def row(self) -> tuple[str, ...]:
        """Cells for `HEADINGS`."""
        return (f"{self.calls:,}", str(self.failed), *(self.milliseconds(share) for share in (0.5, 0.99, 1)))


HEADINGS = ("calls", "failed", "p50 ms", "p99 ms", "longest ms")
