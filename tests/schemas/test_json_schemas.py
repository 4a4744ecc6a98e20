"""The JSON schemas for editors: what they refuse is what the rule `field-type` refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from jsonschema import Draft7Validator

from schemas.faults import Checker
from schemas.kinds import KINDS
from testbed.cases import Case, cases
from testbed.documents import load, load_all
from tools.generate import ROOT, SAMPLES
from tools.json_schemas import FOLDERS, file_name, schema

SCHEMAS = ROOT / "manifests"
_MODELINE = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)
_LENIENT, _STRICT = (
    {name: Draft7Validator(schema(kind, strict=strict)) for name, kind in KINDS.items()} for strict in (False, True)
)
_CHECKERS = {name: Checker(kind.model) for name, kind in KINDS.items()}
_SAMPLES = sorted(SAMPLES.rglob("*.yaml"))


def refused(validator: Draft7Validator, document: Any) -> set[tuple[str | int, ...]]:
    """The paths of what a schema refuses. Of a missing or an unknown field, that of the field."""
    return {
        (*error.absolute_path, *([error.message.split("'")[1]] if error.validator == "required" else []))
        for error in validator.iter_errors(document)
    }


def faulty(document: Any) -> set[tuple[str | int, ...]]:
    """The paths of what the rule finds fault with."""
    return {fault.path for fault in _CHECKERS[document["kind"]].faults(document)}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_schema_is_a_schema(kind: Any, folder: str) -> None:
    Draft7Validator.check_schema(json.loads((SCHEMAS / folder / file_name(kind)).read_text()))


@pytest.mark.parametrize("case", [each for each in cases() if each.rule == "field-type"], ids=str)
def test_a_schema_refuses_where_field_type_does(case: Case) -> None:
    document = case.object
    assert refused(_LENIENT[document["kind"]], document) == faulty(document)
    assert bool(faulty(document)) == (case.expectation != "allow")


def test_a_schema_refuses_nothing_that_field_type_admits_in_any_other_case() -> None:
    for case in cases():
        for each in (case.object, case.mutated, case.old, *(case.cluster or ())):
            if each is not None and each["kind"] in KINDS and not faulty(each):
                assert refused(_LENIENT[each["kind"]], each) == set(), case


def test_a_strict_schema_refuses_unknown_fields_too_and_only_where_they_are_listed() -> None:
    document = load((SAMPLES / "backupbatch.yaml").read_text())
    document["spec"]["members"][0]["target"]["allias"] = "app"
    document["spec"]["runtimeSettings"] = {"anything": 1}
    document["metadata"]["labels"] = {"anything": "else"}
    assert refused(_LENIENT["BackupBatch"], document) == set()
    (error,) = _STRICT["BackupBatch"].iter_errors(document)
    assert "'allias' was unexpected" in error.message
    assert {("spec", "members", 0, "target", "allias")} == set(_CHECKERS["BackupBatch"].unknown(document))


@pytest.mark.parametrize("path", _SAMPLES, ids=lambda path: path.stem)
def test_each_document_of_a_sample_names_its_schema(path: Path) -> None:
    text = path.read_text()
    documents = load_all(text)
    named = [path.parent / each for each in _MODELINE.findall(text)]
    kinds = [KINDS[each["kind"]] for each in documents]
    assert [each.resolve() for each in named] == [SCHEMAS / "schemas-strict" / file_name(kind) for kind in kinds]
    for part in text.split("---\n"):
        assert len(_MODELINE.findall(part)) == 1, "an editor looks for it in each document"
    for each in documents:
        assert refused(_STRICT[each["kind"]], each) == faulty(each) | set(_CHECKERS[each["kind"]].unknown(each))


def test_check_jsonschema_says_what_is_wrong_with_a_file() -> None:
    named = str(SCHEMAS / "schemas" / file_name(KINDS["BackupConfiguration"]))
    good, bad = (str(SAMPLES / f"{name}.yaml") for name in ("backupconfiguration", "field-type"))
    assert CliRunner().invoke(check_jsonschema, ["--schemafile", named, good]).exit_code == 0
    result = CliRunner().invoke(check_jsonschema, ["--schemafile", named, bad])
    assert result.exit_code == 1
    assert "$.spec.target.paths: '/var/www/html' is not of type 'array', 'null'" in result.output
