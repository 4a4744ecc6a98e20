"""Where the API server has what an inventory holds."""

from app.domain.invoker import GROUP, VERSION
from app.inventory.store import KINDS, NAMESPACE, REPOSITORY
from kube.paths import path

_VERSIONS = {NAMESPACE: "v1", REPOSITORY: f"{GROUP}/v1alpha1"}


def resource_path(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """The path of all objects of a kind, of those in a namespace, or of one of them."""
    return path(_VERSIONS.get(kind, f"{GROUP}/{VERSION}"), KINDS[kind].lower(), namespace, name)
