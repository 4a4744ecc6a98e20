"""What is to be written into a stored backup, and what speaks against it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.admission.decision import RuleFinding
from app.admission.engine import Admission
from app.admission.offline import ask
from app.commands.check.text import described
from app.commands.cluster.objects import StoredObject
from app.commands.fix.aliases import suggested
from app.domain.invoker import Backup, Invoker
from app.domain.key import Key
from app.domain.outcome import Edit, apply
from app.domain.path import Path, dotted
from app.domain.quoting import printable
from app.domain.reading import read_invoker
from app.inventory.store import Inventory
from app.rules.default_alias import default_alias

KINDS = ("BackupConfiguration", "BackupBatch")
"""What is written into. Restores run once: theirs is over."""
_WITH_SIDECAR = {"DaemonSet", "Deployment", "DeploymentConfig", "ReplicaSet", "ReplicationController", "StatefulSet"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of an object."""

    object: StoredObject
    edits: tuple[Edit, ...] = ()
    """The aliases that it lacks; none: there is nothing to do."""
    clashes: tuple[str, ...] = ()
    """Why none is written all the same: the clashes that they would make."""
    suggested: tuple[str, ...] = ()
    """What would solve them."""
    workloads: frozenset[Key] = frozenset()
    """What the operator restarts when the object's spec changes."""

    @property
    def writes(self) -> bool:
        """Whether it is to be written."""
        return bool(self.edits) and not self.clashes

    @property
    def after(self) -> dict[str, Any]:
        """The object as it is to be."""
        return apply(self.edits, self.object.value)

    @property
    def operations(self) -> list[dict[str, Any]]:
        """The JSON Patch, which takes effect only on the state of the object that was read."""
        state = {"op": "replace", "path": "/metadata/resourceVersion", "value": self.object.resource_version}
        return [state, *(edit.operation() for edit in self.edits)]


class Planner:
    """Plans for objects, each compared with the other backups of an inventory."""

    def __init__(self, inventory: Inventory) -> None:
        # Where two batches share a Repository, what matters here is whether their hosts do.
        self._admission = Admission({"exclusive-repository": "off"}, inventory)

    def plan(self, stored: StoredObject) -> Plan:
        """What is to be done with an object."""
        invoker = read_invoker(stored.kind, stored.value, stored.namespace)
        edits = () if stored.deleting or stored.kind not in KINDS else tuple(default_alias(invoker))
        if not edits:
            return Plan(stored)
        clashes = self._clashes(stored, invoker, edits)
        lines = tuple(f"{dotted(each.finding.path)}: {each.finding.message} ({each.rule})" for each in clashes)
        chosen = tuple(map(described, suggested(stored, self._admission))) if clashes else ()
        return Plan(stored, edits, tuple(map(printable, lines)), chosen, frozenset(_workloads(invoker)))

    def _clashes(self, stored: StoredObject, invoker: Invoker, edits: Iterable[Edit]) -> list[RuleFinding]:
        """The refusals, were it created so, that are about an alias which would be written."""
        written = {edit.path for edit in edits}
        return [
            each
            for each in ask(stored, self._admission).findings
            if each.refuses and not written.isdisjoint(_aliases(invoker, each))
        ]


def _aliases(invoker: Invoker, found: RuleFinding) -> Iterable[Path]:
    """The fields that a finding is about, those of both members if it is about two."""
    yield found.finding.path
    for index in found.finding.pair or ():
        yield (*invoker.members[index].path, "target", "alias")


def _workloads(invoker: Invoker) -> Iterable[Key]:
    """The workloads into which the operator puts sidecars for an object: all that are not backed up by a task."""
    for target in invoker.targets if isinstance(invoker, Backup) else ():
        if target.kind in _WITH_SIDECAR and not target.task:
            yield Key(target.kind, target.namespace, target.name)
