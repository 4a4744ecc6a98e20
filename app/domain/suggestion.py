"""An alias to suggest where two members clash."""

import re
from collections.abc import Callable, Hashable, Iterator

from app.domain.hosts import (
    MAX_ALIAS_CHARS,
    Hosts,
    certain_index_keys,
    certain_lookup_keys,
    possible_index_keys,
    possible_lookup_keys,
)
from app.domain.invoker import Invoker, Target
from app.domain.path import Path

LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""What an alias must be: a Kubernetes label value, and not empty."""

_UNLIKELY_NUMBER = 987_654_321
"""A number that no one chooses: an alias that ends in it is taken only if all of them are."""


_SEQUENTIAL_TRIES = 10
"""How many numbers are tried one after the other; then the steps double, since an alias may be taken very often."""


def _nowhere(_: Hosts) -> bool:
    return False


class Suggestions:
    """Aliases for the members of one object: valid, made from the target's name, and shared with no other member.

    `elsewhere` says whether other objects have hosts already. Nothing is looked up before the first alias is asked for.
    """

    def __init__(self, invoker: Invoker, elsewhere: Callable[[Hosts], bool] = _nowhere) -> None:
        self._invoker = invoker
        self._elsewhere = elsewhere
        self._offered: dict[Path, str] = {}
        self._aliases: set[str] = set()
        self._index_keys: set[Hashable] = set()
        """Of the hosts that the offered aliases make."""
        self._number: dict[str, int] = {}

    def alias(self, target: Target) -> str:
        """An alias for the target that no member has or was offered, nor makes a host that one could have.

        Always the same for one target.
        """
        offered = self._offered.get(target.path)
        if offered is None:
            stem = valid_alias(target.name) or valid_alias(target.kind.lower()) or "target"
            offered = next(alias for alias in self._candidates(stem, target) if self._is_free(alias, target))
            hosts = Hosts(target.shape, offered)
            self._offered[target.path] = offered
            self._aliases.add(offered)
            self._index_keys.update(certain_index_keys(hosts), possible_index_keys(hosts))
        return offered

    def _candidates(self, stem: str, target: Target) -> Iterator[str]:
        """The stem, and then with numbers: `web-2`, or `2-web` where a StatefulSet `web` has all that end in one."""
        yield stem
        behind = self._is_free(_numbered(stem, _UNLIKELY_NUMBER, behind=True), target)
        tries = 0
        while True:
            number = self._number[stem] = self._number.get(stem, 1) + 2 ** max(0, tries - _SEQUENTIAL_TRIES)
            tries += 1
            yield _numbered(stem, number, behind=behind)

    def _is_free(self, alias: str, target: Target) -> bool:
        aliases, index_keys = self._invoker.taken
        hosts = Hosts(target.shape, alias)
        lookup_keys = (*certain_lookup_keys(hosts), *possible_lookup_keys(hosts))
        return (
            alias not in aliases
            and alias not in self._aliases
            and index_keys.isdisjoint(lookup_keys)
            and self._index_keys.isdisjoint(lookup_keys)
            and not self._elsewhere(hosts)
        )


def _numbered(stem: str, number: int, *, behind: bool) -> str:
    short = stem[: MAX_ALIAS_CHARS - len(f"-{number}")]
    return f"{valid_alias(short)}-{number}" if behind else valid_alias(f"{number}-{short}")


def valid_alias(name: str) -> str:
    """The name as a label value: other characters become dashes, others at the ends go. Empty if nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name[:MAX_ALIAS_CHARS]).strip("-._")
