"""Where a value is in an object, as the two notations of the field write it."""

from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Keys and indexes from the object's root: `("spec", "members", 1, "target")`."""


def ancestors(path: Path) -> Iterator[Path]:
    """The path itself and every path above it."""
    for end in range(len(path), 0, -1):
        yield path[:end]


def dotted(path: Path) -> str:
    """The path as Kubernetes writes it in causes: `spec.members[1].target`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def pointer(path: Path) -> str:
    """The path as a JSON Pointer (RFC 6901): `/spec/members/1/target`."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
