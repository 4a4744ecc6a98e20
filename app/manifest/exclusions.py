"""What is not read because somebody says so: patterns of the command line, and those of `.gitignore` files."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from app.manifest.regular_file import content

GITIGNORE = ".gitignore"
_OF_A_REPOSITORY = ".git/info/exclude"


class BadPattern(ValueError):
    """A pattern that means nothing. The message names it."""


class Exclusions:
    """Patterns as lines of a `.gitignore`: a name without `/` counts at any depth, `**` for any directories.

    With a `/` it is a path from the working directory, or from a directory that was named. With `gitignore`, what Git
    does not track is left out of directories as well.
    """

    def __init__(self, patterns: Iterable[str] = (), *, gitignore: bool = False) -> None:
        """Raises BadPattern."""
        self.gitignore = gitignore
        patterns = list(patterns)
        try:
            self._given = GitIgnoreSpec.from_lines(patterns) if patterns else None
        except ValueError:
            raise BadPattern(f"not a pattern as of a .gitignore: {', '.join(patterns)}") from None

    @property
    def given(self) -> bool:
        """Whether there are patterns at all."""
        return self._given is not None

    def leave_out(self, path: Path, root: Path | None = None, *, directory: bool = False) -> bool:
        """Whether a file, or all of a directory, is left out; `root`: the named directory that it is below."""
        if self._given is None:
            return False
        names = {path.as_posix(), path.relative_to(root).as_posix()} if root is not None else {path.as_posix()}
        return any(_says(self._given, name, directory=directory) for name in names)


class Ignored:
    """What the `.gitignore` files say of a directory and of those that it is in."""

    def __init__(self, directory: Path, above: "Ignored | None" = None) -> None:
        self.directory = directory
        self.above = above
        names = (GITIGNORE,) if above is not None else (GITIGNORE, _OF_A_REPOSITORY)
        self.specs = [spec for name in names if (spec := _spec(directory / name)) is not None]

    def leaves_out(self, path: Path, *, directory: bool) -> bool:
        """Whether Git does not look at a path below the directory; the nearest file that names it decides."""
        level: Ignored | None = self
        while level is not None:
            name = path.relative_to(level.directory).as_posix()
            for spec in level.specs:
                said = spec.check_file(f"{name}/" if directory else name).include
                if said is not None:
                    return said
            level = level.above
        return False


def ignored_in(directory: Path) -> Ignored:
    """What Git ignores in a directory: what the directories say in which it is, up to that of the repository."""
    levels = list(_up_to_repository(directory.absolute()))
    result = Ignored(levels.pop())
    while levels:
        result = Ignored(levels.pop(), result)
    return result


def _up_to_repository(directory: Path) -> Iterator[Path]:
    parents = [directory, *directory.parents]
    repository = next((each for each in parents if _is_repository(each)), directory)
    yield from parents[: parents.index(repository) + 1]


def _is_repository(directory: Path) -> bool:
    return os.path.exists(directory / ".git")  # noqa: PTH110 -- Path.exists() fails where nobody may look


def _spec(file: Path) -> GitIgnoreSpec | None:
    try:
        lines = content(file).decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    valid = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue  # as Git does
        valid.append(line)
    return GitIgnoreSpec.from_lines(valid)


def _says(spec: GitIgnoreSpec, name: str, *, directory: bool) -> bool:
    return spec.match_file(f"{name}/" if directory else name)
