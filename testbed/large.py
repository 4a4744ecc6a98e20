"""Objects as large as an API server takes them, and larger: of each shape one that has much for some rule to do."""

from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


def batch(members: list[Any], kind: str = "BackupBatch", **spec: Any) -> Document:
    """A batch of these members, without a fault of its own."""
    backup = {"schedule": "0 3 * * *", "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True}}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": kind,
        "metadata": {"name": "shop", "namespace": "demo"},
        "spec": {
            "repository": {"name": "gcs-repo"},
            **(backup if kind == "BackupBatch" else {}),
            "members": members,
            **spec,
        },
    }


def members(number: int, alias: Callable[[int], str] = lambda _: "app", **target: Any) -> list[Document]:
    """Members that differ in what they refer to, all with one alias if nothing else is said."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment"}
    return [{"target": {"alias": alias(i), "ref": {**ref, "name": f"web-{i}"}, **target}} for i in range(number)]


def _nameless(number: int) -> Document:
    return batch([{"target": {"ref": {"apiVersion": "apps/v1", "kind": "Deployment"}}} for _ in range(number)])


def _sets(number: int) -> Document:
    kinds = ("StatefulSet", "DaemonSet", "Deployment")
    refs = ({"apiVersion": "apps/v1", "kind": kinds[i % 3], "name": f"a-{i}"} for i in range(number))
    return batch([{"target": {"alias": f"a-{i // 3}", "ref": ref}} for i, ref in enumerate(refs)])


def _hosts(hosts: list[str]) -> Document:
    return batch(members(1, rules=[{"targetHosts": hosts, "snapshots": ["latest"]}]), "RestoreBatch")


def _rules(number: int) -> Document:
    return batch(
        members(1, rules=[{"targetHosts": [f"app-{i}"], "paths": ["/a"]} for i in range(number)]), "RestoreBatch"
    )


MEMBERS: dict[str, Callable[[int], Document]] = {
    "members without a fault": lambda number: batch(members(number, lambda i: f"a{i}")),
    "members with one alias": lambda number: batch(members(number)),
    "members with a wrong alias each": lambda number: batch(members(number, lambda i: f"-{i}")),
    "members without alias and name": _nameless,
    "members of all kinds, three with one alias": _sets,
    "rules of one target": _rules,
}
"""By a number of members."""
_TEXT = "a"
TEXTS: dict[str, Callable[[int], Document]] = {
    "target hosts": lambda size: _hosts([f"a{i}" for i in range(size // 10)]),
    "one target host again and again": lambda size: _hosts(["a"] * (size // 4)),
    "an alias": lambda size: batch(members(1, lambda _: _TEXT * size)),
    "a name": lambda size: batch([{"target": {"ref": {"kind": "Deployment", "name": _TEXT * size}}}] * 2),
    "a schedule of commas": lambda size: batch(members(1), schedule="1," * (size // 2)),
    "a schedule of spaces": lambda size: batch(members(1), schedule=" " * size),
    "a duration": lambda size: batch(members(1), timeOut="1h" * (size // 2)),
    "digits of a duration": lambda size: batch(members(1), timeOut="1" * size + "h"),
    "a quantity": lambda size: batch(
        members(1), runtimeSettings={"container": {"resources": {"limits": {"cpu": "1" * size}}}}
    ),
}
"""By a number of bytes: one text, or a list of short ones."""
