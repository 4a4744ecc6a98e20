"""The objects of the kinds, written and read through the official client."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import config

from schemas.kinds import GROUP, KINDS
from testbed.control_plane.cluster import Cluster
from testbed.patience import eventually

Document = dict[str, Any]
_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')


@dataclass
class Reply:
    """What the API server answered."""

    status: int
    body: Document
    warnings: list[str] = field(default_factory=list)

    @property
    def message(self) -> str:
        """The message of a refusal."""
        return str(self.body.get("message", ""))

    @property
    def causes(self) -> list[dict[str, str]]:
        """The causes of a refusal."""
        return list((self.body.get("details") or {}).get("causes") or [])


class Objects:
    """A client of one cluster."""

    def __init__(self, cluster: Cluster, kubeconfig: Path | None = None) -> None:
        """As the administrator, or as who a kubeconfig says."""
        path = str(kubeconfig or cluster.credentials.kubeconfig("admin"))
        self._api = config.new_client_from_config(path)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def create(self, document: Document, **query: str) -> Reply:
        """POST an object."""
        return self._call("POST", _collection(document), document, query)

    def create_in(self, namespace: str, document: Document, **query: str) -> Reply:
        """POST an object whose metadata need not name the namespace, nor be any."""
        return self._call("POST", _collection({**document, "metadata": {"namespace": namespace}}), document, query)

    def replace(self, document: Document, subresource: str = "", **query: str) -> Reply:
        """PUT an object as it is written, over whatever is stored: the only thing added is the resourceVersion."""
        version = self.get(document)["metadata"]["resourceVersion"]
        written = {**document, "metadata": {**document["metadata"], "resourceVersion": version}}
        return self._call("PUT", _path(document) + subresource, written, query)

    def get(self, document: Document) -> Document:
        """The object of that name as it is stored."""
        reply = self._call("GET", _path(document), None, {})
        assert reply.status == 200, reply.message
        return reply.body

    def merge(self, document: Document, change: Document, subresource: str = "") -> Reply:
        """PATCH an object with a JSON merge patch."""
        return self._call("PATCH", _path(document) + subresource, change, {}, "application/merge-patch+json")

    def apply(self, document: Document, manager: str = "gitops", **query: str) -> Reply:
        """Apply an object on the server's side, as a GitOps controller does."""
        query = {"fieldManager": manager, "force": "true", **query}
        return self._call("PATCH", _path(document), document, query, "application/apply-patch+yaml")

    def delete(self, document: Document) -> Reply:
        """DELETE an object."""
        return self._call("DELETE", _path(document), None, {})

    def _call(
        self, method: str, path: str, body: Document | None, query: dict[str, str], content: str = "application/json"
    ) -> Reply:
        headers = {"Content-Type": content, "Accept": "application/json"}
        token = self._api.configuration.auth_settings().get("BearerToken")  # none where a certificate says who it is
        if token:
            headers["Authorization"] = token["value"]
        url = f"{self._api.configuration.host}{path}?{urlencode(query)}"
        sent = None if body is None else json.dumps(body).encode()

        def tried() -> Any:
            """The answer, but for "ask again in a second", after which kubectl does that as well."""
            answer = self._api.rest_client.pool_manager.request(method, url, body=sent, headers=headers)
            return None if answer.status == 429 else answer

        response = eventually(tried, every=1)
        raw = " ".join(response.headers.getlist("Warning"))
        warnings = [re.sub(r"\\(.)", r"\1", each) for each in _WARNING.findall(raw)]
        return Reply(response.status, json.loads(response.data), warnings)


def _collection(document: Document) -> str:
    kind = KINDS[document["kind"]]
    return f"/apis/{GROUP}/{kind.version}/namespaces/{document['metadata']['namespace']}/{kind.plural}"


def _path(document: Document) -> str:
    return f"{_collection(document)}/{document['metadata']['name']}"
