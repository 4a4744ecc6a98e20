"""What else went on while it was measured: no figure means anything without it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from proof.machine import Effort


def _steal() -> float:
    """Seconds, of all cores together, that the machine below gave to others."""
    return int(Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


@dataclass
class Noise:
    """From a moment on."""

    effort: Effort | None = field(default_factory=Effort.now)
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    steal: float = field(default_factory=_steal)

    def facts(self) -> list[tuple[str, str]]:
        """What there was until now; of our children, those that have ended count as ours."""
        now = Noise()
        found = [("load average before and after", f"{self.load:.2f}, {now.load:.2f}")]
        if self.effort and now.effort:
            found.append(("processors used by other programs", now.effort.others(self.effort)))
            total = now.effort.total - self.effort.total
            found.append(("processors taken by other machines", f"{(now.steal - self.steal) / total:.1%}"))
        return found
