"""The plans for everything in some files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.admission.engine import Admission
from app.commands.check.runner import backs_up_or_restores
from app.commands.plan.planner import Clock, Cluster, Plan, plan
from app.domain.invoker import VERSION
from app.manifest.discovery import Skipped, Unreadable
from app.manifest.exclusions import Exclusions
from app.manifest.objects import Manifest, objects


@dataclass
class Plans:
    """What was planned, and what could not be read."""

    plans: list[Plan] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    """The names of all targets whose hosts have ordinals."""

    def unused(self, cluster: Cluster) -> list[str]:
        """The workloads whose replicas were given, and which no target names."""
        return [name for name in cluster.replicas if name not in self.named]


def planned(
    paths: Iterable[Path],
    admission: Admission,
    cluster: Cluster,
    but: Exclusions | None = None,
    clock: Clock | None = None,
) -> Iterator[Plans]:
    """Plan everything in `paths`. Yields the same plans after each object; the last time they are complete."""
    result = Plans()
    yield result
    for found in objects(paths, but=but):
        if isinstance(found, Unreadable):
            result.unreadable.append(found)
        elif isinstance(found, Skipped):
            result.skipped.append(found)
        elif isinstance(found, Manifest) and backs_up_or_restores(found):
            if found.version == VERSION:
                each = plan(found, admission, cluster, clock=clock)
                result.plans.append(each)
                result.named |= {step.name for wave in each.waves for step in wave if step.indexed}
            else:
                wrong = f"{found.kind} has no version {found.version}: run `stash-admission check` for details"
                result.unreadable.append(Unreadable(found.file, wrong, *found.place(("apiVersion",))))
        yield result
