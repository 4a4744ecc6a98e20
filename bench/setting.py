"""What all sections share: programs, certificates, a folder, and how much is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proof.progress import Telling


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    rounds: int = 5
    seconds: float = 0.6
    """Of one slice: one server asked in one way."""
    connections: tuple[int, ...] = (1, 8, 64)
    sizes: tuple[int, ...] = (2, 50, 500)
    """Members of a BackupBatch."""
    few: int = 24
    """Calls in a slice of a server that is too slow for as many in its time."""
    starts: int = 10
    calls: int = 100_000
    """Between two looks at the memory."""
    peers: bool = True
    """Whether the memory of peers is looked at, too."""
    clients: tuple[int, ...] = (1, 16, 64)
    creating: float = 1.5
    """Seconds of creates in one way."""
    decisions: int = 300
    """Decisions of the engine of each sort, fewer where they are large."""
    inventory: tuple[int, ...] = (0, 100, 1_000, 10_000, 100_000)
    members: tuple[int, ...] = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
    stored: int = 11_000
    """Backups in the full cluster."""
    profile: float = 6.0
    """Seconds of each profile."""
    files: tuple[int, int] = (1_000, 50_000)
    """With an object, and of other things."""


WHOLE = Scale()
CHECK = Scale(
    rounds=3,
    seconds=0.5,
    connections=(8,),
    few=12,
    starts=5,
    peers=False,
    clients=(16,),
    decisions=100,
    inventory=(0, 100_000),
    members=(50, 500),
)
QUICK = Scale(
    rounds=2,
    seconds=0.2,
    connections=(8,),
    few=2,
    starts=2,
    calls=2_000,
    clients=(16,),
    creating=0.5,
    decisions=20,
    inventory=(0, 100, 2_000),
    members=(10, 50, 500, 5_000),
    stored=100,
    profile=1.0,
    files=(20, 200),
)


@dataclass
class Setting:
    """The setting of one run."""

    folder: Path
    telling: Telling
    scale: Scale
    programs: Mapping[str, Path]
    """The load generator and the peers in Go."""
    certificates: Path
    """A folder with a serving pair and its CA, for all servers."""
    binaries: Path | None = None
    """The folder of the API server's programs, once it was needed."""
    source: Path = field(default_factory=lambda: Path(__file__).parents[1])
    """The checkout whose server is profiled."""

    def room(self, name: str) -> Path:
        """A new folder."""
        made = self.folder / name
        made.mkdir()
        return made
