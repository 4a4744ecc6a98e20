"""Metadata, good and bad: what is tried with `check` alone and beside a real API server."""

from typing import Any

_LONG = "x" * 64
GOOD: list[dict[str, Any]] = [
    {"name": "a.b-2"},
    {"generateName": "web-"},
    {"name": "a", "labels": {"app.kubernetes.io/Part_of": "A.b-c_9", "empty": "", "none": None}},
    {"name": "a", "labels": None, "annotations": None, "finalizers": None},
    {"name": "a", "annotations": {"Example.COM/key": "has spaces, ünicode", "x": "y" * 1_000}},
    {"name": "a", "finalizers": ["stash.appscode.com", "example.com/done"]},
]
BAD: list[tuple[Any, list[str]]] = [
    (None, ["metadata.name"]),
    ({"labels": {}}, ["metadata.name"]),
    ({"name": ""}, ["metadata.name"]),
    ({"name": None, "generateName": ""}, ["metadata.name"]),
    ({"name": "Web_Backup"}, ["metadata.name"]),
    ({"name": "a..b"}, ["metadata.name"]),
    ({"name": "ü"}, ["metadata.name"]),
    ({"name": "x" * 254}, ["metadata.name"]),
    ({"name": "X" * 254}, ["metadata.name", "metadata.name"]),
    ({"name": "a", "generateName": "Web_"}, ["metadata.generateName"]),
    ({"name": "a", "generateName": "-"}, ["metadata.generateName"]),
    ({"name": "a", "labels": {"team": "has spaces"}}, ["metadata.labels.team"]),
    ({"name": "a", "labels": {"team": _LONG}}, ["metadata.labels.team"]),
    ({"name": "a", "labels": {"team": "ü" * 32}}, ["metadata.labels.team"] * 2),
    ({"name": "a", "labels": {"bad key": "x"}}, ["metadata.labels.bad key"]),
    ({"name": "a", "labels": {"/x": "x"}}, ["metadata.labels./x"]),
    ({"name": "a", "labels": {"a/b/c": "x"}}, ["metadata.labels.a/b/c"]),
    ({"name": "a", "labels": {"Example.com/x": "x"}}, ["metadata.labels.Example.com/x"]),
    ({"name": "a", "labels": {"example.com/": "x"}}, ["metadata.labels.example.com/"] * 2),
    ({"name": "a", "labels": {_LONG: "x"}}, [f"metadata.labels.{_LONG}"]),
    ({"name": "a", "labels": {"p" * 254 + "/x": "x"}}, [f"metadata.labels.{'p' * 254}/x"]),
    ({"name": "a", "annotations": {"bad key": "x", "a": "b"}}, ["metadata.annotations.bad key"]),
    ({"name": "a", "annotations": {"a": "x" * 262_144}}, ["metadata.annotations"]),
    ({"name": "a", "finalizers": ["example.com/a", "Example.com/b c"]}, ["metadata.finalizers[1]"] * 2),
    ("web", ["metadata"]),
    (["web"], ["metadata"]),
    ({"name": 5}, ["metadata.name"]),
    ({"name": ["a"]}, ["metadata.name"]),
    ({"name": "a", "generateName": True}, ["metadata.generateName"]),
    ({"name": "a", "labels": []}, ["metadata.labels"]),
    ({"name": "a", "labels": {"version": 1.5}}, ["metadata.labels.version"]),
    ({"name": "a", "labels": {"version": {"major": 1}}}, ["metadata.labels.version"]),
    ({"name": "a", "annotations": "none"}, ["metadata.annotations"]),
    ({"name": "a", "annotations": {"on": True}}, ["metadata.annotations.on"]),
    ({"name": "a", "finalizers": "example.com/a"}, ["metadata.finalizers"]),
    ({"name": "a", "finalizers": ["example.com/a", 7]}, ["metadata.finalizers[1]"]),
]
"""Each with the fields that `check` names, in order; the API server knows only those above them."""
