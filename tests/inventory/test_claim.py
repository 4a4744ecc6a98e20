"""What is claimed of a place, as a Lease holds it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.hosts import Hosts, Shape
from app.domain.key import Key
from app.domain.places import own_place, place_of
from app.domain.repository_index import Use
from app.inventory.claim import MAX_HOSTS_CHARS, BadRecord, ClaimRecord, claim_of, digest, record_of
from app.inventory.deliveries import Deliveries
from app.inventory.recent import RecentUses

REPOSITORY = Key("Repository", "demo", "gcs")
NAMES = st.text(max_size=20)
HOSTS = st.builds(Hosts, st.sampled_from(Shape), st.none() | NAMES)
USES = st.builds(
    Use,
    st.builds(Key, st.sampled_from(["BackupBatch", "BackupConfiguration"]), NAMES, NAMES),
    st.builds(Key, st.just("Repository"), NAMES, NAMES),
    st.lists(HOSTS, max_size=5).map(tuple),
    st.just(value=True),
)


def use(name: str = "shop", *stems: str) -> Use:
    hosts = tuple(Hosts(Shape.LITERAL, stem) for stem in stems or (name,))
    return Use(Key("BackupBatch", "demo", name), REPOSITORY, hosts)


@given(st.lists(USES, max_size=4), st.dictionaries(NAMES, st.integers(0, 2**63)))
def test_what_is_stored_is_read_as_it_was_written(uses: list[Use], delivered: dict[str, int]) -> None:
    record = ClaimRecord(tuple(claim_of(each, 1_800_000_000.25) for each in uses), delivered)
    read = record_of(record.text)
    assert read == record
    assert [each.use for each in read.claims] == uses
    assert all(claim.is_of(each) for claim, each in zip(read.claims, uses, strict=True))


def test_two_claims_of_one_object_stay_until_it_is_known_which_is_stored() -> None:
    record = ClaimRecord().with_claim(claim_of(use("shop", "a"), 1)).with_claim(claim_of(use("shop", "b"), 2))
    assert [each.use.hosts[0].stem for each in record.claims] == ["a", "b"]
    again = record.with_claim(claim_of(use("shop", "a"), 3))
    assert [(each.use.hosts[0].stem, each.since) for each in again.claims] == [("b", 2), ("a", 3)]


def test_of_very_many_hosts_a_claim_has_only_a_digest() -> None:
    many = use("shop", *(f"app-{number}x" for number in range(14_000)))
    claim = claim_of(many, 1)
    assert len(ClaimRecord((claim,)).text) < MAX_HOSTS_CHARS
    assert claim.hosts_unknown
    assert claim.is_of(many)
    assert not claim.is_of(use("shop", "app"))
    (read,) = record_of(ClaimRecord((claim,)).text).claims
    assert read.hosts_unknown
    assert read.is_of(many)
    assert read.use.hosts == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"claims":[{}],"delivered":{}}',
        '{"claims":[],"delivered":[]}',
        json.dumps({"claims": [{"kind": "BackupBatch"}], "delivered": {}}),
        ClaimRecord((claim_of(use(), 1),)).text.replace("literal", "figurative"),
        ClaimRecord((claim_of(use(), 1),)).text.replace('"since":"1970', '"since":"long ago'),
        "[" * 100_000,
    ],
)
def test_what_is_no_record_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadRecord):
        record_of(text)


def test_each_place_has_a_lease_of_its_own() -> None:
    def placed(name: str, prefix: str) -> str:
        backend = {"s3": {"endpoint": "s3.example", "bucket": "b", "prefix": prefix}}
        key = Key("Repository", "demo", name)
        return digest(place_of(key, {"spec": {"backend": backend}}).certain)

    assert placed("one", "a") == placed("two", "/a/")
    assert placed("one", "a") != placed("one", "b")
    assert digest(own_place(REPOSITORY).certain) != placed("gcs", "a")


def test_a_delivery_is_remembered_for_so_long_with_its_version() -> None:
    now = [0.0]
    deliveries = Deliveries(10, lambda: now[0])
    deliveries.note(use("shop", "a"), 7)
    deliveries.note(use("shop", "b"), 9)
    assert deliveries.version_of(claim_of(use("shop", "a"), 1)) == 7
    assert deliveries.version_of(claim_of(use("shop", "b"), 1)) == 9
    assert deliveries.version_of(claim_of(use("shop", "c"), 1)) is None
    now[0] = 11
    deliveries.note(use("blog", "c"), 12)
    assert deliveries.version_of(claim_of(use("shop", "a"), 1)) is None
    assert deliveries.version_of(claim_of(use("blog", "c"), 1)) == 12


def test_a_kind_is_known_up_to_the_highest_version_that_came() -> None:
    deliveries = Deliveries(10)
    assert not deliveries.has_reached("BackupBatch", 5)
    deliveries.reached("BackupBatch", 6)
    deliveries.reached("BackupBatch", 4)
    assert deliveries.has_reached("BackupBatch", 6)
    assert not deliveries.has_reached("BackupConfiguration", 1)


def test_what_was_admitted_counts_until_its_time_has_come_or_it_is_forgotten() -> None:
    now = [0.0]
    recent = RecentUses(5, lambda: now[0])
    assert recent.add(use("shop"))
    assert not recent.add(use("shop"), 20), "it counted before"
    assert recent.add(use("blog"))
    now[0] = 6
    recent.expire()
    assert (recent.index.get(use("shop")), recent.index.get(use("blog"))) == (use("shop"), None)
    recent.forget(use("shop"))
    recent.forget(use("shop"))
    assert recent.index.get(use("shop")) is None
    now[0] = 30
    recent.expire()
    assert recent.add(use("shop"))
