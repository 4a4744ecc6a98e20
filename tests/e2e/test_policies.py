"""The rules as policies beside the server's own decisions: a differential test on a real API server.

Sound: what a policy refuses, the server refuses. Complete: what the server finds in a new object by a rule with a twin,
the twin finds. Mutations are equal. `policies-differences.yaml` has what is known to be different, and why.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random

import pytest

from app.commands.policies.policy import Mode
from app.commands.policies.release import Release
from app.commands.policies.text import text
from app.domain.twin import MOST_PAIRS
from testbed.cases import Case
from testbed.cases import cases as all_cases
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.control_plane.policies import (
    DIFFERENCES,
    TWINS,
    batch,
    compare,
    faults,
    generated,
    install,
    shown,
    small_batches,
    warn_and_mutate,
)
from testbed.documents import load_all
from testbed.drawn import drawn


@dataclass
class Prepared:
    """A case as the API server shows it to those that it asks: pruned, with defaults."""

    document: Document
    stored: Document | None


@dataclass
class Court:
    """An API server with all policies, which only warn, and no webhooks."""

    objects: Objects
    prepared: dict[str, Prepared]
    drawn: list[Document]


@pytest.fixture(scope="module")
def court() -> Iterator[Court]:
    cases = [case for case in all_cases() if case.cluster is None]
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        for namespace in {case.object["metadata"]["namespace"] for case in cases}:
            cluster.kubectl("create", "namespace", namespace)
        objects = Objects(cluster)
        prepared = {str(case): _prepare(objects, case, number) for number, case in enumerate(cases)}
        random = Random(7)  # noqa: S311  the same objects each time
        some = [shown(objects, drawn(random, "demo")) for _ in range(200)]
        install(cluster, objects, load_all(text(warn_and_mutate())))
        cases_shown = {name: each for name, each in prepared.items() if each is not None}
        yield Court(objects, cases_shown, [each for each in some if each is not None])
        objects.close()


def _prepare(objects: Objects, case: Case, number: int) -> Prepared | None:
    """None: the API server refuses it without anybody's help."""
    stored = None
    if case.old is not None:
        reply = objects.create(_named(case.old, number))
        if reply.status != 201:
            return None
        stored = reply.body
    document = shown(objects, _named(case.object, number), stored)
    return None if document is None else Prepared(document, stored)


def _named(document: Document, number: int) -> Document:
    return {**copy.deepcopy(document), "metadata": {**document["metadata"], "name": f"case-{number}"}}


def test_every_case_is_decided_as_by_the_server(court: Court) -> None:
    different, needed = {}, set()
    for name, each in court.prepared.items():
        found, kind = compare(court.objects, each.document, each.stored), each.document["kind"]
        different[name] = faults(found, kind, created=each.stored is None)
        needed |= {(rule, kind) for rule in (found.server & TWINS) - found.twin if each.stored is None}
    assert {name: found for name, found in different.items() if found} == {}
    assert needed == {(rule, kind) for rule, kinds in DIFFERENCES.items() for kind in kinds}
    assert len(court.prepared) > 500


def test_small_batches_are_decided_as_by_the_server(court: Court) -> None:
    asked = 0
    for document in islice(small_batches(), 0, None, 61):
        assert faults(compare(court.objects, document), document["kind"], created=True) == [], document["spec"]
        asked += 1
    assert asked > 100


def test_objects_drawn_at_random_are_decided_as_by_the_server(court: Court) -> None:
    refused = 0
    for document in court.drawn:
        found = compare(court.objects, document)
        assert faults(found, document["kind"], created=True) == [], document
        refused += bool(found.refused)
    assert len(court.drawn) > refused > 50


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Cluster, Objects]]:
    """An API server whose policies refuse."""
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        cluster.kubectl("create", "namespace", "demo")
        objects = Objects(cluster)
        for name, change in CLASHES.items():
            assert objects.create(clashing(name, change)).status == 201
        yield cluster, objects
        objects.close()


UNIQUE = ("unique-alias", "unique-host", "unique-target")


def test_two_thousand_members_are_within_the_budget(refusing: tuple[Cluster, Objects]) -> None:
    cluster, objects = refusing
    install(cluster, objects, generated(Mode.DENY))
    for kind in ("BackupBatch", "RestoreBatch"):
        reply = objects.create(large(kind, 2000), dryRun="All")
        assert reply.status == 201, reply.message
    document = large("BackupBatch", 2000)
    for rule, change in CLASHES.items():
        changed = copy.deepcopy(document)
        change(*(changed["spec"]["members"][at]["target"] for at in (1, -1)))
        reply = objects.create(changed, dryRun="All")
        assert (reply.status, f"stash-admission-{rule}" in reply.message) == (422, True), reply.message


def test_an_update_that_leaves_stored_clashes_as_they_are_is_admitted(refusing: tuple[Cluster, Objects]) -> None:
    cluster, objects = refusing
    install(cluster, objects, generated(Mode.DENY))
    for name, change in CLASHES.items():
        stored = objects.get(clashing(name, change))
        stored["spec"]["paused"] = True
        reply = objects.replace(stored, dryRun="All")
        assert reply.status == 200, reply.message
        change(*(stored["spec"]["members"][at]["target"] for at in (4, -4)))
        reply = objects.replace(stored, dryRun="All")
        expected = 200 if name == "unique-host" else 422  # its clash is no key that is there twice
        assert reply.status == expected, reply.message


def _same_alias(first: Document, last: Document) -> None:
    last.update(alias=first["alias"], ref={**last["ref"], "kind": "DaemonSet"})


def _same_host(first: Document, last: Document) -> None:
    first["ref"]["kind"] = "StatefulSet"
    last.update(alias=f"{first['alias']}-0", ref={**last["ref"], "kind": "Deployment"})


def _same_target(first: Document, last: Document) -> None:
    last["ref"] = first["ref"]


CLASHES = dict(zip(UNIQUE, (_same_alias, _same_host, _same_target), strict=True))


def clashing(name: str, change: Callable[[Document, Document], None]) -> Document:
    """A batch that is too large for pairs, two of whose members clash."""
    document = large("BackupBatch", MOST_PAIRS + 1)
    document["metadata"]["name"] = name
    change(*(document["spec"]["members"][at]["target"] for at in (1, -1)))
    return document


def large(kind: str, members: int) -> Document:
    document = batch(kind, "Restic", ())
    kinds = ("Deployment", "StatefulSet", "PersistentVolumeClaim")
    document["spec"]["members"] = [
        {"target": {"alias": f"app-{i}-x", "ref": {"apiVersion": "apps/v1", "kind": kinds[i % 3], "name": f"w{i}"}}}
        for i in range(members)
    ]
    return document


def test_an_old_api_server_gets_policies_that_compare_pairs(refusing: tuple[Cluster, Objects]) -> None:
    cluster, objects = refusing
    install(cluster, objects, generated(Mode.DENY, Release(30)))
    document = large("BackupBatch", MOST_PAIRS)
    assert objects.create(document, dryRun="All").status == 201
    for clashing in ([*document["spec"]["members"][:-1], document["spec"]["members"][0]], large("BackupBatch", 201)):
        members = clashing["spec"]["members"] if isinstance(clashing, dict) else clashing
        changed = {**document, "spec": {**document["spec"], "members": members}}
        assert "(unique-" in objects.create(changed, dryRun="All").message
