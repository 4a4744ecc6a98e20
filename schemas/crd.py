"""The CustomResourceDefinitions, made from the models.

Nothing here runs in the server: the descriptions are read from the models' source, and that takes a while.

A field that may be null in a model is not `nullable` in its schema, as it is not in the shipped CRDs. On create, update
and patch the API server drops such a null before it looks at the value, and fills in the default where there is one: so
null becomes what it means, absent. Were the field `nullable`, the null would be stored, without the default, and break
the operator where its Go type cannot read null (`retryConfig.delay`). The price: server-side apply does not drop nulls,
and refuses those that stand for no default. A null in a list is refused always, as it is by the shipped CRDs.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Required, Union, get_args, get_origin, get_type_hints

from pydantic import WithJsonSchema
from pydantic.fields import FieldInfo
from typing_extensions import get_original_bases, is_typeddict

from schemas.kinds import GROUP, KINDS, Kind

Schema = dict[str, Any]

_OBJECT: Schema = {
    "apiVersion": {"description": "Group and version of this object's API.", "type": "string"},
    "kind": {"description": "Kind of this object.", "type": "string"},
    "metadata": {"type": "object"},
}
"""What every object has. The API server describes metadata itself, and lets nobody else do it."""


def crds() -> dict[str, dict[str, Any]]:
    """The manifest of each kind's CustomResourceDefinition, by the name of its file."""
    return {f"{kind.plural}.yaml": _definition(kind) for kind in KINDS.values()}


def _definition(kind: Kind) -> dict[str, Any]:
    names = {
        "kind": kind.name,
        "listKind": f"{kind.name}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "shortNames": list(kind.short_names),
        "categories": list(kind.categories),
    }
    schema = _object(kind.model)
    del schema["required"]
    schema["properties"] |= _OBJECT
    columns = [{"name": each.name, "type": each.type, "jsonPath": each.path} for each in kind.columns]
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": columns,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {key: value for key, value in names.items() if value},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _object(model: Any) -> Schema:
    """The schema of a typed dictionary."""
    literals = descriptions(model)
    properties = {}
    for name, hint in get_type_hints(model, include_extras=True).items():
        properties[name] = {"description": ""} | _schema(hint)
        if name in literals:
            properties[name]["description"] = literals[name]
    schema: Schema = {"description": inspect.getdoc(model), "type": "object", "properties": properties}
    if required := [name for name in properties if name in model.__required_keys__]:
        schema["required"] = required
    schema |= model.__pydantic_config__.get("json_schema_extra", {})
    return schema


def _schema(hint: Any) -> Schema:
    """The schema of a type as the models write it."""
    if is_typeddict(hint):
        return _object(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(*arguments)
    if origin is Required:
        return _schema(arguments[0])
    if origin in (Union, UnionType):
        (kept,) = (each for each in arguments if each is not NoneType)
        return _schema(kept)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if hint == dict[str, Any]:
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    return {"type": {str: "string", bool: "boolean"}[hint]}


def _annotated(hint: Any, *metadata: Any) -> Schema:
    """The schema of a type with pydantic's metadata."""
    stated = [each.json_schema for each in metadata if isinstance(each, WithJsonSchema)]
    schema: Schema = dict(stated[0] or {}) if stated else _schema(hint)
    for each in metadata:
        if isinstance(each, FieldInfo):
            schema |= {"description": each.description} if each.description else {}
            schema |= each.json_schema_extra if isinstance(each.json_schema_extra, dict) else {}
    return schema


def descriptions(model: Any) -> dict[str, str]:
    """The description of each field: the string literal under it, which Python itself does not keep."""
    inherited: dict[str, str] = {}
    for base in get_original_bases(model):
        if is_typeddict(base):
            inherited |= descriptions(base)
    return inherited | _literals_of_module(model.__module__).get(model.__name__, {})


@cache
def _literals_of_module(name: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {each.name: dict(_literals_of_class(each)) for each in tree.body if isinstance(each, ast.ClassDef)}


def _literals_of_class(of: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(of.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, " ".join(text.split())
