"""Mutations of JSON as a tree: the bytes stay JSON, and what changes is what the server reads."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from fuzz import seeds

_ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 1.5, 1e308, "", " ", "0", "null", "~", "host-0", "x" * 64, "a/b",
    "é\u2028\u202e", "\n", "\0", "%", "*/5 * * * *", "1h", "-1s", "99999999999h", "@every 1s", "TZ=x * * * * *",
    [], {}, [None], [[]], [{}], {"": None}, {"name": ""}, {"target": {}}, {"ref": {}}, {"rules": [{}]},
]  # fmt: skip
"""Values that code forgets."""
_Holder = dict[str, Any] | list[Any]


def mutated(content: bytes, random: Random) -> bytes | None:
    """The JSON with one to four changes; None if it is none, or too deep for Python to handle."""
    try:
        return _mutated([json.loads(content)], random)
    except (ValueError, RecursionError):
        return None


def _mutated(root: list[Any], random: Random) -> bytes:
    for _ in range(random.choice((1, 1, 2, 4))):
        places = _places(root)
        if not places:  # all is gone
            break
        holder, key = random.choice(places)
        random.choice(_CHANGES)(holder, key, places, random)
    layout = {"separators": (",", ":")} if random.random() < 0.8 else {"indent": random.choice((None, 1))}
    text = json.dumps(root[0] if root else None, ensure_ascii=random.random() < 0.5, **layout)
    return _twice(text, random).encode(errors="replace")


def _places(root: _Holder) -> list[tuple[_Holder, Any]]:
    """Where every value is: what holds it, and its key or index."""
    found, to_do = [], [root]
    while to_do:
        holder = to_do.pop()
        for key, value in list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder)):
            found.append((holder, key))
            if isinstance(value, dict | list):
                to_do.append(value)
    return found


def _twice(text: str, random: Random) -> str:
    """Now and then, a member of an object written once more, which only text can have."""
    at = text.find('":', random.randrange(len(text) + 1))
    if random.random() > 0.05 or at < 0:
        return text
    start = text.rfind('"', 0, at)
    return f"{text[:start]}{text[start : at + 1]}{random.choice((':', ' :'))}1,{text[start:]}"


_Place = list[tuple[_Holder, Any]]


def _odd(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    holder[key] = deepcopy(random.choice(_ODD))


def _word(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    holder[key] = random.choice(sorted(seeds.words()))


def _known(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    """A value that the field has somewhere else."""
    values = seeds.members().get(key) if isinstance(key, str) else None
    holder[key] = deepcopy(random.choice(values or _ODD))


def _gone(holder: Any, key: Any, _places: _Place, _random: Random) -> None:
    del holder[key]


def _more(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    """A field or an item beside the value."""
    if isinstance(holder, list):
        holder.insert(random.randrange(len(holder) + 1), deepcopy(holder[key]))
    else:
        name = random.choice(sorted(seeds.members()))
        holder[name] = deepcopy(random.choice(seeds.members()[name]))


def _renamed(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    if isinstance(holder, dict):
        holder[random.choice(sorted(seeds.words()))] = holder.pop(key)


def _wrapped(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    for _ in range(random.choice((1, 1, 1, 95, 150))):
        holder[key] = [holder[key]] if random.random() < 0.5 else {"x": holder[key]}


def _copied(holder: Any, key: Any, places: _Place, random: Random) -> None:
    """A value from another place of the same review."""
    other, where = random.choice(places)
    holder[key] = deepcopy(other[where])


def _respelled(holder: Any, key: Any, _places: _Place, random: Random) -> None:
    value = holder[key]
    if not isinstance(value, str):
        _odd(holder, key, _places, random)
        return
    at = random.randrange(len(value) + 1)
    piece = random.choice(("", "-", "-0", "-1", " ", "/", ".", "A", "é", "\n", "\x1b", "0" * 64, "{{x}}", "$", value))
    holder[key] = value[:at] + piece + value[at + random.randrange(3) :]


_CHANGES: list[Callable[[Any, Any, _Place, Random], None]] = [
    _odd, _word, _known, _known, _gone, _more, _more, _renamed, _wrapped, _copied, _copied, _respelled, _respelled,
]  # fmt: skip
