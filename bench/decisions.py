"""What the engine is asked: the load generator's own reviews, of any number of members, each new."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from bench.load import Webhook

_NUMBER = b"000000000001"
"""The number of the call in what the load generator shows."""
_SHOWN = 50
"""Members of the review of which larger ones are made."""
_KINDS = 5
"""Kinds of workloads, which the load generator takes in turn."""
_REPOSITORY = b'"repository":{"name":"shop-%b"}'
_RESTORED = "restored"
"""The Repository of all restores, in which a batch with the same targets keeps its data."""


class Reviews:
    """Reviews of BackupBatches as the load generator sends them."""

    def __init__(self, program: Path) -> None:
        """`program` is the load generator."""
        self._program = program

    def of(self, webhook: Webhook, members: int, kind: str, repositories: int) -> Callable[[int], bytes]:
        """What makes the review of a number; a backup's names one of so many Repositories, `repository(number)`."""
        template = orjson.dumps(_as_kind(self._shown(webhook, members), kind))
        if kind.startswith("Restore"):
            return lambda number: template.replace(_NUMBER, b"%012d" % number)
        before, named, after = template.partition(_REPOSITORY % _NUMBER)
        if not named:
            raise RuntimeError(f"the load generator's review of a {kind} names no Repository")

        def review(number: int) -> bytes:
            digits = b"%012d" % number
            name = _REPOSITORY % (b"%012d" % (number % repositories))
            return before.replace(_NUMBER, digits) + name + after.replace(_NUMBER, digits)

        return review

    def restored(self, members: int) -> Iterator[dict[str, Any]]:
        """What restores restore from: a Repository, and a BackupBatch in it."""
        document = self._shown("validate", members)["request"]["object"]
        namespace = document["metadata"]["namespace"]
        document["metadata"] = {"name": _RESTORED, "namespace": namespace}
        document["spec"]["repository"]["name"] = _RESTORED
        for member in document["spec"]["members"]:
            member["target"]["alias"] = member["target"]["ref"]["name"]
        yield stored_repository(_RESTORED)
        yield document

    def _shown(self, webhook: Webhook, members: int) -> dict[str, Any]:
        command = [str(self._program), "--dump", "--raw", f"--webhook={webhook}", f"--members={min(members, _SHOWN)}"]
        shows = subprocess.run(command, capture_output=True, check=True, timeout=30)  # noqa: S603  our own command
        review: dict[str, Any] = json.loads(shows.stdout)
        shown = review["request"]["object"]["spec"]["members"]
        for index in range(len(shown), members):
            shown.append(_renumbered(shown[_SHOWN - _KINDS + index % _KINDS], index))
        return review


def repository(number: int) -> str:
    """The name of a Repository of the reviews."""
    return f"shop-{number:012d}"


def stored_repository(name: str, *, placed: bool = True) -> dict[str, Any]:
    """A Repository of that name, in the namespace of the reviews, with a place of its own.

    Not `placed`: without a backend, so that it is found by its name alone.
    """
    metadata = {"name": name, "namespace": "shop"}
    s3 = {"endpoint": "https://s3.example", "bucket": "backups", "prefix": f"/shop/{name}"}
    spec = {"backend": {"s3": s3, "storageSecretName": "storage"}} if placed else {}
    return {"apiVersion": "stash.appscode.com/v1alpha1", "kind": "Repository", "metadata": metadata, "spec": spec}


def _renumbered(member: dict[str, Any], index: int) -> dict[str, Any]:
    """A member like this one, with a name and an alias of its own."""
    made = copy.deepcopy(member)
    target = made["target"]
    for holder, name in ((target, "alias"), (target["ref"], "name")):
        holder[name] = f"{holder[name].rpartition('-')[0]}-{index:03d}"
    return made


def _as_kind(review: dict[str, Any], kind: str) -> dict[str, Any]:
    """The review of an object of another kind, with the same targets: of the first of them, if it has but one."""
    if kind == "BackupBatch":
        return review
    request, document = review["request"], review["request"]["object"]
    spec, members = document["spec"], document["spec"].pop("members")
    for holder in (request["kind"], request["requestKind"], document):
        holder["kind"] = kind
    for name in ("resource", "requestResource"):
        request[name]["resource"] = kind.lower() + ("es" if kind.endswith("Batch") else "s")
    if kind == "BackupConfiguration":
        spec.pop("executionOrder")
        document["spec"] = {**spec, **members[0]}
        return review
    for name in ("schedule", "retentionPolicy", "backupHistoryLimit"):
        spec.pop(name)
    spec["repository"]["name"] = _RESTORED
    for member in members:
        member["hooks"] = {"preRestore": member["hooks"]["preBackup"]}
        target = member["target"]
        for name in ("paths", "exclude", "args"):
            target.pop(name)
        if "alias" in target:
            target["alias"] = target["ref"]["name"]
        target["rules"] = [{"paths": [target["volumeMounts"][0]["mountPath"]]}]
    if kind == "RestoreSession":
        spec.pop("executionOrder")
        spec |= members[0]
    else:
        spec["members"] = members
    return review
