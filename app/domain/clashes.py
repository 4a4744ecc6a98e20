"""Which member of a batch clashes with which earlier one, without comparing all pairs."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from app.domain.invoker import Batch, Target

Value = TypeVar("Value", bound=Hashable)


class Clash(NamedTuple):
    """Two targets that clash, with the indexes of their members. Settled if neither is new in this respect."""

    first: int
    first_target: Target
    later: int
    later_target: Target
    preexisting: bool


class Seen:
    """The members so far, by the marks that they have; on an update also those that are new, apart."""

    def __init__(self) -> None:
        self._first: dict[Hashable, int] = {}
        self._first_new: dict[Hashable, int] = {}

    def add(self, index: int, index_keys: Iterable[Hashable], *, new: bool) -> None:
        """Remember a member by its marks. Members are added in the order in which they are listed."""
        for index_key in index_keys:
            self._first.setdefault(index_key, index)
            if new:
                self._first_new.setdefault(index_key, index)

    def first(self, index_keys: Iterable[Hashable]) -> int | None:
        """The first member with one of these marks."""
        return min((self._first[index_key] for index_key in index_keys if index_key in self._first), default=None)

    def first_new(self, index_keys: Iterable[Hashable]) -> int | None:
        """The first new member with one of these marks."""
        return min(
            (self._first_new[index_key] for index_key in index_keys if index_key in self._first_new), default=None
        )


def all_differ(values: Sequence[Hashable]) -> bool:
    """Whether no value is there twice."""
    return len(set(values)) == len(values)


def clashes(
    batch: Batch,
    value: Callable[[Target], Value | None],
    index_keys: Callable[[Value], list[Hashable]] = lambda value: [value],
    lookup_keys: Callable[[Value], list[Hashable]] = lambda value: [value],
    no_conflicts: Callable[[Sequence[Value]], bool] = all_differ,
) -> Iterator[Clash]:
    """One clash for each member that clashes with an earlier one, naming the first.

    Two members clash where one's value has a mark that the other's seeks. A member without value clashes with none.

    On an update, one whose value is that of the stored object clashes first of all with a member that is new: a clash
    that the stored object had is only warned of, so it must not hide a new one.

    `no_conflicts` is a quick look at all values: whether no two of them clash, as in nearly every batch.
    """
    if no_conflicts([each for each in map(value, batch.targets) if each is not None]):
        return
    seen = Seen()
    for member in batch.members:
        target = member.target
        mine = None if target is None else value(target)
        if target is None or mine is None:
            continue
        before = batch.stored_target(member.index)
        new = before is None or value(before) != mine
        sought = lookup_keys(mine)
        first = seen.first(sought)
        if first is not None:
            first_new = first if new else seen.first_new(sought)
            at = first if first_new is None else first_new
            earlier = batch.members[at].target
            assert earlier is not None  # noqa: S101  only members with a target are remembered
            yield Clash(at, earlier, member.index, target, preexisting=not new and first_new is None)
        seen.add(member.index, index_keys(mine), new=new)
