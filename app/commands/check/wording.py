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
        node = behind(locate(manifest.node, as_written(fault.path, edits)).node)
        if fault.lack != "type" or isinstance(fault.found, str) or not isinstance(node, Scalar) or not node.plain:
            continue
        if node.text != quoted(fault.found) and len(node.text) <= _MAX_CHARS:
            yield fault.path, message(fault, node.text)
