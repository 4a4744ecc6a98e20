"""A review, judged: bytes in, bytes out."""

import pytest

from app.admission.engine import Admission
from app.admission.judgement import judge
from app.inventory.folder import inventory_of
from app.rules.field_type import message
from app.rules.registry import RULES, Rule
from schemas.faults import Fault
from testbed.reviews import answer
from testbed.server import backup, body


def test_what_is_kept_of_a_judgement_has_its_answer_and_not_the_objects() -> None:
    judgement = judge(Admission().validate, body(backup(), backup(schedule="@daily")), None)
    kept = judgement.without_objects
    assert (kept.request.object, kept.request.old_object) == (None, None)
    assert (kept.request.uid, kept.verdict, kept.answer) == (
        judgement.request.uid,
        judgement.verdict,
        judgement.answer,
    )


def test_a_value_is_told_as_its_file_has_it() -> None:
    fault = Fault(("spec", "target", "rules", 0, "snapshots", 2), "type", 42798, "a string")
    assert message(fault, "00123456") == "snapshots[2] is 00123456, which is the number 42798: put it in quotes"
    assert message(fault) == "snapshots[2] is 42798, a number: put it in quotes"


def test_what_a_mutation_announces_is_left_out_where_there_is_no_time_and_its_changes_are_not() -> None:
    restore = {**backup(rules=[{"paths": ["/data"]}]), "kind": "RestoreSession"}
    for deadline, told in ((None, True), (0.0, False)):
        said = answer(Admission(), "mutate", restore, deadline=deadline)
        assert said.patch
        assert ("deprecated-rules" in said.warned_by) is told


def test_what_rules_ask_is_there_to_be_asked_where_the_cluster_is_known() -> None:
    assert Admission().cluster is None
    assert Admission(inventory=inventory_of([])).cluster is not None


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rules_documentation_has_a_summary_a_reason_and_two_examples(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert len(rule.reason) > 40, "say why in a sentence"
    assert len([text for text in rule.examples.values() if text]) == 2
