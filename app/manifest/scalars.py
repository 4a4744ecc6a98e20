"""What a scalar of YAML means to kubectl.

kubectl reads YAML with go-yaml v2 (through sigs.k8s.io/yaml), whose table this is: the booleans of YAML 1.1, numbers as
Go writes them, no numbers of base 60, dates as text. A table of spellings in the tests was made with that library.
"""

import base64
import re

Atom = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **{word: True for each in ("y", "yes", "true", "on") for word in (each, each.capitalize(), each.upper())},
    **{word: False for each in ("n", "no", "false", "off") for word in (each, each.capitalize(), each.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_NO_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_ODD_BINARY = re.compile(r"0b([-+]?[01]+)")
_BASES = {"x": 16, "b": 2, "o": 8}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_POINT_FLOAT = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_MAX_INTEGER_DIGITS = 64
"""Digits of the largest integer, in base 2."""

_TAG = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (float, int),
    "int": (int,),
    "null": (type(None),),
}


class BadScalar(ValueError):
    """A scalar that kubectl refuses, or whose tag it would ignore. The message says what to write instead."""


def plain(text: str) -> Atom:
    """The value of a plain scalar. Raises BadScalar for infinity and what is no number: JSON has neither."""
    first = text[:1]
    if first in "yYnNtTfFoO~":  # and empty
        return _WORDS.get(text, text)
    if first not in "+-.0123456789":
        return text
    if _NO_JSON.fullmatch(text):
        raise BadScalar(f"{text} is not a JSON number: put it in quotes, or write another number")
    if first == ".":
        return _float(text) if _POINT_FLOAT.fullmatch(text) else text
    digits = text.replace("_", "")
    value = _integer(digits)
    if value is not None:
        return value
    return _float(text, digits) if _FLOAT.fullmatch(digits) else text


def tagged(tag: str, text: str) -> Atom:
    """The value of a scalar with a tag, in its long form. Raises BadScalar."""
    name = tag.removeprefix(_TAG)
    if name in ("str", "!"):
        return text
    if name == "binary":
        try:
            return base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
        except ValueError:  # binascii.Error is one, and so is a character beyond ASCII
            raise BadScalar("the value after !!binary is not base64") from None
    if name == "timestamp" and re.match(r"\d{4}-", text):
        return text
    value = plain(text)
    if name in _TYPES and type(value) in _TYPES[name]:
        return value
    short = f"!!{name}" if tag.startswith(_TAG) else tag
    why = f"{text!r} does not match it" if name in _TYPES else "Kubernetes objects have no tags"
    raise BadScalar(f"the tag {short} is not allowed here: {why}")


def as_key(value: Atom) -> str:
    """A key as JSON has it, which knows only text. Raises BadScalar where kubectl has no text for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise BadScalar("a key must be a string: put it in quotes")


def whole(value: float) -> int | float:
    """A number as it comes out of JSON, which knows one kind of number: `3.0` is 3."""
    return int(value) if value.is_integer() and -(2**63) <= value < 2**64 else value


def _integer(text: str) -> int | None:
    if match := _INTEGER.fullmatch(text):
        sign, digits = match[1], match[2]
        base = 10 if digits[0] != "0" else _BASES.get(digits[1:2].lower(), 8)
        digits = digits.lstrip("0xXbBoO" if base in (2, 8) else "0xX" if base == 16 else "")
    elif match := _ODD_BINARY.fullmatch(text):
        sign, digits, base = match[1][0] if match[1][0] in "+-" else "", match[1].lstrip("+-0"), 2
    else:
        return None
    if len(digits) > _MAX_INTEGER_DIGITS:
        return None
    value = int(digits or "0", base)
    value = -value if sign == "-" else value
    most = 2**63 if sign else 2**64
    return value if -(2**63) <= value < most else None


def _float(text: str, digits: str | None = None) -> int | float | str:
    value = float(digits or text)
    return text if value in (float("inf"), float("-inf")) else whole(value)
