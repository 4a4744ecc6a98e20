"""Durations as Go reads them: `1h30m`, `1.5h`, `300ms`, `-2us`."""

import re

from app.domain.quoting import quoted
from app.domain.remembering import remembered

_UNITS = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,  # the micro sign
    "\u03bcs": 10**3,  # the Greek letter mu
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
PATTERN = rf"(0|(([0-9]+([.][0-9]*)?|[.][0-9]+)({'|'.join(_UNITS)}))+)"
"""What a duration without a sign looks like, whether or not it fits into 64 bits."""
_MAX_NANOSECONDS = 2**63  # only below zero: above, it is one less
_MAX_CHARS = 10_000
"""A bound of our own: what Go reads in milliseconds, even if it is megabytes, takes us seconds."""
_WRITE = 'write numbers with units, such as "1h30m" or "45s"'

# A number that has a digit on at least one side of its point, then its unit: all up to the next number.
_TERM = re.compile(r"(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")


def natural(digits: str) -> int:
    """Read ASCII digits in linear time; a value of 2**64 or more comes back as some value from 10**19 up."""
    return int(digits.lstrip("0")[:20] or "0")


@remembered
def duration_fault(text: str) -> str | None:
    """Say why this is not a time to wait for, and what to write instead; None if it is one."""
    try:
        return f"{quoted(text)} is negative: write a positive duration" if parse_duration(text) < 0 else None
    except ValueError as error:
        return str(error)


def parse_duration(text: str) -> int:
    """Read what Go's `time.ParseDuration` accepts, as nanoseconds from -2**63 to 2**63 - 1; at most 10,000 characters.

    Raises ValueError with a clause: the quoted text, what is wrong with it and what to write instead.
    """
    if len(text) > _MAX_CHARS:
        raise ValueError(f"{quoted(text)} has more than {_MAX_CHARS} characters: {_WRITE}")
    start = 1 if text.startswith(("+", "-")) else 0
    if text[start:] == "0":
        return 0
    if start == len(text):
        raise ValueError(f"{quoted(text)} has no number: {_WRITE}")
    total = 0
    while start < len(text):
        term = _TERM.match(text, start)
        if term is None:
            raise ValueError(f"{quoted(text)} has {quoted(text[start:])} where a number is expected: {_WRITE}")
        total += _nanoseconds(text, *term.groups(""))
        # Go adds in 64 bits without looking for the one sum that wraps around, 2**63 + 2**63.
        total %= 2**64
        if total > _MAX_NANOSECONDS:
            raise _too_long(text)
        start = term.end()
    if text.startswith("-"):
        return -total
    if total == _MAX_NANOSECONDS:
        raise _too_long(text)
    return total


def _nanoseconds(text: str, whole: str, fraction: str, unit: str) -> int:
    if not unit:
        raise ValueError(f"{quoted(text)} has a number without a unit: {_WRITE}")
    size = _UNITS.get(unit)
    if size is None:
        known = "write ns, us, ms, s, m or h, without spaces; a day is 24h"
        raise ValueError(f"{quoted(text)} has the unknown unit {quoted(unit)}: {known}")
    nanoseconds = natural(whole) * size + _part(fraction, size)
    if nanoseconds > _MAX_NANOSECONDS:
        raise _too_long(text)
    return nanoseconds


def _part(fraction: str, size: int) -> int:
    # Go computes this in floating point, from as many digits as 2**63 has room for.
    value, scale = 0, 1.0
    for digit in fraction:
        longer = value * 10 + int(digit)
        if longer > _MAX_NANOSECONDS:
            break
        value, scale = longer, scale * 10
    return int(value * (size / scale))


def _too_long(text: str) -> ValueError:
    return ValueError(f"{quoted(text)} is too long for 64 bits of nanoseconds: write at most 2562047h")
