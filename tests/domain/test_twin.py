"""What rules say in CEL."""

from app.domain.twin import VARIABLES, NoTwin, Rewriting, Twin, variables_of
from app.rules.registry import RULES


def test_most_rules_have_a_twin_and_the_others_say_why_not() -> None:
    twins = [rule.twin for rule in RULES.values()]
    assert sum(isinstance(each, Twin | Rewriting) for each in twins) >= 25
    assert all(each.why for each in twins if isinstance(each, NoTwin))


def test_an_expression_brings_the_variables_that_it_speaks_of_each_after_those_in_it() -> None:
    needed = variables_of("variables.identities.size() == 0")
    assert list(needed) == [name for name in VARIABLES if name in needed]
    assert {"identities", "targets"} <= needed.keys()
    assert not any(name.startswith("stored_") for name in needed)
    assert not variables_of("object.spec.paused")
