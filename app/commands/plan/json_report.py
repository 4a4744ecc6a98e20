"""Plans as JSON."""

import json
from datetime import datetime
from typing import Any

from app.commands.plan.planner import HostRestore, Plan, Step
from app.domain.forecast import Forecast


def as_json(plans: list[Plan]) -> str:
    """One object with all plans, in the order in which the objects were read."""
    return json.dumps({"objects": [data(each) for each in plans]}, indent=2)


def data(plan: Plan) -> dict[str, Any]:
    """One plan, to be written as JSON."""
    return {
        "kind": plan.kind,
        "namespace": plan.namespace,
        "name": plan.name,
        "repository": plan.repository,
        "order": plan.order,
        "waves": [[_step(step) for step in wave] for wave in plan.waves],
        **({} if plan.forecast is None else {"forecast": _forecast(plan.forecast)}),
    }


def _forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "nextRuns": [_time(each) for each in forecast.next_runs],
        "after": [
            {"days": each.days, "snapshots": each.snapshots, "oldest": each.oldest and _time(each.oldest)}
            for each in forecast.horizons
        ],
    }


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _step(step: Step) -> dict[str, Any]:
    result: dict[str, Any] = {
        "member": step.number,
        "alias": step.alias,
        "host": step.host,
        "rules": [_fed(each) for each in step.fed],
    }
    if step.hosts is not None:
        result["hosts"] = list(step.hosts)
    return result


def _fed(fed: HostRestore) -> dict[str, Any]:
    result = {
        "host": fed.host,
        "rule": fed.rule,
        "restores": fed.restores,
        "sourceHost": fed.source,
        "snapshots": list(fed.snapshots),
        "paths": list(fed.paths),
    }
    return result if fed.written is None else {**result, "written": fed.written}
