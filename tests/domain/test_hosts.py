"""Which hosts a target has, and when those of two targets are the same: the tables of the design, cell by cell."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.hosts import (
    LEGACY_ALIAS,
    Hosts,
    Shape,
    certain_index_keys,
    certain_lookup_keys,
    certainly_disjoint,
    possible_index_keys,
    possible_lookup_keys,
    possibly_disjoint,
    shape_of,
)

LITERAL, INDEXED, PER_NODE = Shape.LITERAL, Shape.INDEXED, Shape.PER_NODE


def certainly(one: Hosts, other: Hosts) -> bool:
    return bool(set(certain_index_keys(one)) & set(certain_lookup_keys(other)))


def possibly(one: Hosts, other: Hosts) -> bool:
    return bool(set(possible_index_keys(one)) & set(possible_lookup_keys(other)))


def by_the_table(one: Hosts, other: Hosts) -> str:
    """The matrix as the design writes it, for one order of the pair."""
    a, b = one.stem, other.stem
    match one.shape, other.shape:
        case Shape.PER_NODE, Shape.PER_NODE if a is None or b is None:
            return "certain" if a is b else "none"
        case _ if a is None or b is None:
            return "none"
        case (Shape.LITERAL, Shape.LITERAL) | (Shape.INDEXED, Shape.INDEXED):
            return "certain" if a == b else "none"
        case Shape.LITERAL, Shape.INDEXED:
            return "certain" if re.fullmatch(rf"{re.escape(b)}-(0|[1-9][0-9]*)", a) else "none"
        case Shape.LITERAL, Shape.PER_NODE:
            return "possible" if a.startswith(f"{b}-") else "none"
        case Shape.INDEXED, Shape.PER_NODE:
            return "possible" if a == b or a.startswith(f"{b}-") else "none"
        case Shape.PER_NODE, Shape.PER_NODE:
            if a == b:
                return "certain"
            return "possible" if a.startswith(f"{b}-") or b.startswith(f"{a}-") else "none"
    return by_the_table(other, one)


stems = st.text(alphabet="ab01-", min_size=1, max_size=7)
patterns = st.one_of(
    st.builds(Hosts, st.sampled_from([LITERAL, INDEXED, PER_NODE]), stems), st.just(Hosts(PER_NODE, None))
)


@given(patterns, patterns)
def test_two_targets_clash_exactly_where_the_table_says(one: Hosts, other: Hosts) -> None:
    expected = by_the_table(one, other)
    assert certainly(one, other) is certainly(other, one) is (expected == "certain")
    if expected != "certain":
        assert possibly(one, other) is possibly(other, one) is (expected == "possible")


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (Hosts(LITERAL, "host-0"), Hosts(INDEXED, "host"), "certain"),
        (Hosts(LITERAL, "db-12"), Hosts(INDEXED, "db"), "certain"),
        (Hosts(LITERAL, "db-0"), Hosts(INDEXED, "db"), "certain"),
        (Hosts(LITERAL, "db-10"), Hosts(INDEXED, "db"), "certain"),
        (Hosts(LITERAL, "db-01"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db-00"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db-"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db-\u0661"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db-²"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db-0-1"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "db-0-1"), Hosts(INDEXED, "db-0"), "certain"),
        (Hosts(LITERAL, "7"), Hosts(INDEXED, ""), "none"),
        (Hosts(INDEXED, "db-0"), Hosts(INDEXED, "db"), "none"),
        (Hosts(PER_NODE, "db-0"), Hosts(INDEXED, "db"), "none"),
        (Hosts(LITERAL, "log-store"), Hosts(PER_NODE, "log"), "possible"),
        (Hosts(LITERAL, "log"), Hosts(PER_NODE, "log"), "none"),
        (Hosts(INDEXED, "log"), Hosts(PER_NODE, "log"), "possible"),
        (Hosts(INDEXED, "log"), Hosts(PER_NODE, "log-a"), "none"),
        (Hosts(PER_NODE, "log"), Hosts(PER_NODE, "log-a-b"), "possible"),
        (Hosts(PER_NODE, None), Hosts(PER_NODE, None), "certain"),
        (Hosts(PER_NODE, None), Hosts(PER_NODE, "log"), "none"),
        (Hosts(PER_NODE, None), Hosts(LITERAL, "log"), "none"),
        (Hosts(PER_NODE, None), Hosts(INDEXED, "log"), "none"),
    ],
)
def test_a_pair_of_targets_clashes_as_the_design_says(one: Hosts, other: Hosts, clash: str) -> None:
    for a, b in ((one, other), (other, one)):
        found = "certain" if certainly(a, b) else "possible" if possibly(a, b) else "none"
        assert found == clash


def test_an_alias_as_long_as_a_label_value_is_seen_before_a_dash() -> None:
    assert possibly(Hosts(PER_NODE, "a" * 63), Hosts(LITERAL, "a" * 63 + "-b"))
    assert possibly(Hosts(LITERAL, "a" * 63 + "-b"), Hosts(PER_NODE, "a" * 63))


def test_a_hostile_alias_of_a_million_dashes_is_cheap() -> None:
    assert len(possible_index_keys(Hosts(LITERAL, "-" * 1_000_000))) == 64
    assert len(possible_lookup_keys(Hosts(LITERAL, "-" * 1_000_000))) == 64


@pytest.mark.parametrize(
    ("kind", "claims", "replicas", "shape"),
    [
        ("StatefulSet", False, False, INDEXED),
        ("StatefulSet", False, True, INDEXED),
        ("StatefulSet", True, False, LITERAL),
        ("DaemonSet", False, False, PER_NODE),
        ("DaemonSet", True, False, LITERAL),
        ("DaemonSet", True, True, INDEXED),
        ("Deployment", False, False, LITERAL),
        ("Deployment", False, True, LITERAL),
        ("ReplicaSet", False, False, LITERAL),
        ("ReplicationController", False, False, LITERAL),
        ("DeploymentConfig", False, False, LITERAL),
        ("AppBinding", False, False, LITERAL),
        ("PersistentVolumeClaim", False, False, LITERAL),
        ("Namespace", False, False, LITERAL),
        ("statefulset", False, False, LITERAL),
        ("", False, False, LITERAL),
        ("", True, True, INDEXED),
        ("", True, False, LITERAL),
    ],
)
def test_the_shape_of_hosts_follows_the_kind_and_the_claims(
    kind: str, claims: bool, replicas: bool, shape: Shape
) -> None:
    assert shape_of(kind, claims=claims, replicas=0 if replicas else None) is shape


def test_the_legacy_alias_makes_the_legacy_host() -> None:
    assert LEGACY_ALIAS == {LITERAL: "host-0", INDEXED: "host", PER_NODE: None}


@pytest.mark.parametrize(
    ("hosts", "notation"),
    [
        (Hosts(LITERAL, "app"), "app"),
        (Hosts(INDEXED, "app"), "app-$POD_INDEX"),
        (Hosts(PER_NODE, "app"), "app-$NODE_NAME"),
        (Hosts(PER_NODE, None), "$NODE_NAME"),
    ],
)
def test_hosts_are_written_in_the_proposals_notation(hosts: Hosts, notation: str) -> None:
    assert str(hosts) == notation


@pytest.mark.parametrize(
    ("hosts", "host", "replicas", "possible"),
    [
        (Hosts(LITERAL, "app"), "app", None, True),
        (Hosts(LITERAL, "app"), "app-0", None, False),
        (Hosts(LITERAL, "app"), "", None, False),
        (Hosts(INDEXED, "app"), "app-0", None, True),
        (Hosts(INDEXED, "app"), "app-12", None, True),
        (Hosts(INDEXED, "app"), "app-012", None, False),
        (Hosts(INDEXED, "app"), "app", None, False),
        (Hosts(INDEXED, "app"), "app-x", None, False),
        (Hosts(INDEXED, "app"), "web-0", None, False),
        (Hosts(INDEXED, "app"), "app-2", 3, True),
        (Hosts(INDEXED, "app"), "app-3", 3, False),
        (Hosts(INDEXED, "app"), "app-0", 0, False),
        (Hosts(INDEXED, "app"), "app-2147483646", 2147483647, True),
        (Hosts(INDEXED, "app"), f"app-{'9' * 5000}", 3, False),
        (Hosts(INDEXED, "app"), f"app-{'9' * 5000}", None, True),
        (Hosts(PER_NODE, "app"), "app-node1", None, True),
        (Hosts(PER_NODE, "app"), "app-", None, False),
        (Hosts(PER_NODE, "app"), "app", None, False),
        (Hosts(PER_NODE, "app"), "node1", None, False),
        (Hosts(PER_NODE, None), "node1", None, True),
    ],
)
def test_a_host_is_one_of_a_targets_hosts(hosts: Hosts, host: str, replicas: int | None, possible: bool) -> None:
    assert hosts.can_be(host, replicas) is possible


@given(st.lists(patterns, max_size=6))
def test_what_is_apart_at_a_quick_look_is_apart_at_a_close_one(all_hosts: list[Hosts]) -> None:
    pairs = list(itertools.combinations(all_hosts, 2))
    if certainly_disjoint(all_hosts):
        assert not any(certainly(one, other) or one == other for one, other in pairs)
    if possibly_disjoint(all_hosts):
        assert not any(possibly(one, other) for one, other in pairs)


@pytest.mark.parametrize("aliases", [["a-0", "a-1", "b"], ["log", "logs", "lo", "log0"], []])
def test_a_quick_look_is_enough_where_names_are_only_alike(aliases: list[str]) -> None:
    for shapes in itertools.product((LITERAL, PER_NODE), repeat=len(aliases)):
        all_hosts = [Hosts(shape, alias) for shape, alias in zip(shapes, aliases, strict=True)]
        assert certainly_disjoint(all_hosts)
        assert possibly_disjoint(all_hosts)
