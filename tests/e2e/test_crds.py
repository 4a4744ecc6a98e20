"""The generated CRDs in a real API server: what it accepts, keeps, fills in, drops, refuses and shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.faults import Checker
from schemas.kinds import KINDS, Kind
from testbed.control_plane.cluster import Cluster
from testbed.documents import load
from testbed.patience import PATIENCE, eventually
from tests.e2e.full.fields import FIELDS, values

CRDS = Path(__file__).parents[2] / "manifests" / "crds"
FULL = Path(__file__).parent / "full"
NAMESPACE = "full"
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
OPAQUE = ("runtimeSettings", "spec.backend.local", "interimVolumeTemplate", "volumeClaimTemplates", "selector")
RETENTION = {"name": "keep-last-5", "prune": True}

Document = dict[str, Any]


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Cluster:
    """The cluster with our CRDs and a namespace."""
    run(cluster, "apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    names = [f"crd/{kind.plural}.stash.appscode.com" for kind in KINDS.values()]
    run(cluster, "wait", "--for=condition=Established", f"--timeout={PATIENCE:.0f}s", *names)
    run(cluster, "create", "namespace", NAMESPACE)
    # Where other CRDs were there before, the API server goes on with them for a moment.
    new = manifest("RestoreBatch", "new", spec={"maintainOrder": True, "members": [{"rules": []}]})
    run_in_time(cluster, "create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=new)
    return cluster


@pytest.fixture(scope="module")
def stored(api: Cluster) -> dict[str, Document]:
    """The full object of each kind as the API server returns it, spec and status."""
    for kind in KINDS:
        run(api, "apply", "--validate=strict", "-f", "-", stdin=json.dumps(written(kind)))
        run(api, "replace", "--validate=strict", "--subresource=status", "-f", "-", stdin=json.dumps(written(kind)))
    return {kind: fetch(api, kind, "full") for kind in KINDS}


def run(api: Cluster, *args: str, stdin: str | None = None) -> str:
    """What kubectl prints; the test fails where kubectl does."""
    done = api.kubectl(*args, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def run_in_time(api: Cluster, *args: str, stdin: str | None = None) -> str:
    """The same, for what works a moment after the API server established a CRD."""
    eventually(lambda: api.kubectl(*args, stdin=stdin).returncode == 0, says=lambda: run(api, *args, stdin=stdin))
    return run(api, *args, stdin=stdin)


def written(kind: str) -> Document:
    """The full object of a kind, as written by hand."""
    document: Document = load((FULL / f"{kind.lower()}.yaml").read_text())
    return document


def fetch(api: Cluster, kind: str, name: str) -> Document:
    document: Document = json.loads(run(api, "get", kind, name, "-n", NAMESPACE, "-o", "json"))
    return document


def manifest(kind: str, name: str, **fields: Any) -> str:
    metadata = {"name": name, "namespace": NAMESPACE}
    return json.dumps({"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata, **fields})


def create(api: Cluster, kind: str, name: str, **fields: Any) -> Document:
    run(api, "create", "--validate=strict", "-f", "-", stdin=manifest(kind, name, **fields))
    return fetch(api, kind, name)


def refusal(api: Cluster, kind: str, name: str, **fields: Any) -> str:
    done = api.kubectl("create", "-f", "-", stdin=manifest(kind, name, **fields))
    assert done.returncode == 1, done.stdout
    return done.stderr


def leaves(of: object, path: str) -> Iterator[str]:
    """The paths of all values in a document, in the notation of `FIELDS`."""
    if isinstance(of, dict):
        for name, each in of.items():
            yield from leaves(each, f"{path}.{name}")
    elif isinstance(of, list) and any(isinstance(each, dict) for each in of):
        for each in of:
            yield from leaves(each, f"{path}[]")
    else:
        yield path


@EVERY_KIND
def test_a_crd_is_established_and_structural(api: Cluster, kind: Kind) -> None:
    crd = json.loads(run(api, "get", "crd", f"{kind.plural}.stash.appscode.com", "-o", "json"))
    conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@EVERY_KIND
def test_a_full_object_comes_back_as_it_was_written(stored: dict[str, Document], kind: Kind) -> None:
    assert stored[kind.name]["spec"] == written(kind.name)["spec"]
    assert stored[kind.name]["status"] == written(kind.name)["status"]


@EVERY_KIND
def test_every_field_of_the_page_is_accepted_and_kept(stored: dict[str, Document], kind: Kind) -> None:
    document = written(kind.name)
    not_written = [path for path in FIELDS[kind.name] if not values(document, path)]
    assert not not_written, f"full/{kind.name.lower()}.yaml lacks them"
    lost = [path for path in FIELDS[kind.name] if values(stored[kind.name], path) != values(document, path)]
    assert not lost


@EVERY_KIND
def test_a_full_object_holds_nothing_that_the_page_does_not_know(kind: Kind) -> None:
    document = written(kind.name)
    paths = {*leaves(document["spec"], "spec"), *leaves(document["status"], "status")}
    assert {path for path in paths - {*FIELDS[kind.name]} if not any(each in path for each in OPAQUE)} == set()


@EVERY_KIND
def test_the_rule_about_types_finds_no_fault_in_a_full_object(kind: Kind) -> None:
    assert Checker(kind.model).faults(written(kind.name)) == []


@EVERY_KIND
def test_an_object_without_spec_is_accepted_and_gets_none(api: Cluster, kind: Kind) -> None:
    assert "spec" not in create(api, kind.name, "without-spec")


@EVERY_KIND
def test_a_status_given_with_the_object_is_not_stored(api: Cluster, kind: Kind) -> None:
    assert "status" not in create(api, kind.name, "own-status", status=written(kind.name)["status"])


def test_what_is_absent_is_filled_in_only_where_the_operator_has_a_default(api: Cluster) -> None:
    member = {"hooks": {"postBackup": {"containerName": "db"}}, "target": {"ref": {}}}
    given: Document = {
        "members": [member],
        "hooks": {"postBackup": {}},
        "retryConfig": {},
        "retentionPolicy": RETENTION,
    }
    spec = create(api, "BackupBatch", "defaulted", spec=given)["spec"]
    assert spec == given | {
        "driver": "Restic",
        "members": [member | {"hooks": {"postBackup": {"containerName": "db", "executionPolicy": "Always"}}}],
        "hooks": {"postBackup": {"executionPolicy": "Always"}},
        "retryConfig": {"maxRetry": 1},
    }


def test_the_orders_of_a_restore_have_no_default(api: Cluster) -> None:
    given: Document = {"members": [{"hooks": {"postRestore": {}}}]}
    spec = create(api, "RestoreBatch", "defaulted", spec=given)["spec"]
    assert spec == {"driver": "Restic", "members": [{"hooks": {"postRestore": {"executionPolicy": "Always"}}}]}


def test_a_usage_policy_allows_the_same_namespace_by_default(api: Cluster) -> None:
    spec = create(api, "Repository", "defaulted", spec={"usagePolicy": {"allowedNamespaces": {}}})["spec"]
    assert spec == {"usagePolicy": {"allowedNamespaces": {"from": "Same"}}}


@pytest.mark.parametrize("verb", ["create", "apply", "replace"])
def test_null_is_absent_at_every_depth(api: Cluster, verb: str) -> None:
    name = f"null-{verb}"
    if verb == "replace":
        create(api, "RestoreBatch", name, spec={"timeOut": "1h", "maintainOrder": True})
    target = {"alias": None, "ref": {"kind": None}, "replicas": None, "rules": [{"paths": None}], "args": None}
    member = {"target": target, "rules": None, "task": None, "hooks": {"postRestore": {"executionPolicy": None}}}
    nothing = dict.fromkeys(("driver", "repository", "maintainOrder", "executionOrder", "hooks", "timeOut"))
    spec = nothing | {"members": [member | {"tempDir": {"sizeLimit": None}}]}
    run(api, verb, "--validate=strict", "-f", "-", stdin=manifest("RestoreBatch", name, spec=spec))
    kept = {
        "target": {"ref": {}, "rules": [{}]},
        "hooks": {"postRestore": {"executionPolicy": "Always"}},
        "tempDir": {},
    }
    assert fetch(api, "RestoreBatch", name)["spec"] == {"driver": "Restic", "members": [kept]}


def test_null_is_no_value_for_what_is_required(api: Cluster) -> None:
    refused = refusal(api, "BackupConfiguration", "null", spec={"retentionPolicy": None})
    assert "spec.retentionPolicy: Required value" in refused


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [
        ("BackupBatch", "spec.executionOrder", "parallel"),
        ("RestoreBatch", "spec.executionOrder", ""),
        ("BackupConfiguration", "spec.driver", "restic"),
        ("BackupConfiguration", "spec.hooks.postBackup.executionPolicy", "Never"),
        ("RestoreSession", "spec.hooks.postRestore.executionPolicy", "OnFinalRetryFailure"),
        ("Repository", "spec.usagePolicy.allowedNamespaces.from", "None"),
    ],
)
def test_a_value_outside_its_enum_is_refused(api: Cluster, kind: str, path: str, wrong: str) -> None:
    outer, *inner = path.split(".")
    nested: Any = wrong
    for step in reversed(inner):
        nested = {step: nested}
    if kind.startswith("Backup"):
        nested["retentionPolicy"] = RETENTION
    assert f'{path}: Unsupported value: "{wrong}": supported values:' in refusal(api, kind, "wrong", **{outer: nested})


def test_a_quantity_and_a_port_are_numbers_or_texts(api: Cluster) -> None:
    for name, size, port in (("numbers", 1024, 80), ("texts", "1.5Gi", "http")):
        spec = {"tempDir": {"sizeLimit": size}, "hooks": {"preRestore": {"tcpSocket": {"port": port}}}}
        assert create(api, "RestoreSession", name, spec=spec)["spec"] == spec | {"driver": "Restic"}
    refused = refusal(api, "RestoreSession", "wrong", spec={"tempDir": {"sizeLimit": "5 GB"}})
    assert 'spec.tempDir.sizeLimit: Invalid value: "5 GB"' in refused


def test_an_unknown_field_is_pruned_with_a_warning(api: Cluster) -> None:
    spec = {"target": {"alias": "db", "aliass": "db"}, "tempDir": {"disableCache": True}}
    said = run(api, "create", "--validate=warn", "-f", "-", stdin=manifest("RestoreSession", "unknown", spec=spec))
    assert 'Warning: unknown field "spec.target.aliass"' in said
    assert 'Warning: unknown field "spec.tempDir.disableCache"' in said
    expected = {"driver": "Restic", "target": {"alias": "db"}, "tempDir": {}}
    assert fetch(api, "RestoreSession", "unknown")["spec"] == expected


def test_what_the_project_does_not_read_is_kept_whatever_it_holds(api: Cluster) -> None:
    spec = {
        "runtimeSettings": {"pod": {"hostUsers": False}, "sidecar": {"new": [1, {"deep": None}]}},
        "target": {"volumeClaimTemplates": [{"spec": {"volumeAttributesClassName": "fast"}}]},
    }
    assert create(api, "RestoreSession", "opaque", spec=spec)["spec"] == spec | {"driver": "Restic"}
    local = {"mountPath": "/safe", "csi": {"driver": "new", "readOnly": True}}
    assert create(api, "Repository", "opaque", spec={"backend": {"local": local}})["spec"]["backend"]["local"] == local


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("bc", ["NAME", "TASK", "SCHEDULE", "PAUSED", "PHASE", "AGE"]),
        ("backupbatch", ["NAME", "SCHEDULE", "PAUSED", "PHASE", "AGE"]),
        ("restore", ["NAME", "REPOSITORY", "PHASE", "DURATION", "AGE"]),
        ("restorebatch", ["NAME", "REPOSITORY", "PHASE", "DURATION", "AGE"]),
        ("repo", ["NAME", "INTEGRITY", "SIZE", "SNAPSHOT-COUNT", "LAST-SUCCESSFUL-BACKUP", "AGE"]),
    ],
)
def test_kubectl_get_shows_the_columns(
    api: Cluster, stored: dict[str, Document], resource: str, columns: list[str]
) -> None:
    assert stored
    heading, line = run(api, "get", resource, "full", "-n", NAMESPACE).splitlines()
    assert heading.split() == columns
    assert "<none>" not in line
    assert "<invalid>" not in line


def test_kubectl_get_shows_what_a_backup_is(api: Cluster, stored: dict[str, Document]) -> None:
    assert stored
    line = run(api, "get", "bc", "full", "-n", NAMESPACE, "--no-headers")
    assert line.split()[:-1] == ["full", "mysql-backup-8.0.14", "*/5", "*", "*", "*", "*", "true", "Ready"]


def test_the_categories_hold_every_kind(api: Cluster, stored: dict[str, Document]) -> None:
    assert stored
    names = {f"{kind.singular}.stash.appscode.com/full" for kind in KINDS.values()}
    assert names <= set(run(api, "get", "stash", "-n", NAMESPACE, "-o", "name").split())
    assert names <= set(run(api, "get", "appscode", "-n", NAMESPACE, "-o", "name").split())


@pytest.mark.parametrize("field", ["restoresession.spec.rules", "restorebatch.spec.members.rules"])
def test_kubectl_explain_says_what_is_deprecated(api: Cluster, field: str) -> None:
    assert "Deprecated: write the rules into the target." in run_in_time(api, "explain", field)


@pytest.mark.parametrize("field", ["restoresession.spec.target.rules", "restorebatch.spec.members.target.rules"])
def test_kubectl_explain_says_so_of_nothing_else(api: Cluster, field: str) -> None:
    assert "deprecated" not in run_in_time(api, "explain", field).lower()
