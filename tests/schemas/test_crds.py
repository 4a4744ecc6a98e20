"""The generated CustomResourceDefinitions: what can be said of them without an API server."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from schemas.crd import crds
from schemas.kinds import KINDS, Kind
from testbed.documents import load
from tools.definitions import files

Schema = dict[str, Any]

STRUCTURAL = {
    *("description", "type", "format", "pattern", "enum", "default", "required", "properties", "items"),
    *("additionalProperties", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"),
}
OBJECT = {"apiVersion", "kind", "metadata"}
DRIVER, POLICY = {"spec.driver": "Restic"}, "executionPolicy"
DEFAULTS: dict[str, Any] = {
    "BackupConfiguration": DRIVER | {"spec.retryConfig.maxRetry": 1, f"spec.hooks.postBackup.{POLICY}": "Always"},
    "BackupBatch": DRIVER
    | {"spec.retryConfig.maxRetry": 1}
    | {f"{path}.hooks.postBackup.{POLICY}": "Always" for path in ("spec", "spec.members[]")},
    "RestoreSession": DRIVER | {f"spec.hooks.postRestore.{POLICY}": "Always"},
    "RestoreBatch": DRIVER | {f"{path}.hooks.postRestore.{POLICY}": "Always" for path in ("spec", "spec.members[]")},
    "Repository": {"spec.usagePolicy.allowedNamespaces.from": "Same"},
}
DEPRECATED = {"RestoreSession": {"spec.rules"}, "RestoreBatch": {"spec.members[].rules"}}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def schema_of(kind: Kind) -> Schema:
    schema: Schema = crds()[f"{kind.plural}.yaml"]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema within, by the path of its field: `spec.members[].target.labels{}`."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from walk(each, f"{path}.{name}".removeprefix("."))
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from walk(schema["additionalProperties"], f"{path}{{}}")


def as_pydantic_sees_it(kind: Kind) -> dict[str, Schema]:
    """Every schema that pydantic itself makes of the model, without its indirections and nulls."""
    whole = TypeAdapter(kind.model).json_schema()

    def plain(schema: Schema) -> Schema:
        if "$ref" in schema:
            return plain(
                whole["$defs"][schema["$ref"].rpartition("/")[2]] | {k: schema[k] for k in schema if k != "$ref"}
            )
        if "anyOf" in schema:
            (kept,) = (each for each in schema["anyOf"] if each != {"type": "null"})
            return plain(kept | {k: schema[k] for k in schema if k != "anyOf"})
        within = {
            key: plain(schema[key]) for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)
        }
        properties = {name: plain(each) for name, each in schema.get("properties", {}).items()}
        return schema | within | {"properties": properties}

    return dict(walk(plain(whole)))


def within_spec_and_status(paths: dict[str, Schema]) -> dict[str, Schema]:
    return {path: each for path, each in paths.items() if path.split(".")[0] not in OBJECT | {"", "metadata{}"}}


@EVERY_KIND
def test_every_schema_is_structural_and_has_nothing_of_pydantic(kind: Kind) -> None:
    for path, each in walk(schema_of(kind)):
        assert each.keys() <= STRUCTURAL, path
        assert ("type" in each) != ("x-kubernetes-int-or-string" in each), path
        assert each.get("type") != "array" or "items" in each, path
        assert isinstance(each.get("additionalProperties", {}), dict), path
        assert not {"properties", "additionalProperties"} <= each.keys(), path
        assert each.get("type") == "object" or not {"properties", "additionalProperties"} & each.keys(), path
        assert set(each.get("required", ())) <= each.get("properties", {}).keys(), path
        assert "default" not in each or each["default"] in each.get("enum", [each["default"]]), path


@EVERY_KIND
def test_an_object_of_known_form_is_either_described_or_opaque(kind: Kind) -> None:
    for path, each in walk(schema_of(kind)):
        if each.get("type") == "object" and path != "metadata":
            opaque = each.get("x-kubernetes-preserve-unknown-fields", False)
            assert opaque or "properties" in each or "additionalProperties" in each, path


@EVERY_KIND
def test_the_fields_are_those_of_the_model_and_no_others(kind: Kind) -> None:
    ours, models = (
        within_spec_and_status(dict(walk(schema_of(kind)))),
        within_spec_and_status(as_pydantic_sees_it(kind)),
    )
    assert ours.keys() == models.keys()
    for key in ("type", "format", "enum", "default", "required", "pattern", "x-kubernetes-int-or-string"):
        assert {path: each.get(key) for path, each in ours.items()} == {
            path: each.get(key) for path, each in models.items()
        }


@EVERY_KIND
def test_every_field_has_a_description_in_one_line(kind: Kind) -> None:
    for path, each in walk(schema_of(kind)):
        if not path.endswith(("[]", "{}")) and path != "metadata":
            assert each["description"].endswith("."), path
            assert "\n" not in each["description"], path


@EVERY_KIND
def test_defaults_are_those_of_the_operator_and_the_orders_have_none(kind: Kind) -> None:
    found = {path: each["default"] for path, each in walk(schema_of(kind)) if "default" in each}
    assert found == DEFAULTS[kind.name]


@EVERY_KIND
def test_deprecated_fields_say_so(kind: Kind) -> None:
    said = {path for path, each in walk(schema_of(kind)) if "deprecated" in each.get("description", "").lower()}
    assert said == DEPRECATED.get(kind.name, set())


@EVERY_KIND
def test_an_object_without_spec_fits_and_no_field_has_a_minimum(kind: Kind) -> None:
    assert "required" not in schema_of(kind)
    patterns = {path.rpartition(".")[2] for path, each in walk(schema_of(kind)) if "pattern" in each}
    assert patterns <= {"sizeLimit"}


@pytest.mark.parametrize("name", ["BackupBatch", "RestoreBatch"])
def test_the_order_of_a_batch_is_an_enum(name: str) -> None:
    fields = dict(walk(schema_of(KINDS[name])))
    assert fields["spec.executionOrder"]["enum"] == ["Parallel", "Sequential"]
    assert fields["spec.maintainOrder"]["type"] == "boolean"


@EVERY_KIND
def test_kubectl_shows_the_phase_or_the_size_and_always_the_age(kind: Kind) -> None:
    (version,) = crds()[f"{kind.plural}.yaml"]["spec"]["versions"]
    fields = dict(walk(schema_of(kind)))
    columns = {each["name"]: each for each in version["additionalPrinterColumns"]}
    assert list(columns)[-1] == "Age"
    assert {"Phase", "Size"} & columns.keys()
    for column in columns.values():
        path = column["jsonPath"].removeprefix(".")
        if path != "metadata.creationTimestamp":
            expected = "date" if fields[path].get("format") == "date-time" else fields[path]["type"]
            assert column["type"] == expected, path


def test_kinds_have_the_names_of_the_shipped_ones() -> None:
    named = {name: (kind.api_version.partition("/")[2], kind.plural, kind.short_names) for name, kind in KINDS.items()}
    assert named == {
        "BackupConfiguration": ("v1beta1", "backupconfigurations", ("bc",)),
        "BackupBatch": ("v1beta1", "backupbatches", ()),
        "RestoreSession": ("v1beta1", "restoresessions", ("restore",)),
        "RestoreBatch": ("v1beta1", "restorebatches", ()),
        "Repository": ("v1alpha1", "repositories", ("repo",)),
    }


def test_the_files_hold_the_definitions_without_references_or_folded_lines() -> None:
    read = {name: load(text) for name, text in files().items()}
    assert read == crds()
    for text in files().values():
        assert text.startswith("# Generated ")
        assert not [line for line in text.splitlines() if line.endswith(" ")]
        assert "&id" not in text
