"""Who is answered: the page itself, in a browser of this machine. No other site may ask, nor show the page."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""What the page may be called. Any other name is one that somebody pointed at this machine (DNS rebinding)."""
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """An ASGI application before another one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or let it through."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if scope["type"] != "http":  # there are neither web sockets nor a life span
            return
        wrong = _wrong(scope["method"], Headers(scope=scope))
        if wrong is None:
            await self._app(scope, receive, guarded)
        else:
            status, message = wrong
            await JSONResponse({"message": message}, status, {"connection": "close"})(scope, receive, guarded)


def _wrong(method: str, headers: Mapping[str, str]) -> tuple[HTTPStatus, str] | None:
    """Why a call is not let through; None: it is."""
    host = headers.get("host", "")
    name, _, port = host.rpartition(":")
    if (name if name and port.isdigit() else host).lower() not in _NAMES:
        return HTTPStatus.MISDIRECTED_REQUEST, f"the page is only served as {', '.join(_NAMES)}"
    if method in ("GET", "HEAD"):
        return None
    if headers.get("origin") != f"http://{host}":
        return HTTPStatus.FORBIDDEN, "only the page itself may call this: the Origin header is not the page's"
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json"
    return None
