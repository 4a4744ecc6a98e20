"""AdmissionReview on the wire: strict JSON in, the request that it holds, and the answer out."""

import json
import threading
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError

from app.domain.path import dotted
from schemas.admissionreview import API_VERSION, MAX_DEPTH, REVIEW

_SHELLS = 254 - MAX_DEPTH
"""orjson writes 254 levels, and then fails. A test sees whether it still is so."""
_TOO_DEEP = f"the body is nested more than {MAX_DEPTH} levels deep"
_DISGUISED_QUOTE = b"\\u0022"


class BadReview(ValueError):
    """The body is not a review that can be answered. The message never holds what the body does."""


class Request(NamedTuple):
    """What is to be decided."""

    uid: str
    operation: str
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    user: str
    subresource: str
    dry_run: bool
    object: dict[str, Any] | None
    old_object: dict[str, Any] | None


def parse(body: bytes) -> Any:
    """The JSON value that the body holds.

    Raises BadReview where it is not UTF-8 or not JSON, where a key is there twice, where objects and lists are more
    than MAX_DEPTH levels deep. NaN and Infinity are not JSON.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadReview(f"the body is not JSON: line {error.lineno}, column {error.colno}") from None
    # No parser of this speed says whether a key came twice, or how deep the value is; its own output tells both. A key
    # that was dropped takes two quotation marks with it, and only a disguised one can make up for them: then the slow
    # parser looks.
    written = _SHELL.written(value)
    if body.startswith(written):
        return value
    if body.startswith(_as_go_writes(written)):
        return value
    if written.count(b'"') != body.count(b'"') or (b"\\" in body and _DISGUISED_QUOTE in body):
        try:
            json.loads(body, object_pairs_hook=_without_duplicates, parse_int=_ignored, parse_float=_ignored)
        except RecursionError:  # in a value that a second key hid from the check above
            raise BadReview(_TOO_DEEP) from None
    return value


def _as_go_writes(written: bytes) -> bytes:
    """JSON of orjson's as Go writes it: in texts, it escapes what means something in HTML. Commands are full of it."""
    return written.replace(b"&", b"\\u0026").replace(b"<", b"\\u003c").replace(b">", b"\\u003e")


def _ignored(number: str) -> None:
    """Python refuses to read a number of many thousand digits."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise BadReview("an object in the body has a duplicate key")


class _Shell(threading.local):
    """Lists inside each other, so many that a value in them can be written if it is MAX_DEPTH levels deep, and no more.

    To look into the value for its depth would take longer than to write it, which shows a key that came twice as well.
    """

    def __init__(self) -> None:
        self._innermost: list[Any] = [None]
        self._outermost = self._innermost
        for _ in range(_SHELLS - 1):
            self._outermost = [self._outermost]

    def written(self, value: Any) -> bytes:
        """The value as JSON. Raises BadReview where it is too deep."""
        self._innermost[0] = value
        try:
            return orjson.dumps(self._outermost)[_SHELLS:-_SHELLS]
        except orjson.JSONEncodeError:
            raise BadReview(_TOO_DEEP) from None
        finally:
            self._innermost[0] = None


_SHELL = _Shell()


def _namespace(document: dict[str, Any] | None) -> str:
    """The namespace that an object names itself, for a review written by hand; the API server always says it."""
    metadata = (document or {}).get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return namespace if isinstance(namespace, str) else ""


def read_request(value: Any) -> Request:
    """The request of an AdmissionReview v1. Raises BadReview where it is none, or lacks what the operation needs."""
    if not isinstance(value, dict) or value.get("apiVersion") != API_VERSION or value.get("kind") != "AdmissionReview":
        raise BadReview(f"the body is not an AdmissionReview with apiVersion {API_VERSION}")
    try:
        REVIEW.validator.validate_python(value, extra="ignore")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadReview(f"{dotted(first['loc'][:3])}: {first['msg']}") from None
    request = value.get("request")
    if request is None:
        raise BadReview("the AdmissionReview has no request")
    if not request["uid"]:
        raise BadReview("the request has no uid")
    kind = request["kind"]
    operation = request["operation"]
    if operation in ("CREATE", "UPDATE") and request.get("object") is None:
        raise BadReview(f"the request has no object, which a {operation} needs")
    if operation == "UPDATE" and request.get("oldObject") is None:
        raise BadReview("the request has no oldObject, which an UPDATE needs")
    return Request(
        uid=request["uid"],
        operation=operation,
        group=kind.get("group") or "",
        version=kind["version"],
        kind=kind["kind"],
        namespace=request.get("namespace") or _namespace(request.get("object")),
        name=request.get("name") or "",
        user=(request.get("userInfo") or {}).get("username") or "",
        subresource=request.get("subResource") or "",
        dry_run=bool(request.get("dryRun")),
        object=request.get("object"),
        old_object=request.get("oldObject"),
    )
