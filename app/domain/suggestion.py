"""An alias to propose where two members clash."""

import re

from app.domain.clashes import Seen
from app.domain.hosts import LONGEST_ALIAS, Hosts, certain_marks, certain_seeks, possible_marks, possible_seeks
from app.domain.invoker import Invoker, Target

LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""What an alias must be: a Kubernetes label value, and not empty."""


class Suggestions:
    """Aliases for the members of one object: valid, made from the target's name, and shared with no other member."""

    def __init__(self, invoker: Invoker) -> None:
        self._certain, self._possible = Seen(), Seen()
        self._taken: set[str | None] = set()
        self._number: dict[str, int] = {}
        for target in invoker.targets:
            if target.hosts is not None:
                self._take(target.means, target.hosts)

    def alias(self, target: Target) -> str:
        """An alias for the target that no member has or was offered."""
        stem = candidate = valid_alias(target.name) or valid_alias(target.kind.lower()) or "target"
        while not self._free(candidate, Hosts(target.shape, candidate)):
            number = self._number[stem] = self._number.get(stem, 1) + 1
            candidate = f"{valid_alias(stem[: LONGEST_ALIAS - len(str(number)) - 1])}-{number}"
        self._take(candidate, Hosts(target.shape, candidate))
        return candidate

    def _take(self, alias: str | None, hosts: Hosts) -> None:
        self._taken.add(alias)
        self._certain.add(0, certain_marks(hosts))
        self._possible.add(0, possible_marks(hosts))

    def _free(self, alias: str, hosts: Hosts) -> bool:
        clash = self._certain.first(certain_seeks(hosts)), self._possible.first(possible_seeks(hosts))
        return alias not in self._taken and clash == (None, None)


def valid_alias(name: str) -> str:
    """The name as a label value: other characters become dashes, others at the ends go. Empty if nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", name[:LONGEST_ALIAS]).strip("-._")
