"""The usual FastAPI peer decides what the product decides. `python -m bench.peers.check` asks all peers."""

import asyncio
import base64
import copy
import json

import httpx
import pytest
from jsonpatch import JsonPatch

from bench.peers.rules import default_aliases, faults
from bench.peers.usual import app
from testbed.reviews import Document, ask, patched, review


def batch(*targets: tuple[str, str | None]) -> Document:
    """A BackupBatch of targets, each a kind and an alias."""
    members = [
        {"target": {"ref": {"apiVersion": "apps/v1", "kind": kind, "name": f"t{index}"}, "paths": ["/data"]}}
        for index, (kind, _) in enumerate(targets)
    ]
    for member, (_, alias) in zip(members, targets, strict=True):
        if alias is not None:
            member["target"]["alias"] = alias
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": "shop", "namespace": "demo", "unheardOf": {"kept": [1]}},
        "spec": {
            "repository": {"name": "shop"},
            "retentionPolicy": {"name": "daily", "keepDaily": 7, "prune": True},
            "members": members,
        },
    }


def restore(**target: object) -> Document:
    """A RestoreBatch with rules beside its target."""
    made = batch(("Deployment", "web"))
    made["kind"] = "RestoreBatch"
    del made["spec"]["retentionPolicy"], made["spec"]["members"][0]["target"]["paths"]
    made["spec"]["members"][0]["rules"] = [{"paths": ["/data"]}]
    made["spec"]["members"][0]["target"] |= target
    return made


def asked(webhook: str, document: Document) -> tuple[bool, Document]:
    """Whether the peer allows an object, and what its patch makes of it."""

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://peer.test") as client:
            return await client.post(f"/{webhook}", json=review(document))

    answer = asyncio.run(call())
    assert answer.status_code == 200, answer.text
    response = answer.json()["response"]
    operations = json.loads(base64.b64decode(response["patch"])) if "patch" in response else []
    return response["allowed"], JsonPatch(operations).apply(document)


@pytest.mark.parametrize(
    "document",
    [
        batch(("Deployment", None), ("StatefulSet", "db"), ("DaemonSet", None)),
        batch(("StatefulSet", None), ("AppBinding", "orders")),
        batch(("Deployment", "web")),
        restore(),
        restore(rules=[{"paths": ["/data"]}]),
        restore(rules=[{"paths": ["/other"]}]),
    ],
)
def test_it_changes_what_the_product_changes(document: Document) -> None:
    assert asked("mutate", document) == (True, patched(document, ask("mutate", document)))


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        (batch(("Deployment", "web"), ("StatefulSet", "db")), True),
        (batch(("Deployment", "web"), ("AppBinding", "web")), False),
        (batch(("Deployment", "db-0"), ("StatefulSet", "db")), False),
        (batch(("Deployment", None), ("StatefulSet", None)), False),
    ],
)
def test_it_refuses_what_the_product_refuses(document: Document, allowed: bool) -> None:
    assert ask("validate", document).allowed == allowed
    assert asked("validate", document)[0] == allowed


def test_its_rules_change_only_what_they_are_for() -> None:
    members = batch(("Deployment", "web"), ("DaemonSet", None))["spec"]["members"]
    before = copy.deepcopy(members)
    default_aliases(members)
    assert members == before
    assert faults(members, writes=True) == []
