"""The place that a Repository means: two Repositories with one place are one restic repository, whatever their names.

How the operator and restic make a place of a backend is read from `pkg/restic/setup.go` of stashed/apimachinery and
from restic's backends: bucket and prefix are joined and cleaned as Go's `filepath.Join` does it.
"""

import json
import posixpath
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from app.domain.key import Key

_PORTS = {"http": 80, "https": 443}
_MAX_FIELD_CHARS = 4096
"""No name of a bucket and no path is longer; what is, is the place of its own Repository only."""


class Place(NamedTuple):
    """Where the data of a Repository is."""

    certain: Hashable
    """What Repositories have in common that are certainly one place. Nothing else has it."""
    possible: Hashable | None
    """What Repositories have in common that may be one place, beside those that certainly are; None: there are none."""
    text: str
    """For messages, in restic's notation where it has one; empty for a Repository that nobody can read."""


def own_place(repository: Key) -> Place:
    """The place of a Repository of which nothing is known but its name."""
    return Place(repository, None, "")


def place_of(repository: Key, document: Mapping[str, Any]) -> Place:
    """The place of a Repository, which need not be valid.

    One that has no backend, or several, or one whose place cannot be told, has a place of its own.
    """
    try:
        backend = document["spec"]["backend"]
        (name,) = (name for name in BACKENDS if backend.get(name) is not None)
        secret = str(backend.get("storageSecretName") or "")
        if len(secret) > _MAX_FIELD_CHARS:
            return own_place(repository)
        return _BACKENDS[name](_Fields(backend[name]), repository, secret)
    except (KeyError, TypeError, ValueError, AttributeError):
        return own_place(repository)


class _Fields:
    """The texts of a backend. Raises ValueError where one is not a text, is too long, or is a template."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.all = dict(fields)

    def __getitem__(self, name: str) -> str:
        """A text that has to be there."""
        text = self.get(name)
        if not text:
            raise ValueError(name)
        return text

    def get(self, name: str) -> str:
        """A text; empty if it is absent."""
        text = self.all.get(name)
        if text is None:
            return ""
        if not isinstance(text, str) or len(text) > _MAX_FIELD_CHARS or "{{" in text or "${" in text:
            raise ValueError(name)
        return text


def _cleaned(*parts: str) -> str:
    """The parts as one path, cleaned, without slashes around it: `x/../data//` is `data`."""
    return posixpath.normpath("/" + "/".join(parts).lstrip("/")).strip("/")


def _address(url: SplitResult) -> tuple[str, int | None]:
    """Host and port as DNS and HTTP compare them. Raises ValueError where there is no host, or no such port."""
    host = (url.hostname or "").rstrip(".")
    if not host:
        raise ValueError("host")
    return host, url.port or _PORTS.get(url.scheme)


def _shown(address: tuple[str, int | None]) -> str:
    host, port = address
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, *_PORTS.values()) else f"{host}:{port}"


def _s3(fields: _Fields, _repository: Key, _secret: str) -> Place:
    endpoint = fields["endpoint"].strip()
    url = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    address, path = _address(url), _cleaned(url.path, fields["bucket"], fields.get("prefix"))
    return Place(("s3", *address, path), None, f"s3:{_shown(address)}/{path}")


def _bucket(backend: str, scheme: str) -> Callable[[_Fields, Key, str], Place]:
    """For backends whose buckets have names that are unique in the world."""

    def place(fields: _Fields, _repository: Key, _secret: str) -> Place:
        bucket, prefix = fields["bucket"], _cleaned(fields.get("prefix"))
        return Place((backend, bucket, prefix), None, f"{scheme}:{bucket}:/{prefix}")

    return place


def _container(backend: str) -> Callable[[_Fields, Key, str], Place]:
    """For backends whose containers belong to an account, which only the Secret knows."""

    def place(fields: _Fields, repository: Key, secret: str) -> Place:
        container, prefix = fields["container"], _cleaned(fields.get("prefix"))
        possible = (backend, container, prefix)
        certain: Hashable = (*possible, repository.namespace, secret) if secret else repository
        return Place(certain, possible, f"{backend}:{container}:/{prefix}")

    return place


def _rest(fields: _Fields, _repository: Key, _secret: str) -> Place:
    url = urlsplit(fields["url"].strip())
    if url.scheme not in _PORTS:
        raise ValueError("url")
    address, path = _address(url), url.path.rstrip("/")
    query = f"?{url.query}" if url.query else ""
    return Place(("rest", *address, path, query), None, f"rest:{url.scheme}://{_shown(address)}{path}")


def _local(fields: _Fields, repository: Key, _secret: str) -> Place:
    volumes = [name for name, value in fields.all.items() if name not in ("mountPath", "subPath") and value is not None]
    (volume,) = volumes
    source, path = fields.all[volume], fields.get("subPath")
    if volume == "nfs":
        nfs = _Fields(source)
        server, path = nfs["server"].lower().rstrip("."), _cleaned(nfs["path"], path)
        return Place(("nfs", server, path), None, f"{server}:/{path}")
    if volume == "persistentVolumeClaim":
        claim, path = _Fields(source)["claimName"], _cleaned(path)
        certain = ("claim", repository.namespace, claim, path)
        return Place(certain, None, f"PersistentVolumeClaim {repository.namespace}/{claim}:/{path}")
    if volume == "hostPath":
        # It is one path on each node, and nobody knows on which node a backup runs.
        path = _cleaned(_Fields(source)["path"], path)
        return Place(repository, ("hostPath", path), f"hostPath /{path}")
    if volume in ("emptyDir", "ephemeral"):
        raise ValueError("every Pod has one of its own")
    written = json.dumps(source, sort_keys=True)
    if len(written) > _MAX_FIELD_CHARS or not isinstance(source, dict):
        raise ValueError(volume)
    return Place(("local", volume, written, _cleaned(path)), None, f"a volume of kind {volume}")


_BACKENDS: dict[str, Callable[[_Fields, Key, str], Place]] = {
    "local": _local,
    "s3": _s3,
    "gcs": _bucket("gcs", "gs"),
    "azure": _container("azure"),
    "swift": _container("swift"),
    "b2": _bucket("b2", "b2"),
    "rest": _rest,
}
BACKENDS = tuple(_BACKENDS)
"""In the order in which the operator looks for the one that a Repository names."""
