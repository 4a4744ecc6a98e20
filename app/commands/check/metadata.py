"""Metadata that the API server refuses before it asks a webhook, in its own words.

As k8s.io/apimachinery has them: the decoding of ObjectMeta, ValidateObjectMeta, IsQualifiedName and IsDNS1123Subdomain.
"""

import re
from collections.abc import Iterator
from typing import Any

from app.commands.check.wording import as_it_stands
from app.domain.outcome import Finding, Reason
from app.domain.path import Path
from app.domain.quoting import quoted
from app.manifest.objects import Manifest
from app.rules.field_type import message
from schemas.faults import Fault

_TEXTS = ("name", "generateName", "namespace", "resourceVersion", "selfLink")
_MAPS = ("labels", "annotations")
_MAX_NAME_BYTES = 253
_MAX_LABEL_BYTES = 63
_MAX_ANNOTATIONS_BYTES = 256 * 1024

_SUBDOMAIN_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL_PATTERN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_KEY_PATTERN = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN = re.compile(_SUBDOMAIN_PATTERN)
_LABEL = re.compile(_LABEL_PATTERN)
_KEY = re.compile(_KEY_PATTERN)
_ENDS = "and must start and end with an alphanumeric character"
_NO_SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS} "
    f"(e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_PATTERN}')"
)
_NO_NAMESPACE = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS} "
    f"(e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL_PATTERN}')"
)
_OF_A_KEY = (
    f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS} "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_KEY_PATTERN}')"
)
_NO_KEY = f"a valid label key {_OF_A_KEY} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
_NO_LABEL = (
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', {_ENDS} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_KEY_PATTERN})?')"
)
_GO_TYPES = ((bool, "bool"), (int | float, "number"), (str, "string"), (list, "array"), (dict, "object"))


def metadata_faults(manifest: Manifest) -> Iterator[Finding]:
    """A finding for all that the API server refuses in the metadata of an object that is created."""
    metadata = manifest.value.get("metadata")
    metadata = {} if metadata is None else metadata
    if not isinstance(metadata, dict):
        yield _wrong_type(manifest, ("metadata",), metadata, "an object", "value of type v1.ObjectMeta")
        return
    yield from _wrong_types(manifest, metadata)
    yield from _names(metadata)
    labels, annotations, finalizers = (metadata.get(name) for name in ("labels", "annotations", "finalizers"))
    if isinstance(labels, dict):
        yield from _labels(labels)
    if isinstance(annotations, dict):
        yield from _annotations(annotations)
    for index, each in enumerate(finalizers if isinstance(finalizers, list) else ()):
        if isinstance(each, str):
            yield from _invalid(("metadata", "finalizers", index), each, _key_faults(each))


def _wrong_types(manifest: Manifest, metadata: dict[str, Any]) -> Iterator[Finding]:
    for name in _TEXTS:
        if not isinstance(metadata.get(name), str | None):
            yield _wrong_type(manifest, ("metadata", name), metadata[name], "a string", _field(name, "string"))
    for name in _MAPS:
        found = metadata.get(name)
        if not isinstance(found, dict | None):
            yield _wrong_type(manifest, ("metadata", name), found, "an object", _field(name, "map[string]string"))
            continue
        for key, value in (found or {}).items():
            if not isinstance(value, str | None):
                yield _wrong_type(manifest, ("metadata", name, key), value, "a string", _field(name, "string"))
    found = metadata.get("finalizers")
    if not isinstance(found, list | None):
        where = _field("finalizers", "[]string")
        yield _wrong_type(manifest, ("metadata", "finalizers"), found, "a list", where)
        return
    for index, value in enumerate(found or ()):
        if not isinstance(value, str | None):
            where = _field("finalizers", "string")
            yield _wrong_type(manifest, ("metadata", "finalizers", index), value, "a string", where)


def _field(name: str, go_type: str) -> str:
    return f"struct field ObjectMeta.{name} of type {go_type}"


def _wrong_type(manifest: Manifest, path: Path, found: Any, expected: str, where: str) -> Finding:
    ours = message(Fault(path, "type", found, expected), as_it_stands(manifest, path, found))
    kind = next(name for types, name in _GO_TYPES if isinstance(found, types))
    return Finding(path, Reason.TYPE_INVALID, f"{ours} (json: cannot unmarshal {kind} into Go {where})")


def _names(metadata: dict[str, Any]) -> Iterator[Finding]:
    name, generated = metadata.get("name"), metadata.get("generateName")
    if isinstance(generated, str) and generated:
        # What is generated goes on behind it, so it may end in a dash.
        masked = f"{generated[:-1]}a" if len(generated) > 1 and generated.endswith("-") else generated
        yield from _invalid(("metadata", "generateName"), generated, _name_faults(masked))
    if isinstance(name, str) and name:
        yield from _invalid(("metadata", "name"), name, _name_faults(name))
    elif not name and not generated:
        said = "Required value: name or generateName is required"
        yield Finding(("metadata", "name"), Reason.REQUIRED, said)
    namespace = metadata.get("namespace")
    if isinstance(namespace, str) and namespace:
        yield from _invalid(("metadata", "namespace"), namespace, _namespace_faults(namespace))


def _labels(labels: dict[str, Any]) -> Iterator[Finding]:
    for key, value in labels.items():
        path = ("metadata", "labels", key)
        yield from _invalid(path, key, _key_faults(key))
        if isinstance(value, str):
            yield from _invalid(path, value, _label_faults(value))


def _annotations(annotations: dict[str, Any]) -> Iterator[Finding]:
    for key in annotations:
        yield from _invalid(("metadata", "annotations", key), key, _key_faults(key.lower()))
    texts = ((key, value) for key, value in annotations.items() if isinstance(value, str))
    if sum(len(key.encode()) + len(value.encode()) for key, value in texts) > _MAX_ANNOTATIONS_BYTES:
        said = f"Too long: may not be more than {_MAX_ANNOTATIONS_BYTES} bytes"
        yield Finding(("metadata", "annotations"), Reason.INVALID, said)


def _invalid(path: Path, value: str, faults: Iterator[str]) -> Iterator[Finding]:
    for fault in faults:
        yield Finding(path, Reason.INVALID, f"Invalid value: {quoted(value)}: {fault}")


def _name_faults(name: str) -> Iterator[str]:
    if len(name.encode()) > _MAX_NAME_BYTES:
        yield f"must be no more than {_MAX_NAME_BYTES} characters"
    if not _SUBDOMAIN.fullmatch(name):
        yield _NO_SUBDOMAIN


def _namespace_faults(namespace: str) -> Iterator[str]:
    """What is wrong with the name of a Namespace. The API server says that there is none of that name."""
    if len(namespace.encode()) > _MAX_LABEL_BYTES:
        yield f"must be no more than {_MAX_LABEL_BYTES} characters"
    if not _LABEL.fullmatch(namespace):
        yield _NO_NAMESPACE


def _key_faults(key: str) -> Iterator[str]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        yield _NO_KEY
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        if len(prefix.encode()) > _MAX_NAME_BYTES:
            yield f"prefix part must be no more than {_MAX_NAME_BYTES} bytes"
        if not _SUBDOMAIN.fullmatch(prefix):
            yield f"prefix part {_NO_SUBDOMAIN}"
    if not name:
        yield "name part must be non-empty"
    elif len(name.encode()) > _MAX_LABEL_BYTES:
        yield f"name part must be no more than {_MAX_LABEL_BYTES} bytes"
    if not _KEY.fullmatch(name):
        yield f"name part {_OF_A_KEY}"


def _label_faults(value: str) -> Iterator[str]:
    if len(value.encode()) > _MAX_LABEL_BYTES:
        yield f"must be no more than {_MAX_LABEL_BYTES} bytes"
    if value and not _KEY.fullmatch(value):
        yield _NO_LABEL
