"""The page over HTTP: its files, what it shows at first, and the answers to what is typed."""

import asyncio
import traceback
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError

from app.admission.engine import Admission
from app.commands.playground.content import MAX_TEXT_BYTES, about
from app.commands.playground.evaluate import judge
from app.commands.playground.guard import Guard

_PAGE = Path(__file__).with_name("page")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class Question(BaseModel):
    """What is to be judged: a text with objects, and one with what is stored of them."""

    model_config = ConfigDict(extra="forbid")

    text: str
    old: str = ""


def create_app(admission: Admission) -> FastAPI:
    """The application. It keeps nothing of what it is asked, and logs nothing of it."""
    app = FastAPI(title="stash-admission", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(Guard)
    for path in _PAGE.iterdir():
        if path.suffix in _TYPES:
            _serve(app, path)
    beginning = orjson.dumps(about(admission))
    alone = asyncio.Lock()

    @app.get("/api/about")
    async def what_to_show() -> Response:
        """Examples and rules."""
        return Response(beginning, media_type="application/json")

    @app.post("/api/judge")
    async def answer(request: Request) -> Response:
        """Findings, changes and plans."""
        body = await _body(request)
        if body is None:
            message = (
                f"the text is larger than {MAX_TEXT_BYTES >> 20} MiB: use `stash-admission check FILE` for larger ones"
            )
            return _failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        try:
            question = Question.model_validate_json(body)
        except ValidationError:
            return _failure(HTTPStatus.BAD_REQUEST, 'the body is not JSON of the form {"text": …, "old": …}')
        async with alone:  # one at a time: a second one would only make both slower
            return await asyncio.to_thread(_answer, question, admission)

    return app


def _serve(app: FastAPI, path: Path) -> None:
    content, kind = path.read_bytes(), _TYPES[path.suffix]

    @app.get("/" if path.name == "index.html" else f"/{path.name}")
    async def file() -> Response:
        """A file of the page."""
        return Response(content, media_type=kind)


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too large. It is read to its end, since no browser listens before."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= MAX_TEXT_BYTES:
            chunks.append(chunk)
    return b"".join(chunks) if size <= MAX_TEXT_BYTES else None


def _answer(question: Question, admission: Admission) -> Response:
    try:
        return _json(HTTPStatus.OK, judge(question.text, question.old, admission))
    except Exception as error:  # noqa: BLE001  its message may hold what was typed
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        message = f"this is a bug in stash-admission, not in your input: {place}"
        return _failure(HTTPStatus.INTERNAL_SERVER_ERROR, message)


def _failure(status: HTTPStatus, message: str) -> Response:
    return _json(status, {"message": message})


def _json(status: HTTPStatus, value: Any) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
