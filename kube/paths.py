"""Where the API server has its objects."""

from urllib.parse import quote


def path(api_version: str, resource: str, namespace: str | None = None, name: str | None = None) -> str:
    """The path of a resource's objects, in a namespace or in all, or of one of them.

    >>> path("apps/v1", "deployments", "demo", "web")
    '/apis/apps/v1/namespaces/demo/deployments/web'
    """
    prefix = "apis" if "/" in api_version else "api"
    place = f"namespaces/{_segment(namespace)}/" if namespace is not None else ""
    collection = f"/{prefix}/{api_version}/{place}{resource}"
    return collection if name is None else f"{collection}/{_segment(name)}"


def _segment(name: str) -> str:
    return quote(name, safe="")
