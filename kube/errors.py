"""What can go wrong between us and the API server, each an error of one line without a key in it."""

import re

_LIKE_A_KEY = re.compile(r"-----BEGIN.*|[A-Za-z0-9+/=]{64,}")


class Refused(Exception):
    """It cannot be done. The message says what to do about it."""


class Forbidden(Refused):
    """The caller may not do it."""


class Conflict(Exception):
    """Somebody else has written the object, or made it, since we looked."""


class Gone(Conflict):
    """There is no such object."""


class Unavailable(Exception):
    """No answer, or none now. To be tried again."""


def failure(status: int, message: str, missing: str | None) -> Exception:
    """What an HTTP status of the API server means; `missing` says what 404 means, if not that the object is gone."""
    if status == 401:
        return Refused(f"the API server does not accept these credentials: {message}")
    if status == 403:
        return Forbidden(f"{message}: grant it, or run as somebody who may (`stash-certs rotate --help` lists what)")
    if status == 404 and missing:
        return Refused(missing)
    if status == 404:
        return Gone(message)
    if status == 409:
        return Conflict(message)
    if status in (0, 408, 429) or status >= 500:
        return Unavailable(f"the API server answers {status}: {message}")
    return Refused(f"the API server refuses it with {status}: {message}")


def one_line(text: str) -> str:
    """A text of somebody else's in one line, without what could be a key."""
    return _LIKE_A_KEY.sub("...", " ".join(text.split()))[:500]
