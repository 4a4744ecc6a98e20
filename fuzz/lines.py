"""Mutations of YAML as lines: what people do to a file by hand, and what they copy from elsewhere."""

from collections.abc import Callable
from functools import cache
from random import Random

from fuzz import seeds

_PIECES = (
    "&a ", "*a", "<<: *a", "<<: [*a, *a]", "[*a, *a]",
    "!!str ", "!!binary ", "!x ", "? ", "- ", ": ", "|", "|-", ">+", "|2", "{", "}", "[", "]",
    ",", '"', "'", "#", " # c", "---", "...", "--- # c", "\t", "\r", "\r\n", "\n", "\ufeff", "\u2028", "\x85", "\x00",
    "\x1b", "é", "🙂", "~", "null", "yes", "0x1F", "0b1", "1_0", ".inf", "2026-01-01", "1e3", "\\", "\\x41", "\\ud800",
    "%YAML 1.1", "items:", "rules:", "alias:", "target:", "members:", "kind: List",
)  # fmt: skip
_Lines = list[str]


@cache
def _others() -> list[_Lines]:
    return [each.decode().splitlines(keepends=True) for each in seeds.texts()]


def mutated(content: bytes, random: Random) -> bytes:
    """The text with one to four changes."""
    lines = content.decode(errors="replace").splitlines(keepends=True) or ["\n"]
    for _ in range(random.choice((1, 1, 2, 4))):
        random.choice(_CHANGES)(lines, random)
        lines = lines or ["\n"]
    text = "".join(lines)
    if random.random() < 0.02:
        text = text.replace("\r\n", "\n").replace("\n", random.choice(("\r\n", "\r")))
    return text.encode(errors="replace")


def _block(lines: _Lines, random: Random) -> tuple[int, int]:
    """A line, and often those below that are further in."""
    start = random.randrange(len(lines))
    end = start + 1
    if random.random() < 0.6:
        indent = _indent(lines[start])
        while end < len(lines) and _indent(lines[end]) > indent:
            end += 1
    return start, end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _moved(lines: _Lines, start: int, by: int, block: _Lines) -> None:
    lines[start:start] = [" " * by + line if by >= 0 else line[min(-by, _indent(line)) :] for line in block]


def _gone(lines: _Lines, random: Random) -> None:
    start, end = _block(lines, random)
    del lines[start:end]


def _copied(lines: _Lines, random: Random) -> None:
    start, end = _block(lines, random)
    _moved(lines, random.randrange(len(lines) + 1), random.choice((0, 0, 0, 2, -2)), lines[start:end])


def _brought(lines: _Lines, random: Random) -> None:
    """A block from another file, as far in as the line that it comes before."""
    other = random.choice(_others())
    if not other:
        return
    start, end = _block(other, random)
    at = random.randrange(len(lines))
    _moved(lines, at, _indent(lines[at]) - _indent(other[start]), other[start:end])


def _taken_along(lines: _Lines, random: Random) -> None:
    start, end = _block(lines, random)
    block = lines[start:end]
    del lines[start:end]
    _moved(lines, random.randrange(len(lines) + 1), random.choice((0, 0, 2, -2)), block)


def _indented(lines: _Lines, random: Random) -> None:
    start, end = _block(lines, random)
    block = lines[start:end]
    del lines[start:end]
    _moved(lines, start, random.choice((1, 2, 4, -1, -2)), block)


def _commented(lines: _Lines, random: Random) -> None:
    at = random.randrange(len(lines))
    line = lines[at]
    if random.random() < 0.5:
        lines.insert(at, f"{' ' * _indent(line)}# comment {random.randrange(9)}\n")
    else:
        lines[at] = f"{line.rstrip()}  # comment {random.randrange(9)}\n"


def _pieced(lines: _Lines, random: Random) -> None:
    """Something that means something to YAML, in the middle of a line."""
    at = random.randrange(len(lines))
    line = lines[at]
    places = [
        0,
        _indent(line),
        line.find(":") + 1,
        line.find(": ") + 2,
        len(line.rstrip()),
        random.randrange(len(line) + 1),
    ]
    where = random.choice(places)
    lines[at] = line[:where] + random.choice(_PIECES) + line[where + random.choice((0, 0, 0, 1)) :]


def _worded(lines: _Lines, random: Random) -> None:
    """Another value."""
    at = random.randrange(len(lines))
    key, colon, _ = lines[at].partition(": ")
    lines[at] = f"{key}{colon}{random.choice(sorted(seeds.words()))}\n"


def _joined(lines: _Lines, random: Random) -> None:
    at = random.randrange(len(lines))
    lines[at : at + 2] = ["".join(each.rstrip("\r\n") for each in lines[at : at + 2])]


_CHANGES: list[Callable[[_Lines, Random], None]] = [
    _gone, _copied, _copied, _brought, _brought, _brought, _taken_along, _indented, _commented, _commented, _pieced,
    _pieced, _worded, _joined,
]  # fmt: skip
