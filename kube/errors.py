"""What can go wrong between us and the API server, each an error of one line without a key in it."""

import re

_LIKE_A_KEY = re.compile(r"-----BEGIN.*|[A-Za-z0-9+/=]{64,}")


class KubeError(Exception):
    """A call that did not succeed. The message can be shown as it is."""

    def __init__(self, message: str, *, status: int = 0, said: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        """Of HTTP; 0 if there was no answer at all."""
        self.said = message if said is None else said
        """The API server's own words, without ours."""
        self.retry_after = retry_after
        """Seconds that the API server asks to wait; 0 if it does not ask."""


class Refused(KubeError):
    """It cannot be done. The message says what to do about it."""


class Forbidden(Refused):
    """The caller may not do it."""


class Expired(Refused):
    """The API server does not know any more what it was like then: list anew."""


class Conflict(KubeError):
    """Somebody else has written the object, or made it, since we looked."""


class Gone(Conflict):
    """There is no such object, or no such kind."""


class Unavailable(KubeError):
    """No answer, or none now. To be tried again."""


def failure(status: int, said: str, retry_after: float = 0.0) -> KubeError:
    """What an HTTP status of the API server means, and `said`, what it says about it."""
    kind, message = _meaning(status, said)
    return kind(message, status=status, said=said, retry_after=retry_after)


def no_answer(error: Exception) -> Unavailable:
    """What an error below HTTP means, or an answer that is no JSON."""
    return Unavailable(f"no answer from the API server: {one_line(str(error))}")


def one_line(text: str) -> str:
    """A text of somebody else's in one line, without what could be a key, or what a terminal obeys."""
    short = _LIKE_A_KEY.sub("...", " ".join(text.split()))[:500]
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in short)


def _meaning(status: int, said: str) -> tuple[type[KubeError], str]:
    if status == 401:
        return Refused, f"the API server does not accept these credentials: {said}"
    if status == 403:
        return Forbidden, f"{said}: grant it, or run as somebody who may"
    if status == 404:
        return Gone, said
    if status == 409:
        return Conflict, said
    if status == 410:
        return Expired, said
    if status in (0, 408, 429) or status >= 500:
        return Unavailable, f"the API server answers {status}: {said}"
    return Refused, f"the API server refuses it with {status}: {said}"
