"""A run of `backfill`: all backups looked at, then those written that lack an alias, one after the other."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.commands.backfill.planner import KINDS, Plan, Planner
from app.commands.backfill.signals import Interruption
from app.commands.backfill.writer import Outcome, Writer, Written
from app.commands.cluster.client import Api
from app.commands.cluster.snapshot import Contents, Scope, Step, read_cluster

_MAX_FAILURES_IN_A_ROW = 3
"""Objects in a row that nobody answers for, after which the rest is not tried."""


@dataclass(frozen=True)
class Options:
    """What is asked for. `limit`: how many objects are written at most; `pause`: seconds between two."""

    namespace: str | None = None
    dry_run: bool = False
    limit: int | None = None
    pause: float = 0.0


class Backfill:
    """What was found, and what became of it."""

    def __init__(self, api: Api, options: Options) -> None:
        self.options = options
        self.server = api.server
        self.contents = Contents()
        self.plans: list[Plan] = []
        """Of the objects that lack an alias."""
        self.outcomes: Counter[Outcome] = Counter()
        self.stopped = ""
        """Why some objects were not tried; empty if all were."""
        self.interrupted = False
        self._api = api
        self._planner = Planner(self.contents.inventory)

    def look(self) -> Iterator[Step]:
        """Read everything, and plan. Changes nothing."""
        yield from read_cluster(self.contents, self._api, Scope(KINDS, KINDS, self.options.namespace))
        objects = self.contents.objects
        for count, each in enumerate(objects, 1):
            plan = self._planner.plan(each)
            if plan.edits:
                self.plans.append(plan)
            yield Step("planning", count, len(objects))

    @property
    def clashing(self) -> list[Plan]:
        """What is left alone."""
        return [each for each in self.plans if each.clashes]

    @property
    def lacking(self) -> list[Plan]:
        """What lacks an alias and can be written."""
        return [each for each in self.plans if each.writes]

    @property
    def chosen(self) -> list[Plan]:
        """What is to be written in this run."""
        return self.lacking[: self.options.limit]

    def write(self, interruption: Interruption, tell: Callable[[Written], None]) -> Iterator[Step]:
        """Write, and tell of each object. Ends early where somebody asks for it, or nobody answers."""
        writer = Writer(self._api, self._planner, interruption.pause, dry_run=self.options.dry_run)
        chosen, failures = self.chosen, 0
        for count, plan in enumerate(chosen, 1):
            if interruption.asked:
                self.interrupted, self.stopped = True, "interrupted"
                return
            written = writer.write(plan)
            self.outcomes[written.outcome] += 1
            tell(written)
            yield Step("asking" if self.options.dry_run else "writing", count, len(chosen))
            failures = failures + 1 if written.outcome is Outcome.FAILED else 0
            if failures == _MAX_FAILURES_IN_A_ROW and count < len(chosen):
                self.stopped = f"{failures} objects in a row failed: {written.message}"
                return
            if not self.options.dry_run and count < len(chosen):
                interruption.pause(self.options.pause)

    @property
    def exit_code(self) -> int:
        """0, or 1 if something is left to do, or 2 if something could not be read, or nobody answers any more."""
        if self.contents.unreadable or (self.stopped and not self.interrupted):
            return 2
        kept = (Outcome.REFUSED, Outcome.FAILED, Outcome.CLASHES)
        left = bool(self.clashing) or bool(self.stopped) or any(self.outcomes[each] for each in kept)
        return int(left or (self.options.dry_run and self.outcomes[Outcome.WRITTEN] > 0))
