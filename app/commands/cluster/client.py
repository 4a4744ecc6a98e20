"""The objects of a cluster, as `audit` and `backfill` read and write them."""

import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Self, TypeVar

from app.domain.invoker import GROUP
from app.domain.key import Key
from kube.client import Client, Object, PatchType
from kube.connect import connect
from kube.errors import Expired, KubeError, Unavailable
from kube.pages import Listing
from kube.paths import path
from schemas.kinds import KINDS

NAMESPACE = "Namespace"
FIELD_MANAGER = "stash-backfill"
_SECONDS = (5.0, 60.0)
"""Longest times to connect, and for an answer: webhooks may each take ten seconds of it."""
_TRIES = 4
"""How often something is asked that the API server does not answer."""
_FIRST_PAUSE = 0.5
_MOST_RESTARTS = 5

Answer = TypeVar("Answer")


class Page(NamedTuple):
    """Some of the objects that a list gives."""

    items: list[Object]
    first: bool
    """What came before counts no more."""
    remaining: int
    """How many follow."""
    unread: int = 0
    """How many of these are too large to be read."""


class Api:
    """A connection to the API server. What it cannot do raises `kube.errors.KubeError`."""

    def __init__(self, client: Client, pause: Callable[[float], None] = time.sleep) -> None:
        """`pause` waits for some seconds."""
        self._client = client
        self._pause = pause

    @classmethod
    def connect(cls) -> Self:
        """Connect as this Pod's ServiceAccount, or else as the kubeconfig says. Raises `kube.errors.Refused`."""
        return cls(connect("stash-admission"))

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._client.server

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def pages(self, kind: str, namespace: str | None = None) -> Iterator[Page]:
        """All objects of a kind, in a namespace or in all of them.

        What is asked for page by page over a long time can expire: then it begins anew, with a page that is `first`.
        """
        where = _path(kind, namespace)
        for tries in range(_MOST_RESTARTS + 1):
            try:
                yield from self._pages(where)
            except Expired:
                if tries == _MOST_RESTARTS:
                    raise
            else:
                return

    def _pages(self, where: str) -> Iterator[Page]:
        listing = Listing(partial(self._client.open, where, seconds=_SECONDS))
        first = True
        while not listing.done:
            items: list[Object] = []
            page = self._patiently(partial(listing.page, items.append))
            yield Page(items, first, page.remaining, page.unread)
            first = False

    def get(self, key: Key) -> Object:
        """An object of a kind of Stash, or a Namespace."""
        return self._patiently(partial(self._client.get, _path_of(key), seconds=_SECONDS))

    def patch(self, key: Key, operations: list[Object], *, dry_run: bool) -> Object:
        """Change an object by a JSON Patch; as it is then stored, or with `dry_run` would be."""
        query = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return self._client.patch(_path_of(key), PatchType.JSON, operations, query, seconds=_SECONDS)

    def may_patch(self, kind: str, namespace: str | None) -> bool:
        """Whether the caller may patch objects of a kind, in a namespace or in all of them; True if nobody says."""
        version = "authorization.k8s.io/v1"
        asked = {"group": GROUP, "resource": KINDS[kind].plural, "verb": "patch", "namespace": namespace or ""}
        review = {
            "apiVersion": version,
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        try:
            answer = self._client.create(path(version, "selfsubjectaccessreviews"), review, seconds=_SECONDS)
        except KubeError:
            return True
        return bool(answer["status"]["allowed"])

    def _patiently(self, ask: Callable[[], Answer]) -> Answer:
        """What is asked, again if there is no answer."""
        for tries in range(1, _TRIES):
            try:
                return ask()
            except Unavailable:
                self._pause(_FIRST_PAUSE * 2**tries * random.uniform(0.5, 1))  # noqa: S311 -- not a secret
        return ask()


def resource_of(kind: str) -> str:
    """What the API server calls the objects of a kind: `backupbatches.stash.appscode.com`."""
    return "namespaces" if kind == NAMESPACE else f"{KINDS[kind].plural}.{GROUP}"


def _path(kind: str, namespace: str | None, name: str | None = None) -> str:
    if kind == NAMESPACE:
        return path("v1", "namespaces", name=name)
    return path(f"{GROUP}/{KINDS[kind].version}", KINDS[kind].plural, namespace, name)


def _path_of(key: Key) -> str:
    return _path(key.kind, key.namespace, key.name)
