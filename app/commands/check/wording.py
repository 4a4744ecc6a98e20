"""Values of a wrong type as they stand in the file: the server sees what YAML made of them, 42798 of `00123456`."""

from collections.abc import Iterator, Sequence

from app.admission.offline import Answer
from app.domain.outcome import Edit
from app.domain.path import Path
from app.domain.quoting import quoted
from app.domain.reading import read
from app.manifest.nodes import Scalar, behind
from app.manifest.objects import Manifest
from app.manifest.positions import locate
from app.rules.field_type import message

FIELD_TYPE = "field-type"
_MAX_CHARS = 80
"""Characters of a value that is shown as it stands: a number may have any count of zeros in front."""


def as_written(path: Path, edits: Sequence[Edit]) -> Path:
    """Where a field of the mutated object stood before the edits."""
    for edit in reversed(edits):
        if edit.op == "move" and path[: len(edit.path)] == edit.path:
            path = edit.source + path[len(edit.path) :]
    return path


def wrong_values(manifest: Manifest, answer: Answer) -> dict[Path, str]:
    """What `field-type` says, by paths of the mutated object, of values that the file writes in a way of its own."""
    if not any(found.rule == FIELD_TYPE for found in answer.findings):
        return {}
    return dict(_messages(manifest, answer, [edit for _, edit in answer.edits]))


def _messages(manifest: Manifest, answer: Answer, edits: Sequence[Edit]) -> Iterator[tuple[Path, str]]:
    for fault in read(manifest.kind, answer.document, manifest.namespace).faults:
        written = as_it_stands(manifest, as_written(fault.path, edits), fault.found)
        if fault.lack == "type" and written:
            yield fault.path, message(fault, written)


def as_it_stands(manifest: Manifest, path: Path, value: object) -> str:
    """A number or boolean as the file has it; empty if that is what JSON would have."""
    node = behind(locate(manifest.node, path).node)
    if isinstance(value, str) or not isinstance(node, Scalar) or not node.plain:
        return ""
    return node.text if node.text != quoted(value) and len(node.text) <= _MAX_CHARS else ""
