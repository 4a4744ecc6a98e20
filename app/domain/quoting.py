"""Values of objects, quoted in messages."""

import json

_MAX_CHARS = 80


def quoted(value: object) -> str:
    """The value as JSON in ASCII, a long text cut: it cannot break a line, or the message."""
    if isinstance(value, str) and len(value) > _MAX_CHARS:
        value = f"{value[:_MAX_CHARS]}..."
    return json.dumps(value)


def printable(text: str) -> str:
    """The text with control characters escaped: the API server drops warnings that hold one."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
