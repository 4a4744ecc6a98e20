"""Which clusters the directories of a run are of: where two hold the same object, they are different ones."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from app.domain.key import Key

Parts = tuple[str, ...]
"""A directory, as the names that lead to it."""
Choice = tuple[Parts, str]
"""A directory that holds several clusters, and which of its directories it is; an empty name: its own files."""


class Clusters:
    """The directories of a run, and which of them are different clusters.

    Two directories can only part where their paths do: they are different clusters if the names that follow there are
    two that hold the same object.
    """

    def __init__(self, objects: Iterable[tuple[Parts, Key | None]], *, separate: bool = True) -> None:
        """`objects`: where each is, and its key if two of that key are the same. Not `separate`: all is one cluster."""
        where: defaultdict[Key, set[Parts]] = defaultdict(set)
        directories = set()
        for directory, key in objects:
            directories.add(directory)
            if key is not None and separate:
                where[key].add(directory)
        self._sorted = sorted(directories)
        self._several = _several(where.values())
        self.directories = sorted(directories, key=self._turn)
        """Each cluster's together, and those that nothing is apart from first: each needs little of the one before."""

    @property
    def apart(self) -> list[Parts]:
        """The directories that are different clusters."""
        return sorted({(*above, name) if name else above for above, names in self._several.items() for name in names})

    def of(self, directory: Parts) -> tuple[Choice, ...]:
        """The cluster of a directory, the outermost choice first. One that chooses less is a part of all that agree."""
        return tuple(each for each in _steps(directory) if self._chooses(each))

    def others(self, choice: Choice) -> Iterator[Parts]:
        """The directories that another choice leads to."""
        for name in self._several[choice[0]]:
            if name != choice[1]:
                yield from self.chosen((choice[0], name))

    def chosen(self, choice: Choice) -> Iterator[Parts]:
        """The directories that a choice leads to."""
        above, name = choice
        if not name:
            yield above
            return
        top = (*above, name)
        for index in range(bisect_left(self._sorted, top), len(self._sorted)):
            directory = self._sorted[index]
            if directory[: len(top)] != top:
                break
            yield directory

    def _chooses(self, step: Choice) -> bool:
        return step[1] in self._several.get(step[0], ())

    def _turn(self, directory: Parts) -> list[tuple[bool, str]]:
        return [(self._chooses(each), each[1]) for each in _steps(directory)]


def _steps(directory: Parts) -> Iterator[Choice]:
    """The names that lead to a directory and its own files, each with where it is."""
    for depth, name in enumerate((*directory, "")):
        yield directory[:depth], name


def _several(where: Iterable[Set[Parts]]) -> Mapping[Parts, set[str]]:
    """For each directory that holds one object more than once, in which of its directories it does."""
    result: defaultdict[Parts, set[str]] = defaultdict(set)
    for directories in where:
        if len(directories) > 1:
            below: defaultdict[Parts, set[str]] = defaultdict(set)
            for parts in directories:
                for depth in range(len(parts) + 1):
                    below[parts[:depth]].add(parts[depth] if depth < len(parts) else "")
            for directory, names in below.items():
                if len(names) > 1:
                    result[directory] |= names
    return result
