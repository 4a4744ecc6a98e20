"""All objects of some kinds of a cluster, read once: those to look at, and what rules ask about the others."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from app.commands.cluster.client import NAMESPACE, Api, Page, resource_of
from app.commands.cluster.objects import StoredObject
from app.domain.invoker import GROUP
from app.domain.key import Key
from app.inventory.store import KINDS as KNOWN
from app.inventory.store import Inventory
from app.manifest.discovery import Unreadable
from kube.bounds import TOO_LARGE
from kube.errors import KubeError


class Step(NamedTuple):
    """How far some work is, for whoever watches. `total`: None while it is not known."""

    doing: str
    done: int
    total: int | None


@dataclass
class Contents:
    """What was read."""

    objects: list[StoredObject] = field(default_factory=list)
    """Those to look at, kind by kind, sorted by namespace and name; without those that are being deleted."""
    inventory: Inventory = field(default_factory=lambda: Inventory(stale_after=None, confidential=False))
    """What rules ask about the others."""
    deleting: int = 0
    """How many are being deleted."""
    absent: list[str] = field(default_factory=list)
    """The kinds that the cluster does not have."""
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was read in part only."""


@dataclass(frozen=True)
class Scope:
    """What to read: objects of `kinds`, in a namespace or in all; and all of the kinds `asked`, for rules."""

    kinds: Collection[str]
    asked: Collection[str]
    namespace: str | None = None


def read_cluster(contents: Contents, api: Api, scope: Scope) -> Iterator[Step]:
    """Read into `contents`. What cannot be read is told in there, and the rest read all the same."""
    for kind in dict.fromkeys((*scope.asked, *scope.kinds)):
        yield from _read(contents, api, scope, kind)
    if set(contents.absent) >= set(scope.kinds):
        nothing = f"it has none of these kinds of {GROUP}: install Stash, or check KUBECONFIG"
        contents.unreadable.append(Unreadable(api.server, nothing))
    is_known = scope.namespace is None or scope.namespace in contents.inventory.labels
    if NAMESPACE in scope.asked and not is_known and not contents.unreadable:
        contents.unreadable.append(Unreadable(str(scope.namespace), "the namespace does not exist"))


def _read(contents: Contents, api: Api, scope: Scope, kind: str) -> Iterator[Step]:
    """One kind: as far as rules ask, or else, where the caller may not, in the one namespace."""
    here = scope.namespace
    places = [None, here] if here is not None and kind in scope.asked else [here]
    for place in places:
        try:
            yield from _from(contents, api, scope, kind, place)
        except KubeError as error:
            if error.status == 403 and place != places[-1]:
                continue
            _missing(contents, kind, error)
        else:
            if place != places[0]:
                contents.notes.append(
                    f"only the {resource_of(kind)} of namespace {place} may be read: those in others are not compared"
                )
        return


def _from(contents: Contents, api: Api, scope: Scope, kind: str, place: str | None) -> Iterator[Step]:
    """Everything of one kind, in one namespace or in all."""
    objects: list[StoredObject] = []
    known: set[Key] = set()
    deleting = seen = unread = 0
    for page in _pages(api, kind, place):
        if page.first:
            objects, known, deleting, seen, unread = [], set(), 0, 0, 0
        seen += len(page.items) + page.unread
        unread += page.unread
        for item in page.items:
            if kind in scope.asked:
                known.add(contents.inventory.put(kind, item))
            if kind not in scope.kinds or scope.namespace not in (None, item["metadata"]["namespace"]):
                continue
            found = StoredObject.of(kind, item)
            if found.deleting:
                deleting += 1
            else:
                objects.append(found)
        yield Step(f"reading {resource_of(kind).partition('.')[0]}", seen, seen + page.remaining)
    if kind in scope.asked:
        contents.inventory.synced(kind, known)
        contents.inventory.unread(kind, TOO_LARGE if unread else "")
    if unread:
        contents.unreadable.append(Unreadable(resource_of(kind), f"{unread} cannot be read: {TOO_LARGE}"))
    contents.objects += objects
    contents.deleting += deleting


def _pages(api: Api, kind: str, place: str | None) -> Iterator[Page]:
    if kind == NAMESPACE and place is not None:
        yield Page([api.get(Key(NAMESPACE, "", place))], first=True, remaining=0)
    else:
        yield from api.pages(kind, place)


def _missing(contents: Contents, kind: str, error: KubeError) -> None:
    if error.status == 404 and kind != NAMESPACE:
        contents.absent.append(kind)
        if kind in KNOWN:
            contents.inventory.complete(kind)
        return
    if kind in KNOWN:
        contents.inventory.failed(kind, error.said, refused=True)
    contents.unreadable.append(Unreadable(resource_of(kind), f"cannot be read: {error.said}"))
