"""The objects of an installation's certificates in a cluster: Secrets, and the configurations of webhooks."""

import datetime
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from kube.client import Client, Object, PatchType
from kube.connect import connect
from kube.errors import Forbidden, Gone, Refused, Unavailable
from kube.paths import path

Answer = TypeVar("Answer")
FIELD_MANAGER = "stash-certs"
_SECONDS = 15.0
"""Longest time for one call."""
_CLOCKS_MAY_DIFFER = datetime.timedelta(minutes=2)
_WRITTEN = {"fieldManager": FIELD_MANAGER}


class Api:
    """A connection to the API server. What it cannot do raises `kube.errors.KubeError`, in one line without a key."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._until: float | None = None
        self.time: datetime.datetime | None = None
        """The API server's clock at its last answer."""

    @classmethod
    def connect(cls) -> Self:
        """Connect as this Pod's ServiceAccount, or else as the kubeconfig says. Raises Refused."""
        return cls(connect(FIELD_MANAGER))

    def now(self) -> datetime.datetime:
        """The time. Raises Refused if the API server, which will judge the certificates by its clock, disagrees."""
        now = datetime.datetime.now(datetime.UTC)
        if self.time and abs(now - self.time) > _CLOCKS_MAY_DIFFER:
            clocks = f"it is {now:%Y-%m-%d %H:%M:%S} here and {self.time:%Y-%m-%d %H:%M:%S} for the API server"
            raise Refused(f"{clocks}: set the wrong clock right, then run again")
        return now

    def finish_within(self, seconds: float) -> None:
        """From now on, no call waits for longer than what is left of so many seconds."""
        self._until = time.monotonic() + seconds

    def secret(self, namespace: str, name: str) -> Object | None:
        """A Secret; None if there is none."""
        return self._get(path("v1", "secrets", namespace, name))

    def create_secret(self, namespace: str, secret: Object) -> None:
        """Create a Secret. Raises Conflict if there is one."""
        try:
            self._call(self._client.create, path("v1", "secrets", namespace), secret, _WRITTEN)
        except Gone:
            create = f"create it (kubectl create namespace {namespace}), then run again"
            raise Refused(f"there is no namespace {namespace}: {create}") from None

    def replace_secret(self, namespace: str, name: str, secret: Object) -> None:
        """Replace a Secret. Raises Conflict unless it is as `metadata.resourceVersion` says."""
        self._call(self._client.replace, path("v1", "secrets", namespace, name), secret, _WRITTEN)

    def configuration(self, kind: str, name: str) -> Object | None:
        """A webhook configuration; None if there is none."""
        return self._get(_configuration(kind, name))

    def apply_configuration(self, kind: str, name: str, fields: Object, manager: str = FIELD_MANAGER) -> None:
        """Own `fields` of a webhook configuration as `manager`, and no other. Conflict as above.

        Fields that another manager owns are taken over: who applies an empty `caBundle` would break every call.
        """
        query = {"fieldManager": manager, "force": "true"}
        self._call(self._client.patch, _configuration(kind, name), PatchType.APPLY, fields, query)

    def _get(self, where: str) -> Object | None:
        try:
            return self._call(self._client.get, where)
        except Gone:
            return None

    def _left(self, seconds: float) -> float:
        """So many seconds for the next call, or what is left. Raises Unavailable if nothing is."""
        left = seconds if self._until is None else min(seconds, self._until - time.monotonic())
        if left <= 0:
            raise Unavailable("the API server has taken too long")
        return left

    def _call(self, method: Callable[..., Answer], *arguments: Any) -> Answer:
        try:
            return method(*arguments, seconds=self._left(_SECONDS))
        except Forbidden as error:
            raise Forbidden(f"{error} (`stash-certs rotate --help` lists what)") from None
        finally:
            self.time = self._client.clock


def _configuration(kind: str, name: str) -> str:
    return path("admissionregistration.k8s.io/v1", f"{kind.lower()}s", name=name)
