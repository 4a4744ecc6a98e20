"""What of the machine a node must not change: read before and after."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.node.place import CGROUPS

_SYSCTLS = ("vm", "kernel", "net", "fs")
_MOVING = (
    "/random/",
    "/stat",
    "-state",
    "_count",
    "nr_",
    "/pty/",
    "/ns_last_pid",
    "/usage",
    "/lock_stat",
    "/route/flush",
    "/fs/file-nr",
    "/fs/inode-nr",
    "/quota/",
    "/dentry-state",
)
"""Parts of the names of those that change by themselves."""


def state() -> dict[str, list[str]]:
    """Rules of netfilter, links, addresses, routes, mounts, cgroups and sysctls of the machine, each as lines."""
    return {
        "links": _lines("ip", "-o", "link"),
        "addresses": _lines("ip", "-o", "address"),
        "routes": _lines("ip", "route", "show", "table", "all"),
        "rules": [*_lines("nft", "list", "ruleset"), *_lines("iptables-save")],
        "mounts": [line.split(" - ")[0] for line in Path("/proc/self/mountinfo").read_text().splitlines()],
        "cgroups": sorted(str(each) for each in CGROUPS.glob("*/*") if each.is_dir()),
        "sysctls": sorted(_sysctls()),
    }


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """What has come, and what has gone."""
    found = []
    for name, lines in before.items():
        found += [f"{name}: gone: {line}" for line in lines if line not in after[name]]
        found += [f"{name}: new: {line}" for line in after[name] if line not in lines]
    return found


def _lines(*command: str) -> list[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [line for line in done.stdout.splitlines() if not line.startswith("#")]


def _sysctls() -> list[str]:
    found = []
    for folder in _SYSCTLS:
        for path in Path("/proc/sys", folder).rglob("*"):
            if path.is_file() and not any(part in str(path) for part in _MOVING):
                try:
                    found.append(f"{path}={path.read_text().strip()}")
                except (OSError, UnicodeDecodeError):
                    continue
    return found
