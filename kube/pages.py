"""A list comes in pages, for nobody is to hold all of a large cluster at once."""

from typing import Any, NamedTuple

LIMIT = 500
"""Objects in one page."""


class Page(NamedTuple):
    """Some of the objects that a list gives."""

    items: list[dict[str, Any]]
    version: str
    """The resourceVersion of the list: from there it can be watched."""
    token: str | None
    """What asks for the next page; None: this is the last."""
    remaining: int
    """How many objects follow, as far as the API server says."""


def page_of(answer: dict[str, Any]) -> Page:
    """What the API server sends. Raises KeyError for what is no list."""
    about = answer["metadata"]
    remaining = about.get("remainingItemCount") or 0
    return Page(answer["items"], str(about["resourceVersion"]), about.get("continue") or None, remaining)


def page_query(token: str | None, limit: int = LIMIT) -> dict[str, str]:
    """The query for the first page, or for the one that `token` asks for."""
    return {"limit": str(limit)} | ({"continue": token} if token else {})
