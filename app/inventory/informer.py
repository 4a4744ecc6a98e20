"""An inventory of a live cluster, kept up to date by one thread a kind."""

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

from app.domain.invoker import GROUP, VERSION
from app.inventory.reflector import Reflector, plural_of
from app.inventory.store import KINDS, NAMESPACE, REPOSITORY, Inventory
from kube import config


def _quiet(_kind: str, _fault: str) -> None:
    pass


class LiveInventory:
    """Lists and watches the cluster between `start` and `stop`."""

    def __init__(
        self,
        inventory: Inventory,
        configuration: Any = None,
        tell: Callable[[str, str], None] = _quiet,
    ) -> None:
        """Keep an inventory as a cluster has it; `configuration` is a `kubernetes.client.Configuration`.

        Without one, this Pod's ServiceAccount or the kubeconfig says which cluster; raises `kube.errors.Refused` if
        there is none. `tell` is called, in one of the threads, with a kind and what is wrong with it now; an empty
        text means that all is well.
        """
        from kubernetes import client

        configuration = configuration or config.configuration()
        configuration.retries = False  # how and when to try again is decided here
        api: Any = client.ApiClient(configuration)
        api.user_agent = "stash-admission"
        custom, core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        self._api = api
        self._reflectors = []
        self._threads = []
        for kind in KINDS:
            version = "v1alpha1" if kind == REPOSITORY else VERSION
            ask: Callable[..., Any] = partial(custom.list_cluster_custom_object, GROUP, version, plural_of(kind))
            if kind == NAMESPACE:
                ask = core.list_namespace
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
        self._api.close()
