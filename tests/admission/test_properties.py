"""What holds for every object, tried on generated ones."""

import contextlib
import copy
import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonpatch import JsonPatch
from jsonpath import JSONPatch as OtherJSONPatch

from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import BadReview, parse, read_request
from app.domain.invoker import same
from app.domain.outcome import Reason, apply
from testbed.reviews import admit, ask, patched, review
from tests.support.objects import json_values, objects, updates

MORE = settings(max_examples=400, deadline=None)
OWNED = ("alias", "rules", "maintainOrder", "executionOrder")


@MORE
@given(updates())
def test_mutating_twice_is_mutating_once(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    old, new = pair
    for stored in (None, old):
        once = patched(new, ask("mutate", new, stored))
        assert ask("mutate", once, stored).patch == []


@MORE
@given(updates())
def test_all_implementations_of_json_patch_make_the_same_of_a_patch(
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    old, new = pair
    answer = ask("mutate", new, old)
    results = [JsonPatch(answer.patch).apply(new), OtherJSONPatch(answer.patch).apply(copy.deepcopy(new))]
    decision = Admission().mutate(read_request(parse(orjson.dumps(review(new, old)))))
    results.append(apply((edit for _, edit in decision.edits), new))
    assert len({json.dumps(each) for each in results}) == 1, "equal, and with their keys in the same order"


@MORE
@given(objects())
def test_a_patch_touches_only_what_the_mutations_own(document: dict[str, Any]) -> None:
    answer = ask("mutate", document)
    for operation in answer.patch:
        assert operation["path"].rpartition("/")[2] in OWNED
        assert operation.get("from", "/rules").rpartition("/")[2] == "rules"
    assert _without_owned(patched(document, answer)) == _without_owned(document)


def _without_owned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_owned(item) for key, item in value.items() if key not in OWNED}
    return [_without_owned(item) for item in value] if isinstance(value, list) else value


@MORE
@given(objects())
def test_mutating_makes_no_fault_of_type_and_mends_none(document: dict[str, Any]) -> None:
    def faults(value: dict[str, Any]) -> int:
        return len([each for each in ask("validate", value).causes if "(field-type)" in each["message"]])

    assert faults(document) == faults(admit(document).document)


@MORE
@given(updates())
def test_every_cause_has_a_reason_of_kubernetes_a_field_and_a_message(
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    reasons = set(Reason)
    old, new = pair
    answer = ask("validate", new, old)
    assert answer.allowed is (answer.causes == [])
    for cause in answer.causes:
        assert cause["reason"] in reasons
        assert cause["field"].startswith("spec")
        assert cause["message"].isprintable()
    assert all(warning.isprintable() for warning in answer.warnings)


@MORE
@given(objects())
def test_no_fault_is_reported_twice_for_a_field_by_field_type_and_another_rule(document: dict[str, Any]) -> None:
    causes = ask("validate", document).causes
    wrong = {each["field"] for each in causes if "(field-type)" in each["message"]}
    others = [each["field"] for each in causes if "(field-type)" not in each["message"]]
    assert not wrong & set(others)


@MORE
@given(objects())
def test_applying_what_was_written_again_changes_nothing_and_is_admitted(document: dict[str, Any]) -> None:
    stored = admit(document).document
    again = admit(document, stored)
    if ask("validate", stored).allowed:
        assert same(again.document, stored)
    assert again.validation.allowed


@MORE
@given(objects())
def test_an_update_never_makes_worse_what_it_does_not_touch(document: dict[str, Any]) -> None:
    if not isinstance(document["spec"], dict):
        return
    changed = {**document, "spec": {**document["spec"], "unknownToThisServer": 1}}
    assert admit(changed, document, {"immutable-restore": "off"}).validation.allowed


@MORE
@given(objects(), st.randoms(use_true_random=False))
def test_reordering_and_removing_members_is_never_refused(document: dict[str, Any], random: Any) -> None:
    members = document["spec"].get("members") if isinstance(document["spec"], dict) else None
    if not isinstance(members, list) or not all(_has_own_ref(each, members) for each in members):
        return
    stored = admit(document).document
    if "spec" not in stored or not stored["spec"].get("members"):
        return
    fewer = random.sample(stored["spec"]["members"], random.randint(1, len(stored["spec"]["members"])))
    changed = {**stored, "spec": {**stored["spec"], "members": fewer}}
    result = admit(changed, stored, {"immutable-restore": "off"})
    assert result.validation.allowed, result.validation.message


def _has_own_ref(member: Any, members: list[Any]) -> bool:
    def ref(each: Any) -> Any:
        target = each.get("target") if isinstance(each, dict) else None
        inner = target.get("ref") if isinstance(target, dict) else None
        return inner if isinstance(inner, dict) else {}

    mine = ref(member)
    named = bool(mine.get("kind") and mine.get("name"))
    keys = [(ref(each).get("kind"), ref(each).get("name")) for each in members]
    return named and keys.count((mine.get("kind"), mine.get("name"))) == 1


@MORE
@given(json_values)
def test_any_json_is_answered_or_refused_as_a_bad_review(value: Any) -> None:
    with contextlib.suppress(BadReview):
        read_request(parse(orjson.dumps(value)))


@MORE
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "uid",
                "kind",
                "operation",
                "object",
                "oldObject",
                "name",
                "namespace",
                "userInfo",
                "subResource",
                "dryRun",
            ]
        ),
        json_values,
    )
)
def test_any_envelope_is_answered_or_refused_as_a_bad_review(fields: dict[str, Any]) -> None:
    body = review({"apiVersion": "stash.appscode.com/v1beta1", "kind": "BackupBatch"}, None, **fields)
    try:
        request = read_request(parse(orjson.dumps(body)))
    except BadReview:
        return
    for decide in (Admission().mutate, Admission().validate):
        render(request, decide(request))


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused_as_a_bad_review(body: bytes) -> None:
    with contextlib.suppress(BadReview):
        parse(body)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", 'a":', "\\", "é"]), st.integers(0, 2)), max_size=5), st.booleans())
def test_a_key_that_is_there_twice_is_always_found(pairs: list[tuple[str, int]], spaced: bool) -> None:
    colon = " \n: " if spaced else ":"
    body = "{" + ", ".join(f"{json.dumps(key)}{colon}{value}" for key, value in pairs) + "}"
    twice = len({key for key, _ in pairs}) < len(pairs)
    try:
        assert parse(body.encode()) == dict(pairs)
        assert not twice
    except BadReview:
        assert twice
