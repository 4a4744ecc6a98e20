"""An inventory of a live cluster, kept up to date by one thread a kind."""

from collections.abc import Callable
from functools import partial
from threading import Thread

from app.inventory.reflector import Reflector
from app.inventory.resources import resource_path
from app.inventory.store import KINDS, Inventory
from kube.client import Client
from kube.config import Config
from kube.connect import connect

_USER_AGENT = "stash-admission"


def _quiet(_kind: str, _fault: str) -> None:
    pass


class LiveInventory:
    """Lists and watches the cluster between `start` and `stop`."""

    def __init__(
        self,
        inventory: Inventory,
        config: Config | None = None,
        tell: Callable[[str, str], None] = _quiet,
    ) -> None:
        """Keep an inventory as a cluster has it.

        Without a `config`, the Pod's ServiceAccount or the kubeconfig says which cluster; raises `kube.errors.Refused`
        if there is none. `tell` is called, in one of the threads, with a kind and what is wrong with it now; an empty
        text means that all is well.
        """
        self._client = Client(config, _USER_AGENT) if config else connect(_USER_AGENT)
        self._reflectors = []
        self._threads = []
        for kind in KINDS:
            ask = partial(self._client.open, resource_path(kind))
            reflector = Reflector(kind, ask, inventory, tell)
            self._reflectors.append(reflector)
            # What hangs in a call that nothing interrupts must not keep the process from ending.
            self._threads.append(Thread(target=reflector.run, name=f"inventory of {KINDS[kind]}", daemon=True))

    def start(self) -> None:
        """Start to list, and then to watch."""
        for thread in self._threads:
            thread.start()

    def stop(self, within: float = 2.0) -> None:
        """Stop, and wait for the threads to end, each at most so many seconds."""
        for reflector in self._reflectors:
            reflector.stop()
        for thread in self._threads:
            thread.join(within)
        self._client.close()
