"""The API server as `audit` and `backfill` call it: JSON in and out, an error of one line."""

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Self

import orjson

from app.domain.invoker import GROUP
from app.domain.key import Key
from kube import config
from kube.errors import one_line
from schemas.kinds import KINDS

NAMESPACE = "Namespace"
FIELD_MANAGER = "stash-backfill"
PAGE = 500
"""Objects in one answer to a list."""
_SECONDS = (5.0, 60.0)
"""Longest times to connect, and for an answer: webhooks may each take ten seconds of it."""
_TRIES = 4
"""How often something is asked that the API server does not answer."""
_FIRST_PAUSE = 0.5
_MOST_RESTARTS = 5
Object = dict[str, Any]


class Answered(Exception):
    """The API server does not do it. `status`: of HTTP; 0 if there was no answer at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def passing(self) -> bool:
        """Whether it may be different in a moment."""
        return self.status in (0, 408, 429) or self.status >= 500


class Page(NamedTuple):
    """Some of the objects that a list gives. `first`: what came before counts no more. `remaining`: how many follow."""

    items: list[Object]
    first: bool
    remaining: int


class Api:
    """A connection to the API server."""

    def __init__(self, configuration: Any, pause: Callable[[float], None] = time.sleep) -> None:
        """Connect as a `kubernetes.client.Configuration` says."""
        from kubernetes import client

        configuration.retries = False  # how and when to try again is decided here
        usual: Any = client.ApiClient(configuration)
        # The client chooses another kind of patch itself; as a header of all calls, every release of it sends ours.
        patching: Any = client.ApiClient(configuration, "Content-Type", "application/json-patch+json")
        usual.user_agent = patching.user_agent = "stash-admission"
        self.server = str(configuration.host)
        """The API server's URL."""
        self._custom: Any = client.CustomObjectsApi(usual)
        self._core: Any = client.CoreV1Api(usual)
        self._authorization: Any = client.AuthorizationV1Api(usual)
        self._patching: Any = client.CustomObjectsApi(patching)
        self._clients = (usual, patching)
        self._pause = pause

    @classmethod
    def connect(cls) -> Self:
        """Connect as this Pod's ServiceAccount, or else as the kubeconfig says. Raises `kube.errors.Refused`."""
        return cls(config.configuration())

    def close(self) -> None:
        """Close all connections."""
        for each in self._clients:
            each.close()

    def pages(self, kind: str, namespace: str | None = None) -> Iterator[Page]:
        """All objects of a kind, in a namespace or in all of them. Raises Answered.

        What is asked for page by page over a long time can expire: then it begins anew, with a page that is `first`.
        """
        token: str | None = None
        restarts = 0
        while True:
            try:
                answer = self._patiently(partial(self._page, kind, namespace, token))
            except Answered as error:
                restarts += 1
                if error.status != 410 or restarts > _MOST_RESTARTS:
                    raise
                token = None
                continue
            about = answer["metadata"]
            yield Page(answer["items"], token is None, about.get("remainingItemCount") or 0)
            token = about.get("continue")
            if not token:
                return

    def get(self, key: Key) -> Object:
        """An object of a kind of Stash, or a Namespace. Raises Answered."""
        if key.kind == NAMESPACE:
            return self._patiently(partial(self._call, self._core.read_namespace, key.name))
        return self._patiently(partial(self._call, self._custom.get_namespaced_custom_object, *_address(key)))

    def patch(self, key: Key, operations: list[Object], *, dry_run: bool) -> Object:
        """Change an object by a JSON Patch; as it is then stored, or with `dry_run` would be. Raises Answered."""
        options = {"dry_run": "All"} if dry_run else {}
        method = self._patching.patch_namespaced_custom_object
        return self._call(method, *_address(key), operations, field_manager=FIELD_MANAGER, **options)

    def may_patch(self, kind: str, namespace: str | None) -> bool:
        """Whether the caller may patch objects of a kind, in a namespace or in all of them; True if nobody says."""
        from kubernetes import client

        asked = client.V1ResourceAttributes(
            group=GROUP, resource=KINDS[kind].plural, verb="patch", namespace=namespace or ""
        )
        review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked))
        try:
            answer = self._call(self._authorization.create_self_subject_access_review, review)
        except Answered:
            return True
        return bool(answer["status"]["allowed"])

    def _page(self, kind: str, namespace: str | None, token: str | None) -> Object:
        options: dict[str, Any] = {"limit": PAGE} | ({"_continue": token} if token else {})
        if kind == NAMESPACE:
            return self._call(self._core.list_namespace, **options)
        about = GROUP, KINDS[kind].version
        if namespace is None:
            return self._call(self._custom.list_cluster_custom_object, *about, KINDS[kind].plural, **options)
        return self._call(self._custom.list_namespaced_custom_object, *about, namespace, KINDS[kind].plural, **options)

    def _patiently(self, ask: Callable[[], Object]) -> Object:
        """What is asked, again if there is no answer."""
        for tries in range(1, _TRIES):
            try:
                return ask()
            except Answered as error:
                if not error.passing:
                    raise
            self._pause(_FIRST_PAUSE * 2**tries * random.uniform(0.5, 1))  # noqa: S311 -- not a secret
        return ask()

    def _call(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Object:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            response = method(*arguments, **options, _preload_content=False, _request_timeout=_SECONDS)
            answer: Object = orjson.loads(response.data)
        except ApiException as error:
            raise Answered(error.status or 0, config.message_of(error)) from None
        except (HTTPError, OSError, ValueError) as error:
            raise Answered(0, f"no answer from the API server: {one_line(str(error))}") from None
        return answer


def resource_of(kind: str) -> str:
    """What the API server calls the objects of a kind: `backupbatches.stash.appscode.com`."""
    return "namespaces" if kind == NAMESPACE else f"{KINDS[kind].plural}.{GROUP}"


def _address(key: Key) -> tuple[str, str, str, str, str]:
    kind = KINDS[key.kind]
    return GROUP, kind.version, key.namespace, kind.plural, key.name
