"""What is decided once for all rules: which requests need no decision, updates, levels, and how answers are written."""

import json
from typing import Any

import pytest

from app.admission.engine import Admission
from app.admission.review import parse, read_request
from app.domain.outcome import Reason
from app.rules.registry import RULES, UnknownLevel
from testbed.cases import Case, cases
from testbed.objects import REPOSITORY
from testbed.reviews import Answer, admit, ask, review

API = "stash.appscode.com/v1beta1"


def member(alias: str | None = None, kind: str = "Deployment", name: str = "web", **target: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"ref": {"apiVersion": "apps/v1", "kind": kind, "name": name}, **target}
    return {"target": body if alias is None else {"alias": alias, **body}}


def batch(*members: Any, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "BackupBatch",
        "metadata": {"name": "shop", "namespace": "demo"},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "schedule": "0 3 * * *",
            "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
            "members": list(members),
            **spec,
        },
    }


A, B, C = member("app", name="a"), member("app", name="b"), member("app", name="c")
CLASHING = batch(A, B)


def untouched(answer: Answer) -> bool:
    return answer.allowed and not answer.patch and not answer.warnings


@pytest.mark.parametrize("operation", ["DELETE", "CONNECT"])
@pytest.mark.parametrize("webhook", ["mutate", "validate"])
def test_deleting_and_connecting_need_no_decision(webhook: str, operation: str) -> None:
    assert untouched(ask(webhook, batch(member(), member()), operation=operation))
    assert untouched(ask(webhook, batch(member(), member()), operation=operation, object=None))


@pytest.mark.parametrize("webhook", ["mutate", "validate"])
def test_a_subresource_needs_no_decision(webhook: str) -> None:
    assert untouched(ask(webhook, batch(member(), member()), batch(), subResource="status"))


@pytest.mark.parametrize(
    "kind",
    [
        {"group": "stash.appscode.com", "version": "v1alpha1", "kind": "BackupBatch"},
        {"group": "other.example", "version": "v1beta1", "kind": "BackupBatch"},
        {"group": "stash.appscode.com", "version": "v1beta1", "kind": "Repository"},
    ],
)
@pytest.mark.parametrize("webhook", ["mutate", "validate"])
def test_another_kind_is_allowed_with_a_warning_that_names_it(webhook: str, kind: dict[str, str]) -> None:
    answer = ask(webhook, batch(member(), member()), kind=kind)
    assert answer.allowed
    assert not answer.patch
    assert answer.warnings == [
        f"stash-admission knows no rules for {kind['kind']}.{kind['version']}.{kind['group']}: "
        "it should not be asked about it"
    ]


def test_a_repository_is_judged_by_validate_and_no_matter_for_mutate() -> None:
    repository = {**REPOSITORY, "spec": {"backend": {}}}
    assert ask("validate", repository).refused_by == {"one-backend"}
    answer = ask("mutate", repository)
    assert (answer.allowed, answer.patch) == (True, [])
    assert answer.warnings == [
        "stash-admission knows no rules for Repository.v1alpha1.stash.appscode.com: it should not be asked about it"
    ]


def test_a_spec_that_differs_in_nulls_only_is_unchanged() -> None:
    changed = batch(A, B, paused=None)
    assert untouched(ask("validate", changed, CLASHING))
    assert untouched(ask("mutate", batch(member(), paused=None), batch(member())))


@pytest.mark.parametrize(("one", "other"), [(True, 1), (False, 0), ({"a": True}, {"a": 1}), ([0], [False])])
def test_true_is_not_one(one: Any, other: Any) -> None:
    assert not ask("validate", batch(A, paused=other), batch(A, paused=one)).allowed


@pytest.mark.parametrize("other", [[1, 2], {"a": 1}, "x", {"a": 2, "b": 1}, [2], [1, 1]])
def test_a_change_of_an_unknown_field_is_a_change_of_the_spec(other: Any) -> None:
    for value in ([1], {"a": 2}):
        restore = {"apiVersion": API, "kind": "RestoreSession", "metadata": {"name": "r", "namespace": "demo"}}
        spec = {"repository": {"name": "gcs-repo"}, "target": member("app")["target"], "unknown": value}
        changed = {**restore, "spec": {**spec, "unknown": other}}
        same = value == other
        assert ask("validate", changed, {**restore, "spec": spec}).allowed is same


def test_an_update_of_an_object_without_spec_is_judged() -> None:
    assert not ask("validate", CLASHING, {**CLASHING, "spec": None}).allowed
    assert ask("validate", {**CLASHING, "spec": None}, {**CLASHING, "spec": None}).allowed
    assert not ask("validate", {**CLASHING, "spec": None}).allowed


def test_metadata_of_a_wrong_type_is_no_crash() -> None:
    answer = ask("validate", {**CLASHING, "metadata": []}, name="shop", namespace="demo")
    assert answer.refused_by == {"unique-alias"}


# Ratcheting


def refusals(*members: Any, old: dict[str, Any], **spec: Any) -> set[str]:
    return admit(batch(*members, **spec), old).validation.refused_by


def test_an_old_clash_is_a_warning_however_the_members_are_ordered() -> None:
    old = batch(A, B, C, member("own", name="d"))
    assert not refusals(C, A, B, old=old)
    assert not refusals(B, C, old=old)
    assert not refusals(member("own", name="d"), C, A, old=old)


def test_a_new_member_that_clashes_is_refused_wherever_it_stands() -> None:
    new = member("app", name="new")
    for members in ((new, A, B), (A, new, B), (A, B, new)):
        assert refusals(*members, old=CLASHING) == {"unique-alias"}


def test_a_member_whose_place_another_takes_is_new() -> None:
    assert refusals(member("app", name="other"), B, old=CLASHING) == {"unique-alias"}


def test_an_old_clash_does_not_hide_a_new_one() -> None:
    literal, stateful = member("db-0", name="a"), member("db", "StatefulSet", name="b")
    old = batch(literal, stateful)
    fresh = member("db-1", name="new")
    result = admit(batch(literal, fresh, stateful), old)
    assert result.validation.refused_by == {"unique-host"}
    (cause,) = result.validation.causes
    assert cause["field"] == "spec.members[2].target.alias"
    assert "members[1]" in cause["message"]


def test_an_absent_alias_counts_as_its_legacy_alias() -> None:
    old = batch(member(name="a"), member(name="b"))
    assert not refusals(member("host-0", name="a"), member(name="b"), old=old)
    assert not refusals(member("host-0", name="a"), member("host-0", name="b"), old=old)


def test_a_clash_that_the_driver_did_not_care_about_is_new_with_restic() -> None:
    old = batch(A, B, driver="VolumeSnapshotter")
    assert refusals(A, B, old=old) == {"unique-alias"}


def test_another_bad_value_in_the_same_field_is_new() -> None:
    old = batch(A, schedule="every day")
    assert not refusals(A, B and member("b", name="b"), old=old, schedule="every day")
    assert refusals(A, old=old, schedule="every night") == {"valid-schedule"}


def test_a_fault_of_a_member_is_recognised_by_its_ref_when_it_moves() -> None:
    bad = member("bad alias", name="bad")
    old = batch(bad, A)
    assert not refusals(A, bad, old=old)
    assert not refusals(bad, old=old)
    assert refusals(member("bad alias", name="other"), A, old=old) == {"alias-syntax"}


def test_a_fault_of_a_member_without_ref_is_recognised_by_its_index() -> None:
    bad: dict[str, Any] = {"target": {"alias": "bad alias"}}
    old = batch(bad, A)
    assert not refusals(bad, A, member("c", name="c"), old=old)
    assert refusals(A, {"target": {"alias": "bad alias", "paths": ["/new"]}}, old=old) == {"alias-syntax"}


def test_a_member_without_ref_is_recognised_by_what_it_holds_too() -> None:
    bad: dict[str, Any] = {"target": {"alias": "bad alias"}}
    twins: list[dict[str, Any]] = [{"target": {"alias": "twin"}}, {"target": {"alias": "twin"}}]
    old = batch(A, bad, *twins, {"task": {"name": "no-target"}})
    assert not refusals(bad, *twins, {"task": {"name": "no-target"}}, old=old)
    assert not refusals({"task": {"name": "no-target"}}, twins[0], bad, A, twins[1], old=old)
    other: dict[str, Any] = {"target": {"alias": "bad alias", "paths": ["/other"]}}
    assert refusals(other, *twins, A, old=old) == {"alias-syntax"}


@pytest.mark.parametrize("kind", ["BackupConfiguration", "BackupBatch", "RestoreSession", "RestoreBatch"])
def test_an_absent_spec_is_judged_as_an_empty_one(kind: str) -> None:
    document = {"apiVersion": API, "kind": kind, "metadata": {"name": "x", "namespace": "demo"}}
    quiet = dict.fromkeys(("repository-required", "batch-members", "valid-retention"), "off")
    for webhook, levels in (("mutate", {}), ("validate", {}), ("validate", quiet)):
        empty = ask(webhook, {**document, "spec": {}}, levels=levels).response
        absent = ask(webhook, document, levels=levels).response
        assert absent == ask(webhook, {**document, "spec": None}, levels=levels).response == empty


@pytest.mark.parametrize("spec", ["hello", [], 5, True])
def test_a_spec_that_is_no_object_is_refused_once(spec: Any) -> None:
    for kind in ("BackupConfiguration", "BackupBatch", "RestoreSession", "RestoreBatch"):
        document = {"apiVersion": API, "kind": kind, "metadata": {"name": "x", "namespace": "demo"}, "spec": spec}
        assert [(each["field"], each["reason"]) for each in ask("validate", document).causes] == [
            ("spec", "FieldValueTypeInvalid")
        ]
        assert ask("mutate", document).patch == []


def test_two_members_with_one_ref_are_recognised_by_their_order() -> None:
    first, second = member("bad alias", name="a"), member("good", name="a")
    old = batch(first, second)
    assert not refusals(first, second, old=old, paused=True)
    assert refusals(first, member("bad alias", name="a"), old=old) == {"unique-alias", "alias-syntax"}


def restore(*rules: Any, kind: str = "Deployment", alias: str | None = "app", **spec: Any) -> dict[str, Any]:
    target = member(alias, kind, rules=list(rules))["target"]
    metadata = {"name": "r", "namespace": "demo"}
    spec = {"repository": {"name": "gcs-repo"}, "target": target, **spec}
    return {"apiVersion": API, "kind": "RestoreSession", "metadata": metadata, "spec": spec}


def snapshots(alias: str) -> dict[str, Any]:
    return batch(member(alias, "PersistentVolumeClaim"), driver="VolumeSnapshotter")


@pytest.mark.parametrize(
    ("rule", "one", "other"),
    [
        ("conflicting-rules", *(restore({"paths": ["/x"]}, rules=[{"paths": [each]}]) for each in "ab")),
        ("snapshots-or-paths", *(restore({"paths": ["/x"], "snapshots": [each]}) for each in "ab")),
        ("one-rule-per-host", *(restore({"targetHosts": [each, each]}) for each in ("app", "web"))),
        ("unreachable-rule", *(restore({"targetHosts": [each]}) for each in ("host-3", "host-4"))),
        (
            "defaulted-restore-alias",
            *(restore(kind=each, alias=None, task={"name": "t"}) for each in ("Secret", "StatefulSet")),
        ),
        ("unused-field", *(snapshots(each) for each in ("one", "two"))),
    ],
)
def test_another_fault_in_the_same_place_is_new_whichever_rule_finds_it(rule: str, one: Any, other: Any) -> None:
    levels = {rule: "enforce", "immutable-restore": "off"}
    assert ask("validate", other, one, levels).refused_by == {rule}
    same = {**other, "spec": {**other["spec"], "timeOut": "1h"}}
    assert ask("validate", same, other, levels).warned_by >= {rule}
    assert ask("validate", same, other, levels).allowed


def test_a_fault_whose_fields_come_in_another_order_is_the_stored_one() -> None:
    one, other = {"snapshots": ["latest"], "targetHosts": ["app"]}, {"targetHosts": ["app"], "snapshots": ["latest"]}
    old = restore({"paths": ["/data"]}, rules=[one])
    changed = restore({"paths": ["/data"]}, rules=[other], timeOut="1h")
    answer = ask("validate", changed, old, {"immutable-restore": "off"})
    assert answer.allowed
    assert answer.warned_by == {"conflicting-rules"}


def test_the_warning_says_that_the_fault_is_stored() -> None:
    (warning,) = admit(batch(A, B, paused=True), CLASHING).validation.warnings
    assert warning.endswith("(unique-alias) [not refused: the stored object already has this problem]")


def test_a_fault_of_the_deprecated_place_is_the_same_after_the_move() -> None:
    rules = [{"snapshots": ["latest"], "paths": ["/data"]}]
    restore = {"apiVersion": API, "kind": "RestoreSession", "metadata": {"name": "r", "namespace": "demo"}}
    spec = {"repository": {"name": "gcs-repo"}, "target": member("app")["target"], "rules": rules}
    old, changed = {**restore, "spec": spec}, {**restore, "spec": {**spec, "timeOut": "1h"}}
    result = admit(changed, old, {"immutable-restore": "off"})
    assert result.validation.allowed
    assert result.validation.warned_by == {"snapshots-or-paths"}
    direct = ask("validate", changed, old, {"immutable-restore": "off"})
    assert direct.allowed
    assert direct.warned_by == {"snapshots-or-paths"}


@pytest.mark.parametrize("others", [[], [member("app", name="c")]])
def test_a_fault_of_a_members_deprecated_place_is_the_same_after_the_move(others: list[Any]) -> None:
    rules = [{"snapshots": ["latest"], "paths": ["/data"]}]
    old = batch(*others, {**member("own"), "rules": rules})
    old = {**old, "kind": "RestoreBatch", "spec": {"repository": {"name": "r"}, "members": old["spec"]["members"]}}
    changed = {**old, "spec": {**old["spec"], "timeOut": "1h"}}
    result = admit(changed, old, {"immutable-restore": "off"})
    assert result.validation.allowed
    assert result.validation.warned_by == {"snapshots-or-paths"}


def test_every_new_member_that_clashes_names_the_first_one_stored_or_not() -> None:
    causes = admit(batch(A, member("app", name="new"), member("app", name="newer")), batch(A)).validation.causes
    assert ["and members[0] (Deployment a) have" in each["message"] for each in causes] == [True, True]


@pytest.mark.parametrize("kind", ["RestoreSession", "RestoreBatch"])
def test_rules_that_are_written_twice_are_those_written_once(kind: str) -> None:
    rules = [{"paths": ["/data"]}]
    body = {**member("app", rules=rules), "rules": rules}
    spec = {"members": [body]} if kind == "RestoreBatch" else body
    twice = {**restore(), "kind": kind, "spec": {"repository": {"name": "gcs-repo"}, **spec}}
    once = admit(twice).document
    assert once != twice
    assert untouched(ask("validate", once, twice))
    assert untouched(ask("validate", twice, once))


# A fault is reported once


@pytest.mark.parametrize(
    ("spec", "field", "rule"),
    [
        ({"retentionPolicy": None}, "spec.retentionPolicy.name", "valid-retention"),
        ({"retentionPolicy": {"prune": True, "keepLast": 1}}, "spec.retentionPolicy.name", "valid-retention"),
        ({"retentionPolicy": {"name": "x", "keepLast": 1}}, "spec.retentionPolicy.prune", "field-type"),
        ({"retentionPolicy": []}, "spec.retentionPolicy", "field-type"),
        ({"retentionPolicy": {"name": 5, "prune": True, "keepLast": 1}}, "spec.retentionPolicy.name", "field-type"),
        ({"repository": {}}, "spec.repository.name", "repository-required"),
        ({"repository": {"name": None}}, "spec.repository.name", "repository-required"),
        ({"repository": {"name": ""}}, "spec.repository.name", "repository-required"),
        ({"repository": "gcs"}, "spec.repository", "field-type"),
        ({"repository": {}, "driver": "VolumeSnapshotter"}, "spec.repository.name", "field-type"),
        ({"repository": None, "driver": "restic"}, "spec.driver", "field-type"),
        ({"members": "none"}, "spec.members", "field-type"),
        ({"members": [{"target": "web"}]}, "spec.members[0].target", "field-type"),
        ({"schedule": 5}, "spec.schedule", "field-type"),
        ({"timeOut": 30}, "spec.timeOut", "field-type"),
        ({"executionOrder": "sequential"}, "spec.executionOrder", "consistent-order"),
        ({"executionOrder": 1}, "spec.executionOrder", "field-type"),
        ({"hooks": {"preBackup": {"exec": "sync"}}}, "spec.hooks.preBackup.exec", "field-type"),
        ({"hooks": {"preBackup": {}}}, "spec.hooks.preBackup", "hook-action"),
    ],
)
def test_a_fault_is_reported_once_by_the_rule_that_is_for_it(spec: dict[str, Any], field: str, rule: str) -> None:
    answer = ask("validate", batch(member("app"), **{"driver": "Restic", **spec}))
    assert [(each["field"], each["message"].rpartition("(")[2].rstrip(")")) for each in answer.causes] == [
        (field, rule)
    ]


def test_an_object_with_faults_of_type_still_hears_all_the_rest() -> None:
    spec = {"paused": "yes", "timeOut": "3d"}
    assert ask("validate", batch(A, B, **spec)).refused_by == {"field-type", "unique-alias", "valid-duration"}


@pytest.mark.parametrize(
    ("members", "spec", "rules"),
    [
        ([A], {"paused": "yes", "repository": None}, {"field-type", "repository-required"}),
        ([A], {"retentionPolicy": [], "hooks": {"preBackup": {}}}, {"field-type", "hook-action"}),
        ([A, B], {"hooks": {"preBackup": {}}}, {"unique-alias", "hook-action"}),
        ([{}, A, B], {}, {"batch-members", "unique-alias"}),
    ],
)
def test_a_fault_does_not_silence_one_in_another_place(members: list[Any], spec: Any, rules: set[str]) -> None:
    assert ask("validate", batch(*members, **spec)).refused_by == rules


def test_a_target_whose_hosts_are_open_does_not_silence_the_next_one() -> None:
    odd = {"target": {"ref": {"kind": 5}, "rules": [{"targetHosts": ["x"]}]}}
    members = [odd, member("app", rules=[{"targetHosts": ["host-0"]}])]
    document = {**batch(), "kind": "RestoreBatch", "spec": {"repository": {"name": "r"}, "members": members}}
    assert ask("validate", document).warned_by == {"unreachable-rule"}


def test_a_target_with_a_fault_of_type_is_not_changed_and_the_others_are() -> None:
    odd = {"target": {"ref": {"kind": ["Deployment"]}}}
    answer = ask("mutate", batch(odd, member(name="b")))
    assert [operation["path"] for operation in answer.patch] == ["/spec/members/1/target/alias"]


@pytest.mark.parametrize(
    ("fault", "moved"),
    [
        ({"timeOut": 5}, True),
        ({"rules": [{"paths": 5}]}, False),
        ({"target": {**member("app")["target"], "replicas": "two"}}, False),
    ],
)
def test_rules_are_moved_unless_they_or_the_target_have_a_fault_of_type(fault: dict[str, Any], moved: bool) -> None:
    document = restore()
    document["spec"] = {**document["spec"], "target": member("app")["target"], "rules": [{"paths": ["/data"]}], **fault}
    answer = ask("mutate", document)
    assert answer.acted("mutated-by") == ({"move-rules"} if moved else set())
    assert answer.warned_by == ({"deprecated-rules"} if moved else set())


@pytest.mark.parametrize(
    ("fault", "synced"), [({"paused": "yes"}, True), ({"executionOrder": 5}, False), ({"maintainOrder": "yes"}, False)]
)
def test_an_order_is_written_unless_one_of_the_two_has_a_fault_of_type(fault: dict[str, Any], synced: bool) -> None:
    answer = ask("mutate", batch(A, **{"maintainOrder": True, **fault}))
    assert answer.acted("mutated-by") == ({"sync-order"} if synced else set())


def test_a_member_whose_task_has_a_fault_of_type_may_be_in_another_namespace_and_the_next_may_not() -> None:
    far = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": "far"}
    causes = ask("validate", batch({**member("a", ref=far), "task": "x"}, member("b", ref={**far, "name": "b"}))).causes
    assert [each["field"] for each in causes] == ["spec.members[0].task", "spec.members[1].target.ref.namespace"]


def test_no_field_is_unused_where_the_driver_is_unknown() -> None:
    answer = ask("validate", batch(member("app", snapshotClassName="csi"), driver="Unknown"))
    assert answer.refused_by == {"field-type"}
    assert answer.warned_by == set()


def test_a_clash_of_aliases_is_not_reported_again_as_one_of_hosts() -> None:
    assert [each["field"] for each in ask("validate", CLASHING).causes] == ["spec.members[1].target.alias"]


@pytest.mark.parametrize("level", ["warn", "off"])
def test_hosts_are_still_refused_where_aliases_are_not(level: str) -> None:
    result = ask("validate", CLASHING, levels={"unique-alias": level})
    assert result.refused_by == {"unique-host"}


def test_a_pair_that_is_refused_is_not_warned_of_as_well() -> None:
    answer = ask("validate", CLASHING, levels={"unique-host": "warn"})
    assert answer.refused_by == {"unique-alias"}
    assert answer.warned_by == set()


def test_both_rules_at_warn_warn_once_of_a_pair() -> None:
    answer = ask("validate", CLASHING, levels={"unique-alias": "warn", "unique-host": "warn"})
    assert answer.warned_by == {"unique-alias"}
    assert len(answer.warnings) == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"members": [5] * 30_000},
        {"members": [{"target": {"ref": {"kind": 5}}}] * 10_000},
        {"members": [{"hooks": {"preBackup": {}}}] * 50_000},
        {"members": [{"target": {"alias": "same"}}] * 20_000},
    ],
)
def test_a_hostile_number_of_faults_is_no_more_work_than_there_are(spec: dict[str, Any]) -> None:
    answer = ask("validate", batch(**spec))
    assert len(answer.causes) == 1000


@pytest.mark.parametrize("bad", ["bad alias", "app"])
def test_more_faults_than_are_looked_at_hide_no_new_one(bad: str) -> None:
    members = [member(f"-{i}" if bad != "app" else bad, name=f"web-{i}") for i in range(10_005)]
    old = batch(*members)
    assert not admit(batch(*members, member(bad, name="new")), old).validation.allowed
    few = batch(*members[:100])
    assert admit(batch(*members[:100], paused=True), few).validation.allowed


@pytest.mark.parametrize("wrong", [{"paths": "/x"}, {"ref": {"kind": "Deployment", "name": 5}}, {"exclude": [1]}])
def test_a_fault_of_type_beside_an_alias_hides_no_clash(wrong: dict[str, Any]) -> None:
    assert ask("validate", batch(A, member("app", **wrong))).refused_by >= {"field-type", "unique-alias"}
    old = batch(A, member("q", **wrong))
    assert "unique-alias" in ask("validate", batch(A, member("app", **wrong)), old).refused_by


@pytest.mark.parametrize("driver", ["", "Rest", 5])
def test_a_wrong_driver_hides_no_clash_of_aliases_that_are_written(driver: Any) -> None:
    old = batch(A, member("q", name="b"), driver=driver)
    assert refusals(A, B, old=old, driver=driver) == {"unique-alias"}


def test_an_empty_driver_is_restic_beside_being_refused() -> None:
    document = batch(member(name="a"), member(name="b"), driver="", repository=None)
    assert ask("validate", document).refused_by == {"field-type", "unique-alias", "repository-required"}
    assert len(ask("mutate", document).patch) == 2


def test_two_targets_whose_names_are_of_a_wrong_type_are_not_the_same() -> None:
    wrong: dict[str, Any] = {"ref": {"kind": "Deployment", "name": 5}}
    assert ask("validate", batch(member("a", **wrong), member("b", **wrong))).refused_by == {"field-type"}


def test_a_hook_without_action_is_told_beside_its_wrong_policy() -> None:
    document = batch(A, hooks={"postBackup": {"executionPolicy": "Never"}})
    assert ask("validate", document).refused_by == {"field-type", "hook-action"}
    two = {"exec": {}, "httpGet": {"port": 1.5}}
    assert ask("validate", batch(A, hooks={"preBackup": two})).refused_by == {"field-type", "hook-action"}
    assert ask("validate", batch(A, hooks={"preBackup": {"exec": "sync"}})).refused_by == {"field-type"}


# Levels


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            {"unique-aliases": "off"},
            "unknown rule 'unique-aliases': write unique-alias or unique-target or unique-host",
        ),
        ({"default-alias": "off"}, "default-alias changes objects and has no level: remove it"),
        ({"unique-alias": "deny"}, "unique-alias cannot be 'deny': write enforce or warn or off"),
        ({"deprecated-rules": "enforce"}, "deprecated-rules cannot be 'enforce': write warn or off"),
    ],
)
def test_a_level_that_cannot_be_is_refused_with_what_to_write(chosen: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownLevel) as error:
        Admission(chosen)
    assert str(error.value) == message


def test_a_warning_can_be_set_to_refuse() -> None:
    document = batch(member("app"), retentionPolicy={"name": "none", "prune": True})
    assert ask("validate", document).warned_by == {"nothing-kept"}
    assert ask("validate", document, levels={"nothing-kept": "enforce"}).refused_by == {"nothing-kept"}


CAN_REFUSE = [case for case in cases() if case.expectation == "warn" and "enforce" in RULES[case.rule].settable]


@pytest.mark.parametrize("case", CAN_REFUSE, ids=str)
def test_a_warning_that_refuses_gives_a_reason_that_kubernetes_knows(case: Case) -> None:
    causes = admit(case.object, case.old, {"immutable-restore": "off", case.rule: "enforce"}).validation.causes
    assert {each["reason"] for each in causes} <= set(Reason)


@pytest.mark.parametrize(
    ("levels", "judged"),
    [
        ({}, [("unique-alias", True)]),
        ({"unique-alias": "warn"}, [("unique-alias", False), ("unique-host", True)]),
        ({"unique-alias": "off", "unique-host": "off"}, []),
    ],
)
def test_a_server_decides_by_its_levels_from_its_first_request_on(levels: dict[str, str], judged: Any) -> None:
    server = Admission(levels)
    document = batch(A, member(name="b"), member("app", name="c"))
    request = read_request(parse(json.dumps(review(document)).encode()))
    assert [rule for rule, _ in server.mutate(request).edits] == ["default-alias"]
    assert [(each.rule, each.refuses) for each in server.validate(request).findings] == judged


def test_a_server_warns_of_what_it_changes_from_its_first_request_on() -> None:
    request = read_request(parse(json.dumps(review(restore(rules=[{"paths": ["/data"]}]))).encode()))
    assert [each.rule for each in Admission().mutate(request).findings] == ["deprecated-rules"]
    assert not Admission({"deprecated-rules": "off"}).mutate(request).findings


def test_the_kinds_of_a_rule_follow_from_the_type_of_its_parameter() -> None:
    assert RULES["unique-host"].kinds == ("BackupBatch",)
    assert RULES["unique-alias"].kinds == ("BackupBatch", "RestoreBatch")
    assert RULES["valid-schedule"].kinds == ("BackupConfiguration", "BackupBatch")
    assert RULES["immutable-restore"].kinds == ("RestoreSession", "RestoreBatch")
    assert len(RULES["hook-action"].kinds) == 4


# Answers


def test_a_refusal_is_a_status_that_kubernetes_understands() -> None:
    answer = ask("validate", CLASHING)
    status = answer.response["status"]
    details = status.pop("details")
    assert status == {"status": "Failure", "message": status["message"], "reason": "Invalid", "code": 422}
    assert details["name"] == "shop"
    assert details["group"] == "stash.appscode.com"
    assert details["kind"] == "BackupBatch"
    (cause,) = details["causes"]
    assert cause["reason"] == "FieldValueDuplicate"
    assert f"{cause['field']}: {cause['message']}" == status["message"]


def many(count: int) -> dict[str, Any]:
    return batch(*(member("app", name=f"web-{number}") for number in range(count)))


def test_several_findings_are_listed_and_many_are_counted() -> None:
    assert ask("validate", many(2)).message.count("\n") == 0
    three = ask("validate", many(3)).message.splitlines()
    assert three[0] == "2 findings:"
    assert all(line.startswith("* spec.members[") for line in three[1:])
    twenty = ask("validate", many(21)).message.splitlines()
    assert (twenty[0], len(twenty)) == ("20 findings:", 21)
    more = ask("validate", many(31)).message.splitlines()
    assert (more[0], len(more), more[-1]) == ("30 findings:", 22, "and 10 more")


def test_every_finding_is_a_cause_up_to_a_thousand() -> None:
    assert len(ask("validate", many(1001)).causes) == 1000
    assert len(ask("validate", many(1002)).causes) == 1000
    assert len(ask("validate", many(500)).causes) == 499


def test_warnings_fit_into_what_the_api_server_passes_on() -> None:
    few = ask("validate", many(10), levels={"unique-alias": "warn", "unique-host": "off"}).warnings
    assert len(few) == 9
    assert sum(map(len, few)) <= 4096
    assert max(map(len, few)) > 200
    many_warnings = ask("validate", many(40), levels={"unique-alias": "warn", "unique-host": "off"}).warnings
    assert len(many_warnings) == 16
    assert many_warnings[-1] == "and 24 more warnings"
    assert sum(map(len, many_warnings)) <= 4096
    assert all(len(each) <= 256 for each in many_warnings)


def test_control_characters_of_an_object_never_reach_a_warning() -> None:
    bad = "a\n\x1b[31m\x7f\u2028b"
    document = {
        "apiVersion": API,
        "kind": "RestoreSession",
        "metadata": {"name": "r", "namespace": "demo"},
        "spec": {"repository": {"name": "gcs-repo"}, "target": {"alias": bad, "ref": {"kind": bad}}},
    }
    answer = ask("validate", document)
    assert answer.warned_by == {"alias-syntax"}
    assert all(each.isprintable() for each in answer.warnings)


def test_control_characters_of_a_kind_are_written_as_their_escapes() -> None:
    kind = {"group": "g\u00e9", "version": "v1\u2028", "kind": "K\n\x7f"}
    (warning,) = ask("validate", batch(), kind=kind).warnings
    assert warning.startswith(r"stash-admission knows no rules for K\n\x7f.v1\u2028.gé: ")


def test_the_suggested_alias_is_valid_and_free() -> None:
    taken = [member("app", name=f"n{number}") for number in range(2)]
    document = batch(member("web", name="x"), *taken, member("app", name="web"), member("app", "AppBinding", "web"))
    suggestions = [each["message"].rpartition('such as "')[2].partition('"')[0] for each in _clashes(document)]
    assert suggestions == ["n1", "web-2", "web-3"]


def test_the_suggested_alias_makes_no_host_that_is_taken() -> None:
    document = batch(member("db", "StatefulSet", "db"), member("app", name="a"), member("app", name="db-0"))
    (cause,) = _clashes(document)
    assert 'such as "db-0-2"' in cause["message"]


@pytest.mark.parametrize(
    ("members", "suggestions"),
    [
        ([A, member("app", name="web"), member("app", "DaemonSet", "web")], ["web", "web-2"]),
        ([member("log", name="x"), A, member("app", "DaemonSet", "log")], ["log-2"]),
        ([A, member("app", name="db-0"), member("app", "StatefulSet", "db")], ["db-0", "db-2"]),
        ([A, member("app", "StatefulSet", "log"), member("app", "DaemonSet", "log")], ["log", "log-2"]),
        ([member("db", "StatefulSet", "x"), A, member("app", name="db")], ["2-db"]),
        ([member("web", "DaemonSet", "x"), A, member("app", name="web")], ["2-web"]),
        ([member("web", "DaemonSet", "x"), A, member("app", name="web-a")], ["2-web-a"]),
        ([member("web", "DaemonSet", "x"), member("2", "DaemonSet", "y"), A, member("app", name="web")], ["3-web"]),
    ],
)
def test_a_suggestion_shares_neither_alias_nor_host_with_one_that_was_made(
    members: list[Any], suggestions: list[str]
) -> None:
    messages = [each["message"] for each in _clashes(batch(*members))]
    assert [message.rpartition('such as "')[2].partition('"')[0] for message in messages] == suggestions


@pytest.mark.parametrize(
    ("kind", "name", "suggested"),
    [
        ("Deployment", "x" * 100, "x" * 63),
        ("Deployment", "-web.", "web"),
        ("Deployment", "wéb", "w-b"),
        ("Deployment", "", "deployment"),
        ("", "", "target"),
    ],
)
def test_the_suggestion_is_made_of_the_targets_name(kind: str, name: str, suggested: str) -> None:
    (cause,) = _clashes(batch(member("app", name="a"), member("app", kind, name)))
    assert f'such as "{suggested}"' in cause["message"]


def test_a_target_with_a_fault_of_type_takes_no_suggestion_away() -> None:
    odd = {"target": {"alias": "web", "ref": {"kind": 5}}}
    (cause,) = _clashes(batch(member("app", name="a"), member("app", name="web"), odd))
    assert 'such as "web"' in cause["message"]


def test_a_long_suggestion_that_is_taken_is_cut_for_its_number() -> None:
    name = "x" * 62 + "yz"
    document = batch(member("app", name="a"), member("app", name=name), member("app", "AppBinding", name))
    assert f'such as "{"x" * 61}-2"' in _clashes(document)[1]["message"]


def _clashes(document: dict[str, Any]) -> list[dict[str, str]]:
    return [each for each in ask("validate", document).causes if "(unique-alias)" in each["message"]]
