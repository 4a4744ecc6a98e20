"""What the fuzzer begins with: every sample, case and example that the tests have, so that it need not find them."""

import json
from collections.abc import Iterator
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
from ruamel.yaml import YAML

from app.commands.fix.spelling import flow
from app.rules import MUTATIONS, VALIDATIONS
from schemas.kinds import KINDS
from testbed.cases import cases
from testbed.growing import ENDLESS, GROWING
from testbed.reviews import review

ROOT = Path(__file__).parent.parent
FINDINGS = Path(__file__).parent / "findings"
"""Inputs that broke something once, in a folder for each target."""
LARGEST = 16 * 2**10
"""Bytes of an input. Larger ones take long and find no more: what is large, the tests try on purpose."""


def reviews() -> Iterator[bytes]:
    """Bodies for the webhooks."""
    for path in sorted((ROOT / "manifests/samples/reviews").glob("*.json")):
        yield path.read_bytes()
    for case in cases():
        yield orjson.dumps(review(case.object, case.old, userInfo={"username": "jane"}))
    document = cases()[0].object
    for fields in ({"operation": "DELETE", "object": None}, {"subResource": "status"}, {"dryRun": True}):
        yield orjson.dumps(review(document, None, **fields))


def texts() -> Iterator[bytes]:
    """Files: block and flow style, comments, anchors, JSON, Lists, several documents, texts that grow."""
    for path in sorted((ROOT / "manifests/samples").glob("*.yaml")):
        yield path.read_bytes()
    for path in sorted((ROOT / "tests/commands/fixes").glob("*.yaml")):
        yield from (part.encode() for part in path.read_text().split("=====\n"))
    for line in (ROOT / "tests/manifest/kubectl.jsonl").read_text().splitlines():
        yield json.loads(line)[0].encode("utf-8", "replace")
    for growing in GROWING:
        yield from (growing(levels).encode() for levels in (1, 3, 6, ENDLESS))
    for number, case in enumerate(cases()):
        written = (json.dumps, flow, _block)[number % 3]
        yield written(case.object).encode()
    yield flow({"apiVersion": "v1", "kind": "List", "items": [case.object for case in cases()[:3]]}).encode()


def cluster() -> Iterator[dict[str, Any]]:
    """What a cluster holds, for the rules that ask about it."""
    for case in cases():
        yield from case.cluster or ()


@cache
def words() -> frozenset[str]:
    """Texts that mean something: names of fields, kinds, values that samples and cases have."""
    found = {*KINDS, *(function.__name__ for function in (*MUTATIONS, *VALIDATIONS))}
    for case in cases():
        found |= set(_words(case.object)) | set(_words(case.old))
    return frozenset(found)


@cache
def members() -> dict[str, list[Any]]:
    """Values by the names of the fields that samples and cases have them in."""
    found: dict[str, dict[str, Any]] = {}
    for case in cases():
        for value in (case.object, case.old):
            _collect(value, found)
    return {key: list(values.values()) for key, values in found.items()}


def _block(value: Any) -> str:
    written = StringIO()
    YAML(typ="safe", pure=True).dump(value, written)
    return written.getvalue()


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)
    elif isinstance(value, str) and 0 < len(value) < 64:
        yield value


def _collect(value: Any, found: dict[str, dict[str, Any]]) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            found.setdefault(key, {})[json.dumps(item, sort_keys=True)] = item
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
