"""Whether one host has the data of two targets, by what the objects say, and where they do not, by its snapshots."""

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from app.domain.quoting import quoted
from app.domain.rhythm import alternate, flips, surplus, two_schedules
from app.domain.snapshot import Paths, Snapshot
from app.domain.writers import Writer

_MAX_NAMED = 3


def second_target(
    groups: dict[Paths, list[Snapshot]], writers: Sequence[Writer], zone: tzinfo
) -> tuple[str, list[Snapshot]] | None:
    """How it shows that a host has two targets, and the snapshots of the second; None: it does not.

    There are none where nobody can tell whose they are.
    """
    if len(writers) > 1:
        first, second = writers[:2]
        theirs = [each for paths, group in groups.items() if not first.backs_up(paths) for each in group]
        if not theirs and first.schedule is not None:
            theirs = [each for group in groups.values() for each in surplus(group, first.schedule, zone)]
        return f"{first} and {second} both write it", theirs
    writer = writers[0] if writers else None
    own = [group for paths, group in groups.items() if writer is not None and writer.backs_up(paths)]
    if own and writer is not None and writer.paths is not None:
        mine = _merged(own)
        for paths, group in groups.items():
            if not writer.backs_up(paths) and alternate(mine, group):
                return (
                    f"snapshots of {_named(paths)} come between those of {writer}, which does not back that up",
                    group,
                )
    elif len(groups) > 1:
        largest = max(groups.values(), key=len)
        for group in groups.values():
            if group is not largest and two_schedules(largest, group):
                both = f"{_named(largest[0].paths)} and {_named(group[0].paths)}"
                return f"snapshots of {both} take turns, and not in one run", group
    return _same_paths(groups, writer, zone)


def _same_paths(
    groups: dict[Paths, list[Snapshot]], writer: Writer | None, zone: tzinfo
) -> tuple[str, list[Snapshot]] | None:
    for paths, group in groups.items():
        if writer is not None and writer.schedule is not None:
            extra = surplus(group, writer.schedule, zone)
            if extra:
                return f"{_named(paths)} is backed up more often than {writer} is due, in two rhythms", extra
        if flips(group):
            return f"what is backed up of {_named(paths)} is one thing and another in turns", group[-2:-1]
    return None


def _merged(groups: Iterable[list[Snapshot]]) -> list[Snapshot]:
    return sorted((each for group in groups for each in group), key=lambda each: each.time)


def _named(paths: Paths) -> str:
    return ", ".join(map(quoted, paths[:_MAX_NAMED])) or "no path"
