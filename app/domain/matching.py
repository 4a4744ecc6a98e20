"""Which restore rule applies to a host."""

from collections.abc import Sequence

from schemas.target import Rule

EVERYTHING: Rule = {}
"""How a target without rules is restored: everything of the host itself."""


def rule_for(host: str, rules: Sequence[Rule | None]) -> Rule | None:
    """The rule that restores `host`, compared as an exact string; None if nothing is restored.

    A rule that names the host wins, wherever it stands; otherwise the one without target hosts applies.
    """
    given = [rule for rule in rules if rule is not None]
    if not given:
        return EVERYTHING
    for rule in given:
        if host in (rule.get("targetHosts") or ()):
            return rule
    return next((rule for rule in given if not _named(rule)), None)


def source_of(host: str, rule: Rule) -> str:
    """The host whose data `rule` restores for `host`, unless it names snapshots."""
    return rule.get("sourceHost") or host


def _named(rule: Rule) -> list[str]:
    return [host for host in rule.get("targetHosts") or () if host is not None]
