"""The parts of the pages that are generated: real answers of the real code, so that none goes stale."""

import base64
import difflib
import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import Request, parse, read_request
from app.domain.outcome import apply
from app.rules.registry import RULES
from app.settings import PREFIX, Settings
from tools import alerts, deploy, metrics
from tools.chart.texts import table as values_table
from tools.reference import reference
from tools.rulebook import rulebook

_PART = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SAMPLES = Path(__file__).parents[1] / "manifests" / "samples"
_DOCS = Path(__file__).parents[1] / "docs"


def with_parts(text: str) -> str:
    """A page with every generated part made anew."""
    return _PART.sub(lambda match: f"{match[1]}{_PARTS[match['name']]()}{match[3]}", text)


def curl(webhook: str, sample: str) -> str:
    """The command that asks a webhook of `make run` about a sample."""
    return (
        "curl --cacert .local/certs/ca.crt -H 'Content-Type: application/json' \\\n"
        f"    --data-binary @manifests/samples/reviews/{sample}.json https://127.0.0.1:8443/{webhook}"
    )


def answer(webhook: str, sample: str) -> str:
    """What the webhook answers."""
    request, admission = _request(sample), Admission()
    decision = admission.mutate(request) if webhook == "mutate" else admission.validate(request)
    return render(request, decision).decode()


def _request(sample: str) -> Request:
    return read_request(parse((_SAMPLES / "reviews" / f"{sample}.json").read_bytes()))


def _restore() -> str:
    """A restore as its author wrote it, without the comments in front."""
    text = (_SAMPLES / "restorebatch.yaml").read_text()
    return text[text.index("apiVersion:") :]


def _written() -> str:
    return _block("yaml", _restore())


def _stored() -> str:
    """The sample with the mutations made by the real rules, as a diff against what was written."""
    yaml = YAML()
    yaml.preserve_quotes = True
    written = _restore()
    document = yaml.load(written)
    out = StringIO()
    yaml.dump(apply((edit for _, edit in Admission().mutate(_request("restorebatch")).edits), document), out)
    diff = difflib.unified_diff(written.splitlines(), out.getvalue().splitlines(), lineterm="", n=2)
    return _block("diff", "\n".join(list(diff)[2:]))


def _refusal() -> str:
    response = json.loads(answer("validate", "batch-of-mistakes"))["response"]
    file = "manifests/samples/batch-of-mistakes.yaml"
    details = response["status"]["details"]
    causes = "\n".join(f"* {cause['field']}: {cause['message']}" for cause in details["causes"])
    said = f'The {details["kind"]} "{details["name"]}" is invalid: \n{causes}'
    return _block("console", f"$ kubectl apply -f {file}\n{said}")


def _apply() -> str:
    warnings = json.loads(answer("mutate", "restorebatch"))["response"]["warnings"]
    said = "\n".join(f"Warning: {each}" for each in warnings)
    created = "restorebatch.stash.appscode.com/wordpress-restore created"
    return _block("console", f"$ kubectl apply -f manifests/samples/restorebatch.yaml\n{said}\n{created}")


def _ask(webhook: str, sample: str) -> str:
    return _block("console", f"$ {curl(webhook, sample)}\n{answer(webhook, sample)}")


def _patch() -> str:
    patch = json.loads(base64.b64decode(json.loads(answer("mutate", "restorebatch"))["response"]["patch"]))
    return _block("json", "[\n" + ",\n".join(f"  {json.dumps(operation)}" for operation in patch) + "\n]")


def _rules() -> str:
    rows = [f"| [`{rule.id}`](#{rule.id}) | {rule.level or 'changes'} | {rule.summary} |\n" for rule in RULES.values()]
    return "| rule | level | what it does |\n|---|---|---|\n" + "".join(rows)


def _settings() -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default: Any = field.default
        shown = f"`{default}`" if default not in ((), None) else ""
        flag = f"--{name.replace('_', '-')}"
        said = " ".join((field.description or "").split())
        rows.append(f"| `{flag}` | `{PREFIX}{name.upper()}` | {shown} | {said} |\n")
    return "| flag | variable | default | |\n|---|---|---|---|\n" + "".join(rows)


def _configuration() -> str:
    return _block("yaml", (_DOCS / "operate" / "configuration.yaml").read_text())


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```\n"


_PARTS: dict[str, Callable[[], str]] = {
    "written": _written,
    "stored": _stored,
    "apply": _apply,
    "refusal": _refusal,
    "ask mutate": lambda: _ask("mutate", "restorebatch"),
    "patch": _patch,
    "ask validate": lambda: _ask("validate", "batch-of-mistakes"),
    "rules": _rules,
    "settings": _settings,
    "role of doctor": lambda: _block("yaml", (deploy.MANIFESTS / "roles" / "doctor.yaml").read_text()),
    "chart values": values_table,
    "metrics": metrics.table,
    "alerts": alerts.section,
    "configuration": _configuration,
    "rulebook": rulebook,
    "commands": reference,
}
