"""Writing one object, whatever others do to it meanwhile."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from app.commands.backfill.planner import Plan, Planner
from app.commands.cluster.client import Api
from app.commands.cluster.objects import StoredObject
from app.domain.invoker import same
from kube.errors import KubeError, Unavailable

_MAX_CONFLICTS = 10
_MAX_FAILURES = 4
"""How often an object is written that the API server does not answer for."""


class Outcome(Enum):
    """What became of an object."""

    WRITTEN = "written"
    NOTHING = "nothing left to do"
    GONE = "gone"
    CLASHES = "left alone"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Written:
    """An object that was to be written: what became of it, and as what."""

    outcome: Outcome
    plan: Plan
    """The last one: that of the object as it was when it was written."""
    message: str = ""
    """Why not."""
    stored: StoredObject | None = None
    """What the API server says that it is now."""

    @property
    def also(self) -> list[str]:
        """The fields of the spec that a webhook changed in the same moment."""
        if self.stored is None:
            return []
        wanted, found = self.plan.after.get("spec") or {}, self.stored.value.get("spec") or {}
        return [f"spec.{name}" for name in sorted({*wanted, *found}) if not same(wanted.get(name), found.get(name))]


class Writer:
    """Writes objects, or only asks what would be stored (`dry_run`). `pause` waits for some seconds."""

    def __init__(self, api: Api, planner: Planner, pause: Callable[[float], None], *, dry_run: bool) -> None:
        self._api = api
        self._planner = planner
        self._pause = pause
        self._dry_run = dry_run

    def write(self, plan: Plan) -> Written:
        """Write an object. A conflict is followed by another look at it, and a plan for what it is then."""
        conflicts = failures = 0
        stale = False
        while True:
            try:
                if stale:
                    key = plan.object.key
                    plan, stale = self._planner.plan(StoredObject.of(key.kind, self._api.get(key))), False
                if not plan.writes:
                    return Written(Outcome.CLASHES if plan.clashes else Outcome.NOTHING, plan)
                answer = self._api.patch(plan.object.key, plan.operations, dry_run=self._dry_run)
                return Written(Outcome.WRITTEN, plan, stored=StoredObject.of(plan.object.kind, answer))
            except KubeError as raised:
                error = raised
            passing = isinstance(error, Unavailable)
            if error.status == 404:
                return Written(Outcome.GONE, plan)
            if error.status == 409:
                conflicts, stale = conflicts + 1, True
            elif passing:
                failures += 1
            else:
                return Written(Outcome.REFUSED, plan, error.said)
            if conflicts > _MAX_CONFLICTS or failures >= _MAX_FAILURES:
                return Written(Outcome.FAILED, plan, error.said)
            longest = 0.5 * 2**failures if passing else min(0.02 * 2**conflicts, 1)
            self._pause(random.uniform(longest / 2, longest))  # noqa: S311 -- not a secret
