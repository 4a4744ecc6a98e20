"""The request path: any body is answered, with what the API server can read, and nothing of it is logged."""

import asyncio
import base64
import json
import weakref
import zlib
from collections.abc import MutableMapping
from typing import Any, NoReturn

import orjson
import structlog
from jsonpatch import JsonPatch

from app.admission.engine import Admission
from app.admission.judgement import Failed
from app.admission.review import Request, parse, read_request
from app.domain.repository_index import Use
from app.inventory.store import KINDS, Inventory
from app.rules.registry import RULES
from app.server.claims import Unclaimed
from app.server.large_reviews import LargeReviews
from app.server.observability.labels import Webhook
from app.server.observability.telemetry import CallTelemetry, Telemetry
from app.server.transport.in_flight import InFlightRequests
from app.server.webhooks import Endpoint
from fuzz import seeds
from schemas.admissionreview import MAX_DEPTH

_LONGEST_LOGGED = 256
_ALL_WARNINGS = 4_096
_OF_CALLER = ("uid", "operation", "kind", "namespace", "name", "user")
_OF_SERVER = {"event", "webhook", "dry_run", "decision", "rules", "milliseconds", "level", "timestamp"}


class _Strict(CallTelemetry):
    """An exception inside is a finding, not a 500."""

    def failed(self, webhook: Webhook, failed: Failed) -> NoReturn:  # noqa: ARG002
        """Raise it."""
        raise failed


class _Still(Inventory):
    """A cluster in which nothing happens: what was admitted before must not change what comes of an input."""

    def admitted(self, use: Use, seconds: float | None = None) -> bool:  # noqa: ARG002
        """Forget it."""
        return False


def _cluster() -> Inventory:
    inventory = _Still(stale_after=None)
    for each in seeds.cluster():
        if each.get("kind") in KINDS:
            inventory.put(each["kind"], each)
    for kind in KINDS:
        inventory.complete(kind)
    return inventory


class _Log:
    """The lines that are logged."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        structlog.configure(processors=[self._take], logger_factory=lambda *_: self, cache_logger_on_first_use=False)

    def _take(self, _logger: Any, _level: str, line: MutableMapping[str, Any]) -> NoReturn:
        self.lines.append(dict(line))
        raise structlog.DropEvent

    def info(self, line: bytes) -> None:
        """Take the line of a decision, which comes as it is written."""
        self.lines.append(orjson.loads(line))


class Target:
    """Both webhooks, in this process."""

    def __init__(self) -> None:
        self._log = _Log()
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)
        cluster = _cluster()
        admission, telemetry, traffic = (
            Admission(inventory=cluster),
            Telemetry(_Strict).calls,
            InFlightRequests(most=16),
        )
        confirming, large = Unclaimed(cluster), LargeReviews(cluster)
        self._endpoints = {
            "mutate": Endpoint("mutate", admission, telemetry, traffic, confirming, large),
            "validate": Endpoint("validate", admission, telemetry, traffic, confirming, large),
        }

    def attempt(self, body: bytes) -> None:
        """Send a body to both webhooks. Raises AssertionError where what must hold does not, or what they raised."""
        if self._call("mutate", body) is None:
            assert self._call("validate", body) is None, "one webhook answers what the other cannot"
            return
        review = orjson.loads(body)
        assert _plain(_strictly(body)) == _plain(review), "another parser reads another value"
        assert _depth(review) <= MAX_DEPTH
        self._answers(review, body)

    def _answers(self, review: Any, body: bytes) -> None:
        mutation, validation = self._call("mutate", body), self._call("validate", body)
        assert mutation is not None
        assert validation is not None
        assert mutation["allowed"] is True, "/mutate refuses nothing"
        assert ("patch" in mutation) == ("patchType" in mutation)
        assert "patch" not in validation
        if "patch" in mutation:
            self._patched(review, json.loads(base64.b64decode(mutation["patch"], validate=True)))

    def _patched(self, review: Any, patch: Any) -> None:
        document = review["request"]["object"]
        mutated = JsonPatch(patch).apply(document)
        assert mutated != document
        again = {**review, "request": {**review["request"], "object": mutated}}
        if _depth(again) > MAX_DEPTH:  # what is moved into the target lies a level deeper
            return
        twice = self._call("mutate", orjson.dumps(again))
        assert twice is not None
        assert "patch" not in twice, "mutating twice changes more than mutating once"
        assert self._call("validate", orjson.dumps(again)) is not None

    def _call(self, webhook: Webhook, body: bytes) -> dict[str, Any] | None:
        """The response of a review; None where the body is answered with 400."""
        self._log.lines.clear()
        status, content = self._loop.run_until_complete(self._exchange(webhook, body))
        lines = self._log.lines
        answer = json.loads(content)
        if status == 400:
            for line in lines:  # one in ten seconds
                assert line.keys() <= {"event", "reason", "status", "not_logged"}
                assert (line["event"], line["reason"], line["status"]) == ("bad call", "bad review", 400)
            assert answer["kind"] == "Status"
            assert answer["message"].isprintable()
            return None
        assert status == 200, status
        request = read_request(parse(body))
        (line,) = lines
        _check_log(line, request)
        response: dict[str, Any] = answer["response"]
        _check_response(response, request)
        return response

    async def _exchange(self, webhook: Webhook, body: bytes) -> tuple[int, bytes]:
        """Send the body in two pieces. Where it is cut depends on nothing but the body."""
        cut = zlib.crc32(body) % (len(body) + 1)
        events = [
            {"type": "http.request", "body": body[:cut], "more_body": True},
            {"type": "http.request", "body": body[cut:], "more_body": False},
        ]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return events.pop(0)

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        scope = {"type": "http", "headers": [(b"content-type", b"application/json")], "query_string": b""}
        await self._endpoints[webhook](scope, receive, send)
        return sent[0]["status"], b"".join(each["body"] for each in sent[1:])


def _check_log(line: dict[str, Any], request: Request) -> None:
    """Nothing is in a line but what names the object and who asks."""
    assert line.keys() == {*_OF_CALLER, *_OF_SERVER}
    for field in _OF_CALLER:
        assert line[field] == getattr(request, field)[:_LONGEST_LOGGED]
    assert line["decision"] in ("mutated", "allowed", "refused")
    assert set(line["rules"]) <= RULES.keys()
    assert isinstance(line["dry_run"], bool)


def _check_response(response: dict[str, Any], request: Request) -> None:
    """It is what the API server takes."""
    assert response["uid"] == request.uid
    assert response["allowed"] is ("status" not in response)
    warnings = response.get("warnings", [])
    assert all(each.isprintable() for each in warnings)
    assert sum(map(len, warnings)) <= _ALL_WARNINGS
    if "status" in response:
        status = response["status"]
        assert (status["code"], status["reason"]) == (422, "Invalid")
        assert status["details"]["causes"]
        for cause in status["details"]["causes"]:
            assert all(isinstance(cause[key], str) and cause[key] for key in ("reason", "message", "field"))
            assert cause["message"].isprintable()
    for value in response.get("auditAnnotations", {}).values():
        assert set(value.split(",")) <= RULES.keys()


def _strictly(body: bytes) -> Any:
    """The value as the standard library reads it, which is slow and takes nothing for granted."""
    return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refused, parse_int=_number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a key twice"
    return dict(pairs)


def _refused(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


def _number(_text: str) -> float:
    return 0.0


def _plain(value: Any) -> Any:
    """The value without its numbers, which parsers round as they like."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return 0.0 if isinstance(value, int | float) and not isinstance(value, bool) else value


def _depth(value: Any) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(_depth, items), default=0)
