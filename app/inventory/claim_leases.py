"""Claims as the cluster holds them: one Lease for each place, in the server's namespace."""

import time
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.domain.invoker import GROUP
from app.domain.key import Key
from app.domain.reading import read
from app.domain.repository_index import Use, use_of
from app.inventory.claim import ClaimRecord, digest, record_of
from app.inventory.resources import resource_path
from kube.client import Client, Object
from kube.errors import Conflict, Gone
from kube.pages import Listing
from kube.paths import path

CLAIMS = f"admission.{GROUP}/claims"
"""The annotation that holds the claims of a place."""
PLACE = f"admission.{GROUP}/place"
"""The annotation that says which place, for people."""
LABELS = {"app.kubernetes.io/name": "stash-admission", "app.kubernetes.io/component": "claims"}
_API = "coordination.k8s.io/v1"
_CALL_SECONDS = 2.0
"""Of one call: there is time for a second one before the API server gives up the call that waits for it."""
_LIST_SECONDS = (2.0, 10.0)
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Held(NamedTuple):
    """A Lease as it was read or written."""

    version: str
    """Its resourceVersion, which is the precondition of the next write."""
    record: ClaimRecord


class ClaimLeases:
    """Reads and writes them. Any number of threads may do so at once; whatever is called may raise KubeError."""

    def __init__(self, client: Client, namespace: str, holder: str, seconds: float) -> None:
        """`holder` is who claims, for people; `seconds` is how long a claim counts whose object nobody has seen."""
        self.namespace = namespace
        """Where the Leases are."""
        self._client = client
        self._holder = holder
        self._seconds = seconds
        self._ahead = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970, by the API server's clock: those of nodes differ."""
        return time.monotonic() + self._ahead

    def read(self, place: Hashable) -> Held | None:
        """What is claimed of a place; None: nothing. Raises BadRecord as well."""
        try:
            lease = self._client.get(self._path(place), seconds=_CALL_SECONDS)
        except Gone:
            return None
        self._set_clock()
        annotations = lease["metadata"].get("annotations") or {}
        return Held(lease["metadata"]["resourceVersion"], record_of(annotations.get(CLAIMS, "")))

    def write(self, place: Hashable, text: str, record: ClaimRecord, held: Held | None) -> Held:
        """Store what is claimed of a place, `text` for people. Raises Conflict if that is not as it was held."""
        lease = self._lease(place, text, record, held)
        if held is None:
            stored = self._client.create(path(_API, "leases", self.namespace), lease, seconds=_CALL_SECONDS)
        else:
            stored = self._client.replace(self._path(place), lease, seconds=_CALL_SECONDS)
        self._set_clock()
        return Held(stored["metadata"]["resourceVersion"], record)

    def stored(self, key: Key) -> Use | None:
        """How a backup that is stored uses its Repository; None if there is none, or it is being deleted."""
        try:
            document = self._client.get(resource_path(*key), seconds=_CALL_SECONDS)
        except Gone:
            return None
        if document["metadata"].get("deletionTimestamp") is not None:
            return None
        return use_of(key, read(key.kind, document, key.namespace))

    def has_repository(self, repository: Key) -> bool:
        """Whether a Repository is stored."""
        try:
            self._client.get(resource_path(*repository), seconds=_CALL_SECONDS)
        except Gone:
            return False
        return True

    def remove_older(self, seconds: float) -> int:
        """Remove the Leases that were not written for so long; how many there were."""
        selector = {"labelSelector": ",".join(f"{name}={value}" for name, value in LABELS.items())}
        where = path(_API, "leases", self.namespace)
        old: list[Object] = []

        def take(lease: Object) -> None:
            if self.now() - _renewed(lease) > seconds:
                old.append(lease["metadata"])

        listing = Listing(lambda page: self._client.open(where, {**page, **selector}, seconds=_LIST_SECONDS))
        while not listing.done:
            listing.page(take)
            self._set_clock()
        return sum(map(self._remove, old))

    def describe(self, place: Hashable) -> str:
        """For messages: the Lease of a place."""
        return f"Lease {self.namespace}/{_name(place)}"

    def _remove(self, about: Object) -> bool:
        where = path(_API, "leases", self.namespace, about["name"])
        unchanged = {"preconditions": {"uid": about["uid"], "resourceVersion": about["resourceVersion"]}}
        try:
            self._client.delete(where, options=unchanged, seconds=_CALL_SECONDS)
        except Conflict:
            return False  # somebody has claimed the place meanwhile, or was faster
        return True

    def _lease(self, place: Hashable, text: str, record: ClaimRecord, held: Held | None) -> Object:
        now = datetime.fromtimestamp(self.now(), UTC).strftime(_TIME)
        metadata: dict[str, Any] = {
            "name": _name(place),
            "namespace": self.namespace,
            "labels": LABELS,
            "annotations": {CLAIMS: record.text, PLACE: text},
        }
        if held is not None:
            metadata["resourceVersion"] = held.version
        spec = {"holderIdentity": self._holder, "renewTime": now, "leaseDurationSeconds": max(1, round(self._seconds))}
        return {"apiVersion": _API, "kind": "Lease", "metadata": metadata, "spec": spec}

    def _path(self, place: Hashable) -> str:
        return path(_API, "leases", self.namespace, _name(place))

    def _set_clock(self) -> None:
        if self._client.clock is not None:
            self._ahead = self._client.clock.timestamp() - time.monotonic()


def _name(place: Hashable) -> str:
    return f"claims-{digest(place)}"


def _renewed(lease: Object) -> float:
    """When a Lease was written, in seconds since 1970; 0 if it does not say."""
    try:
        return datetime.fromisoformat(lease["spec"]["renewTime"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0
