"""What a kubeconfig says. The official client reads it, with its plugins, and nothing else of it is used."""

import os
from pathlib import Path
from threading import Lock
from typing import Any

from kube.config import Config
from kube.errors import Refused, one_line
from kube.proxy import bypasses


def load(path: str | None = None) -> Config:
    """How to reach the cluster of a kubeconfig; of those in KUBECONFIG, or else of the user's own. Raises Refused."""
    named = path or os.environ.get("KUBECONFIG") or ""
    _refuse_pipes(named or str(Path("~/.kube/config").expanduser()))
    from kubernetes import client, config  # it takes 20 MB, so who needs it not shall not have it

    found = client.Configuration()
    read: Any = config.load_kube_config  # it has no types
    contexts: Any = config.list_kube_config_contexts
    try:
        read(config_file=named or None, client_configuration=found)
        _, context = contexts(config_file=named or None)
    except Exception as error:  # noqa: BLE001 -- it raises what its parsers of YAML, JSON and base64 raise
        raise Refused(f"there is no cluster to talk to, set KUBECONFIG: {one_line(str(error))}") from None
    proxied = found.proxy and not bypasses(found.host, found.no_proxy or "")
    return Config(
        server=found.host.rstrip("/"),
        authorization=_Credentials(found),
        ca_file=found.ssl_ca_cert,
        cert_file=found.cert_file,
        key_file=found.key_file,
        verify=bool(found.verify_ssl),
        server_name=found.tls_server_name or None,
        proxy=found.proxy if proxied else None,
        namespace=context["context"].get("namespace") or Config.namespace,
    )


def _refuse_pipes(named: str) -> None:
    """Raise Refused where a file is one that would be waited for without end; a pipe of the shell's has another end."""
    for each in named.split(os.pathsep):
        path = Path(each)
        if path.exists() and not path.is_file() and not each.startswith(("/dev/fd/", "/proc/self/fd/")):
            raise Refused(f"the kubeconfig {each} is not a regular file: correct KUBECONFIG")


class _Credentials:
    """A user's token, which is made anew by whatever the kubeconfig names once it has expired."""

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration
        self._lock = Lock()

    def __call__(self) -> str | None:
        """The Authorization."""
        with self._lock:  # a plugin is run once, not by each thread
            header: str | None = self._configuration.auth_settings().get("BearerToken", {}).get("value")
            return header
