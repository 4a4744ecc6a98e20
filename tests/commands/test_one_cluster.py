"""One run is one cluster: what clashes in it is found without an inventory, and nothing is made up."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.inventory.store import Inventory
from tests.support.commandline import run
from tests.support.manifests import GOOD

RESTORE = """\
apiVersion: stash.appscode.com/v1beta1
kind: RestoreSession
metadata: {name: web, namespace: demo}
spec:
  repository: {name: gcs-repo}
  target: {alias: nobody, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, rules: [{paths: [/data]}]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, *documents: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("---\n".join(documents))
    return name


def found(*arguments: str) -> list[tuple[str, str, str]]:
    """Rule, level and name of what `check` says."""
    said = run("check", *arguments, "--output", "json")
    assert said.exit_code in (0, 1), said.output
    findings: list[dict[str, Any]] = json.loads(said.stdout)["findings"]
    return [(each["rule"], each["level"], each["name"]) for each in findings]


def backup(name: str, alias: str = "app", repository: str = "gcs-repo", namespace: str = "demo") -> str:
    text = GOOD.replace("name: web", f"name: {name}").replace("alias: app", f"alias: {alias}")
    return text.replace("gcs-repo", repository).replace("namespace: demo", f"namespace: {namespace}")


def batch(name: str, alias: str = "app", repository: str = "gcs-repo") -> str:
    keep = "retentionPolicy: {name: keep-last-5, keepLast: 5, prune: true}"
    return (
        f"apiVersion: stash.appscode.com/v1beta1\nkind: BackupBatch\nmetadata: {{name: {name}, namespace: demo}}\n"
        f"spec:\n  repository: {{name: {repository}}}\n  {keep}\n  members:\n"
        f"  - target: {{alias: {alias}, ref: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}}}\n"
    )


def repository(name: str, prefix: str = "/data", more: str = "") -> str:
    backend = f"{{s3: {{endpoint: s3.example, bucket: b, prefix: {prefix}}}, storageSecretName: s}}"
    return (
        "apiVersion: stash.appscode.com/v1alpha1\nkind: Repository\n"
        f"metadata: {{name: {name}, namespace: demo}}\nspec: {{backend: {backend}{more}}}\n"
    )


CLASH = [("repository-host", "warning", "one"), ("repository-host", "warning", "two")]


def test_two_backups_of_one_file_that_mix_are_found() -> None:
    put("both.yaml", backup("one"), backup("two"))
    assert found("both.yaml") == found(".") == found("both.yaml", "--together") == CLASH
    assert found("both.yaml", "--no-together") == []
    assert run("check", "-", given=Path("both.yaml").read_bytes()).stdout.count("repository-host") == 2
    put("apart.yaml", backup("one"), backup("two", alias="two"))
    assert found("apart.yaml") == []


def test_backups_of_different_files_and_directories_are_compared() -> None:
    put("a/one.yaml", backup("one"))
    put("b/c/two.yaml", backup("two"))
    assert found(".") == found("a", "b") == CLASH
    assert found("a/one.yaml", "b/c/two.yaml") == []
    assert found("a/one.yaml", "b/c/two.yaml", "--together") == CLASH


def test_two_batches_of_one_repository_are_refused() -> None:
    put("a.yaml", batch("shop"), batch("blog", alias="blog"))
    assert found("a.yaml") == [("exclusive-repository", "error", "shop"), ("exclusive-repository", "error", "blog")]
    assert run("check", ".").exit_code == 1


def test_repositories_of_one_place_are_found_with_the_backups_that_use_them() -> None:
    put("a.yaml", repository("one"), backup("one", repository="one"))
    put("b.yaml", repository("two", "data/"), batch("two", repository="two"))
    assert sorted(found(".")) == [
        ("repository-host", "error", "one"),
        ("repository-host", "error", "two"),
        ("repository-place", "warning", "one"),
    ], "the place is told of once"


def test_a_place_of_many_repositories_is_told_of_once_with_all_of_them_and_their_users() -> None:
    names = [f"r{number:02}" for number in range(12)]
    put("a.yaml", *(repository(name) for name in names), *(backup(name, name, name) for name in names[:11]))
    (only,) = json.loads(run("check", "a.yaml", "--output", "json").stdout)["findings"]
    assert (only["rule"], only["name"]) == ("repository-place", "r00")
    listed = ", ".join(f'"demo/{name}" (used by BackupConfiguration demo/{name})' for name in names[:10])
    assert only["message"].endswith(f"; 12 Repositories are in this place: {listed} and 2 more")
    off = found("a.yaml", "--rule", "repository-place=off")
    assert off == [("shared-place", "warning", name) for name in names[:11]], "nothing else tells it"


def test_no_more_repositories_are_said_to_be_in_a_place_than_were_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.commands.check.places._MOST", 12)
    names = [f"r{number:02}" for number in range(14)]
    put("a.yaml", *(repository(name) for name in names), backup("one", repository="r00"))
    (only,) = json.loads(run("check", "a.yaml", "--output", "json").stdout)["findings"]
    assert "; at least 13 Repositories are in this place: " in only["message"]
    assert only["message"].endswith(', "demo/r09" and at least 3 more')


def test_repositories_that_may_be_one_place_are_told_of_as_that() -> None:
    backend = "{{azure: {{container: c, prefix: /p}}, storageSecretName: {}}}"
    documents = [
        repository(name).replace(repository(name).partition("backend: ")[2], backend.format(secret) + "}\n")
        for name, secret in (("one", "a"), ("two", "a"), ("three", "b"))
    ]
    put("a.yaml", *documents, backup("x", repository="one"), backup("w", "w", repository="three"))
    (only,) = json.loads(run("check", "a.yaml", "--output", "json").stdout)["findings"]
    assert "; 3 Repositories are, or may be, in this place: " in only["message"]


def test_a_place_of_an_overlay_is_told_of_where_the_others_are() -> None:
    put("base/r.yaml", repository("one"), backup("a", repository="one"))
    for name in ("dev", "prod"):
        put(f"clusters/{name}/r.yaml", repository("two"), backup("b", "b", repository="two"))
        put(
            f"clusters/{name}/unnamed.yaml",
            backup("c", "c", repository="two").replace("name: c", "generateName: c-", 1),
        )
    assert found(".") == [
        ("repository-place", "warning", "one"),
        ("shared-place", "warning", ""),
        ("shared-place", "warning", ""),
    ], "of an object without a name nobody knows what it uses"
    Path("base/r.yaml").unlink()
    put("clusters/dev/other.yaml", repository("three"), backup("d", "d", repository="three"))
    assert [(rule, name) for rule, _, name in found(".") if name] == [("repository-place", "three")]


def test_nothing_is_concluded_from_what_is_not_in_the_run() -> None:
    put("a.yaml", backup("one", repository="elsewhere"), RESTORE)
    assert found(".") == []
    Path("inventory").mkdir()
    assert {rule for rule, _, _ in found("a.yaml", "--inventory", "inventory")} == {"repository-exists"}


def test_a_usage_policy_and_the_namespaces_of_the_run_count() -> None:
    policy = ", usagePolicy: {allowedNamespaces: {from: Selector, selector: {matchLabels: {backed: up}}}}"
    other = backup("one", namespace="prod").replace("{name: gcs-repo}", "{name: gcs-repo, namespace: demo}")
    put("a.yaml", repository("gcs-repo", more=policy), other)
    assert found(".") == [], "nobody knows the labels"
    put("ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod, labels: {backed: no}}\n")
    assert found(".") == [("usage-policy", "error", "one")]


def test_an_inventory_is_the_rest_of_the_cluster_and_the_run_is_what_is_applied_to_it() -> None:
    put("cluster/one.yaml", repository("gcs-repo"), backup("one"), backup("two", alias="free"))
    put("mine/two.yaml", backup("two"))
    assert found("mine", "--inventory", "cluster") == [CLASH[1]]
    put("cluster/one.yaml", repository("gcs-repo"), backup("one"), backup("two"))
    put("mine/one.yaml", backup("one", alias="free"))
    assert found("mine", "--inventory", "cluster") == []


# --- The same object


def test_the_same_object_twice_in_a_file_or_a_directory_is_warned_of_with_both_places() -> None:
    put("a.yaml", backup("same"), backup("same", alias="shop"))
    assert found("a.yaml") == [("same-object", "warning", "same")]
    (line, _) = run("check", "a.yaml").stdout.splitlines()
    assert line.startswith("a.yaml:12:12: warning: metadata.name: this object is also in a.yaml, line 1, and whichever")
    put("a.yaml", backup("same"))
    put("b.yaml", backup("same"))
    assert found(".") == [("same-object", "warning", "same")]
    put("b.yaml", backup("same", namespace="prod"))
    assert found(".") == []


def test_an_object_without_a_name_is_not_the_same_as_another() -> None:
    unnamed = backup("x").replace("name: x, ", "generateName: x-, ", 1)
    put("a.yaml", unnamed, unnamed, backup("x").replace("{name: x, namespace: demo}", "{name: x, namespace: [1]}"))
    assert {rule for rule, _, _ in found("a.yaml")} <= {"metadata", "same-object", "repository-host"}
    assert "same-object" not in {rule for rule, _, _ in found("a.yaml")}


def test_a_namespace_in_several_directories_does_not_keep_them_apart() -> None:
    for name in ("a", "b"):
        put(f"apps/{name}/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo}\n")
        put(f"apps/{name}/backup.yaml", backup(name))
    assert {name for _, _, name in found(".")} == {"a", "b"}, "both write under one host"


def test_directories_that_hold_the_same_object_are_different_clusters() -> None:
    for cluster, alias in (("dev", "app"), ("prod", "web")):
        put(f"clusters/{cluster}/apps/shop.yaml", backup("shop", alias=alias))
    put("clusters/dev/one.yaml", backup("one", alias="web"))
    put("clusters/prod/infra/two.yaml", backup("two", alias="app"))
    assert found(".") == []
    put("base/three.yaml", backup("three", alias="web"))
    assert sorted(name for _, _, name in found(".")) == ["one", "shop", "three"], "the base belongs to both"
    assert ("same-object", "warning", "shop") in found(".", "--together")


def test_a_base_and_an_overlay_below_it_are_different_clusters() -> None:
    put("app/backup.yaml", backup("shop", alias="app"))
    put("app/overlays/prod/backup.yaml", backup("shop", alias="web"))
    put("app/overlays/prod/other.yaml", backup("other", alias="app"))
    assert found(".") == []


def test_what_is_taken_for_different_clusters_is_told_in_one_line() -> None:
    put("base/one.yaml", backup("one"))
    for name in ("dev", "prod"):
        put(f"clusters/{name}/shop.yaml", backup("shop", alias=name))
    (line,) = run("check", ".").stderr.splitlines()
    assert line == (
        "Note: these directories hold the same objects, so they are taken for different clusters, and not compared "
        "with each other: clusters/dev, clusters/prod; --together compares them"
    )
    assert run("check", ".", "--together").stderr == run("check", ".", "--no-together").stderr == ""
    assert run("check", ".", "--inventory", "base").stderr == ""
    for name in "abcd":
        put(f"clusters/{name}/shop.yaml", backup("shop", alias=name))
    assert "clusters/a, clusters/b, clusters/c, clusters/d, clusters/dev and 1 more;" in run("check", ".").stderr


def test_a_directory_whose_own_files_are_a_cluster_is_named_by_itself() -> None:
    put("app/backup.yaml", backup("shop"))
    put("app/overlays/prod/backup.yaml", backup("shop"))
    assert "each other: app, app/overlays; --together" in run("check", ".").stderr


def test_of_an_object_that_several_clusters_hold_what_the_others_share_sees_one() -> None:
    put("base/one.yaml", backup("one", alias="web"))
    put("clusters/dev/shop.yaml", backup("shop", alias="web"))
    put("clusters/prod/shop.yaml", backup("shop", alias="other"))
    assert sorted(found(".")) == [("repository-host", "warning", "shop")], "the one in prod is in the way of the base"
    put("zones/dev/shop.yaml", backup("one", alias="web"))
    put("clusters/prod/shop.yaml", backup("shop", alias="web"))
    assert ("repository-host", "warning", "one") in found(".")


def test_the_work_of_comparing_grows_with_the_objects_and_not_with_the_clusters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0

    def counted(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal steps
            steps += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(Inventory, "put", counted(Inventory.put))
    monkeypatch.setattr(Inventory, "drop", counted(Inventory.drop))
    for number in range(40):
        put(f"clusters/{number:02}/apps/shop.yaml", backup("shop", alias=f"a{number}"))
        put(f"clusters/{number:02}/infra/{number % 2}/shop.yaml", backup("blog", alias=f"b{number}"))
        put(f"clusters/shared-{number}.yaml", backup(f"shared-{number}", alias=f"c{number}"))
        put(f"clusters/{number:02}x/y.yaml", backup(f"y-{number}", alias=f"d{number}"))
    objects = 4 * 40
    assert found("clusters") == []
    assert objects <= steps <= 4 * objects
    put("clusters/two/tiers/a/shop.yaml", backup("shop"), backup("x"))
    put("clusters/two/tiers/b/shop.yaml", backup("shop"), backup("x"))
    steps = 0
    found("clusters")
    assert steps <= 4 * (objects + 4)
