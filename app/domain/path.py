"""Where a value is in an object, as the two notations of the field write it."""

Path = tuple[str | int, ...]
"""Keys and indexes from the object's root: `("spec", "members", 1, "target")`."""


def dotted(path: Path) -> str:
    """The path as Kubernetes writes it in causes: `spec.members[1].target`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def pointer(path: Path) -> str:
    """The path as a JSON Pointer (RFC 6901): `/spec/members/1/target`."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
