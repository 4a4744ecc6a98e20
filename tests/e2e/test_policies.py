"""The rules as policies beside the server's own decisions: a differential test on a real API server.

Sound: what a policy refuses, the server refuses. Complete: what the server finds in a new object by a rule with a twin,
the twin finds. Mutations are equal. `policies-differences.yaml` has what is known to be different, and why.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from app.commands.policies.policy import Mode
from app.commands.policies.release import Release
from app.commands.policies.text import text
from app.domain.invoker import same
from app.domain.twin import MOST_PAIRS, Twin
from app.rules.registry import RULES, Level
from testbed.cases import Case
from testbed.cases import cases as all_cases
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.documents import load, load_all
from tests.support.e2e.policies import Compared, compare, generated, install, warn_and_mutate

DIFFERENCES: dict[str, dict[str, str]] = load((Path(__file__).parent / "policies-differences.yaml").read_text())
"""By rule, then by kind, why the twin does not find in a new object what the server does."""
TWINS = {rule.id for rule in RULES.values() if isinstance(rule.twin, Twin)}
ENFORCED = {rule.id for rule in RULES.values() if rule.level is Level.ENFORCE}
TOGETHER = {"unique-alias", "unique-host", "possible-host-clash"}
"""Of two findings of these about one member, the server says the first."""


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


@pytest.fixture(scope="module")
def court() -> Iterator[Court]:
    cases = [case for case in all_cases() if case.cluster is None]
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        for namespace in {case.object["metadata"]["namespace"] for case in cases}:
            cluster.kubectl("create", "namespace", namespace)
        objects = Objects(cluster)
        prepared = {str(case): _prepare(objects, case, number) for number, case in enumerate(cases)}
        install(cluster, objects, load_all(text(warn_and_mutate())))
        yield Court(objects, {name: each for name, each in prepared.items() if each is not None})
        objects.close()


def _prepare(objects: Objects, case: Case, number: int) -> Prepared | None:
    """None: the API server refuses it without anybody's help."""
    document, stored = _named(case.object, number), None
    if case.old is not None:
        reply = objects.create(_named(case.old, number))
        if reply.status != 201:
            return None
        stored = reply.body
        reply = objects.replace(document, dryRun="All")
    else:
        reply = objects.create(document, dryRun="All")
    if reply.status not in (200, 201):
        return None
    metadata = {name: reply.body["metadata"][name] for name in ("name", "namespace")}
    return Prepared({**reply.body, "metadata": metadata}, stored)


def _named(document: Document, number: int) -> Document:
    return {**copy.deepcopy(document), "metadata": {**document["metadata"], "name": f"case-{number}"}}


def faults(found: Compared, kind: str, *, created: bool) -> list[str]:
    """Where the twin is wrong; empty: nowhere but where it is known to be."""
    said = [f"error: {each}" for each in found.errors]
    for rule in found.twin - found.server:
        hidden = rule in TOGETHER and found.server & TOGETHER
        if not hidden and not (rule in ENFORCED and found.refused):
            said.append(f"unsound: {rule}")
    if created:
        missed = (found.server & TWINS) - found.twin
        said += [f"missed: {rule}" for rule in missed if kind not in DIFFERENCES.get(rule, ())]
    if not same(found.mutated, found.stored):
        said.append(f"mutated otherwise: {found.stored}, by the server {found.mutated}")
    return sorted(said)


def test_every_case_is_decided_as_by_the_server(court: Court) -> None:
    different, needed = {}, set()
    for name, each in court.prepared.items():
        found, kind = compare(court.objects, each.document, each.stored), each.document["kind"]
        different[name] = faults(found, kind, created=each.stored is None)
        needed |= {(rule, kind) for rule in (found.server & TWINS) - found.twin if each.stored is None}
    assert {name: found for name, found in different.items() if found} == {}
    assert needed == {(rule, kind) for rule, kinds in DIFFERENCES.items() for kind in kinds}
    assert len(court.prepared) > 500


KINDS = ("Deployment", "StatefulSet", "DaemonSet", "PersistentVolumeClaim")
ALIASES = ("", "db", "db-0", "host", "my db")
DRIVERS = ("Restic", "VolumeSnapshotter")


def small_batches() -> Iterator[Document]:
    """A sample, spread evenly, of all batches of up to three members; `make proof` has all of them."""
    members = [(kind, alias) for kind in KINDS for alias in ALIASES]
    every = [
        (kind, driver, chosen)
        for kind in ("BackupBatch", "RestoreBatch")
        for driver in DRIVERS
        for size in range(4)
        for chosen in combinations_with_replacement(members, size)
    ]
    for kind, driver, chosen in every[::61]:
        yield batch(kind, driver, chosen)


def batch(kind: str, driver: str, members: tuple[tuple[str, str], ...]) -> Document:
    spec: dict[str, Any] = {
        "driver": driver,
        "repository": {"name": "repo"},
        "members": [_member(number, *each) for number, each in enumerate(members)],
    }
    if kind.startswith("Backup"):
        spec["retentionPolicy"] = {"name": "keep", "keepLast": 5, "prune": True}
    metadata = {"name": "small", "namespace": "demo"}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def _member(number: int, kind: str, alias: str) -> Document:
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": f"w{number // 2}"}
    return {"target": {"ref": ref, **({"alias": alias} if alias else {})}}


def test_small_batches_are_decided_as_by_the_server(court: Court) -> None:
    asked = 0
    for document in small_batches():
        assert faults(compare(court.objects, document), document["kind"], created=True) == [], document["spec"]
        asked += 1
    assert asked > 100


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Cluster, Objects]]:
    """An API server whose policies refuse."""
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        cluster.kubectl("create", "namespace", "demo")
        objects = Objects(cluster)
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
    for rule, change in zip(UNIQUE, (_same_alias, _same_host, _same_target), strict=True):
        changed = copy.deepcopy(document)
        change(*(changed["spec"]["members"][at]["target"] for at in (1, -1)))
        reply = objects.create(changed, dryRun="All")
        assert (reply.status, f"stash-admission-{rule}" in reply.message) == (422, True), reply.message


def _same_alias(first: Document, last: Document) -> None:
    last.update(alias=first["alias"], ref={**last["ref"], "kind": "DaemonSet"})


def _same_host(first: Document, last: Document) -> None:
    first["ref"]["kind"] = "StatefulSet"
    last.update(alias=f"{first['alias']}-0", ref={**last["ref"], "kind": "Deployment"})


def _same_target(first: Document, last: Document) -> None:
    last["ref"] = first["ref"]


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
