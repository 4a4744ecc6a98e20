"""What `make node` has seen, which its page is written from."""

from __future__ import annotations

import json
from typing import Any

from testbed.node import place
from tests.node.stream import Phase

RESULTS = place.cache() / "results.json"


class Results:
    """What the page is written from."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.figures: dict[str, float | str] = {}

    def keep(self, phase: Phase) -> None:
        self.rows.append(phase.row())
        RESULTS.write_text(json.dumps({"rows": self.rows, "figures": self.figures}, indent=1))
