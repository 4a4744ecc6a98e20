"""How much of an answer is held at once, and reading one object out of it."""

import json
from typing import Any

import orjson

MAX_OBJECT_BYTES = 4 * 2**20
"""Of one object. etcd takes 1.5 MiB and the API server 3, unless somebody has set other bounds; defaults add to it."""
PAGE_BYTES = 2 * 2**20
"""Of a page of several objects. In memory, objects can be thirty times as large."""
TOO_LARGE = f"larger than {MAX_OBJECT_BYTES // 2**20} MiB, or nested a thousand levels deep"
"""What an object is that cannot be read. For messages."""


class TooLargeError(ValueError):
    """An object that is not read."""


def loads(content: bytes) -> Any:
    """What JSON says. Raises TooLargeError where it is nested too deeply, ValueError for what is no JSON."""
    try:
        return orjson.loads(content)
    except ValueError:
        if is_deep(content):
            raise TooLargeError(TOO_LARGE) from None
        raise


def is_deep(content: bytes) -> bool:
    """Whether what orjson does not read is JSON all the same: another parser reads it, or gives up at its depth."""
    try:
        json.loads(content)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True
