"""`stash-admission policies`: the rules as policies of Kubernetes."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.commands.policies.policy import CHANGED, NOT_BEING_DELETED
from app.domain.twin import Twin
from app.rules.registry import RULES
from testbed.documents import load_all
from tests.support.commandline import complaint, run
from tools.deploy import registration

MODES = ["--warn", "--audit", "--deny"]


def printed(*arguments: str | Path) -> list[dict[str, Any]]:
    result = run("policies", *arguments)
    assert result.exit_code == 0, result.output
    return load_all(result.stdout)


def bindings(documents: list[dict[str, Any]], rule: str) -> dict[str, tuple[list[str], str, list[str]]]:
    """Of a rule, by name: what is done, and in or outside which namespaces."""
    found = {}
    for each in documents:
        if each["kind"].endswith("Binding") and each["spec"]["policyName"] == f"stash-admission-{rule}":
            (namespaces,) = each["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            actions = each["spec"].get("validationActions", [])
            found[each["metadata"]["name"]] = (actions, namespaces["operator"], namespaces["values"])
    return found


@pytest.mark.parametrize("mode", MODES)
def test_the_same_levels_print_the_same(mode: str) -> None:
    assert run("policies", mode).stdout == run("policies", mode).stdout


def test_a_policy_refuses_what_the_server_refuses_and_warns_of_what_it_warns_of() -> None:
    documents = printed("--deny")
    outside = ("NotIn", ["stash-admission"])
    assert bindings(documents, "unique-alias") == {"stash-admission-unique-alias": (["Deny"], *outside)}
    assert bindings(documents, "nothing-kept") == {"stash-admission-nothing-kept": (["Warn"], *outside)}
    assert bindings(documents, "move-rules") == {"stash-admission-move-rules": ([], *outside)}


def test_warnings_are_all_that_warn_gives() -> None:
    documents = printed("--warn")
    assert {each["kind"] for each in documents} == {
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    actions = [each["spec"]["validationActions"] for each in documents if each["kind"].endswith("Binding")]
    assert actions == [["Warn"]] * sum(isinstance(rule.twin, Twin) for rule in RULES.values())


def test_what_only_warns_is_not_counted() -> None:
    documents = printed("--audit")
    assert bindings(documents, "unique-alias")["stash-admission-unique-alias"][0] == ["Audit"]
    assert bindings(documents, "nothing-kept") == {}
    assert not [each for each in documents if each["metadata"]["name"] == "stash-admission-nothing-kept"]


def test_levels_of_namespaces_are_bindings_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    own = {"shop": "warn", "blog": "warn", "lab": "off", "same": "enforce", "stash-admission": "off"}
    lines = [f"  {name}: {{rules: {{unique-alias: '{level}'}}}}" for name, level in own.items()]
    file.write_text("\n".join(["namespaces:", *lines, "  other: {rules: {unique-host: warn}}", ""]))
    assert bindings(printed("--deny", "--config", file), "unique-alias") == {
        "stash-admission-unique-alias": (["Deny"], "NotIn", ["stash-admission", "blog", "lab", "shop"]),
        "stash-admission-unique-alias-warn": (["Warn"], "In", ["blog", "shop"]),
    }


def test_a_rule_that_is_off_has_no_policy() -> None:
    documents = printed("--deny", "--rule", "unique-alias=off")
    assert not [each for each in documents if "unique-alias" in each["metadata"]["name"]]


def test_a_rule_that_refuses_nowhere_also_warns_of_what_is_stored() -> None:
    def expression(*arguments: str) -> str:
        said = [each["spec"].get("validations") for each in printed("--deny", *arguments)]
        (validation,) = [each for found in said if found for each in found if "(unique-alias)" in each["message"]]
        return str(validation["expression"])

    assert "stored_aliases" in expression()
    assert "stored_aliases" not in expression("--rule", "unique-alias=warn")


def test_requests_are_those_of_the_webhooks() -> None:
    for webhook in [each for document in load_all(registration()) for each in document["webhooks"]]:
        said = [each["expression"].split() for each in webhook["matchConditions"]]
        assert said == [CHANGED.split(), NOT_BEING_DELETED.split()]
    policies = [each["spec"] for each in printed("--deny") if each["kind"].endswith("Policy")]
    for policy in policies:
        assert [each["expression"] for each in policy["matchConditions"]] == [CHANGED, NOT_BEING_DELETED]


FUNCTIONS = {
    "all", "double", "dyn", "endsWith", "exists", "exists_one", "filter", "findAll", "has", "hasValue", "int",
    "lastIndexOf", "lowerAscii", "map", "matches", "orValue", "replace", "size", "split", "startsWith", "string",
    "substring", "sum", "value", "contains",
}  # fmt: skip
"""What the CEL of Kubernetes has had since 1.29 or longer (`pkg/cel/environment/base.go` of k8s.io/apiserver)."""
SINCE = {"transformMapEntry": 33, "transformList": 33}
"""And what came later, with the first release that lets new policies use it."""
CALL = re.compile(r"\b([a-zA-Z]\w*)\(")


@pytest.mark.parametrize("release", ["1.30", "1.33.7", "1.32", "1.35.0-gke.100", "1.36", "1.37"])
@pytest.mark.parametrize("mode", MODES)
def test_policies_say_nothing_that_their_release_does_not_know(mode: str, release: str) -> None:
    minor = int(release.lstrip("v").split(".")[1])
    for policy in printed(mode, "--kubernetes", release):
        assert minor >= 36 or not policy["kind"].startswith("Mutating")
        spec = policy["spec"]
        said = [each["expression"] for each in (*spec.get("variables", ()), *spec.get("validations", ()))]
        said += [each["jsonPatch"]["expression"] for each in spec.get("mutations", ())]
        called = {name for each in said for name in CALL.findall(re.sub(r"'[^']*'", "", each))}
        assert all(SINCE.get(name, 0) <= minor for name in called - FUNCTIONS), called
        assert called <= FUNCTIONS | SINCE.keys()


def test_somebody_whose_cluster_cannot_change_objects_is_told() -> None:
    assert run("policies", "--deny", "--kubernetes", "1.35").stderr == (
        "Kubernetes 1.35 has no policies that change objects, which 1.36 introduced: nothing is moved, and no alias or "
        "order is written\n"
    )
    assert run("policies", "--warn", "--kubernetes", "1.35").stderr == ""


def test_one_mode_has_to_be_chosen() -> None:
    assert complaint(run("policies")) == "Error: write one of --warn, --audit and --deny"
    assert complaint(run("policies", "--warn", "--deny")) == "Error: write one of --warn, --audit and --deny"


def test_a_release_without_policies_is_an_error() -> None:
    assert complaint(run("policies", "--deny", "--kubernetes", "1.29")) == (
        "Error: --kubernetes: Kubernetes 1.29 has no ValidatingAdmissionPolicy, which 1.30 introduced"
    )
    assert complaint(run("policies", "--deny", "--kubernetes", "2")) == (
        'Error: --kubernetes: "2" is not a release of Kubernetes: write one such as 1.36'
    )
