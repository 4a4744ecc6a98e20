"""What the index finds is what comparing with every use would find."""

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.domain.hosts import Hosts, Shape, certain_index_keys, certain_lookup_keys, possible_lookup_keys
from app.domain.key import Key
from app.domain.places import Place, own_place
from app.domain.policy import SAME, policy_of
from app.domain.reading import read_invoker
from app.domain.repository_index import BACKUPS, USING, RepositoryIndex, Use, use_of
from app.domain.suggestion import Suggestions
from tests.support.objects import objects

REPOSITORIES = [Key("Repository", "demo", "one"), Key("Repository", "other", "one"), Key("Repository", "demo", "two")]
PLACES = [
    None,
    Place(("gcs", "b", ""), None, "gs:b:/"),
    Place(("azure", "c", "", "demo", "s"), ("azure", "c", ""), "azure:c:/"),
    Place(("azure", "c", "", "other", "s"), ("azure", "c", ""), "azure:c:/"),
]
stems = st.sampled_from(["db", "db-0", "db-1", "db-01", "log", "log-a", "log-a-0"])
patterns = st.one_of(st.builds(Hosts, st.sampled_from(list(Shape)), stems), st.just(Hosts(Shape.PER_NODE, None)))
keys = st.builds(Key, st.sampled_from(BACKUPS), st.sampled_from(["demo", "other"]), st.sampled_from("abc"))
uses = st.builds(
    Use, keys, st.sampled_from(REPOSITORIES), st.lists(patterns, unique=True, max_size=4).map(tuple[Hosts, ...])
)


def shares(one: Hosts, other: Hosts) -> bool:
    return bool(set(certain_index_keys(one)) & set(certain_lookup_keys(other)))


def may_be_on_a_node(one: Hosts, stored: Hosts) -> bool:
    """Whether a host can be that of a stored DaemonSet on a node of some name."""
    if stored.shape is not Shape.PER_NODE or stored.stem is None or one.stem is None:
        return False
    return one.stem.startswith(f"{stored.stem}-") or (one.shape is Shape.INDEXED and one.stem == stored.stem)


class Indexing(RuleBasedStateMachine):
    """Uses that come, change and go, in the index and in a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.index = RepositoryIndex()
        self.plain: dict[Key, Use] = {}
        self.places: dict[Key, Place] = {}

    @rule(repository=st.sampled_from(REPOSITORIES), place=st.sampled_from(PLACES))
    def locate(self, repository: Key, place: Place | None) -> None:
        self.index.locate(repository, place)
        if place is None:
            self.places.pop(repository, None)
        else:
            self.places[repository] = place

    def place(self, repository: Key) -> Place:
        return self.places.get(repository) or own_place(repository)

    def certainly(self, one: Key, other: Key) -> bool:
        return self.place(one).certain == self.place(other).certain

    def possibly(self, one: Key, other: Key) -> bool:
        mine, theirs = self.place(one).possible, self.place(other).possible
        return mine is not None and mine == theirs

    @rule(use=uses)
    def put(self, use: Use) -> None:
        self.index.put(use.key, use)
        self.plain[use.key] = use

    @rule(key=keys)
    def drop(self, key: Key) -> None:
        self.index.drop(key)
        self.plain.pop(key, None)

    @precondition(lambda self: self.plain)
    @rule(hosts=patterns, but=keys)
    def find(self, hosts: Hosts, but: Key) -> None:
        for repository in REPOSITORIES:
            for kind in BACKUPS:
                there = [
                    use
                    for use in self.plain.values()
                    if self.certainly(use.repository, repository) and use.key.kind == kind and use.key != but
                ]
                clashing = [use for use in there if any(shares(hosts, each) for each in use.hosts)]
                found = self.index.first(repository, kind, certain_lookup_keys(hosts), but)
                assert (found in clashing) if clashing else found is None
                possible = [
                    use
                    for use in there
                    if any(shares(hosts, each) or may_be_on_a_node(hosts, each) for each in use.hosts)
                ]
                seeks = [*certain_lookup_keys(hosts), *possible_lookup_keys(hosts)]
                found = self.index.first(repository, kind, seeks, but)
                assert (found in possible) if possible else found is None
                found = self.index.first(repository, kind, [USING], but)
                assert (found in there) if there else found is None
                nearly = [
                    use
                    for use in self.plain.values()
                    if self.possibly(use.repository, repository) and use.key.kind == kind and use.key != but
                ]
                found = self.index.first(repository, kind, [USING], but, certainly=False)
                assert (found in nearly) if nearly else found is None

    @invariant()
    def agrees(self) -> None:
        for kind in BACKUPS:
            assert self.index.keys(kind) == {key for key in self.plain if key.kind == kind}
            assert self.index.count(kind) == len(self.index.keys(kind))
        for repository in REPOSITORIES:
            assert self.index.place(repository) == self.place(repository)
            written = {
                (use.key, each)
                for use in self.plain.values()
                if self.certainly(use.repository, repository) or self.possibly(use.repository, repository)
                for each in use.hosts
            }
            assert {(use.key, each) for use, each in self.index.hosts(repository, 1000)} == written
            assert len(self.index.hosts(repository, 2)) >= min(2, len(written))
            neighbours = {
                (other, self.certainly(other, repository))
                for other in self.places
                if other != repository and (self.certainly(other, repository) or self.possibly(other, repository))
            }
            place = self.place(repository)
            assert set(self.index.neighbours(repository, place, 10)) == neighbours
            mine = [use for use in self.plain.values() if use.repository == repository]
            used = self.index.user(repository, 1000)
            assert (used in mine) if mine else used is None
            others = [(use, dict(neighbours).get(use.repository)) for use in self.plain.values()]
            other = self.index.other_user(repository, place, None, 1000)
            there = [each for each in others if each[1] is not None]
            assert (other in there) if there else other is None

    def teardown(self) -> None:
        for key in list(self.plain):
            self.index.drop(key)
        for repository in REPOSITORIES:
            self.index.locate(repository, None)
        assert not self.index._found._values, "an index of nothing keeps nothing"  # noqa: SLF001
        assert not self.index._at._values  # noqa: SLF001


Indexing.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestIndexing = Indexing.TestCase


@given(objects())
def test_every_object_that_can_be_read_has_a_use_or_none(document: dict[str, Any]) -> None:
    key = Key(document["kind"], "demo", "generated")
    use = use_of(key, read_invoker(document["kind"], document, "demo"))
    if use is None:
        return
    assert document["kind"] in BACKUPS
    assert document["spec"].get("driver") != "VolumeSnapshotter"
    assert use.repository.name == document["spec"]["repository"]["name"]
    assert len(set(use.hosts)) == len(use.hosts)


def test_a_member_without_target_writes_nothing_and_a_backup_without_target_writes_as_the_cluster() -> None:
    spec = {"repository": {"name": "one"}, "members": [{}, None, {"target": {"alias": "app"}}]}
    use = use_of(Key("BackupBatch", "demo", "a"), read_invoker("BackupBatch", {"spec": spec}, "demo"))
    assert use is not None
    assert use.hosts == (Hosts(Shape.LITERAL, "app"),)
    alone = use_of(Key("BackupConfiguration", "demo", "a"), read_invoker("BackupConfiguration", {"spec": spec}, "demo"))
    assert alone is not None
    assert alone.hosts == (Hosts(Shape.LITERAL, "host-0"),)


def test_a_suggestion_is_found_soon_where_very_many_numbers_are_taken() -> None:
    document = {"spec": {"target": {"alias": "web", "ref": {"kind": "Deployment", "name": "web"}}}}
    backup, asked = read_invoker("BackupConfiguration", document, "demo"), []

    def taken(hosts: Hosts) -> bool:
        asked.append(hosts)
        number = str(hosts.stem).rpartition("-")[2]
        return not number.isdigit() or int(number) <= 100_000

    alias = Suggestions(backup, taken).alias(backup.targets[0])
    assert int(alias.removeprefix("web-")) > 100_000
    assert len(asked) < 50


def test_reading_while_others_write_never_fails() -> None:
    index, done = RepositoryIndex(), threading.Event()
    repository = REPOSITORIES[0]
    shared = Hosts(Shape.LITERAL, "app")

    def write(kind: str) -> None:
        for round_ in range(40):
            for number in range(60):
                key = Key(kind, "demo", str(number))
                index.put(key, Use(key, repository, (shared, Hosts(Shape.INDEXED, str(round_)))))
            for number in range(0, 60, 2):
                index.drop(Key(kind, "demo", str(number)))
        done.set()

    writers = [threading.Thread(target=write, args=(kind,)) for kind in BACKUPS]
    for writer in writers:
        writer.start()
    asked = 0
    while not done.is_set() or asked < 100:
        index.first(repository, BACKUPS[0], certain_lookup_keys(shared), Key(BACKUPS[0], "demo", "1"))
        index.hosts(repository, 1000)
        asked += 1
    for writer in writers:
        writer.join()
    assert [index.count(kind) for kind in BACKUPS] == [30, 30]


@pytest.mark.parametrize(
    "policy",
    [
        None,
        [],
        {},
        {"allowedNamespaces": None},
        {"allowedNamespaces": []},
        {"allowedNamespaces": {"from": None}},
        {"allowedNamespaces": {"from": "Nobody"}},
    ],
)
def test_a_policy_that_says_nothing_allows_the_own_namespace(policy: Any) -> None:
    assert policy_of({"spec": {"usagePolicy": policy}}) == SAME
    assert policy_of({"spec": policy}) == SAME


@pytest.mark.parametrize(
    "selector",
    [
        [],
        {"matchLabels": ["a"]},
        {"matchLabels": {"a": ["b"]}},
        {"matchExpressions": [None]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": [7]}]},
        {"matchExpressions": [{}]},
        {"matchExpressions": [{"key": "a", "operator": "In"}]},
        {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": []}]},
        {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]},
        {"matchExpressions": [{"key": "a", "operator": "Like", "values": ["b"]}]},
    ],
)
def test_a_selector_that_kubernetes_would_not_take_selects_nothing(selector: Any) -> None:
    policy = policy_of({"spec": {"usagePolicy": {"allowedNamespaces": {"from": "Selector", "selector": selector}}}})
    assert not policy.allows("demo", "demo", {"a": "b"})
    assert not policy.allows("demo", "demo", {})
