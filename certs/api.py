"""The Kubernetes API, as far as certificates need it: JSON in and out, and each error one line without a key in it."""

import datetime
import json
import re
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, Self

from kube.config import configuration, message_of
from kube.errors import Gone, Refused, Unavailable, failure, one_line

Object = dict[str, Any]
FIELD_MANAGER = "stash-certs"
_SECONDS = 15
"""Longest time for one call."""
_CLOCKS_MAY_DIFFER = datetime.timedelta(minutes=2)


class Api:
    """A connection to the API server."""

    def __init__(self, configuration: Any) -> None:
        """Connect as a `kubernetes.client.Configuration` says."""
        from kubernetes import client

        configuration.retries = False  # of what we try again, we look at the objects first
        usual = client.ApiClient(configuration)
        # The client chooses another kind of patch itself; as a header of all calls, every release of it sends ours.
        applying = client.ApiClient(configuration, "Content-Type", "application/apply-patch+yaml")
        self._core: Any = client.CoreV1Api(usual)
        self._registration: Any = client.AdmissionregistrationV1Api(usual)
        self._applying: Any = client.AdmissionregistrationV1Api(applying)
        self._usual = usual
        self._until: float | None = None
        self.time: datetime.datetime | None = None
        """The API server's clock at its last answer."""

    @classmethod
    def connect(cls) -> Self:
        """Connect as this Pod's ServiceAccount, or else as the kubeconfig says. Raises Refused."""
        return cls(configuration())

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
        return self._get(self._core.read_namespaced_secret, name, namespace)

    def create_secret(self, namespace: str, secret: Object) -> None:
        """Create a Secret. Raises Conflict if there is one."""
        create, missing = self._core.create_namespaced_secret, _no_namespace(namespace)
        self._call(create, namespace, secret, field_manager=FIELD_MANAGER, missing=missing)

    def replace_secret(self, namespace: str, name: str, secret: Object) -> None:
        """Replace a Secret. Raises Conflict unless it is as `metadata.resourceVersion` says."""
        self._call(self._core.replace_namespaced_secret, name, namespace, secret, field_manager=FIELD_MANAGER)

    def configuration(self, kind: str, name: str) -> Object | None:
        """A webhook configuration; None if there is none."""
        return self._get(getattr(self._registration, f"read_{_snake(kind)}"), name)

    def apply_configuration(self, kind: str, name: str, fields: Object) -> None:
        """Own `fields` of a webhook configuration, and no other. Conflict as above.

        Fields that another manager owns are taken over: who applies an empty `caBundle` would break every call.
        """
        apply = getattr(self._applying, f"patch_{_snake(kind)}")
        self._call(apply, name, fields, field_manager=FIELD_MANAGER, force=True)

    def _get(self, read: Callable[..., Any], *args: str) -> Object | None:
        try:
            return self._call(read, *args)
        except Gone:
            return None

    def _left(self, seconds: float) -> float:
        """So many seconds for the next call, or what is left. Raises Unavailable if nothing is."""
        left = seconds if self._until is None else min(seconds, self._until - time.monotonic())
        if left <= 0:
            raise Unavailable("the API server has taken too long")
        return left

    def _call(self, method: Callable[..., Any], *args: Any, missing: str | None = None, **options: Any) -> Object:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        seconds = self._left(_SECONDS)
        try:
            response = method(*args, **options, _preload_content=False, _request_timeout=seconds)
            answer: Object = json.loads(response.data)
        except ApiException as error:
            raise failure(error.status or 0, message_of(error), missing) from None
        except (HTTPError, OSError, ValueError) as error:
            raise Unavailable(f"no answer from the API server: {one_line(str(error))}") from None
        self.time = parsedate_to_datetime(response.headers["Date"]) if "Date" in response.headers else None
        return answer


def _no_namespace(namespace: str) -> str:
    return f"there is no namespace {namespace}: create it (kubectl create namespace {namespace}), then run again"


def _snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
