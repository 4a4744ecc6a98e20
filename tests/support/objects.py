"""Generated objects of all four kinds: good ones, odd ones, and ones with values of any type anywhere."""

from typing import Any

from hypothesis import strategies as st

KINDS = ("BackupConfiguration", "BackupBatch", "RestoreSession", "RestoreBatch")

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)  # fmt: skip

_names = st.sampled_from(["", "app", "db", "db-0", "host", "host-0", "log", "log-a", "bad alias", "x" * 64])
_hosts = st.sampled_from(["app", "db-0", "db-1", "host-0", "host-3", "log-node", ""])


def _maybe(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the fields, some of them null, and now and then a value of any type or an unknown field."""
    present = {name: st.one_of(*[value] * 8, st.none()) for name, value in fields.items()}
    fitting = st.fixed_dictionaries({}, optional=present)
    spoiled = st.tuples(fitting, st.sampled_from([*fields, "unknown"]), json_values).map(lambda t: {**t[0], t[1]: t[2]})
    return st.one_of(*[fitting] * 6, spoiled)


_ref = _maybe(
    {
        "apiVersion": st.just("apps/v1"),
        "kind": st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "PersistentVolumeClaim", "AppBinding", ""]),
        "name": _names,
        "namespace": st.sampled_from(["", "demo", "other"]),
    }
)
_rule = _maybe(
    {
        "targetHosts": st.lists(_hosts, max_size=3),
        "sourceHost": _hosts,
        "snapshots": st.lists(_names, max_size=2),
        "paths": st.lists(_names, max_size=2),
    }
)
_rules = st.lists(st.one_of(_rule, st.none()), max_size=3)
_mounts = st.lists(_maybe({"name": _names, "mountPath": _names}), max_size=2)
_backup_target = _maybe(
    {"alias": _names, "ref": _ref, "paths": st.lists(_names, max_size=2), "volumeMounts": _mounts,
     "snapshotClassName": _names, "replicas": st.integers(-1, 3)}
)  # fmt: skip
_restore_target = _maybe(
    {"alias": _names, "ref": _ref, "rules": _rules, "replicas": st.integers(-1, 3),
     "volumeClaimTemplates": st.lists(_maybe({"metadata": st.just({"name": "data"})}), max_size=2)}
)  # fmt: skip
_task = _maybe({"name": st.sampled_from(["", "mysql-backup", "kubedump-1"])})
_hook = _maybe({"exec": st.just({}), "httpGet": st.just({"port": 80}), "tcpSocket": st.just({"port": "http"})})
_hooks = _maybe(dict.fromkeys(("preBackup", "postBackup", "preRestore", "postRestore"), _hook))
_common = {
    "driver": st.sampled_from(["Restic", "VolumeSnapshotter"]),
    "repository": _maybe({"name": _names}),
    "timeOut": st.sampled_from(["30m", "3d", "", "-1h"]),
    "hooks": _hooks,
}
_backup = {
    **_common,
    "schedule": st.sampled_from(["", "*/5 * * * *", "@daily", "0 0 * * 7"]),
    "retentionPolicy": _maybe({"name": _names, "prune": st.booleans(), "keepLast": st.integers(-1, 2)}),
    "retryConfig": _maybe({"delay": st.sampled_from(["5m", "x"])}),
}
_order = {"maintainOrder": st.booleans(), "executionOrder": st.sampled_from(["Parallel", "Sequential", "Other"])}
_backup_member = _maybe({"target": _backup_target, "task": _task, "hooks": _hooks})
_restore_member = _maybe({"target": _restore_target, "task": _task, "hooks": _hooks, "rules": _rules})
_members = st.one_of(st.none(), _backup_member), st.one_of(st.none(), _restore_member)

_specs = {
    "BackupConfiguration": _maybe({**_backup, "target": _backup_target, "task": _task}),
    "BackupBatch": _maybe({**_backup, **_order, "members": st.lists(_members[0], max_size=5)}),
    "RestoreSession": _maybe({**_common, "target": _restore_target, "task": _task, "rules": _rules}),
    "RestoreBatch": _maybe({**_common, **_order, "members": st.lists(_members[1], max_size=5)}),
}


@st.composite
def objects(draw: st.DrawFn, kind: str | None = None) -> dict[str, Any]:
    """An object of one of the kinds."""
    kind = draw(st.sampled_from(KINDS)) if kind is None else kind
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": kind,
        "metadata": {"name": "generated", "namespace": "demo"},
        "spec": draw(st.one_of(*[_specs[kind]] * 20, json_values)),
    }


@st.composite
def updates(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two objects of one kind: what is stored, and what is to replace it."""
    old = draw(objects())
    return old, draw(objects(old["kind"]))
