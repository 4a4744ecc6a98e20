"""What all measurements share: the API server, the thread with the load, a folder, and how much is wanted."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from certs.files import write
from certs.issuing import issue_ca, issue_leaf
from proof.background import Background
from proof.calls import NAME, Call
from proof.load import Load
from proof.pool import Pool
from proof.progress import Telling
from proof.replicas import NotReady
from proof.tally import Tally
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import NAME as INSTALLED
from testbed.control_plane.installation import PROBE, apply, crds, define, documents
from testbed.registered import registered

WHOLE = 20
"""Rounds of a whole run: rolling restarts; the other measurements that repeat something are scaled alike."""


class Stage:
    """The setting of one run."""

    def __init__(
        self, folder: Path, background: Background, telling: Telling, rounds: int, end: contextlib.ExitStack
    ) -> None:
        self.background = background
        self.telling = telling
        self.rounds = rounds
        self._root = folder
        self._end = end
        self._cluster: Cluster | None = None
        self._numbers = itertools.count(1)

    def scaled(self, whole: int) -> int:
        """A number of repetitions, scaled to the rounds that are wanted; 1 at least."""
        return max(whole * self.rounds // WHOLE, 1)

    def folder(self, name: str) -> Path:
        """A new folder."""
        made = self._root / f"{next(self._numbers)}-{name}"
        made.mkdir()
        return made

    @property
    def cluster(self) -> Cluster:
        """The API server with our CRDs; started when first needed."""
        if self._cluster is None:
            self.telling.at("starting the API server")
            self._cluster = self._end.enter_context(Cluster(binaries.find_or_build()))
            define(self._cluster, crds())
        return self._cluster

    def namespace(self, name: str) -> str:
        """A new namespace."""
        apply(self.cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def register(self, configurations: list[dict[str, Any]], *services: str) -> None:
        """Register webhooks, in place of those of another measurement, and what their Services are."""
        kinds = "mutatingwebhookconfiguration,validatingwebhookconfiguration"
        self.cluster.kubectl("delete", kinds, INSTALLED, "--ignore-not-found")
        self.namespace(INSTALLED)
        metadata = ({"name": name, "namespace": INSTALLED} for name in services)
        here = [{"apiVersion": "v1", "kind": "Service", "metadata": each, "spec": _HERE} for each in metadata]
        apply(self.cluster, *here, *configurations)

    def api(self) -> httpx.Client:
        """The admin's connections to the API server."""
        context = self.cluster.credentials.client_context()
        return httpx.Client(base_url=self.cluster.server, verify=context, trust_env=False, timeout=10)

    def reviews(
        self, port: int, context: Callable[[], ssl.SSLContext], make: Callable[[int], Call], rate: float, **options: Any
    ) -> Load:
        """A load of reviews; `options` are those of Pool."""
        return self.background.make(lambda: Load(Pool(port, context, NAME, **options), make, rate))

    def creations(self, make: Callable[[int], Call], rate: float) -> Load:
        """A load of creations through the API server, which may take longer than one of its webhooks."""
        context = self.cluster.credentials.client_context()
        port = int(self.cluster.server.rpartition(":")[2])
        return self.background.make(lambda: Load(Pool(port, lambda: context, "localhost"), make, rate, patience=15))

    def watch(self, seconds: float, text: str, *tallies: Tally) -> None:
        """Let the load go on for a while."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            failed = sum(each.failed for each in tallies)
            self.telling.at(f"{text}, {failed} failed", passed, seconds)
            time.sleep(min(0.5, seconds - passed))


def issue(folder: Path, *names: str) -> tuple[Path, bytes]:
    """A folder with a serving pair of a new CA, and the CA's certificate."""
    now = datetime.datetime.now(datetime.UTC)
    ca = issue_ca(now)
    write(folder / "certs", ca, issue_leaf(ca, [NAME, "localhost", "127.0.0.1", *names], now))
    return folder / "certs", ca.certificate_pem


def trusting(ca: bytes) -> ssl.SSLContext:
    """A client's context that trusts this CA alone."""
    return ssl.create_default_context(cadata=ca.decode())


def registration(port: int, ca_bundle: str | None) -> list[dict[str, Any]]:
    """The webhooks as shipped that have failurePolicy Fail, answered on a port of this machine.

    The one for Repositories has Ignore, so that its failed calls would not show.

    The Service has the type ExternalName, so that the API server behaves as in a cluster (HTTP/1.1, the Service's name
    in TLS, a pool of connections for each webhook); it dials the registration's port.
    """
    found = [registered(each) for each in documents("base/webhooks.yaml")]
    for configuration in found:
        configuration["webhooks"] = [each for each in configuration["webhooks"] if each["failurePolicy"] == "Fail"]
        if not configuration["webhooks"]:
            raise NotReady(f"no webhook of {configuration['kind']} is shipped with failurePolicy Fail")
    for webhook in (webhook for each in found for webhook in each["webhooks"]):
        webhook["clientConfig"]["service"]["port"] = port
        if ca_bundle is not None:
            webhook["clientConfig"]["caBundle"] = ca_bundle
    return found


_HERE = {"type": "ExternalName", "externalName": "localhost"}


def wait_until_asked(api: httpx.Client, namespace: str, seconds: float = 30) -> None:
    """Return when the API server asks the webhooks for objects in a namespace. Raises NotReady."""
    probe = {**PROBE, "metadata": {"name": "probe", "namespace": namespace}}
    path, until = f"/apis/stash.appscode.com/v1beta1/namespaces/{namespace}/backupbatches", time.monotonic() + seconds
    while "(batch-members)" not in (said := api.post(path, params={"dryRun": "All"}, json=probe).text):
        if time.monotonic() > until:
            raise NotReady(f"the API server does not ask the webhooks: {said[:300]}")
        time.sleep(0.1)
