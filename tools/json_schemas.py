"""JSON schemas of the kinds, for editors and for programs that check manifests without a cluster.

They refuse what the rule `field-type` refuses. In that they are not the CRDs: null stands for an absent field, and a
field whose enum is only in the CRD, since stored objects hold anything, takes any text. The strict ones refuse unknown
fields too.
"""

import json
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Required, Union, get_args, get_origin, get_type_hints

from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from schemas.crd import descriptions
from schemas.kinds import GROUP, KINDS, Kind

Schema = dict[str, Any]
FOLDERS = {"schemas": False, "schemas-strict": True}
"""Of `manifests/`, and whether the schemas in it are strict: as `kubeconform -strict` names them."""
_DIALECT = "http://json-schema.org/draft-07/schema#"
_INT_OR_STRING = "x-kubernetes-int-or-string"
_ANYTHING = "x-kubernetes-preserve-unknown-fields"


def files() -> dict[str, str]:
    """The text of each file, by its path in `manifests/`."""
    return {
        f"{folder}/{file_name(kind)}": json.dumps(schema(kind, strict=strict), indent=1) + "\n"
        for folder, strict in FOLDERS.items()
        for kind in KINDS.values()
    }


def file_name(kind: Kind) -> str:
    """Where the schema of a kind is in a catalogue: `stash.appscode.com/backupbatch_v1beta1.json`."""
    return f"{GROUP}/{kind.singular}_{kind.version}.json"


def modeline(document: dict[str, Any], folder: str) -> str:
    """The comment by which yaml-language-server knows the schema of a document, in a file from which `folder` is."""
    return f"# yaml-language-server: $schema={folder}/{file_name(KINDS[document['kind']])}\n"


def schema(kind: Kind, *, strict: bool) -> Schema:
    """The schema of a whole object. `strict`: without unknown fields."""
    whole = _Schemas(strict=strict).of_object(kind.model)
    whole["properties"]["apiVersion"] = {"description": "Group and version of the API.", "enum": [kind.api_version]}
    whole["properties"]["kind"] = {"description": "Kind of this object.", "enum": [kind.name]}
    whole["properties"]["metadata"]["description"] = "Name, namespace, labels and annotations."
    return {"$schema": _DIALECT, "title": kind.name} | whole


class _Schemas:
    """Makes schemas of types as the models write them."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    def of_object(self, model: Any) -> Schema:
        """The schema of a typed dictionary."""
        described = descriptions(model)
        properties = {}
        for name, hint in get_type_hints(model, include_extras=True).items():
            field = self.of(hint)
            properties[name] = {"description": described[name]} | field if name in described else field
        made: Schema = {"description": _text(model), "type": "object", "properties": properties}
        if required := [name for name in properties if name in model.__required_keys__]:
            made["required"] = required
        stated = model.__pydantic_config__.get("json_schema_extra", {})
        if self._strict and not stated.get(_ANYTHING):
            made["additionalProperties"] = False
        return made

    def of(self, hint: Any) -> Schema:
        """The schema of any type."""
        if is_typeddict(hint):
            return self.of_object(hint)
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._annotated(*arguments)
        if origin is Required:
            return self.of(arguments[0])
        if origin in (Union, UnionType):
            (kept,) = (each for each in arguments if each is not NoneType)
            return _or_null(self.of(kept))
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin is list:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object"} if arguments[1] is Any else {
                "type": "object", "additionalProperties": self.of(arguments[1])
            }  # fmt: skip
        return {"type": {str: "string", bool: "boolean", int: "integer"}[hint]}

    def _annotated(self, hint: Any, *metadata: Any) -> Schema:
        stated: Schema = next((each.json_schema or {} for each in metadata if isinstance(each, WithJsonSchema)), {})
        if _INT_OR_STRING in stated:
            made: Schema = {"type": ["integer", "string"]}
            made |= {"pattern": stated["pattern"]} if "pattern" in stated else {}
        else:
            made = self.of(hint)
        if "enum" in stated:
            made["examples"] = stated["enum"]
        if stated.get("type") == "integer":
            bits = int(stated["format"].removeprefix("int"))
            made |= {"minimum": -(2 ** (bits - 1)), "maximum": 2 ** (bits - 1) - 1}
        for each in metadata:
            if isinstance(each, FieldInfo):
                made |= {"description": each.description} if each.description else {}
                extra = each.json_schema_extra if isinstance(each.json_schema_extra, dict) else {}
                made |= {"default": extra["default"]} if "default" in extra else {}
        return made


def _or_null(of: Schema) -> Schema:
    """A schema that takes null too."""
    types = [of["type"]] if isinstance(of["type"], str) else of["type"]
    return of | {"type": [*types, "null"]} | ({"enum": [*of["enum"], None]} if "enum" in of else {})


def _text(model: Any) -> str:
    return " ".join((model.__doc__ or "").split())
