"""What the doctor asks the API server beside the certificates' own objects: further reads, and a dry run."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from certs.api import Api
from kube.client import Object
from kube.errors import one_line
from kube.pages import Listing
from kube.paths import path
from kube.stream import Stream

_LONGEST = 60
"""Seconds that an API server takes for a request, at the most."""


@dataclass(frozen=True)
class Reply:
    """What the API server said to a request that stores nothing."""

    status: int
    body: Object
    """The object as it would be stored, or the Status that says why it would not."""
    warnings: str = ""
    seconds: float = 0.0
    """How long it took."""

    @property
    def message(self) -> str:
        """Why it would not be stored, in one line."""
        return one_line(str(self.body.get("message") or ""))


class Access(Api):
    """A connection to the API server. Each method raises what those of Api do."""

    def namespace(self, name: str) -> Object | None:
        """A Namespace; None if there is none."""
        return self._get(path("v1", "namespaces", name=name))

    def service(self, namespace: str, name: str) -> Object | None:
        """A Service; None if there is none."""
        return self._get(path("v1", "services", namespace, name))

    def definition(self, name: str) -> Object | None:
        """A CustomResourceDefinition; None if there is none."""
        return self._get(path("apiextensions.k8s.io/v1", "customresourcedefinitions", name=name))

    def endpoint_slices(self, namespace: str, service: str) -> list[Object]:
        """The EndpointSlices of a Service."""
        selector = {"labelSelector": f"kubernetes.io/service-name={service}"}
        return self._list(path("discovery.k8s.io/v1", "endpointslices", namespace), selector)

    def deployments(self, namespace: str) -> list[Object]:
        """The Deployments of a namespace."""
        return self._list(path("apps/v1", "deployments", namespace))

    def cron_jobs(self, namespace: str) -> list[Object]:
        """The CronJobs of a namespace."""
        return self._list(path("batch/v1", "cronjobs", namespace))

    def events(self, namespace: str, reason: str) -> list[Object]:
        """The events of a namespace that have a reason."""
        return self._list(path("v1", "events", namespace), {"fieldSelector": f"reason={reason}"})

    def try_to_create(self, namespace: str, plural: str, document: Object) -> Reply:
        """What would become of a new object: every webhook is asked, and nothing stored. A refusal is an answer too.

        Raises Unavailable if there is none.
        """
        where = path(document["apiVersion"], plural, namespace)
        # The webhooks have deadlines of their own, which are what is to be seen.
        left = self._left(_LONGEST)
        start = time.monotonic()
        reply = self._client.request("POST", where, {"dryRun": "All"}, document, seconds=left)
        seconds = time.monotonic() - start
        return Reply(reply.status, _object(reply.content), reply.headers.get("Warning", ""), seconds)

    def may(self, account: str, namespace: str, verb: str, group: str, resource: str) -> bool:
        """Whether a ServiceAccount may do something in its namespace."""
        attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": resource}
        user = f"system:serviceaccount:{namespace}:{account}"
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": attributes},
        }
        where = path("authorization.k8s.io/v1", "subjectaccessreviews")
        answer = self._call(self._client.create, where, review)
        return answer.get("status", {}).get("allowed") is True

    def _list(self, where: str, query: dict[str, str] | None = None) -> list[Object]:
        def ask(page: Mapping[str, str]) -> Stream:
            return self._call(partial(self._client.open, where, {**page, **(query or {})}))

        items: list[Object] = []
        listing = Listing(ask)
        while not listing.done:
            listing.page(items.append)
        return items


def _object(content: bytes) -> Object:
    """What the API server sent; as a message if it is not JSON: `404 page not found`."""
    try:
        answer: Any = orjson.loads(content)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"message": content.decode(errors="replace")}
