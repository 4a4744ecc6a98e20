"""The samples, the examples in the rules' documentation, and the README say what is true."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.rules.registry import RULES, Rule
from testbed.documents import load_all
from testbed.reviews import Admitted, admit
from tests.support.samples import PROPOSED
from tools.examples import examples
from tools.generate import generated
from tools.readme import answer

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "manifests" / "samples"
EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def sample(name: str) -> list[dict[str, Any]]:
    return load_all((SAMPLES / f"{name}.yaml").read_text())


def told(result: Admitted) -> set[str]:
    return result.mutation.acted("mutated-by") | result.warned_by | result.validation.refused_by


@pytest.mark.parametrize("name", PROPOSED)
def test_the_proposals_objects_are_admitted_word_for_word(name: str) -> None:
    (document,) = sample(name)
    result = admit(document)
    assert result.validation.allowed, result.validation.message
    assert told(result) <= {"move-rules", "deprecated-rules"}


def test_the_proposals_restorebatch_comes_out_with_its_rules_inside_its_targets() -> None:
    (document,) = sample("restorebatch")
    members = admit(document).document["spec"]["members"]
    assert [member["target"]["rules"] for member in members] == [
        [{"snapshots": ["latest"]}],
        [{"paths": ["/source/data"]}],
    ]
    assert not any("rules" in member for member in members)


ASKS = [rule.id for rule in RULES.values() if rule.asks_the_cluster]


@pytest.mark.parametrize("rule", ASKS)
def test_the_review_of_a_rule_that_asks_the_cluster_needs_the_sample_as_its_inventory(rule: str) -> None:
    review = ["review", "--validate", str(SAMPLES / "reviews" / f"{rule}.json")]
    assert CliRunner().invoke(app, review).output.endswith('"allowed":true}}\n')
    told = CliRunner().invoke(app, [*review, "--inventory", str(SAMPLES / f"{rule}.yaml")])
    assert told.exit_code == (1 if RULES[rule].level == "enforce" else 0)
    annotations = json.loads(told.output)["response"]["auditAnnotations"]
    assert set(annotations.values()) == {rule}


def test_the_page_on_the_server_names_the_rules_that_ask_the_cluster() -> None:
    text = (
        (ROOT / "docs" / "reference" / "server.md").read_text().partition("rules ask what else the cluster holds: ")[2]
    )
    assert re.findall(r"`([a-z-]+)`", text.partition(".")[0]) == ASKS
    assert len(ASKS) == 7


@EVERY_RULE
def test_a_bad_example_shows_its_rule_and_nothing_else(rule: Rule) -> None:
    example = next(iter(examples(rule).values()))
    result = admit(example.object, example.old, cluster=example.cluster)
    together = {"move-rules", "deprecated-rules"}, {"default-alias", "defaulted-restore-alias"}
    assert rule.id in told(result)
    assert told(result) == {rule.id} or told(result) in together
    assert result.validation.allowed is (rule.level != "enforce")


@EVERY_RULE
def test_a_good_example_is_admitted_without_a_word(rule: Rule) -> None:
    example = list(examples(rule).values())[1]
    result = admit(example.object, example.old, cluster=example.cluster)
    assert result.validation.allowed, result.validation.message
    assert not result.warnings
    assert result.document == example.object


def test_what_is_generated_is_up_to_date() -> None:
    stale = [str(path.relative_to(ROOT)) for path, content in generated() if path.read_text() != content]
    assert not stale, "run `make generate`"


def test_every_sample_has_a_review() -> None:
    assert {path.stem for path in SAMPLES.glob("*.yaml")} == {
        path.stem for path in (SAMPLES / "reviews").glob("*.json")
    }


@pytest.mark.parametrize("webhook", ["mutate", "validate"])
@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.yaml")))
def test_a_review_holds_its_sample(name: str, webhook: str) -> None:
    review = json.loads((SAMPLES / "reviews" / f"{name}.json").read_text())["request"]
    assert review["object"] == sample(name)[-1]
    response = json.loads(answer(webhook, name))["response"]
    assert response["uid"] == review["uid"]
    if "patch" in response:
        assert json.loads(base64.b64decode(response["patch"]))


def test_the_commands_that_the_readme_lists_are_those_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = set(re.findall(r"^\| `(stash-[a-z]+ [a-z]+)", readme, flags=re.MULTILINE))
    there: set[str] = set()
    for program, module in (("stash-admission", "app.cli"), ("stash-certs", "certs.cli")):
        names = "*[each.name or each.callback.__name__ for each in app.registered_commands]"
        code = f"from {module} import app; print({names})"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        there |= {f"{program} {name}" for name in out.stdout.split()}
    assert listed == there


def test_make_help_lists_every_target_that_is_described() -> None:
    described = re.findall(r"^([a-z0-9-]+):.*?## (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert len(described) > 10
    for target, text in described:
        assert re.search(rf"^make {target} +{re.escape(text)}$", listed, flags=re.MULTILINE)
