"""What was measured, kept until it is measured again: a run of half an hour may be interrupted, and go on."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from proof.section import Section


@dataclass(frozen=True)
class Measurement:
    """What one part of the page says, and of which code."""

    section: Section
    commit: str
    when: datetime.datetime
    minutes: float
    others: str
    """The share of the processors that other programs used meanwhile, such as 12%."""


_JSON = TypeAdapter(Measurement)


class Record:
    """Whole measurements by the names of their parts, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, part: str, measurement: Measurement) -> None:
        """Take the place of what was measured before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        new = self._folder / f".{part}.json"
        new.write_bytes(_JSON.dump_json(measurement))
        new.replace(self._folder / f"{part}.json")

    def find(self, part: str) -> Measurement | None:
        """The last one; None if there is none that can be read."""
        try:
            return _JSON.validate_json((self._folder / f"{part}.json").read_bytes())
        except (OSError, ValueError):
            return None  # of an earlier version of this program, perhaps
