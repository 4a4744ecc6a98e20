"""What the doctor says of what it saw, finding by finding; `tests/e2e/test_doctor.py` breaks the real things."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

import pytest

from app.commands.doctor.call_failures import CAUSES, failed_call
from app.commands.doctor.certificates import certificates
from app.commands.doctor.client import Access
from app.commands.doctor.dry_run import bad_object, good_object, trial
from app.commands.doctor.dry_run_result import good
from app.commands.doctor.endpoints import endpoints
from app.commands.doctor.expected import CONDITIONS, REPOSITORIES, RESOURCES, WEBHOOKS, namespace_selector
from app.commands.doctor.pods import pods
from app.commands.doctor.report import report
from app.commands.doctor.state import Unreadable
from app.commands.terminal.door import Door
from certs.diagnostics import Diagnosis, Level, note, ok, wrong
from certs.issuer import CertManager, Owner, StashCerts
from certs.issuing import issue_leaf
from certs.state import Target
from kube.client import Client, Object
from kube.config import Config
from kube.errors import Unavailable
from kube.labels import selects
from testbed.reviews import admit
from tests.support.installation import (
    CA,
    CALLS,
    DAY,
    FINDINGS,
    MANAGED,
    MUTATE,
    NAMES,
    NOW,
    ROOT,
    SCC,
    VALIDATE,
    Tried,
    admitted,
    both,
    call,
    event,
    leaf,
    looked,
    manifest,
    refusal,
    secret,
    seen,
    slices,
)


def test_of_a_good_installation_everything_is_ok() -> None:
    assert {each.level for each in looked(seen())} == {Level.OK}
    replies = Tried(
        admitted("host-0"), refusal(f'admission webhook "{VALIDATE}" denied the request: x (valid-schedule)')
    )
    assert [each.level for each in trial(replies, seen(), "default")] == [Level.OK, Level.OK]


@pytest.mark.parametrize("finding", FINDINGS)
def test_each_finding_is_told_with_its_level_and_what_is_wrong_has_a_remedy(finding: str) -> None:
    remarks, level, line = FINDINGS[finding]
    assert any(line in each.line and each.level is level for each in remarks), remarks
    assert all(each.remedy for each in remarks if each.level is Level.WRONG)


@pytest.mark.parametrize(("means", "words"), [(means, each) for means, every in CALLS.items() for each in every])
def test_what_the_api_server_says_of_a_failed_call_is_explained(means: str, words: str) -> None:
    (remark,) = good(call(words), seen())
    assert remark.line.startswith(f"{MUTATE}: ")
    assert means in remark.line
    assert remark.remedy
    assert "{" not in remark.remedy
    assert remark.evidence.endswith(words)


def test_a_failed_call_of_a_replica_with_another_certificate_than_the_secrets_asks_for_a_restart() -> None:
    message = call("x509: certificate has expired or is not yet valid: current time").message
    assert "rollout restart" in failed_call(message, seen()).remedy
    expired = seen(secret=secret(leaf(days=-40)))
    assert failed_call(message, expired).remedy == "run stash-certs rotate"


def test_a_message_is_shown_in_one_bounded_line_without_what_could_be_a_key() -> None:
    (remark,) = good(call(f"x\n-----BEGIN PRIVATE KEY----- {'A' * 3000}"), seen())
    assert len(remark.evidence) < 600
    assert "\n" not in remark.evidence
    assert "BEGIN" not in remark.evidence


# --- Pods that are refused.


def test_of_pods_that_could_be_made_afterwards_nothing_is_said_whatever_the_order_of_the_events() -> None:
    healed = event("Created pod", "ReplicaSet/stash-admission-7f9c", reason="SuccessfulCreate")
    assert list(pods(seen(events=[healed, event(SCC, minutes=2)]))) == []
    assert [each.level for each in pods(seen(events=[event(SCC), {**healed, **event("", minutes=2)}]))] == [Level.WRONG]


def test_of_what_kept_a_pod_from_being_made_only_policies_and_quotas_are_told() -> None:
    assert list(pods(seen(events=[event("Error creating: the server is currently unable to handle it")]))) == []
    assert list(pods(seen(events=[event(SCC, "DaemonSet/another")]))) == []


def test_of_deployments_that_are_gone_or_serve_somebody_else_nothing_is_said() -> None:
    others = event(SCC, "ReplicaSet/another-6d4b75cb6d")
    assert list(pods(seen(events=[others]))) == []
    (remark,) = pods(seen(events=[others, event(SCC)]))
    assert "Deployment stash-admission/stash-admission:" in remark.line
    assert len(list(pods(seen(events=[others], service=None)))) == 1, "whom the Service would select is not known"


def test_a_moment_of_an_event_is_found_in_its_newer_form_too() -> None:
    newer = event(SCC, lastTimestamp=None, eventTime="2026-06-01T11:59:00.123456Z")
    (remark,) = pods(seen(events=[newer]))
    assert "manifests/overlays/openshift" in remark.remedy
    assert "must be in the ranges" in remark.evidence


def test_events_that_may_not_be_read_are_said_to_be_unchecked() -> None:
    (remark,) = pods(seen(events=Unreadable("events in namespace stash-admission", "grant list on events")))
    assert remark.level is Level.NOTE


# --- The two objects, and what is shipped.


def test_the_real_rules_admit_the_good_object_and_refuse_the_bad_one_for_three_reasons() -> None:
    document = good_object("demo")
    answer = admit(document)
    assert answer.document["spec"]["target"]["alias"] == "host-0"
    assert answer.validation.allowed
    assert answer.warnings == []
    bad_one = admit(bad_object("demo"))
    assert bad_one.validation.refused_by == {"alias-syntax", "valid-schedule", "valid-duration"}


def test_what_is_taken_for_shipped_is_what_the_manifests_ship() -> None:
    for target, name in WEBHOOKS.items():
        webhook, *others = manifest(target.value)["webhooks"]
        assert webhook["name"] == name
        assert [each["name"] for each in others if each["failurePolicy"] == "Ignore"] == [
            each for each in [REPOSITORIES] if target is Target.VALIDATING
        ]
        expressions = {each["name"]: " ".join(each["expression"].split()) for each in webhook["matchConditions"]}
        assert expressions == CONDITIONS
        assert webhook["namespaceSelector"] == namespace_selector("stash-admission")
        assert tuple(webhook["rules"][0]["resources"]) == RESOURCES


# --- Who keeps the certificates.


def test_who_keeps_the_certificates_is_told_by_the_secret_and_else_by_the_configurations() -> None:
    injected = both()
    injected["mutating"]["metadata"]["annotations"] = {"cert-manager.io/inject-ca-from": "stash-admission/webhooks"}
    assert isinstance(seen().keeper, StashCerts)
    assert isinstance(seen(secret=None).keeper, StashCerts)
    assert isinstance(seen(secret=secret(labels={})).keeper, Owner)
    assert seen(secret=secret(**MANAGED)).keeper == CertManager(NAMES, "webhooks", "stash-admission")
    assert seen(secret=None, **injected).keeper == CertManager(NAMES, "webhooks", "stash-admission")


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, r"stash-certs rotate"),
        (MANAGED, r"certificate webhooks|/webhooks\n"),
        ({"labels": {}}, r"kubectl (-n|edit)"),
    ],
    ids=["stash-certs", "cert-manager", "the owner"],
)
def test_the_remedy_is_that_of_who_keeps_the_certificates(metadata: dict[str, Any], words: str) -> None:
    for changes in (
        {"secret": secret(leaf(days=-40), **metadata)},
        {"secret": secret(leaf("stash.svc"), **metadata)},
        {"secret": secret(leaf(days=-29), **metadata)},
        {"secret": secret(**metadata), **both(bundle=b"")},
    ):
        remedies = [each.remedy for each in certificates(seen(**changes)) if each.level is Level.WRONG]
        assert remedies
        assert all(re.search(words, each) for each in remedies)
        assert metadata == {} or "rotate" not in "".join(remedies)


# --- Details.


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"team": "shop"}}, True),
        ({"matchLabels": {"team": "other"}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["shop"]}]}, True),
        ({"matchExpressions": [{"key": "stage", "operator": "In", "values": ["shop"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["shop"]}]}, False),
        ({"matchExpressions": [{"key": "stage", "operator": "NotIn", "values": ["shop"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "stage", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "stage", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_a_selector_selects_as_in_kubernetes(selector: Object | None, selected: bool) -> None:
    assert selects(selector, {"team": "shop"}) is selected


def test_an_external_service_and_one_that_may_not_be_read_have_no_endpoints_to_miss() -> None:
    external = seen(service={"spec": {"type": "ExternalName", "externalName": "stash.example"}}, slices=[])
    assert [each.line for each in endpoints(external)] == [
        "Service stash-admission/stash-admission stands for stash.example: what is there is not checked"
    ]
    hidden = Unreadable("Service stash-admission/stash-admission", "grant get on services")
    assert [each.level for each in endpoints(seen(service=hidden, slices=[]))] == [Level.NOTE]
    assert [each.level for each in endpoints(seen(service=hidden, slices=slices(False)))] == [Level.NOTE, Level.WRONG]


def test_what_is_behind_a_url_has_a_certificate_of_its_own() -> None:
    elsewhere = seen(**both(clientConfig={"url": "https://stash.example/mutate"}))
    assert not any("caBundle" in each.line for each in looked(elsewhere) if REPOSITORIES not in each.line)


def test_without_a_look_at_the_secret_nobody_is_missed_who_would_renew_it() -> None:
    hidden = seen(secret=Unreadable("Secret a/b", "grant get on secrets in namespace a"), cron_jobs=[])
    assert [each.line for each in looked(hidden) if each.level is not Level.OK] == [
        "Secret a/b: not checked: grant get on secrets in namespace a"
    ]


def test_a_certificate_is_not_late_within_the_day_that_its_renewal_may_take() -> None:
    early = issue_leaf(CA, [NAMES.host], NOW - 244 * DAY)
    assert {each.level for each in certificates(seen(secret=secret(early)))} == {Level.OK}
    late = issue_leaf(CA, [NAMES.host], NOW - 245 * DAY)
    assert Level.WRONG in {each.level for each in certificates(seen(secret=secret(late)))}


def test_when_the_time_is_over_no_call_is_made() -> None:
    access = Access(Client(Config("http://127.0.0.1:1"), "test"))
    access.finish_within(0)
    with pytest.raises(Unavailable, match="the API server has taken too long"):
        access.namespace("default")
    with pytest.raises(Unavailable, match="the API server has taken too long"):
        access.try_to_create("default", "backupconfigurations", good_object("default"))


def printed(*remarks: Diagnosis, **options: Any) -> tuple[str, bool]:
    """What is printed, and whether nothing is wrong."""
    out = StringIO()
    is_well = report([("Things", remarks)], Door(file=out, width=40, **options))
    return out.getvalue(), is_well


def test_a_report_has_a_line_a_remark_that_is_never_broken_and_remedies_below() -> None:
    long = "kubectl " + "x" * 100
    text, is_well = printed(ok("fine"), note("look"), wrong("broken", f"see why:\n{long}", "somebody says: no"))
    assert not is_well
    assert text.splitlines() == [
        "Things",
        "  ok     fine",
        "  note   look",
        "  WRONG  broken",
        "         somebody says: no",
        "         fix: see why:",
        f"              {long}",
        "1 wrong, 1 note",
    ]
    assert printed(ok("fine")) == ("Things\n  ok     fine\nnothing wrong\n", True)


def test_a_report_has_colours_on_a_terminal_alone() -> None:
    assert "\x1b[" not in printed(wrong("broken", "mend it"))[0]
    assert "\x1b[" in printed(wrong("broken", "mend it"), force_terminal=True, color_system="standard", _environ={})[0]


# --- The documentation.


def test_the_documentation_lists_each_finding_and_no_other() -> None:
    page = (ROOT / "docs" / "cli" / "doctor.md").read_text().partition("## What it says")[2]
    rows = re.findall(r"^\| `(.*?)` \|", page, re.MULTILINE)
    assert len(rows) == len(set(rows)) > 60
    patterns = {row: re.compile(".*".join(re.escape(each) for each in row.split("…"))) for row in rows}
    said = {each.line for remarks, _, _ in FINDINGS.values() for each in remarks if each.level is not Level.OK}
    said |= {f"{MUTATE}: {cause.means}" for cause in CAUSES} | {f"{MUTATE}: it cannot be called"}
    assert [row for row in rows if not any(patterns[row].search(line) for line in said)] == []
    assert [line for line in said if not any(pattern.search(line) for pattern in patterns.values())] == []
