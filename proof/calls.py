"""The calls: what is sent, each with a uid and an alias of its own, and what is wrong with an answer."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from proof.connection import Answer
from testbed.objects import batch_of
from testbed.reviews import review

NAME = "stash-admission.stash-admission.svc"
"""The name that the API server asks for in TLS."""
_UID, _OWN = "00000000-0000-4000-8000-000000000000", "own-alias-of-the-call"
Check = Callable[[Answer], str | None]
"""What is wrong with an answer; None if nothing is."""


@dataclass(frozen=True)
class Call:
    """A request and what its answer has to be."""

    message: bytes
    check: Check


def batch(namespace: str, name: str, alias: str, members: int) -> dict[str, Any]:
    """A BackupBatch whose first member has this alias, and whose last has none: `/mutate` adds it."""
    document = batch_of(namespace, name, members)
    targets = [member["target"] for member in document["spec"]["members"]]
    targets[0]["alias"] = alias
    del targets[-1]["alias"]
    return document


class Reviews:
    """Reviews as the API server sends them, of batches of some sizes in turn; /mutate and /validate in turn."""

    def __init__(self, *sizes: int) -> None:
        """`sizes` are numbers of members, from 2."""
        self._sizes = sizes
        self._templates = {size: orjson.dumps(review(batch("demo", _OWN, _OWN, size), uid=_UID)) for size in sizes}

    def __call__(self, number: int) -> Call:
        """The call of this number; its uid is new each time."""
        path = "/validate" if number % 2 else "/mutate"
        uid, alias = str(uuid.uuid4()), f"call-{number}x"
        body = self._templates[self._sizes[number // 2 % len(self._sizes)]]
        body = body.replace(_UID.encode(), uid.encode()).replace(_OWN.encode(), alias.encode())
        return Call(request(f"{path}?timeout=5s", NAME, body), lambda answer: _wrong_review(answer, uid, path))


class Creations:
    """Creations of BackupBatches, to be sent to the API server."""

    def __init__(self, namespace: str, prefix: str = "load") -> None:
        self._namespace, self._prefix = namespace, prefix
        self._path = f"/apis/stash.appscode.com/v1beta1/namespaces/{namespace}/backupbatches"

    def __call__(self, number: int) -> Call:
        """The creation of an object of this number."""
        alias = f"call-{number}x"
        body = orjson.dumps(batch(self._namespace, f"{self._prefix}-{number}", alias, 2))
        return Call(request(self._path, "localhost", body), lambda answer: _wrong_creation(answer, alias))


def request(path: str, host: str, body: bytes) -> bytes:
    """A POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: kube-apiserver-admission",
        "Accept: application/json",
    ]
    lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _wrong_review(answer: Answer, uid: str, path: str) -> str | None:
    if answer.status != 200:
        return f"HTTP {answer.status}: {_message(answer.body)}"
    try:
        response = orjson.loads(answer.body)["response"]
        if response["uid"] != uid:
            return "the answer to another call"
        if response["allowed"] is not True:
            return f"refused: {response['status']['message']}"
        if path == "/mutate" and not _adds_alias(response):
            return "an answer without the patch"
        if path == "/validate" and "patch" in response:
            return "a patch from /validate"
    except (ValueError, KeyError, TypeError):
        return "an answer that is no review"
    return None


def _adds_alias(response: dict[str, Any]) -> bool:
    if "patch" not in response or response.get("patchType") != "JSONPatch":
        return False
    return any(step["path"].endswith("/target/alias") for step in json.loads(base64.b64decode(response["patch"])))


def _wrong_creation(answer: Answer, alias: str) -> str | None:
    if answer.status != 201:
        return f"HTTP {answer.status}: {_message(answer.body)}"
    try:
        first, last = (member["target"].get("alias") for member in orjson.loads(answer.body)["spec"]["members"])
    except (ValueError, KeyError, TypeError):
        return "an answer that is no BackupBatch"
    if first != alias:
        return "another object than was sent"
    return None if last else "stored without the alias that /mutate adds"


def _message(body: bytes) -> str:
    try:
        return str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
