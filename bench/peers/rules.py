"""The four core rules as one writes them at first: what the peers in Python decide.

They know one host of a StatefulSet, its first, and no DaemonSet's. So they miss clashes that the product finds, which
makes them cheaper.
"""

from __future__ import annotations

from typing import Any


def legacy_alias(kind: str) -> str | None:
    """The alias that a target of this kind means without one; None where there is none."""
    if kind == "DaemonSet":
        return None
    return "host" if kind == "StatefulSet" else "host-0"


def default_aliases(members: list[dict[str, Any]]) -> None:
    """Write the alias that is meant where there is none."""
    for member in members:
        target = member.get("target")
        if target is not None and not target.get("alias"):
            alias = legacy_alias(target.get("ref", {}).get("kind", ""))
            if alias is not None:
                target["alias"] = alias


def move_rules(members: list[dict[str, Any]]) -> None:
    """Move rules from beside the target into it, where it has none or the same."""
    for member in members:
        target = member.get("target")
        if target is not None and "rules" in member and target.get("rules") in (None, member["rules"]):
            target["rules"] = member.pop("rules")


def faults(members: list[dict[str, Any]], writes: bool) -> list[str]:
    """What is wrong: an alias or, where the members write to the repository, a host that two of them share."""
    found = []
    aliases: dict[str, int] = {}
    hosts: dict[str, int] = {}
    for index, member in enumerate(members):
        target = member.get("target")
        if target is None:
            continue
        kind = target.get("ref", {}).get("kind", "")
        alias = target.get("alias") or legacy_alias(kind)
        if alias is None:
            continue
        host = f"{alias}-0" if kind == "StatefulSet" else alias
        where = f"spec.members[{index}].target.alias"
        if alias in aliases:
            found.append(f'{where}: members[{aliases[alias]}] has the same alias "{alias}"')
        elif writes and kind != "DaemonSet" and host in hosts:
            found.append(f'{where}: members[{hosts[host]}] has the same host "{host}"')
        aliases.setdefault(alias, index)
        if kind != "DaemonSet":
            hosts.setdefault(host, index)
    return found
