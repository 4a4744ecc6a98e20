"""What `backfill` says: what it costs, what becomes of each object, and what is left."""

import difflib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from app.commands.backfill.planner import Plan
from app.commands.backfill.runner import Backfill
from app.commands.backfill.writer import Outcome, Written
from app.commands.check.text import described
from app.domain.quoting import printable


def left_alone(plan: Plan) -> Iterator[str]:
    """Why nothing is written into an object, and what would help."""
    name = printable(str(plan.object.key))
    for clash in plan.clashes:
        yield f"{name}: left alone: {clash}"
    for each in plan.suggested:
        yield f"{name}: suggested: {each.removesuffix(' is written')}"


def cost(backfill: Backfill) -> Iterator[str]:
    """What a run does, and what that does to the workloads, said in advance."""
    lacking, chosen = len(backfill.lacking), backfill.chosen
    nothing = len(backfill.contents.objects) - len(backfill.plans)
    parts = [f"{_objects(lacking)} {'lacks' if lacking == 1 else 'lack'} an alias"]
    if backfill.clashing:
        parts.append(
            f"{len(backfill.clashing)} more would clash with one, and {_are(len(backfill.clashing))} left alone"
        )
    parts.append(f"{nothing} {'has' if nothing == 1 else 'have'} nothing to do")
    if backfill.contents.deleting:
        parts.append(f"{backfill.contents.deleting} {_are(backfill.contents.deleting)} being deleted")
    yield f"{backfill.server}: {', '.join(parts)}"
    if not chosen:
        return
    first = f"the first {len(chosen)} of them" if len(chosen) < lacking else "them" if lacking > 1 else "it"
    kinds = Counter(each.kind for each in frozenset[Any]().union(*(plan.workloads for plan in chosen)))
    if kinds:
        names = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items()))
        yield f"Writing {first} changes specs, so the operator restarts the sidecars, with the Pods, of {names}"
    else:
        yield f"Writing {first} restarts no Pods: none of the targets is a workload with a sidecar"


def line(written: Written) -> Iterator[str]:
    """What became of an object."""
    name, outcome = printable(str(written.plan.object.key)), written.outcome
    if outcome is Outcome.WRITTEN:
        yield f"{name}: {', '.join(map(described, written.plan.edits))}"
        if written.also:
            yield f"{name}: a webhook also changed {', '.join(written.also)}"
    elif outcome is Outcome.CLASHES:
        yield from left_alone(written.plan)
    elif outcome in (Outcome.REFUSED, Outcome.FAILED):
        yield f"{name}: {outcome.value}: {printable(written.message)}"
    else:
        yield f"{name}: {outcome.value}"


def difference(written: Written) -> Iterator[str]:
    """What the API server would store of an object, as a unified diff of what it has; or why it would not."""
    if written.stored is None:
        yield from line(written)
        return
    before, after = _yaml(written.plan.object.value), _yaml(written.stored.value)
    name = printable(str(written.plan.object.key))
    yield from difflib.unified_diff(before, after, name, name, lineterm="")


def summary(backfill: Backfill) -> str:
    """The last line."""
    counts, dry = backfill.outcomes, backfill.options.dry_run
    parts = [f"{_objects(counts[Outcome.WRITTEN])} {'would be written' if dry else 'written'}"]
    others = (Outcome.REFUSED, Outcome.FAILED, Outcome.GONE, Outcome.NOTHING)
    parts += [f"{counts[outcome]} {outcome.value}" for outcome in others if counts[outcome]]
    left = len(backfill.clashing) + counts[Outcome.CLASHES]
    if left:
        parts.append(f"{left} left alone")
    rest = len(backfill.lacking) - counts.total()
    if rest and not dry:
        parts.append(f"{rest} to do: run again to continue")
    text = ", ".join(parts)
    return f"{backfill.stopped}: {text}" if backfill.stopped else text


def _yaml(document: dict[str, Any]) -> list[str]:
    shown = {**document, "metadata": {name: document["metadata"][name] for name in ("name", "namespace")}}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120).splitlines()


def _objects(count: int) -> str:
    return f"{count} object" if count == 1 else f"{count} objects"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
