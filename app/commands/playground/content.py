"""What the page shows before anybody types: examples, the rules' documentation, and what is not checked."""

from pathlib import Path
from typing import Any

from app.admission.engine import Admission
from app.commands.check.runner import BESIDE_THE_RULES
from app.rules.registry import RULES
from app.server.limits import MAX_BODY_BYTES

MAX_TEXT_BYTES = MAX_BODY_BYTES
"""Bytes of a question: as much as the server takes of a review."""
_EXAMPLES = Path(__file__).with_name("examples")


def about(admission: Admission) -> dict[str, Any]:
    """What the page needs once."""
    rules: dict[str, dict[str, Any]] = {
        each.id: {
            "summary": each.summary,
            "reason": each.reason,
            "level": admission.levels.everywhere.get(each.id, "mutation"),
            "kinds": each.kinds,
            "examples": each.examples,
        }
        for each in RULES.values()
    }
    for name, summary in BESIDE_THE_RULES.items():
        rules[name] = {"summary": summary, "reason": "", "level": "", "kinds": (), "examples": {}}
    return {
        "rules": rules,
        "examples": [_example(path) for path in sorted(_EXAMPLES.glob("*.yaml"))],
        "unchecked": []
        if admission.cluster is not None
        else [each.id for each in RULES.values() if each.asks_the_cluster],
        "largest": MAX_TEXT_BYTES,
    }


def _example(path: Path) -> dict[str, str]:
    """Title, in the file the first comment, and text; of an update, what is stored is the document before."""
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    old, _, text = rest.rpartition("---\n")
    return {"title": first.removeprefix("# "), "text": text, "old": old}
