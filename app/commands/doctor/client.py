"""What the doctor asks the API server beside the certificates' own objects: further reads, and a dry run."""

import json
import time
from dataclasses import dataclass
from typing import Any

from certs.api import Api, Object
from kube.errors import Unavailable, one_line

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
        return self._get(self._core.read_namespace, name)

    def service(self, namespace: str, name: str) -> Object | None:
        """A Service; None if there is none."""
        return self._get(self._core.read_namespaced_service, name, namespace)

    def definition(self, name: str) -> Object | None:
        """A CustomResourceDefinition; None if there is none."""
        from kubernetes import client

        definitions: Any = client.ApiextensionsV1Api(self._usual)
        return self._get(definitions.read_custom_resource_definition, name)

    def endpoint_slices(self, namespace: str, service: str) -> list[Object]:
        """The EndpointSlices of a Service."""
        from kubernetes import client

        slices: Any = client.DiscoveryV1Api(self._usual)
        selector = f"kubernetes.io/service-name={service}"
        return _items(self._call(slices.list_namespaced_endpoint_slice, namespace, label_selector=selector))

    def deployments(self, namespace: str) -> list[Object]:
        """The Deployments of a namespace."""
        from kubernetes import client

        workloads: Any = client.AppsV1Api(self._usual)
        return _items(self._call(workloads.list_namespaced_deployment, namespace))

    def cron_jobs(self, namespace: str) -> list[Object]:
        """The CronJobs of a namespace."""
        from kubernetes import client

        jobs: Any = client.BatchV1Api(self._usual)
        return _items(self._call(jobs.list_namespaced_cron_job, namespace))

    def try_to_create(self, namespace: str, plural: str, document: Object) -> Reply:
        """What would become of a new object: every webhook is asked, and nothing stored. A refusal is an answer too.

        Raises Unavailable if there is none.
        """
        from kubernetes import client
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        group, _, version = document["apiVersion"].partition("/")
        objects: Any = client.CustomObjectsApi(self._usual)
        # The webhooks have deadlines of their own, which are what is to be seen.
        options = {"dry_run": "All", "_preload_content": False, "_request_timeout": self._left(_LONGEST)}
        start = time.monotonic()
        try:
            answer = objects.create_namespaced_custom_object(group, version, namespace, plural, document, **options)
            status, body, headers = answer.status, answer.data, answer.headers
        except ApiException as error:
            status, body, headers = error.status or 0, error.body, error.headers or {}
        except (HTTPError, OSError) as error:
            raise Unavailable(f"no answer from the API server: {one_line(str(error))}") from None
        return Reply(status, _object(body), str(headers.get("Warning") or ""), time.monotonic() - start)


def _items(found: Object) -> list[Object]:
    items: list[Object] = found.get("items") or []
    return items


def _object(body: Any) -> Object:
    """What the API server sent; as a message if it is not JSON: `404 page not found`."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text}
    return answer if isinstance(answer, dict) else {"message": text}
