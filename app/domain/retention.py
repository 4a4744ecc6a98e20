"""What a retention policy keeps: which snapshots of one host and path `restic forget` leaves, and which it removes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from schemas.job import RetentionPolicy

KEEPS = ("keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly")
"""The fields that say how many snapshots are kept."""


def keeps_nothing(policy: RetentionPolicy) -> bool:
    """Whether no field of the policy says what to keep. 0 says nothing, as it does to restic."""
    return not any(map(policy.get, (*KEEPS, "keepTags")))


class Keep(NamedTuple):
    """How many snapshots are kept, in the order of KEEPS, and with which tags; all 0 and no tags: all are kept."""

    counts: tuple[int, ...]
    tags: tuple[frozenset[str], ...] = ()
    """A snapshot is kept that has all tags of one of these."""

    @classmethod
    def of(cls, policy: RetentionPolicy) -> "Keep":
        """From a policy; the operator hands restic nothing that is not above 0."""
        counts = tuple(max(int(policy.get(field) or 0), 0) for field in KEEPS)  # type: ignore[call-overload]
        return cls(counts, tuple(frozenset(each.split(",")) for each in policy.get("keepTags") or () if each))

    @property
    def everything(self) -> bool:
        """Whether it removes nothing."""
        return not self.tags and not any(self.counts)


EVERYTHING = Keep((0,) * len(KEEPS))
_BUCKETS: tuple[Callable[[datetime], tuple[int, ...]], ...] = (
    lambda at: (at.year, at.month, at.day, at.hour),
    lambda at: (at.year, at.month, at.day),
    lambda at: at.isocalendar()[:2],
    lambda at: (at.year, at.month),
    lambda at: (at.year,),
)
"""In the order of KEEPS, without the first: snapshots with the same value are of one hour, day, week, month, year."""


def kept(newest_first: Iterable[tuple[datetime, Sequence[str]]], keep: Keep) -> list[int]:
    """Which snapshots of one host and path stay, by their numbers in the order given: the times and tags of each.

    As `ApplyPolicy` of restic 0.14: the newest of each hour, day, week, month or year counts, as the clock showed it
    where the backup was made. Restic 0.17 and later also keep the oldest of all while a count is not used up.
    Snapshots are asked for only as long as one of them may be kept.
    """
    last, *left = keep.counts
    seen: list[tuple[int, ...] | None] = [None] * len(left)
    found: list[int] = []
    for number, (at, tags) in enumerate(newest_first):
        stays = keep.everything or number < last or any(each.issubset(tags) for each in keep.tags)
        for which, bucket in enumerate(_BUCKETS):
            if left[which]:
                value = bucket(at)
                if value != seen[which]:
                    seen[which], stays = value, True
                    left[which] -= 1
        if stays:
            found.append(number)
        if not (keep.everything or keep.tags or number + 1 < last or any(left)):
            break
    return found
