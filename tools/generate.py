"""Write everything in the repository that is derived from something else, or (`--check`) say what is out of date."""

import json
import sys
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from app.rules.registry import RULES, Rule
from schemas.kinds import KINDS
from tools import alerts, chart, dashboard, definitions, deploy, json_schemas
from tools.examples import examples
from tools.messages import SAID, said
from tools.readme import with_parts
from tools.transcript import with_output

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "manifests" / "samples"
REVIEWS = SAMPLES / "reviews"
DOCS = ROOT / "docs"
CRDS = ROOT / "manifests" / "crds"
CHART = ROOT / "charts" / "stash-admission"
SCHEMAS_OF_SAMPLES = "../schemas-strict"
MONITORING = ROOT / "manifests" / "monitoring"
_WRITTEN_BY_HAND = (
    "backupconfiguration", "backupbatch", "restoresession", "restorebatch", "restore-in-order", "batch-of-mistakes",
)  # fmt: skip


def generated() -> Iterator[tuple[Path, str]]:
    """Each generated file with its content."""
    for rule in RULES.values():
        yield SAMPLES / f"{rule.id}.yaml", _sample(rule)
        bad = next(iter(examples(rule).values()))
        yield REVIEWS / f"{rule.id}.json", _review(rule.id, bad.object, bad.old)
    for name in _WRITTEN_BY_HAND:
        text = (SAMPLES / f"{name}.yaml").read_text()
        document = YAML(typ="safe", pure=True).load(text)
        yield SAMPLES / f"{name}.yaml", _with_modeline(text, document)
        yield REVIEWS / f"{name}.json", _review(name, document)
    for path, content in definitions.files().items():
        yield CRDS / path, content
    for path, content in json_schemas.files().items():
        yield ROOT / "manifests" / path, content
    for path, content in deploy.files().items():
        yield ROOT / "manifests" / path, content
    for path, content in chart.files().items():
        yield CHART / path, content
    yield MONITORING / "dashboard.json", dashboard.dashboard()
    yield MONITORING / "alerts.yaml", alerts.rule_file()
    yield MONITORING / "prometheusrule.yaml", alerts.prometheus_rule()
    yield SAID, said()
    for page in (ROOT / "README.md", CHART / "README.md", *sorted(DOCS.rglob("*.md"))):
        yield page, with_output(with_parts(page.read_text()))


def _sample(rule: Rule) -> str:
    heading, example = next(iter(examples(rule).items()))
    effect = "changes" if heading == "Before" else "refuses" if rule.level == "enforce" else "warns of"
    comment = f"# Generated from the rule {rule.id}, which {effect} "
    if example.cluster:
        comment += (
            "the last object, because of what else the cluster holds.\n"
            f"# stash-admission review --validate --inventory manifests/samples/{rule.id}.yaml \\\n"
            f"#   manifests/samples/reviews/{rule.id}.json\n"
        )
    elif example.old:
        comment += "this:\n# the first object is what is stored, the second an update of it.\n"
    else:
        comment += "this.\n"
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    return comment + "---\n".join(_document(yaml, each) for each in example.documents)


def _document(yaml: YAML, document: dict[str, Any]) -> str:
    """A document, and for editors, which look in each of them, where its schema is."""
    out = StringIO()
    yaml.dump(document, out)
    return json_schemas.modeline(document, SCHEMAS_OF_SAMPLES) + out.getvalue()


def _with_modeline(text: str, document: dict[str, Any]) -> str:
    """A sample that is written by hand, with its comment in front, and where its schema is."""
    lines = [line for line in text.splitlines(keepends=True) if "yaml-language-server:" not in line]
    comments = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return "".join([*lines[:comments], json_schemas.modeline(document, SCHEMAS_OF_SAMPLES), *lines[comments:]])


def _review(name: str, document: dict[str, Any], old: dict[str, Any] | None = None) -> str:
    """The AdmissionReview that the API server sends for a document; `old` is what is stored of it."""
    group, version = document["apiVersion"].split("/")
    kind = {"group": group, "version": version, "kind": document["kind"]}
    resource = {"group": group, "version": version, "resource": KINDS[document["kind"]].plural}
    operation = "CREATE" if old is None else "UPDATE"
    review = {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": document["metadata"]["name"],
            "namespace": document["metadata"]["namespace"],
            "operation": operation,
            "userInfo": {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]},
            "object": document,
            "oldObject": old,
            "dryRun": False,
            "options": {"kind": f"{operation.title()}Options", "apiVersion": "meta.k8s.io/v1"},
        },
    }
    return json.dumps(review, indent=2) + "\n"


def _marked(folder: Path) -> Iterator[Path]:
    """The files in a folder that say that they are generated."""
    return (path for path in folder.rglob("*.yaml") if "Generated by `make generate`" in path.read_text())


def main() -> None:
    """Write, or check."""
    check = "--check" in sys.argv[1:]
    wanted = dict(generated())
    known = {*wanted, *(SAMPLES / f"{name}.yaml" for name in _WRITTEN_BY_HAND)}
    stale = [path for path, content in wanted.items() if not path.exists() or path.read_text() != content]
    schemas = (ROOT / "manifests").glob("schemas*/*/*.json")
    there = (*schemas, *SAMPLES.glob("*.yaml"), *REVIEWS.glob("*.json"), *CRDS.glob("*.yaml"), *_marked(CHART))
    orphans = [path for path in there if path not in known]
    for path in stale + orphans:
        done = "is out of date" if check else "written" if path in wanted else "removed"
        sys.stdout.write(f"{path.relative_to(ROOT)} {done}\n")
    if check:
        sys.exit("run `make generate`" if stale or orphans else None)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    for path in orphans:
        path.unlink()


if __name__ == "__main__":
    main()
