"""Where a server's inventory comes from: nowhere, a folder of manifests, or the cluster."""

from pathlib import Path
from typing import Protocol

from app.inventory.folder import BadFolder, read_folder
from app.inventory.inventory import Inventory
from app.telemetry import Telemetry
from certs.failures import Refused

NONE, CLUSTER = "none", "cluster"


class NoKnowledge(Exception):
    """The inventory cannot be had. The message says why, and what to do."""


class Source(Protocol):
    """What keeps an inventory up to date."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


class Knowledge:
    """The inventory that was asked for, and what keeps it up to date."""

    def __init__(self, source: str, telemetry: Telemetry) -> None:
        """`source` is what `--inventory` says. Raises NoKnowledge."""
        self.inventory: Inventory | None = None
        self._live: Source | None = None
        if source == NONE:
            return
        if source == CLUSTER:
            from app.inventory.live import LiveInventory

            self.inventory = Inventory()
            try:
                self._live = LiveInventory(self.inventory, tell=telemetry.inventory_fault)
            except Refused as error:
                raise NoKnowledge(f"--inventory cluster: {error}") from None
        else:
            try:
                self.inventory = read_folder(Path(source))
            except BadFolder as error:
                raise NoKnowledge(f"--inventory takes none, cluster or a folder of manifests: {error}") from None
        telemetry.knows(self.inventory.counts, lambda: self.age)

    @property
    def age(self) -> float:
        """Seconds since the source was heard of."""
        return self.inventory.age if self.inventory else 0.0

    def start(self) -> None:
        """Begin to keep it up to date."""
        if self._live:
            self._live.start()

    def stop(self) -> None:
        """End it."""
        if self._live:
            self._live.stop()

    def not_ready(self) -> str | None:
        """What is worth waiting for."""
        return self.inventory.not_ready() if self.inventory else None

    def remark(self) -> str | None:
        """What is wrong with it."""
        return self.inventory.remark() if self.inventory else None
