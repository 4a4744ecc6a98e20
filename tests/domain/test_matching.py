"""Which restore rule applies to a host, and whose data it gets."""

from typing import cast

import pytest

from app.domain.matching import rule_for, source_of
from schemas.target import Rule

GENERAL: Rule = {"paths": ["/data"]}
NAMES_3: Rule = {"targetHosts": ["app-3", "app-4"], "sourceHost": "app-1"}


@pytest.mark.parametrize("rules", [[GENERAL, NAMES_3], [NAMES_3, GENERAL]])
def test_a_rule_that_names_the_host_wins_wherever_it_stands(rules: list[Rule]) -> None:
    assert rule_for("app-3", list(rules)) == NAMES_3
    assert rule_for("app-4", list(rules)) == NAMES_3


@pytest.mark.parametrize("hosts", [None, [], [None]])
def test_another_host_gets_the_rule_without_target_hosts(hosts: object) -> None:
    general = cast("Rule", {"targetHosts": hosts, "paths": ["/data"]})
    assert rule_for("app-0", [NAMES_3, general]) == general


def test_a_host_that_no_rule_is_for_gets_nothing() -> None:
    assert rule_for("app-0", [NAMES_3]) is None


def test_hosts_compare_as_exact_strings() -> None:
    assert rule_for("app-03", [NAMES_3]) is None
    assert rule_for("APP-3", [NAMES_3]) is None


@pytest.mark.parametrize("rules", [[], [None]])
def test_a_target_without_rules_restores_everything_of_the_host_itself(rules: list[Rule | None]) -> None:
    rule = rule_for("app-0", rules)
    assert rule == {}
    assert source_of("app-0", rule) == "app-0"


def test_the_first_rule_that_names_a_host_applies() -> None:
    first: Rule = {"targetHosts": ["app-3"], "sourceHost": "first"}
    assert rule_for("app-3", [first, NAMES_3]) == first


@pytest.mark.parametrize(("source", "expected"), [("app-1", "app-1"), ("", "app-3"), (None, "app-3")])
def test_an_empty_source_host_means_the_host_itself(source: str | None, expected: str) -> None:
    assert source_of("app-3", {"sourceHost": source}) == expected
