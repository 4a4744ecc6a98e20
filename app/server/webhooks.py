"""The webhook's HTTP: bytes in, bytes out. What is in a review is `admission`'s matter."""

import asyncio
import time
from collections.abc import Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

import orjson
from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request as HTTPRequest
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.admission.budget import Undecided
from app.admission.engine import Admission
from app.admission.judgement import Decide, Failed, Judgement, judge
from app.admission.review import BadReview
from app.domain.duration import parse_duration
from app.server.claims import Confirming, NotClaimed
from app.server.large_reviews import LargeReviews, TooMany
from app.server.limits import LARGE_REVIEW_BYTES, MAX_BODY_BYTES, MAX_HEAD_BYTES, PIECE_BYTES
from app.server.observability.labels import Bad, Webhook
from app.server.observability.telemetry import CallTelemetry
from app.server.transport.in_flight import Call, InFlightRequests

_DEFAULT_TIMEOUT = 30.0
"""Seconds that a call may take which does not say how long it waits: the longest that a registration can ask for."""
_DEADLINE_FRACTION = 0.8
"""The part of a call's time that is for deciding. The rest is for the way here and back."""


class BadCall(Exception):
    """A call that is answered with an HTTP status, because it is no review that can be answered."""

    def __init__(self, status: HTTPStatus, reason: Bad, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.headers = headers or {}


class Endpoint:
    """One of the two webhooks, as a raw ASGI application: a request object of FastAPI costs 40 µs a call."""

    def __init__(
        self,
        webhook: Webhook,
        admission: Admission,
        telemetry: CallTelemetry,
        traffic: InFlightRequests,
        confirming: Confirming,
        large: LargeReviews,
    ) -> None:
        self._webhook = webhook
        self._decide: Decide = admission.mutate if webhook == "mutate" else admission.validate
        self._large = large
        self._confirm = confirming.confirm
        self._telemetry = telemetry
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        try:
            await self._take(scope, receive, send)
        except BadCall as bad:
            self._telemetry.bad_call(bad.reason, bad.status)
            await self._reply(bad.status, _status(bad.status, str(bad)), bad.headers, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        _check_head(scope["headers"])
        call = self._traffic.begin()
        if call is None:
            raise _too_busy()
        try:
            body = await self._body(call, receive)
            if body is None:
                return
            deadline = call.since + _timeout(scope["query_string"]) * _DEADLINE_FRACTION
            answer = await self._answer(body, deadline)
        except asyncio.CancelledError:
            if call.task is None or not call.gave_way:
                raise
            call.task.uncancel()
            raise _too_busy(_CLOSE) from None
        finally:
            self._traffic.end(call)
        # Who does not take the answer takes nobody's place.
        await self._reply(200, answer, {}, send)

    async def _body(self, call: Call, receive: Receive) -> bytes | None:
        """The body; None if the caller left."""
        chunks: list[bytes] = []
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            chunk = event.get("body", b"")
            if call.size + len(chunk) > MAX_BODY_BYTES:
                raise _too_large()
            if not self._traffic.hold(call, len(chunk)):
                raise _too_busy(_CLOSE)
            chunks.append(chunk)
            if not event.get("more_body", False):
                self._traffic.arrived(call)
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def _answer(self, body: bytes, deadline: float) -> bytes:
        started = time.monotonic()
        try:
            if len(body) <= LARGE_REVIEW_BYTES:
                judgement = judge(self._decide, body, deadline)
            else:
                judgement = await self._judge(body, deadline)
            if judgement.use is not None:
                judgement = await self._confirm(judgement, partial(self._judge, body), deadline)
        except BadReview as bad:
            raise BadCall(HTTPStatus.BAD_REQUEST, "bad review", str(bad)) from None
        except Undecided as undecided:
            raise _undecided(f"the object was not judged by {undecided}") from None
        except NotClaimed as not_claimed:
            raise _undecided(str(not_claimed)) from None
        except TooMany:
            raise _too_busy() from None
        except Failed as failed:  # a mistake of ours is no refusal: failurePolicy decides
            self._telemetry.failed(self._webhook, failed)
            raise BadCall(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error", "internal error") from None
        self._telemetry.decided(self._webhook, judgement.request, judgement.verdict, time.monotonic() - started)
        return judgement.answer

    async def _judge(self, body: bytes, deadline: float) -> Judgement:
        if len(body) > LARGE_REVIEW_BYTES:
            return await self._large.judge(self._decide, body, deadline)
        return judge(self._decide, body, deadline)

    async def _reply(self, status: int, content: bytes, headers: dict[str, str], send: Send) -> None:
        raw = [(b"content-type", _JSON), (b"content-length", b"%d" % len(content))]
        if headers:
            raw += [(name.encode(), value.encode()) for name, value in headers.items()]
        if self._traffic.closing and "connection" not in headers:
            raw.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        for start in range(0, len(content) - PIECE_BYTES, PIECE_BYTES):
            await send({"type": "http.response.body", "body": content[start : start + PIECE_BYTES], "more_body": True})
        await send({"type": "http.response.body", "body": content[(len(content) - 1) // PIECE_BYTES * PIECE_BYTES :]})


@lru_cache(maxsize=64)
def _timeout(query: bytes) -> float:
    """The seconds of `?timeout=5s`, which the API server adds; its own default where there is nothing of the kind."""
    try:
        seconds = parse_duration(parse_qs(query.decode("ascii"))["timeout"][0]) / 1e9
    except (KeyError, ValueError):
        return _DEFAULT_TIMEOUT
    return seconds if 0 < seconds < _DEFAULT_TIMEOUT else _DEFAULT_TIMEOUT


def _check_head(headers: list[tuple[bytes, bytes]]) -> None:
    # What is left of the body of a call that is refused here is not read, so the connection cannot be used again.
    size, kind, length = 0, b"", b""
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"content-type":
            kind = value
        elif name == b"content-length":
            length = value
    if size > MAX_HEAD_BYTES:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise BadCall(status, "headers too large", f"the headers are larger than {MAX_HEAD_BYTES} bytes", _CLOSE)
    if kind != _JSON and kind.split(b";")[0].strip().lower() != _JSON:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        raise BadCall(status, "content type", "the content type is not application/json", _CLOSE)
    if length.isdigit() and (len(length) > 9 or int(length) > MAX_BODY_BYTES):
        raise _too_large()


_JSON = b"application/json"
_CLOSE = {"connection": "close"}


def _too_large() -> BadCall:
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return BadCall(status, "body too large", f"the body is larger than {MAX_BODY_BYTES} bytes", _CLOSE)


def _too_busy(headers: Mapping[str, str] = MappingProxyType({})) -> BadCall:
    # The API server tries again, each second until its deadline.
    status, again = HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": "1"}
    return BadCall(status, "too busy", "too many calls at once: try again", {**again, **headers})


def _undecided(why: str) -> BadCall:
    # Neither a refusal nor an admission: the API server tries again, and at its deadline failurePolicy decides.
    status = HTTPStatus.SERVICE_UNAVAILABLE
    return BadCall(status, "undecided", f"{why}: try again", {"retry-after": "1"})


def _status(code: int, message: str) -> bytes:
    """A failure in the words of Kubernetes: the API server shows the message to the user."""
    return orjson.dumps({"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": message, "code": code})


class Forbidden:
    """What a connection is answered whose client certificate is not enough."""

    def __init__(self, reason: str, telemetry: CallTelemetry) -> None:
        self._reason = reason
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, whatever it is."""
        status = HTTPStatus.FORBIDDEN
        self._telemetry.bad_call("client certificate", status)
        response = Response(_status(status, self._reason), status, _CLOSE, "application/json")
        await response(scope, receive, send)


class Webhooks(FastAPI):
    """The application. Calls of the webhooks do not take the way through FastAPI's eight layers, which costs 40 µs."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        super().__init__(
            title="stash-admission", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
        )
        self._endpoints = endpoints
        self.router.routes += [Route(path, endpoint, methods=["POST"]) for path, endpoint in endpoints.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        endpoint = self._endpoints.get(scope["path"]) if scope.get("method") == "POST" else None
        await (endpoint or super().__call__)(scope, receive, send)


def create_app(
    admission: Admission, telemetry: CallTelemetry, traffic: InFlightRequests, confirming: Confirming
) -> FastAPI:
    """The application: two webhooks and nothing else. `confirming` has the last word on what is admitted."""
    telemetry.metrics.in_flight.set_function(lambda: len(traffic.calls))
    large = LargeReviews(admission.inventory)
    mutate = Endpoint("mutate", admission, telemetry, traffic, confirming, large)
    validate = Endpoint("validate", admission, telemetry, traffic, confirming, large)
    app = Webhooks({"/mutate": mutate, "/validate": validate})

    async def refuse(_: HTTPRequest, error: Any) -> Response:
        status: int = error.status_code
        telemetry.bad_call("path" if status == HTTPStatus.NOT_FOUND else "method", status)
        message = "there are POST /mutate and POST /validate, and nothing else"
        headers = {**(error.headers or {}), **_CLOSE}
        return Response(_status(status, message), status, headers, "application/json")

    app.add_exception_handler(HTTPException, refuse)
    return app
