"""docs/node.md, written from what happened."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

NO_REPLICA = "no replica, failurePolicy Fail"
DEAD_NODE = "a node without power"
KILLED, OUT_OF_MEMORY = "a replica killed by kill -9", "a replica killed for want of memory"
ABRUPT = (KILLED, OUT_OF_MEMORY, DEAD_NODE)
PAGE = Path(__file__).parents[2] / "docs" / "node.md"
_WHY = "connections to it are refused, or lead nowhere, until the Service leads elsewhere"
_PAGE = """\
# On real nodes

Written by `make node`, on {date}: two nodes on one machine, each with kubelet, containerd, kube-proxy and kube-router
in namespaces of its own, joined by a bridge. The image is built by the Dockerfile, and the commands are those of
[the README](../README.md), [installation](install/installation.md), [operations](operate/operations.md) and
[certificates](install/certificates.md). All the while, up to {rate} BackupBatches a second were created, each without
an alias, for a Repository of its own. One counts as failed if it was not stored, or was stored without its alias while
webhooks had to be asked.

{versions}; {machine}. The run took {minutes:.0f} minutes.

**{created} created, {failed} failed** but for the rows in which a replica was killed, with its node or alone, or there
was none.

| while | created | of these unchecked | failed | slowest | it took |
|---|---|---|---|---|---|
{rows}

Unchecked are those that were created while no webhook had rules, or with `failurePolicy: Ignore`. With the policy
`Fail` and no replica, creations failed for {gap:.0f} s, from the first to the last: scaled to none, and back.

{abrupt}

The replica that wanted memory was ended by the kernel, at the limit of its cgroup: `OOMKilled`. The node without power
was given up after {given_up:.0f} s: after 16 without a report (`--node-monitor-grace-period` of
kube-controller-manager), where 50 are the default. Until then the Service sends every second connection to the replica
that is gone. Another one takes its place after five minutes by default, or at once by the taint `out-of-service`.

The other CA was announced by a Job made from the CronJob, and signed in a run of the CronJob's own, while replicas
were killed and a node was drained. The CronJob ran each minute in place of each hour, and the CA settled for half a
minute in place of ten. cert-manager is its own controllers and CA injector, in one process on a node.

| | |
|---|---|
| from `kubectl apply` to a closed gate, with an image that arrived after the pods had asked | {installing:.0f} s |
| the same, when installing again with the image at hand | {again:.0f} s |

## Run it

`make node` needs root, Linux with cgroups of version 1, Debian's apt, and Go. The first run builds for about half an
hour and keeps 4 GiB in `~/.cache/stash-admission/node`; later ones take the minutes above. It changes nothing of the
machine: rules, links, mounts, cgroups and sysctls are compared before and after. After Ctrl-C nothing is left but what
is built; `make node-down` removes what a crash has left. There is one run at a time. Where something is missing, it
says what, and ends with 2: a machine with cgroups of version 2 alone cannot do it.
"""


def write(rows: list[dict[str, Any]], figures: dict[str, Any], versions: list[tuple[str, str]], seconds: float) -> None:
    """Write the page."""
    without = [each for each in rows if each["name"] in (NO_REPLICA, *ABRUPT)]
    gap = sum(each["gap"] for each in without if each["name"] == NO_REPLICA)
    others = [each for each in rows if each not in without]
    text = _PAGE.format(
        date=datetime.datetime.now(datetime.UTC).date(),
        rate=30,
        versions=", ".join(f"{name} {version}" for name, version in versions),
        machine=f"Linux {platform.release()} with {os.cpu_count()} cores",
        minutes=seconds / 60,
        created=f"{sum(each['created'] for each in others):,}",
        failed=sum(each["failed"] for each in others),
        rows="\n".join(map(_row, rows)),
        gap=gap,
        abrupt=_abrupt(without),
        given_up=figures["given up"],
        installing=figures["installing"],
        again=figures["installing again"],
    )
    PAGE.write_text(text)


def _abrupt(rows: list[dict[str, Any]]) -> str:
    return "\n\n".join(_failing(each) for each in rows if each["name"] in ABRUPT)


def _failing(each: dict[str, Any]) -> str:
    when = f", within {each['gap']:.1f} s: {_WHY}" if each["failed"] else ""
    all_of_them = each["created"] + each["failed"]
    return f"With {each['name']}, {each['failed']} of {all_of_them} creations failed{when}."


def _row(each: dict[str, Any]) -> str:
    counts = f"{each['created']} | {each['unchecked']} | {each['failed']}"
    return f"| {each['name']} | {counts} | {each['slowest']:.1f} s | {each['seconds']:.0f} s |"
