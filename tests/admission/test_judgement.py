"""A review, judged: bytes in, bytes out."""

from app.admission.engine import Admission
from app.admission.judgement import judge
from app.rules.field_type import message
from schemas.faults import Fault
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
