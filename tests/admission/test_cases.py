"""Every rule does in every case what the case's name says."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from app.rules.registry import RULES
from testbed.cases import FOLDER, Case, cases
from testbed.reviews import admit, ask, patched
from tests.support.each import by_rule, try_each

DENIED = [case for case in cases() if case.expectation == "deny"]
Test = Callable[[Case], None]


def for_each(chosen: Iterable[Case], unless: Callable[[Case], bool] = lambda _: False) -> Callable[[Test], Any]:
    """Try what is decorated on the chosen cases: a test for each rule, which names the cases that fail.

    `unless` is asked when the tests run.
    """
    of_rule = by_rule(chosen)

    def decorated(test: Test) -> Any:
        @pytest.mark.parametrize("rule", of_rule)
        def of_a_rule(rule: str) -> None:
            try_each((case for case in of_rule[rule] if not unless(case)), test)

        return of_a_rule

    return decorated


def has_fault_already(case: Case) -> bool:
    """Whether what is stored, or else the object without its spec, has the fault too: what is wrong is absent there."""
    return case.rule in ask("validate", before(case), cluster=case.cluster).refused_by


def before(case: Case) -> dict[str, Any]:
    """What is stored, or else the object without its spec."""
    return {**case.object, "spec": None} if case.old is None else case.old


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_cases_for_what_it_does_and_for_what_it_leaves_alone(rule: str) -> None:
    expectations = {case.expectation for case in cases() if case.rule == rule}
    level = RULES[rule].level
    acts = {None: "edit", "enforce": "deny", "warn": "warn"}[level]
    assert expectations >= {acts, "allow"}


def test_every_folder_of_cases_belongs_to_a_rule() -> None:
    assert {path.name for path in FOLDER.iterdir()} <= RULES.keys()


@for_each(cases())
def test_the_rule_does_what_the_case_says(case: Case) -> None:
    result = admit(case.object, case.old, cluster=case.cluster)
    if case.expectation == "deny":
        assert result.validation.refused_by == {case.rule}, result.validation.message
    else:
        assert result.validation.allowed, result.validation.message
    acted = case.rule in result.mutation.acted("mutated-by") | result.warned_by | result.validation.refused_by
    assert acted is (case.expectation != "allow"), result.warnings
    if case.mutated is not None:
        assert result.document == case.mutated
    lines = [line.removeprefix("* ") for line in result.validation.message.splitlines()] + result.warnings
    mine = [line for line in lines if f"({case.rule})" in line]
    if case.fields is not None:
        assert sorted(line.partition(": ")[0] for line in mine) == sorted(case.fields)
    for text in case.says:
        assert any(text in line for line in mine), mine


@for_each(cases())
def test_mutating_the_mutated_object_changes_nothing(case: Case) -> None:
    once = patched(case.object, ask("mutate", case.object, case.old))
    assert ask("mutate", once, case.old).patch == []
    assert ask("mutate", once).patch == [] or case.old is not None


@for_each(cases())
def test_an_update_that_leaves_the_spec_alone_is_neither_changed_nor_judged(case: Case) -> None:
    labelled = {**case.object, "metadata": {**case.object["metadata"], "labels": {"new": "label"}}}
    result = admit(labelled, case.object, cluster=case.cluster)
    assert result.document == labelled
    assert result.validation.allowed
    assert not result.warnings


@for_each(cases())
def test_an_object_that_is_being_deleted_is_neither_changed_nor_judged(case: Case) -> None:
    metadata = {**case.object["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    dying = {**case.object, "metadata": metadata}
    for old in (None, case.old, {**case.object, "spec": {}}):
        result = admit(dying, old, cluster=case.cluster)
        assert result.document == dying
        assert result.validation.allowed
        assert not result.warnings


@for_each(case for case in cases() if case.expectation != "deny" and case.old is None)
def test_applying_the_written_manifest_again_changes_nothing_and_is_admitted(case: Case) -> None:
    stored = admit(case.object).document
    again = admit(case.object, stored, cluster=case.cluster)
    assert again.document == stored
    assert again.validation.allowed
    assert not again.validation.warnings


@for_each(cases())
def test_a_dry_run_is_decided_in_the_same_way(case: Case) -> None:
    for webhook in ("mutate", "validate"):
        answers = [ask(webhook, case.object, case.old, cluster=case.cluster, dryRun=dry) for dry in (False, True)]
        assert answers[0].response == answers[1].response


@for_each(case for case in DENIED if case.rule != "immutable-restore")
def test_a_fault_that_the_stored_object_has_already_is_only_warned_of(case: Case) -> None:
    stored = case.object
    changed = {**stored, "spec": {**stored["spec"], "unknownToThisServer": 1}}
    result = admit(changed, stored, {"immutable-restore": "off"}, case.cluster)
    assert result.validation.allowed, result.validation.message
    assert case.rule in result.validation.warned_by
    assert all("the stored object already has this problem" in each for each in _of(case, result.validation.warnings))


@for_each(DENIED, unless=has_fault_already)
def test_a_fault_that_the_stored_object_does_not_have_is_refused(case: Case) -> None:
    levels = {} if case.rule == "immutable-restore" else {"immutable-restore": "off"}
    assert case.rule in admit(case.object, before(case), levels, case.cluster).validation.refused_by


@for_each(DENIED)
def test_a_rule_can_be_set_to_warn(case: Case) -> None:
    result = admit(case.object, case.old, {case.rule: "warn"}, case.cluster)
    assert case.rule not in result.validation.refused_by
    assert case.rule in result.validation.warned_by


@for_each(case for case in cases() if RULES[case.rule].level is not None)
def test_a_rule_that_is_off_says_nothing(case: Case) -> None:
    result = admit(case.object, case.old, {case.rule: "off"}, case.cluster)
    assert case.rule not in result.warned_by | result.validation.refused_by


def _of(case: Case, warnings: list[str]) -> list[str]:
    return [each for each in warnings if f"({case.rule})" in each]
