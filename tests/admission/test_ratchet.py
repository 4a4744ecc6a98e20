"""An update is refused for every pair of members that clash, unless the stored object held that very pair.

What a pair is, and which pairs the stored object held, is worked out here a second time, in another way.
"""

import os
from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.reviews import Document, ask

MEMBER = dict[str, Any]
BATCHES = ("BackupBatch", "RestoreBatch")
CLASHES = {"unique-alias", "unique-host", "unique-target"}
LEGACY = {"StatefulSet": "host"}
EXAMPLES = int(os.environ.get("RATCHET_EXAMPLES", "400"))
"""Many more are run by hand where matching changes: `RATCHET_EXAMPLES=50000`, which took half an hour on 2026-11-28 and
found nothing in 50,000 examples of each batch and property."""


def batch(kind: str, members: list[MEMBER]) -> Document:
    spec: dict[str, Any] = {"repository": {"name": "gcs-repo"}, "members": members}
    if kind == "BackupBatch":
        spec |= {"schedule": "@daily", "retentionPolicy": {"name": "keep", "keepLast": 5, "prune": True}}
    metadata = {"name": "shop", "namespace": "demo"}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def member(alias: str | None = None, name: str = "", kind: str = "Deployment", **target: Any) -> MEMBER:
    target = {**target, **({"alias": alias} if alias else {})}
    if name:
        target["ref"] = {"apiVersion": "apps/v1", "kind": kind, "name": name}
    return {"target": target}


aliases = st.sampled_from([None, "x", "y", "x-0", "host-0"])
members = st.builds(
    member,
    aliases,
    st.sampled_from(["", "", "a", "b"]),
    st.sampled_from(["Deployment", "StatefulSet"]),
) | st.builds(lambda alias, path: member(alias, paths=[path]), aliases, st.sampled_from(["/a", "/b"]))
lists = st.lists(members, min_size=1, max_size=4)


@st.composite
def updates(draw: st.DrawFn) -> tuple[list[MEMBER], list[MEMBER]]:
    """The members of a stored object, and those of an update of it: mostly some of the same."""
    stored = draw(lists)
    return stored, draw(st.lists(st.sampled_from(stored) | members, min_size=1, max_size=5))


def identity(each: MEMBER) -> Any:
    ref = each["target"].get("ref")
    return None if ref is None else (ref["kind"], ref["name"])


def alias(each: MEMBER) -> str:
    kind = (identity(each) or ("", ""))[0]
    return str(each["target"].get("alias") or LEGACY.get(kind, "host-0"))


def hosts(each: MEMBER) -> set[str]:
    """Its first ordinals, which is what can be met here."""
    indexed = (identity(each) or ("", ""))[0] == "StatefulSet"
    return {f"{alias(each)}-{ordinal}" for ordinal in range(3)} if indexed else {alias(each)}


def clash(kind: str, one: MEMBER, other: MEMBER) -> bool:
    return alias(one) == alias(other) or (kind == "BackupBatch" and not hosts(one).isdisjoint(hosts(other)))


def same_member(one: MEMBER, other: MEMBER) -> bool:
    """Whether one may be what became of the other, as far as clashes are concerned."""
    return (identity(one), alias(one), hosts(one)) == (identity(other), alias(other), hosts(other))


def held(kind: str, stored: list[MEMBER], update: list[MEMBER]) -> bool:
    """Whether all clashes of the update can be ones that the stored object held, each of its members counted once."""
    clashing = {
        index
        for pair in combinations(range(len(update)), 2)
        if clash(kind, *(update[index] for index in pair))
        for index in pair
    }
    found = Counter[int]()
    for index in clashing:
        like = next(first for first in clashing if same_member(update[first], update[index]))
        found[like] += 1
    return all(count <= sum(same_member(update[like], each) for each in stored) for like, count in found.items())


@pytest.mark.parametrize("kind", BATCHES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(updates())
def test_an_update_is_refused_for_a_pair_unless_the_stored_object_held_it(
    kind: str, change: tuple[list[MEMBER], list[MEMBER]]
) -> None:
    stored, update = change
    old, new = batch(kind, stored), batch(kind, update)
    off = {"immutable-restore": "off"}
    if update == stored or not CLASHES & ask("validate", new, levels=off).refused_by:
        return
    refused = CLASHES & ask("validate", new, old, levels=off).refused_by
    if not held(kind, stored, update):
        assert refused


@pytest.mark.parametrize("kind", BATCHES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(lists, st.data())
def test_a_change_beside_the_members_is_never_refused_for_a_pair(
    kind: str, stored: list[MEMBER], data: st.DataObject
) -> None:
    """Nor one that takes members with a ref of their own away, or puts them in another order."""
    off = {"immutable-restore": "off"}
    old = batch(kind, stored)
    new = batch(kind, stored)
    new["spec"]["runtimeSettings"] = {"pod": {"priorityClassName": "low"}}
    assert not CLASHES & ask("validate", new, old, levels=off).refused_by
    named = [each for each in stored if identity(each)]
    if len({identity(each) for each in named}) == len(stored):
        fewer = data.draw(st.permutations(named))[: data.draw(st.integers(1, len(named)))]
        assert not CLASHES & ask("validate", batch(kind, fewer), old, levels=off).refused_by


NAMELESS = [
    ("the same member once more", [member("x")], [member("x"), member("x")]),
    ("another one that becomes the same", [member("x"), member("y")], [member("y"), member("y")]),
    ("with paths", [member("x", paths=["/a"]), member("y")], [member("y", paths=["/a"]), member("y")]),
    ("beside one with a ref", [member("x", "web")], [member("x", "web"), member("x")]),
    ("a ref of nothing", [{"target": {"alias": "x", "ref": {}}}], [{"target": {"alias": "x", "ref": {}}}] * 2),
    (
        "an empty ref",
        [{"target": {"alias": "x", "ref": {"name": "", "kind": ""}}}],
        [{"target": {"alias": "x", "ref": {"name": "", "kind": ""}}}] * 2,
    ),
    ("one ref three times", [member("x", "w")] * 2, [member("x", "w")] * 3),
    ("one ref that changes its alias", [member("x", "w"), member("y", "w")], [member("y", "w"), member("y", "w")]),
]


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize(("stored", "update"), [case[1:] for case in NAMELESS], ids=[case[0] for case in NAMELESS])
def test_no_stored_member_stands_for_two(kind: str, stored: list[MEMBER], update: list[MEMBER]) -> None:
    answer = ask("validate", batch(kind, update), batch(kind, stored), levels={"immutable-restore": "off"})
    assert "unique-alias" in answer.refused_by


@pytest.mark.parametrize("kind", BATCHES)
def test_a_pair_without_refs_that_is_stored_can_still_be_edited(kind: str) -> None:
    stored = [member("x"), member("x", paths=["/a"])]
    update = [member("x", paths=["/b"]), member("x", paths=["/a"])]
    answer = ask("validate", batch(kind, update), batch(kind, stored), levels={"immutable-restore": "off"})
    assert not CLASHES & answer.refused_by
    assert "unique-alias" in answer.warned_by
