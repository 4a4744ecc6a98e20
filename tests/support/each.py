"""Many small cases in one test: pytest takes longer to report a test than most of them take."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from testbed.cases import Case

T = TypeVar("T")


def by_rule(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Cases of `tests/cases/` by their rule."""
    of_rule: dict[str, list[Case]] = {}
    for case in cases:
        of_rule.setdefault(case.rule, []).append(case)
    return of_rule


def try_each(cases: Iterable[T], test: Callable[[T], None]) -> None:
    """Try a test on every case, of which there must be one; fail with all failures, each with the case's name."""
    failures, tried = [], False
    for case in cases:
        tried = True
        try:
            test(case)
        except Exception as failure:  # noqa: BLE001  raised below, with the others
            failure.add_note(f"in the case {case}")
            failures.append(failure)
    if failures:
        raise ExceptionGroup("not every case is as it should be", failures)
    assert tried, "there is no case to try"
