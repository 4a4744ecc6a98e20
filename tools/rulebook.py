"""Every rule for people: what it does and why, its examples, and what is really said of the bad one."""

import json

from app.domain.twin import NoTwin
from app.rules.registry import RULES, Level, Rule
from testbed.reviews import admit
from tools.examples import Example, examples

_GROUPS = {
    "What is changed": "These write into the object before it is stored. They have no level: they are always on.",
    "What is said of a change": "These warn of what the first group did, or could not do.",
    "What is refused": "An object with such a fault is not stored. All its faults are told at once.",
    "What is warned of": "The object is stored, and its author reads the warning.",
}
BY_THE_CRD = {"field-type"}
"""Rules whose examples the API server refuses itself, by the CRD, before it asks the webhooks."""
_POLICIES = "../operate/policies.md"
_ASKS = "It asks what else the cluster holds: [cluster-rules.md](cluster-rules.md)."


def rulebook() -> str:
    """All rules in Markdown, in groups, in the order in which they act."""
    groups: dict[str, list[Rule]] = {heading: [] for heading in _GROUPS}
    for rule in RULES.values():
        groups[_group(rule)].append(rule)
    return "".join(
        f"## {heading}\n\n{_GROUPS[heading]}\n\n{''.join(map(_section, rules))}" for heading, rules in groups.items()
    )


def _group(rule: Rule) -> str:
    changed, announced, refused, warned = _GROUPS
    if rule.level is None:
        return changed
    if rule.level is Level.ENFORCE:
        return refused
    return warned if Level.ENFORCE in rule.settable else announced


def _section(rule: Rule) -> str:
    found = examples(rule)
    (bad, before), (good, after) = rule.examples.items()
    asks = f"\n{_ASKS}\n" if rule.asks_the_cluster else ""
    return (
        f"### `{rule.id}`\n\n{rule.summary}\n\n{_facts(rule)}\n{rule.reason}\n{asks}\n{_policy(rule)}\n"
        f"{bad}{_reading(found[bad])} ([whole](../../manifests/samples/{rule.id}.yaml)):\n\n"
        f"{_block('yaml', before)}\n{_said(rule, found[bad])}\n{good}:\n\n{_block('yaml', after)}\n"
    )


def _facts(rule: Rule) -> str:
    others = [f"`--rule {rule.id}={each}`" for each in rule.settable if each is not rule.level]
    level = f"`{rule.level}`" if rule.level else "changes"
    row = f"| {level} | {', '.join(rule.kinds)} | {', '.join(others) or 'not to be set'} |"
    return f"| level | kinds | another level |\n|---|---|---|\n{row}\n"


def _policy(rule: Rule) -> str:
    """Whether Kubernetes can say it without the server."""
    twin = rule.twin
    if isinstance(twin, NoTwin):
        return f"Without the server: nothing. {twin.why}\n"
    return (
        f"Without the server: [a policy]({_POLICIES}) says it.{f' Not covered: {twin.lacks}' if twin.lacks else ''}\n"
    )


def _reading(example: Example) -> str:
    """How to read an example of several documents."""
    if example.old:
        return ", where the first document is what is stored and the second an update of it"
    return ", the last document, where the cluster holds the others already" if example.cluster else ""


def _said(rule: Rule, example: Example) -> str:
    """What kubectl prints of the example, or what the patch says."""
    result = admit(example.object, example.old, cluster=example.cluster)
    if rule.level is None:
        lines = ",\n".join(f"  {json.dumps(each)}" for each in result.mutation.patch)
        return f"The patch:\n\n{_block('json', f'[{chr(10)}{lines}{chr(10)}]')}"
    causes = [f"{each['field']}: {each['message']}" for each in result.validation.causes]
    if rule.id in BY_THE_CRD:
        errors = "\n".join(f"error: {each}" for each in causes)
        return f"kubectl prints what the CRD says of it, and `stash-admission check`:\n\n{_block('text', errors)}"
    warnings = [f"Warning: {each}" for each in result.warnings]
    title = f'The {example.object["kind"]} "{example.object["metadata"]["name"]}" is invalid: '
    if len(causes) > 1:
        causes = ["", *(f"* {each}" for each in causes)]
    refusal = [f"{title}{chr(10).join(causes)}"] if causes else []
    return f"kubectl prints:\n\n{_block('text', chr(10).join([*warnings, *refusal]))}"


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```\n"
