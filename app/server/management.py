"""Health, readiness and metrics, in plain HTTP on a port of their own."""

from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.server.observability.metrics import Metrics


def create_app(
    series: Metrics, not_ready: Callable[[], str | None], remark: Callable[[], str | None] = lambda: None
) -> FastAPI:
    """The application.

    `not_ready` says why the server is not ready, `remark` what is wrong although it is; None: nothing.
    """
    app = FastAPI(title="stash-admission", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        """Alive: the event loop runs."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> PlainTextResponse:
        """Ready to decide; if not, why."""
        reason = not_ready()
        if reason is not None:
            return PlainTextResponse(f"{reason}\n", 503)
        wrong = remark()
        return PlainTextResponse("ok\n" if wrong is None else f"ok\n{wrong}\n")

    @app.get("/metrics")
    async def metrics() -> Response:
        """All series, in the text format of Prometheus."""
        series.ready.set(not_ready() is None)
        return Response(generate_latest(series.registry), media_type=CONTENT_TYPE_LATEST)

    return app
