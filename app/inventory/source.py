"""Where a server's inventory comes from: nowhere, a folder of manifests, or the cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.inventory.folder import BadFolder, read_folder
from app.inventory.recent import UNCLAIMED_SECONDS
from app.inventory.store import Inventory
from kube.errors import Refused

if TYPE_CHECKING:
    from app.inventory.informer import LiveInventory

NONE, CLUSTER = "none", "cluster"


class NoInventory(Exception):
    """The inventory cannot be had. The message says why, and what to do."""


class InventorySource:
    """The inventory that was asked for, and what keeps it up to date."""

    _live: "LiveInventory | None"

    def __init__(self, source: str, tell: Callable[[str, str], None], remember: float = UNCLAIMED_SECONDS) -> None:
        """`source` is what `--inventory` says, `remember` for how long what was admitted counts, as Inventory has it.

        `tell` is called with a kind and what is wrong with it now, from any thread; an empty text means that all is
        well. Raises NoInventory.
        """
        self.inventory: Inventory | None = None
        self._live = None
        if source == NONE:
            return
        if source == CLUSTER:
            from app.inventory.informer import LiveInventory

            self.inventory = Inventory(remember=remember)
            try:
                self._live = LiveInventory(self.inventory, tell=tell)
            except Refused as error:
                raise NoInventory(f"--inventory cluster: {error}") from None
        else:
            try:
                self.inventory = read_folder(Path(source), confidential=True)
            except BadFolder as error:
                raise NoInventory(f"--inventory takes none, cluster or a folder of manifests: {error}") from None

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
