"""The credentials that the kubelet gives to each Pod, as files.

See "Accessing the Kubernetes API from a Pod" in the documentation of Kubernetes.
"""

import os
import time
from pathlib import Path

from kube.config import Config
from kube.proxy import proxy_of

_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REREAD_SECONDS = 60.0
"""The kubelet replaces a token long before it expires, so it may be so old."""


class Token:
    """The token of a Pod, read again as the kubelet replaces it."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises OSError, and ValueError if it is empty."""
        self._path = path
        self._header = self._read()
        self._reread_at = time.monotonic() + _REREAD_SECONDS

    def __call__(self) -> str:
        """The Authorization. Where the file cannot be read, that of the last time: it may be good still."""
        if time.monotonic() >= self._reread_at:
            try:
                self._header = self._read()
            except (OSError, ValueError):
                return self._header
            self._reread_at = time.monotonic() + _REREAD_SECONDS
        return self._header

    def _read(self) -> str:
        token = self._path.read_text().strip()
        if not token:
            raise ValueError("an empty token")
        return f"Bearer {token}"


def load() -> Config | None:
    """How this Pod reaches its API server; None outside of a Pod."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    ca = _FOLDER / "ca.crt"
    if not host or not port:
        return None
    try:
        token = Token(_FOLDER / "token")
        if not ca.read_bytes():
            return None
        namespace = (_FOLDER / "namespace").read_text().strip()
    except (OSError, ValueError):
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Config(server, token, ca_file=str(ca), proxy=proxy_of(server), namespace=namespace or Config.namespace)
