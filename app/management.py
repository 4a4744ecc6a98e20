"""Health, readiness and metrics, in plain HTTP on a port of their own."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.telemetry import Telemetry


def create_app(telemetry: Telemetry, not_ready: Callable[[], str | None]) -> FastAPI:
    """The application. `not_ready` says why the server is not ready, None if it is."""
    app = FastAPI(title="stash-admission", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        """Alive: the event loop runs."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> PlainTextResponse:
        """Ready to decide; if not, why."""
        reason = not_ready()
        return PlainTextResponse("ok\n" if reason is None else f"{reason}\n", 200 if reason is None else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        """All series, in the text format of Prometheus."""
        telemetry.ready.set(not_ready() is None)
        return Response(generate_latest(telemetry.registry), media_type=CONTENT_TYPE_LATEST)

    return app
