"""Which members of an object run at the same time."""

from typing import Any

import pytest

from app.domain.order import runs_in_order, waves
from app.domain.reading import read_invoker

MEMBERS = [{"target": {"alias": name}} for name in ("db", "app", "log")]
AT_ONCE, ONE_BY_ONE = [[0, 1, 2]], [[0], [1], [2]]


def indexes(kind: str, spec: dict[str, Any]) -> list[list[int]]:
    return [[member.index for member in wave] for wave in waves(read_invoker(kind, {"spec": spec}, "demo"))]


@pytest.mark.parametrize("kind", ["BackupBatch", "RestoreBatch"])
@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({}, AT_ONCE),
        ({"maintainOrder": False}, AT_ONCE),
        ({"maintainOrder": True}, ONE_BY_ONE),
        ({"executionOrder": "Sequential"}, ONE_BY_ONE),
        ({"executionOrder": "Parallel"}, AT_ONCE),
        ({"executionOrder": "sequential"}, AT_ONCE),
        ({"maintainOrder": None, "executionOrder": "Sequential"}, ONE_BY_ONE),
        ({"maintainOrder": False, "executionOrder": "Sequential"}, AT_ONCE),
        ({"maintainOrder": True, "executionOrder": "Parallel"}, ONE_BY_ONE),
    ],
)
def test_the_members_of_a_batch_run_at_once_or_one_by_one(
    kind: str, order: dict[str, Any], expected: list[list[int]]
) -> None:
    assert indexes(kind, {**order, "members": MEMBERS}) == expected


@pytest.mark.parametrize("kind", ["BackupConfiguration", "RestoreSession"])
def test_a_single_object_is_one_wave_of_one(kind: str) -> None:
    assert indexes(kind, {"executionOrder": "Sequential", "target": {"alias": "app"}}) == [[0]]


def test_a_batch_without_members_has_no_wave() -> None:
    assert indexes("BackupBatch", {}) == []
    assert indexes("BackupBatch", {"maintainOrder": True}) == []


@pytest.mark.parametrize("kind", ["BackupConfiguration", "RestoreSession"])
def test_only_a_batch_runs_in_order(kind: str) -> None:
    assert not runs_in_order(read_invoker(kind, {"spec": {"maintainOrder": True}}, "demo"))
