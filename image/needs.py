"""What a distribution needs of those that are installed."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PROJECT = "stash-admission"
EXTRAS = ("", "traces")
"""What the image takes along of the project's extras, where it is installed."""

NEVER_IMPORTED = {"aiohttp", "aiohttp-retry"}
"""What kubernetes names for its second client, for asyncio, which the image leaves out too (`image/rootfs.py`)."""


def needed(name: str = PROJECT, extras: tuple[str, ...] = EXTRAS) -> dict[str, Distribution]:
    """A distribution and all that it needs, directly or not, by their normal names.

    What only an extra names may be missing; raises PackageNotFoundError for anything else that is not installed.
    """
    found: dict[str, Distribution] = {}
    to_do = [(name, extras)]
    seen = set()
    while to_do:
        each = to_do.pop()
        if each in seen:
            continue
        seen.add(each)
        found[normal(each[0])] = distribution(each[0])
        to_do += direct(found[normal(each[0])], each[1])
    return dict(sorted(found.items()))


def direct(it: Distribution, extras: tuple[str, ...] = EXTRAS) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a distribution names itself: each name, and with which extras."""
    for text in it.requires or ():
        requirement = Requirement(text)
        wanted = [each for each in extras if requirement.marker is None or requirement.marker.evaluate({"extra": each})]
        if not wanted or normal(requirement.name) in NEVER_IMPORTED:
            continue
        try:
            distribution(requirement.name)
        except PackageNotFoundError:
            if "" in wanted:
                raise
            continue
        yield normal(requirement.name), ("", *sorted(requirement.extras))


def normal(name: str) -> str:
    """A distribution's name as the lock files write it."""
    return re.sub(r"[-_.]+", "-", name).lower()
