"""Health, readiness and metrics, in plain HTTP on a port of their own, by a thread of their own.

So a probe is answered while the loop of the webhooks is busy, and collecting the metrics takes nothing of its time.
"""

import asyncio
from collections.abc import Callable

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.server.listener import Listener
from app.server.observability.metrics import Metrics


def create_app(
    series: Metrics,
    dead: Callable[[], str | None],
    not_ready: Callable[[], str | None],
    remark: Callable[[], str | None] = lambda: None,
) -> FastAPI:
    """The application.

    `dead` says why the process is to be started anew, `not_ready` why the server is not ready, `remark` what is wrong
    although it is; None: nothing.
    """
    app = FastAPI(title="stash-admission", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/healthz")
    async def healthz() -> PlainTextResponse:
        """Alive; if not, why."""
        reason = dead()
        return PlainTextResponse("ok\n") if reason is None else PlainTextResponse(f"{reason}\n", 503)

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


class Aside:
    """A listener in a thread of its own, with an event loop of its own."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self) -> None:
        """Serve until told to stop. Raises what its loop does."""
        await asyncio.to_thread(self._run)

    def stop(self) -> None:
        """Let it end soon."""
        self._listener.should_exit = True

    def force(self) -> None:
        """Wait for no connection when told to stop."""
        self._listener.force_exit = True

    def end_all(self) -> None:
        """End every connection."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._listener.connections.end_all)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._listener.config.get_loop_factory()) as runner:
            self._loop = runner.get_loop()
            runner.run(self._listener.serve())
