"""Connecting to the API server, and what it says when it refuses."""

import json
import os
from typing import Any

from kube.errors import Refused, one_line


def configuration() -> Any:
    """A `kubernetes.client.Configuration`: this Pod's ServiceAccount, or else what the kubeconfig says.

    Raises Refused.
    """
    from kubernetes import client, config

    found = client.Configuration()
    load: Any = config  # its functions have no types
    try:
        load.load_incluster_config(client_configuration=found)
    except config.ConfigException:
        try:
            file = os.environ.get("KUBECONFIG") or None
            load.load_kube_config(config_file=file, client_configuration=found)
        except Exception as error:  # noqa: BLE001 -- it raises what its parsers of YAML, JSON and base64 raise
            raise Refused(f"there is no cluster to talk to, set KUBECONFIG: {one_line(str(error))}") from None
    return found


def message_of(error: Any) -> str:
    """What the API server says in an `ApiException`, in one line."""
    try:
        text = json.loads(error.body)["message"]
    except (ValueError, TypeError, KeyError):
        text = error.body or error.reason or ""
    return one_line(str(text))
