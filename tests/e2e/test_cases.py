"""Every case of the rules, decided by the real API server with the registration as shipped.

First, without webhooks, the API server says of each case whether its CRD lets it through: an object that it refuses
itself, or changes (an unknown field, a null), never reaches the webhooks as the case has it. What is stored in a case
of an update is stored then, as objects are that are older than the webhooks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app.domain.invoker import INVOKERS, same
from testbed.cases import Case
from testbed.cases import cases as all_cases
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import Installation, crds, define
from testbed.control_plane.objects import Document, Objects, Reply
from testbed.reviews import admit


def cases() -> list[Case]:
    """The cases that need no other objects; `test_inventory.py` has those of a cluster."""
    return [case for case in all_cases() if case.cluster is None]


DEFAULTS = {"driver": "Restic", "executionPolicy": "Always", "maxRetry": 1}


@dataclass
class Prepared:
    """A case in the cluster."""

    document: Document
    verdict: str
    """What the CRD alone makes of the case: `through`, `changed`, `refused`, or what is stored is `unstorable`."""
    stored: Document | None = None


@dataclass
class Court:
    """The API server with webhooks, and the cases that it has to decide."""

    objects: Objects
    prepared: dict[str, Prepared]


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    folder = tmp_path_factory.mktemp("cases")
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        for namespace in {case.object["metadata"]["namespace"] for case in cases()}:
            cluster.kubectl("create", "namespace", namespace)
        objects = Objects(cluster)
        prepared = {str(case): _prepare(objects, case, number) for number, case in enumerate(cases())}
        installation = Installation(cluster, folder)
        with installation.serving(folder) as server:
            installation.register(server.port)
            yield Court(objects, prepared)
        objects.close()


def _named(document: Document, number: int) -> Document:
    metadata = {**document["metadata"], "name": f"case-{number}"}
    return {**copy.deepcopy(document), "metadata": metadata}


def _prepare(objects: Objects, case: Case, number: int) -> Prepared:
    document = _named(case.object, number)
    stored = None
    if case.old is not None:
        old = _named(case.old, number)
        reply = objects.create(old)
        if reply.status != 201 or not _agrees(old, reply.body):
            return Prepared(document, "unstorable")
        stored = reply.body
        reply = objects.replace(document, dryRun="All")
    else:
        reply = objects.create(document, dryRun="All")
    if reply.status not in (200, 201):
        assert reply.status == 422, reply.message
        return Prepared(document, "refused")
    return Prepared(document, "through" if _agrees(document, reply.body) else "changed", stored)


def _agrees(written: Document, stored: Document) -> bool:
    return same(written.get("spec"), _without_defaults(stored.get("spec"), written.get("spec")))


def _without_defaults(stored: Any, written: Any) -> Any:
    if isinstance(stored, dict) and isinstance(written, dict):
        return {
            key: _without_defaults(value, written.get(key))
            for key, value in stored.items()
            if not (written.get(key) is None and DEFAULTS.get(key) == value)
        }
    if isinstance(stored, list) and isinstance(written, list) and len(stored) == len(written):
        return [_without_defaults(*each) for each in zip(stored, written, strict=True)]
    return stored


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_api_server_decides_as_the_case_says(court: Court, case: Case) -> None:
    prepared = court.prepared[str(case)]
    if prepared.verdict == "refused":
        assert case.expectation == "deny" or str(case) in NOT_AS_A_WRITE
    if prepared.verdict != "through":
        return  # the webhooks are never shown this; how many there are is a test of its own
    reply = _send(court.objects, prepared)
    if case.expectation == "deny":
        assert reply.status == 422, reply.body
        assert {cause["message"].rpartition("(")[2].rstrip(")") for cause in reply.causes} == {case.rule}
        webhook = "validate" if case.object["kind"] in INVOKERS else "validate-repositories"
        assert f'admission webhook "{webhook}.admission.stash.appscode.com" denied the request' in reply.message
        return
    assert reply.status in (200, 201), reply.message
    expected = admit(case.object, case.old)
    assert _agrees(expected.document, court.objects.get(prepared.document))
    for warning in expected.warnings:
        assert warning in reply.warnings


NOT_AS_A_WRITE = {"immutable-restore-allow-a-session-that-is-being-deleted"}
"""The API server sets deletionTimestamp itself, and refuses one that is written."""


def _send(objects: Objects, prepared: Prepared) -> Reply:
    return objects.create(prepared.document) if prepared.stored is None else objects.replace(prepared.document)


def test_nearly_all_cases_get_through_the_crd(court: Court) -> None:
    verdicts = [prepared.verdict for prepared in court.prepared.values()]
    assert verdicts.count("through") > 0.8 * len(verdicts)
