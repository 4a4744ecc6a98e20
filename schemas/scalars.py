"""Values of the CRDs' fields: what JSON gives for them, and null, which means absent."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MODEL = ConfigDict(strict=True, extra="allow")
"""Of every model: JSON types are not converted, unknown fields are kept."""

_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?(\d+(\.\d*)?|\.\d+))?", flags=re.ASCII)


def _whole(value: object) -> object:
    """JSON knows one kind of number: `3.0` is the integer 3, also to the API server."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _int_or_string(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise PydanticCustomError("int_or_string_type", "Input should be an integer or a string")


def _quantity(value: object) -> object:
    value = _int_or_string(value)
    if isinstance(value, str) and not _QUANTITY.fullmatch(value):
        raise PydanticCustomError("quantity", "Input should be a quantity such as 500Mi or 2Gi")
    return value


Text = str | None
Flag = bool | None
Int32 = (
    Annotated[
        int,
        Field(ge=-(2**31), le=2**31 - 1),
        BeforeValidator(_whole),
        WithJsonSchema({"type": "integer", "format": "int32"}),
    ]
    | None
)
Int64 = (
    Annotated[
        int,
        Field(ge=-(2**63), le=2**63 - 1),
        BeforeValidator(_whole),
        WithJsonSchema({"type": "integer", "format": "int64"}),
    ]
    | None
)
Texts = list[str | None] | None
TextMap = dict[str, str | None] | None
Opaque = dict[str, Any] | None
"""An embedded object of core/v1, which this project neither reads nor checks."""

IntOrString = Annotated[Any, PlainValidator(_int_or_string), WithJsonSchema({"x-kubernetes-int-or-string": True})]
Quantity = (
    Annotated[
        Any,
        PlainValidator(_quantity),
        WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": f"^{_QUANTITY.pattern}$"}),
    ]
    | None
)
Duration = Annotated[str, WithJsonSchema({"type": "string"})] | None
"""What Go's `time.ParseDuration` reads, such as `1h30m`. The rule `valid-duration` judges it."""
Timestamp = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})] | None
