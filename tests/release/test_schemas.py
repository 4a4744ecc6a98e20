"""kubeconform refuses by the schemas what the rule `field-type` refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.faults import Checker
from schemas.kinds import KINDS
from testbed.cases import cases
from tests.support.program import finished
from tools.generate import ROOT, SAMPLES

LOCATION = "manifests/schemas{{ .StrictSuffix }}/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"
_CHECKERS = {name: Checker(kind.model) for name, kind in KINDS.items()}


def judged(programs: Path, path: Path, *flags: str) -> list[dict[str, Any]]:
    """What kubeconform says of each object below a path."""
    where = ("-schema-location", LOCATION, "-output=json", "-verbose")
    done = finished([str(programs / "kubeconform"), *where, *flags, str(path)], {}, ROOT)
    found: list[dict[str, Any]] = json.loads(done.stdout)["resources"]
    return found


def test_it_refuses_of_all_cases_those_that_the_rule_refuses(programs: Path, tmp_path: Path) -> None:
    wanted = {}
    for number, case in enumerate(cases()):
        if case.object["kind"] in KINDS and case.object["apiVersion"] == KINDS[case.object["kind"]].api_version:
            path = tmp_path / f"{number}.yaml"
            path.write_text(yaml.safe_dump(case.object))
            wanted[str(path)] = bool(_CHECKERS[case.object["kind"]].faults(case.object))
    assert len(wanted) > 500
    found = {each["filename"]: each["status"] for each in judged(programs, tmp_path)}
    differing = {name: found[name] for name, faulty in wanted.items() if (found[name] == "statusInvalid") != faulty}
    assert {name: cases()[int(Path(name).stem)] for name in differing} == {}
    assert set(found.values()) == {"statusValid", "statusInvalid"}, "each has been judged"


@pytest.mark.parametrize("flags", [(), ("-strict",)], ids=["lenient", "strict"])
def test_it_finds_in_the_samples_what_is_wrong_with_their_types(programs: Path, flags: tuple[str, ...]) -> None:
    refused = [each for each in judged(programs, SAMPLES, *flags) if each["status"] == "statusInvalid"]
    assert [each["name"] for each in refused] == ["field-type"]
    (error,) = refused[0]["validationErrors"]
    assert error["path"] == "/spec/target/paths"


def test_strictly_it_refuses_an_unknown_field(programs: Path, tmp_path: Path) -> None:
    path = tmp_path / "misspelled.yaml"
    path.write_text((SAMPLES / "backupbatch.yaml").read_text().replace("alias:", "allias:"))
    assert [each["status"] for each in judged(programs, path)] == ["statusValid"]
    (found,) = judged(programs, path, "-strict")
    assert "allias" in found["msg"]
