"""The API server, called by paths: JSON in and out, a time limit for each call, and an error of one line.

Nothing is tried twice here: whether and when to ask again is decided where it is known what was asked.
"""

import datetime
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from http.client import responses
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
import urllib3
from urllib3.exceptions import HTTPError

from kube.config import Config
from kube.errors import KubeError, Refused, Unavailable, failure, no_answer, one_line
from kube.stream import Stream

Object = dict[str, Any]
Query = Mapping[str, str]
Seconds = float | tuple[float, float]
"""How long a call may take: in all, or to connect and between two pieces of the answer."""
_JSON = "application/json"
_MOST_IDLE = 32
"""Connections that are kept for further calls."""


class PatchType(Enum):
    """How a change is written."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    APPLY = "application/apply-patch+yaml"


class Reply(NamedTuple):
    """An answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Client:
    """An API server. Any number of threads may call it at once."""

    def __init__(self, config: Config, user_agent: str) -> None:
        """`user_agent` is what the API server's audit log calls us. Raises Refused for a proxy that cannot be used."""
        self.server = config.server
        """The API server's URL."""
        self.clock: datetime.datetime | None = None
        """The API server's clock at its last answer; None if it did not say."""
        self._authorization = config.authorization
        self._headers = {"Accept": _JSON, "User-Agent": user_agent}
        self._pool = _pool(config)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._pool.clear()

    def get(self, path: str, query: Query | None = None, *, seconds: Seconds) -> Object:
        """An object, or a list of some. Raises KubeError, as all that follow."""
        return _object(self.request("GET", path, query, seconds=seconds))

    def create(self, path: str, document: Object, query: Query | None = None, *, seconds: Seconds) -> Object:
        """Make an object of a collection; as it is then stored."""
        return _object(self.request("POST", path, query, document, seconds=seconds))

    def replace(self, path: str, document: Object, query: Query | None = None, *, seconds: Seconds) -> Object:
        """Store an object in place of what is there; as it is then stored."""
        return _object(self.request("PUT", path, query, document, seconds=seconds))

    def patch(self, path: str, how: PatchType, change: Any, query: Query | None = None, *, seconds: Seconds) -> Object:
        """Change an object; as it is then stored."""
        return _object(self.request("PATCH", path, query, change, how.value, seconds=seconds))

    def delete(self, path: str, options: Object | None = None, *, seconds: Seconds) -> Object:
        """Delete an object; what the API server says about it. `options` is what Kubernetes calls DeleteOptions."""
        return _object(self.request("DELETE", path, document=options, seconds=seconds))

    def open(self, path: str, query: Query | None = None, *, seconds: Seconds) -> Stream:
        """The answer to a GET, to be read as it comes: a long list, or a watch. A refusal is raised at once."""
        response = self._send("GET", path, query, None, _JSON, seconds)
        stream = Stream(response)
        if not _succeeded(response.status):
            raise _failure(Reply(response.status, response.headers, stream.read()))
        return stream

    def request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        document: Any = None,
        content_type: str = _JSON,
        *,
        seconds: Seconds,
    ) -> Reply:
        """What the API server answers, be it a refusal. Raises Unavailable if nothing comes."""
        response = self._send(method, path, query, document, content_type, seconds)
        return Reply(response.status, response.headers, Stream(response).read())

    def _send(
        self, method: str, path: str, query: Query | None, document: Any, content_type: str, seconds: Seconds
    ) -> Any:
        headers = dict(self._headers)
        if authorization := self._credentials():
            headers["Authorization"] = authorization
        body = None
        if document is not None:
            headers["Content-Type"] = content_type
            body = orjson.dumps(document)
        url = f"{self.server}{path}?{urlencode(query)}" if query else f"{self.server}{path}"
        try:
            response = self._pool.request(
                method, url, body=body, headers=headers, timeout=_timeout(seconds), retries=False, preload_content=False
            )
        except (HTTPError, OSError, ValueError) as error:
            raise no_answer(error) from None
        self.clock = _date(response.headers.get("Date"))
        return response

    def _credentials(self) -> str | None:
        try:
            return self._authorization()
        except Exception as error:  # noqa: BLE001 -- programs and files of users, which raise what they like
            raise Unavailable(f"no credentials for the API server: {one_line(str(error))}") from None


def _pool(config: Config) -> urllib3.PoolManager:
    options: dict[str, Any] = {
        "maxsize": _MOST_IDLE,
        "cert_reqs": "CERT_REQUIRED" if config.verify else "CERT_NONE",
        "ca_certs": config.ca_file,
        "cert_file": config.cert_file,
        "key_file": config.key_file,
    }
    if config.server_name:
        options["server_hostname"] = config.server_name
    if not config.proxy:
        return urllib3.PoolManager(**options)
    if not config.proxy.startswith("socks"):
        return urllib3.ProxyManager(config.proxy, **options)
    try:
        from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError:
        raise Refused("the API server is behind a SOCKS proxy: install PySocks, or set an HTTP proxy") from None
    return SOCKSProxyManager(config.proxy, **options)


def _timeout(seconds: Seconds) -> urllib3.Timeout:
    if isinstance(seconds, tuple):
        return urllib3.Timeout(connect=seconds[0], read=seconds[1])
    return urllib3.Timeout(total=seconds)


def _succeeded(status: int) -> bool:
    return 200 <= status < 300


def _object(reply: Reply) -> Object:
    if not _succeeded(reply.status):
        raise _failure(reply)
    try:
        answer: Object = orjson.loads(reply.content)
    except ValueError as error:
        raise no_answer(error) from None
    return answer


def _failure(reply: Reply) -> KubeError:
    said = _message(reply.content) or responses.get(reply.status, "")
    return failure(reply.status, said, _retry_after(reply.headers))


def _message(content: bytes) -> str:
    """What a Status of the API server says, in one line; all of it if it is none: `404 page not found`."""
    try:
        text = orjson.loads(content)["message"]
    except (ValueError, TypeError, KeyError):
        text = content.decode(errors="replace")
    return one_line(str(text))


def _retry_after(headers: Mapping[str, str]) -> float:
    """The seconds that an answer asks to wait; 0 if it does not, or says it in another way than API servers do."""
    said = headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() else 0.0


def _date(text: str | None) -> datetime.datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
