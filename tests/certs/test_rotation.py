"""Rotation of certificates, against an API server of a few lines that is as strict about versions as the real one."""

from __future__ import annotations

import copy
import datetime
import functools
import random
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from certs import pem
from certs.api import Api
from certs.ca_secret import Authority
from certs.cluster import Cluster
from certs.issuing import CA_LIFETIME, LEAF_LIFETIME, issue_ca, issue_leaf
from certs.names import Names
from certs.reconcile import reconcile
from certs.report import inventory
from certs.rotation import next_step
from certs.state import Content, Desired, Observed, Step, Target, UpToDate
from certs.trust import renewed_from, stamp, verifies
from kube.client import Object
from kube.errors import Conflict, Forbidden, Gone, Refused, Unavailable, failure
from testbed.patience import PATIENCE

START = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
DAY, SECOND = datetime.timedelta(days=1), datetime.timedelta(seconds=1)
NAME = "guard.stash.svc"
NAMES = Names("stash", "guard-tls", "guard", "guard", "guard")
WANTED = Desired((NAME,))
TLS, CA = "guard-tls", "guard-tls-ca"
MUTATING, VALIDATING = Target.MUTATING.value, Target.VALIDATING.value


@functools.cache
def covers(bundle: bytes, chain: tuple[x509.Certificate, ...], now: datetime.datetime) -> bool:
    """Whether who trusts a bundle believes a chain: asked of every webhook before and after every write."""
    return verifies(chain, pem.certificates(bundle), NAME, now)


class Interrupted(BaseException):
    """The process was ended."""


@dataclass
class World:
    """What an API server stores, whoever talks to it, and what the pods have ever served."""

    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    now: datetime.datetime = START
    writes: int = 0
    lines: list[str] = field(default_factory=list)
    served: dict[bytes, tuple[x509.Certificate, ...]] = field(default_factory=dict)
    missing_namespace: bool = False

    @classmethod
    def with_manifests(cls) -> World:
        """Two configurations of two webhooks each, without a caBundle."""
        world = cls()
        for kind in (MUTATING, VALIDATING):
            webhooks: list[Object] = [
                {"name": name, "clientConfig": {"service": {}}} for name in ("backups", "restores")
            ]
            world.put(kind, "guard", {"metadata": {"name": "guard"}, "webhooks": webhooks})
        return world

    def put(self, kind: str, name: str, stored: Object) -> None:
        """Store an object, as anybody might."""
        stored = copy.deepcopy(stored)
        self.writes += 1
        stored["metadata"]["resourceVersion"] = str(self.writes)
        self.objects[kind, name] = stored

    def data(self, name: str) -> dict[str, bytes]:
        """A Secret's data."""
        return {key: b64decode(value) for key, value in self.objects["Secret", name]["data"].items()}

    def edit(self, name: str, **files: bytes | None) -> None:
        """Change a Secret's data by hand; `tls_crt` is tls.crt, and None takes it out."""
        secret = copy.deepcopy(self.objects["Secret", name])
        for key, value in files.items():
            secret["data"].pop(key.replace("_", "."), None)
            if value is not None:
                secret["data"][key.replace("_", ".")] = b64encode(value).decode()
        self.put("Secret", name, secret)

    def set_bundle(self, bundle: bytes, kinds: tuple[str, ...] = (MUTATING, VALIDATING)) -> None:
        """Write caBundles by hand."""
        for kind in kinds:
            configuration = copy.deepcopy(self.objects[kind, "guard"])
            for webhook in configuration["webhooks"]:
                webhook["clientConfig"]["caBundle"] = b64encode(bundle).decode()
            self.put(kind, "guard", configuration)

    @property
    def bundles(self) -> dict[tuple[str, str], bytes]:
        """The caBundles by kind and webhook."""
        return {
            (kind, webhook["name"]): b64decode(webhook["clientConfig"].get("caBundle", ""))
            for (kind, _), stored in self.objects.items()
            for webhook in stored.get("webhooks", [])
        }

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate in the Secret."""
        return pem.certificates(self.data(TLS)["tls.crt"])[0]

    @property
    def trusted(self) -> set[x509.Certificate]:
        """The CAs in the caBundles; an error unless all are the same."""
        (bundle,) = set(self.bundles.values())
        assert self.data(TLS)["ca.crt"] == bundle
        return set(pem.certificates(bundle))

    def believed(self) -> set[tuple[bytes, tuple[str, str]]]:
        """Which of all certificates that pods may still serve each webhook's caBundle covers."""
        return {
            (key, webhook)
            for key, chain in self.served.items()
            for webhook, bundle in self.bundles.items()
            if covers(bundle, chain, self.now)
        }

    def assert_right(self, wanted: Desired = WANTED) -> None:
        """Everything is as it should be, and a run finds nothing to do."""
        data = self.data(TLS)
        chain = pem.chain(data["tls.crt"], data["tls.key"])
        assert chain
        assert all(covers(bundle, tuple(chain), self.now) for bundle in self.bundles.values())
        assert self.trusted
        assert self.now < renewed_from(chain[0])
        writes = self.writes
        run(self, wanted)
        assert self.writes == writes
        assert self.lines[-1].startswith("nothing to do, valid until ")


class FakeApi(Api):
    """A connection to a World."""

    def __init__(self, world: World, turn: Callable[[], None] = lambda: None, fail_at: int = 0) -> None:
        """`turn` is waited for before each call; the process ends after the write number `fail_at`, before if < 0."""
        self.world, self.turn, self.fail_at, self.written = world, turn, fail_at, 0
        self.time = None

    def secret(self, _namespace: str, name: str) -> Object | None:
        return self._read("Secret", name)

    def create_secret(self, namespace: str, secret: Object) -> None:
        if self.world.missing_namespace:
            raise Refused(f"there is no namespace {namespace}")
        name = secret["metadata"]["name"]
        with self._writing():
            if ("Secret", name) in self.world.objects:
                raise Conflict(name)
            self.world.put("Secret", name, secret)

    def replace_secret(self, _namespace: str, name: str, secret: Object) -> None:
        with self._writing():
            self._same_version("Secret", name, secret)
            self.world.put("Secret", name, secret)

    def configuration(self, kind: str, name: str) -> Object | None:
        return self._read(kind, name)

    def apply_configuration(self, kind: str, name: str, fields: Object, manager: str = "") -> None:  # noqa: ARG002
        with self._writing():
            self._same_version(kind, name, fields)
            stored = copy.deepcopy(self.world.objects[kind, name])
            bundles = {each["name"]: each["clientConfig"] for each in fields["webhooks"]}
            assert list(bundles) == [each["name"] for each in stored["webhooks"]]
            for each in stored["webhooks"]:
                each["clientConfig"].update(bundles[each["name"]])
            self.world.put(kind, name, stored)

    def _read(self, kind: str, name: str) -> Object | None:
        self.turn()
        return copy.deepcopy(self.world.objects.get((kind, name)))

    def _same_version(self, kind: str, name: str, written: Object) -> None:
        if (kind, name) not in self.world.objects:
            raise Gone(name)
        if self.world.objects[kind, name]["metadata"]["resourceVersion"] != written["metadata"]["resourceVersion"]:
            raise Conflict(name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What every write must leave true: a certificate that was believed is believed until it expires."""
        self.turn()
        world = self.world
        self.written += 1
        if self.written == -self.fail_at:
            raise Interrupted
        believed = world.believed()
        yield
        if ("Secret", TLS) in world.objects:
            data = world.data(TLS)
            if chain := pem.chain(data.get("tls.crt"), data.get("tls.key")):
                world.served[data["tls.crt"]] = chain
        assert believed <= world.believed()
        if self.written == self.fail_at:
            raise Interrupted


def cluster_of(api: Api) -> Cluster:
    return Cluster(api, "stash", TLS, "guard", "guard")


def run(world: World, wanted: Desired = WANTED, slow: datetime.timedelta = 0 * SECOND, **how: Any) -> None:
    cluster = cluster_of(FakeApi(world, **how))
    reconcile(cluster, wanted, lambda: world.now - slow, world.lines.append, lambda _: None)


def installed() -> World:
    first = _first_run()
    return replace(
        first, objects=copy.deepcopy(first.objects), lines=[*first.lines], served={**first.served}, now=first.now
    )


@functools.cache
def _first_run() -> World:
    world = World.with_manifests()
    run(world)
    return world


def run_until_right(world: World, wanted: Desired = WANTED) -> None:
    """Run as a CronJob does; a new CA has to be trusted for some minutes before it signs."""
    for _ in range(3):
        run(world, wanted)
        world.now += wanted.settle
    run(world, wanted)


# --- The golden case.


def test_the_first_run_makes_a_ca_then_has_it_trusted_then_signs() -> None:
    world = World.with_manifests()
    run(world)
    assert [line.split(":")[0] for line in world.lines] == [
        "Secret stash/guard-tls-ca",
        "MutatingWebhookConfiguration guard",
        "ValidatingWebhookConfiguration guard",
        "Secret stash/guard-tls",
    ]
    assert world.leaf.not_valid_after_utc == START + LEAF_LIFETIME
    assert pem.names(world.leaf) == (NAME,)
    assert len(world.trusted) == 1
    world.assert_right()


def test_the_second_run_does_nothing_and_says_until_when() -> None:
    world = installed()
    world.lines.clear()
    run(world)
    assert world.lines == ["nothing to do, valid until 2027-01-01T12:00:00Z, renewed from 2026-09-01T19:58:20Z"]


def test_serials_are_random_and_keys_are_of_p_256() -> None:
    first, second = World.with_manifests(), World.with_manifests()
    for world in (first, second):
        run(world)
    assert first.leaf.serial_number != second.leaf.serial_number
    for world in (first, second):
        signing = Authority.read(world.data(CA)).signing
        assert signing is not None
        assert signing.key.curve.name == "secp256r1"
        assert signing.certificate.serial_number.bit_length() > 100


def test_the_secret_that_pods_mount_holds_no_key_of_a_ca() -> None:
    world = installed()
    assert set(world.data(TLS)) == {"tls.crt", "tls.key", "ca.crt"}
    assert world.objects["Secret", TLS]["type"] == "kubernetes.io/tls"
    assert world.data(CA)["ca.key"] not in world.data(TLS).values()


def test_neither_a_line_nor_a_repr_holds_a_key() -> None:
    world = installed()
    view = cluster_of(FakeApi(world)).look()
    step = next_step(replace(view.seen, serving=None), WANTED, START)
    for text in (*world.lines, repr(view), repr(step), repr(Authority.read(world.data(CA)))):
        assert "PRIVATE" not in text
        assert b64encode(world.data(CA)["ca.key"]).decode()[:40] not in text


# --- Renewal of the certificate.

RENEWAL = START - datetime.timedelta(minutes=5) + (LEAF_LIFETIME + datetime.timedelta(minutes=5)) * 2 / 3


@pytest.mark.parametrize(
    ("moment", "is_renewed"),
    [
        pytest.param(START + DAY, False, id="a day later"),
        pytest.param(RENEWAL - SECOND, False, id="a second before two thirds"),
        pytest.param(RENEWAL, True, id="at two thirds"),
        pytest.param(START + LEAF_LIFETIME - SECOND, True, id="a second before it expires"),
        pytest.param(START + LEAF_LIFETIME, True, id="when it has expired"),
        pytest.param(START + LEAF_LIFETIME + 400 * DAY, True, id="a year after it has expired"),
        pytest.param(START - datetime.timedelta(minutes=4), False, id="by a clock that is four minutes slow"),
    ],
)
def test_the_certificate_is_renewed_at_two_thirds_and_no_ca_bundle_changes(
    moment: datetime.datetime, is_renewed: bool
) -> None:
    world = installed()
    leaf, bundles, authority = world.leaf, world.bundles, world.data(CA)
    world.now = moment
    run(world)
    assert (world.leaf != leaf) == is_renewed
    assert (world.bundles, world.data(CA)) == (bundles, authority)
    assert len(world.lines) == 5
    world.assert_right()


def test_a_clock_that_was_a_day_ahead_is_survived() -> None:
    world = World.with_manifests()
    world.now = START + DAY
    run(world)
    world.now = START
    run_until_right(world)
    world.assert_right()


def test_a_new_name_is_a_reason_to_renew_and_no_other_spelling_is() -> None:
    world = installed()
    run(world, Desired((NAME, "guard", "0:0::1")))
    assert world.lines[-1].endswith(f"(the last one was for {NAME})")
    world.assert_right(Desired((NAME, "::1", "guard")))


def test_a_certificate_does_not_outlive_its_ca() -> None:
    ca = issue_ca(START, 10 * DAY)
    assert issue_leaf(ca, [NAME], START).certificate.not_valid_after_utc == START + 10 * DAY


# --- Succession of CAs.


def test_a_new_ca_is_trusted_before_it_signs_and_the_old_one_until_its_last_certificate_expired() -> None:
    world = installed()
    (old,) = world.trusted
    while world.now < renewed_from(old):
        world.now += 200 * DAY
        run(world)
    assert len(world.trusted) == 2
    leaf = world.leaf
    assert verifies([leaf], [old], NAME, world.now)
    signs_from = f"signs from {stamp(world.now + WANTED.settle)}"
    assert any(line.endswith(f"in every caBundle; it {signs_from}: run again then") for line in world.lines)

    world.now += WANTED.settle - SECOND
    run(world)
    assert world.lines[-1].endswith(f"; a new CA {signs_from} on")
    assert world.leaf == leaf

    world.now += SECOND
    promotion, bundles = world.now, world.bundles
    run(world)
    (new,) = world.trusted - {old}
    assert verifies([world.leaf], [new], NAME, world.now)
    assert world.bundles == bundles

    world.now = promotion + LEAF_LIFETIME
    run(world)
    assert world.trusted == {old, new}
    world.now += WANTED.settle
    run(world)
    assert world.trusted == {new}
    world.assert_right()


def test_over_forty_years_no_certificate_in_use_is_ever_doubted() -> None:
    world = installed()
    cas, leaves = world.trusted, {world.leaf}
    while world.now < START + 4 * CA_LIFETIME:
        world.now += 15 * DAY
        run(world)
        cas |= world.trusted
        leaves.add(world.leaf)
        assert verifies([world.leaf], world.trusted, NAME, world.now)
        world.served = {key: chain for key, chain in world.served.items() if chain[0].not_valid_after_utc > world.now}
    assert len(cas) == 6
    assert 55 < len(leaves) < 70


def test_a_new_ca_waits_again_when_it_was_taken_out_of_a_bundle() -> None:
    world = installed()
    (old,) = world.trusted
    world.now = renewed_from(old)
    run(world)
    world.set_bundle(pem.text([old]), (VALIDATING,))
    world.now += WANTED.settle
    run(world)
    assert verifies([world.leaf], [old], NAME, world.now)
    assert len(world.trusted) == 2
    run_until_right(world)
    assert not verifies([world.leaf], [old], NAME, world.now)


def test_a_ca_is_trusted_as_long_as_the_certificate_in_use_is_by_it() -> None:
    world = installed()
    (old,) = world.trusted
    signing = issue_ca(START)
    both = pem.text([old, signing.certificate])
    data = {**Authority(signing=signing).data, "old.20260101T120000Z.crt": pem.text([old])}
    step = next_step(Observed(Content(data), Content(world.data(TLS)), {"a": both}, {"b": b""}), WANTED, START + DAY)
    assert isinstance(step, Step)
    assert step.target is Target.AUTHORITY
    assert Authority.read(step.content).former[0].certificate == old


def test_an_old_ca_stays_until_its_certificate_expires_even_if_new_ones_live_shorter() -> None:
    world = installed()
    (old,) = world.trusted
    world.now = renewed_from(old)
    run(world)
    leaf = world.leaf
    run_until_right(world, Desired((NAME,), leaf_lifetime=10 * DAY))
    assert world.leaf != leaf
    world.now = leaf.not_valid_after_utc - SECOND
    run(world)
    assert old in world.trusted


def test_of_many_former_cas_the_one_of_the_certificate_in_use_is_kept_first() -> None:
    world = installed()
    (old,) = world.trusted
    former = [issue_ca(START).certificate for _ in range(9)]
    world.set_bundle(pem.text([*former, old]))
    world.edit(TLS, ca_crt=b"")
    delete(CA)(world)
    run(world)
    assert old in world.trusted
    assert len(world.trusted) == 9


def test_a_ca_that_nobody_trusts_yet_does_not_sign_while_there_is_a_certificate() -> None:
    world = installed()
    leaf, (old,) = world.leaf, world.trusted
    restored_from_an_old_backup(world)
    run(world)
    assert world.leaf == leaf
    assert len(world.trusted) == 2
    run_until_right(world)
    assert not verifies([world.leaf], [old], NAME, world.now)


def test_with_an_expired_ca_everything_is_made_anew_at_once() -> None:
    world = installed()
    old = world.trusted
    world.now = START + CA_LIFETIME
    run(world)
    assert not world.trusted & old
    world.assert_right()


# --- Whatever was broken: run again and it is right.


def other_key() -> bytes:
    return issue_ca(START).key_pem


@functools.cache
def rsa_key() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


def delete(name: str) -> Callable[[World], None]:
    def damage(world: World) -> None:
        del world.objects["Secret", name]

    return damage


def foreign_leaf(world: World) -> None:
    ca = issue_ca(START)
    leaf = issue_leaf(ca, [NAME], START)
    world.edit(TLS, tls_crt=leaf.certificate_pem, tls_key=leaf.key_pem)


def restored_from_an_old_backup(world: World) -> None:
    """The CA's Secret is another, whole one, while what is served is by a CA that it does not know."""
    ca = issue_ca(START)
    world.edit(CA, ca_crt=ca.certificate_pem, ca_key=ca.key_pem)


def ca_due(world: World) -> None:
    (ca,) = world.trusted
    world.now = renewed_from(ca)


def with_next(world: World) -> None:
    ca_due(world)
    run(world)


def all_of(*damages: Callable[[World], None]) -> Callable[[World], None]:
    def damage(world: World) -> None:
        for each in damages:
            each(world)

    return damage


def recreate(name: str, **data: bytes) -> Callable[[World], None]:
    def damage(world: World) -> None:
        files = {key.replace("_", "."): b64encode(value).decode() for key, value in data.items()}
        world.put("Secret", name, {"metadata": {"name": name}, "data": files, "type": "Opaque"})

    return damage


DAMAGES: dict[str, Callable[[World], None]] = {
    "nothing": lambda _: None,
    "the serving Secret deleted": delete(TLS),
    "the CA's Secret deleted": delete(CA),
    "both Secrets deleted": all_of(delete(TLS), delete(CA)),
    "the CA's Secret deleted and the bundles emptied": all_of(delete(CA), lambda world: world.set_bundle(b"")),
    "all lost at once": all_of(delete(TLS), delete(CA), lambda world: world.set_bundle(b"")),
    "the serving Secret emptied": lambda world: world.edit(TLS, tls_crt=None, tls_key=None, ca_crt=None),
    "tls.crt is no certificate": lambda world: world.edit(TLS, tls_crt=b"\xff not a certificate"),
    "tls.key is of another certificate": lambda world: world.edit(TLS, tls_key=other_key()),
    "tls.key is of another kind": lambda world: world.edit(TLS, tls_key=rsa_key()),
    "ca.crt of the serving Secret is empty": lambda world: world.edit(TLS, ca_crt=b""),
    "the certificate is by an unknown CA": foreign_leaf,
    "ca.key is no key": lambda world: world.edit(CA, ca_key=b"-----BEGIN PRIVATE KEY-----\nAAAA"),
    "ca.key is of another CA": lambda world: world.edit(CA, ca_key=other_key()),
    "ca.crt is missing": lambda world: world.edit(CA, ca_crt=None),
    "ca.crt is a certificate that may not sign": lambda world: world.edit(
        CA, ca_crt=world.data(TLS)["tls.crt"], ca_key=world.data(TLS)["tls.key"]
    ),
    "the CA's Secret emptied": lambda world: world.edit(CA, ca_crt=None, ca_key=None),
    "data that nobody knows in the CA's Secret": lambda world: world.edit(CA, password=b"secret"),
    "the CA's Secret is of an old backup": restored_from_an_old_backup,
    "both bundles emptied": lambda world: world.set_bundle(b""),
    "one bundle emptied": lambda world: world.set_bundle(b"", (VALIDATING,)),
    "a bundle of somebody else": lambda world: world.set_bundle(issue_ca(START).certificate_pem),
    "a bundle that cannot be read": lambda world: world.set_bundle(b"\x00"),
    "a new CA waiting": with_next,
    "a new CA waiting, and the bundles emptied": all_of(with_next, lambda world: world.set_bundle(b"")),
    "a new CA waiting, and its key lost": all_of(with_next, lambda world: world.edit(CA, next_key=None)),
    "a new CA waiting, and the old key lost": all_of(with_next, lambda world: world.edit(CA, ca_key=b"")),
    "a new CA waiting, and its time garbled": all_of(with_next, lambda world: world.edit(CA, next_since=b"soon")),
    "a new CA waiting since tomorrow": all_of(with_next, lambda world: world.edit(CA, next_since=b"20991231T000000Z")),
    "a new CA waiting, and its Secret deleted": all_of(with_next, delete(CA)),
    "a new CA waiting, and both Secrets deleted": all_of(with_next, delete(CA), delete(TLS)),
    "the serving Secret made anew, empty, by a tool": recreate(TLS, tls_crt=b"", tls_key=b""),
    "the serving Secret made anew, with garbage": recreate(TLS, tls_crt=b"x", tls_key=b"y", ca_crt=b"z"),
    "the CA's Secret made anew, empty": recreate(CA),
    "the certificate expired": lambda world: setattr(world, "now", START + LEAF_LIFETIME),
    "the certificate due": lambda world: setattr(world, "now", RENEWAL),
    "the CA due": ca_due,
    "the CA due, and the bundles emptied": all_of(ca_due, lambda world: world.set_bundle(b"")),
    "the CA expired": lambda world: setattr(world, "now", START + CA_LIFETIME),
    "nothing was there yet": lambda world: world.__dict__.update(World.with_manifests().__dict__),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_run_again_and_it_is_right_after(damage: Callable[[World], None]) -> None:
    world = installed()
    damage(world)
    run(world)
    chain = pem.chain(world.data(TLS)["tls.crt"], world.data(TLS)["tls.key"])
    assert all(verifies(chain, pem.certificates(bundle), NAME, world.now) for bundle in world.bundles.values())
    run_until_right(world)
    world.assert_right()
    assert Authority.read(world.data(CA)).next is None


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_run_again_and_it_is_right_when_interrupted_at_any_write_after(damage: Callable[[World], None]) -> None:
    """Before each write and after each, and again at the same place of the next run, for as long as there is one."""
    for times, sign in ((1, 1), (1, -1), (2, 1)):
        for number in range(1, 20):
            world = installed()
            damage(world)
            interruptions = 0
            for _ in range(times):
                try:
                    run(world, fail_at=sign * number)
                except Interrupted:
                    interruptions += 1
            run_until_right(world)
            world.assert_right()
            if not interruptions:
                break


# --- Several at once.


class Turns:
    """Lets one of several threads go on, until its next call, in an order that a seed decides."""

    def __init__(self, count: int, seed: int) -> None:
        self.waiting: set[int] = set()
        self.count, self.random = count, random.Random(seed)  # noqa: S311 -- the same order each time
        # Some are much slower than others: they look, and act on it when all has changed.
        self.speeds = [self.random.random() ** 4 for _ in range(count)]
        self.changed, self.chosen = threading.Condition(), -1

    def wait(self, who: int) -> None:
        with self.changed:
            self.waiting.add(who)
            self._choose()
            assert self.changed.wait_for(lambda: self.chosen == who, timeout=PATIENCE)
            self.waiting.discard(who)
            self.chosen = -1

    def leave(self) -> None:
        with self.changed:
            self.count -= 1
            self._choose()

    def _choose(self) -> None:
        if self.chosen == -1 and len(self.waiting) == self.count and self.waiting:
            waiting = sorted(self.waiting)
            (self.chosen,) = self.random.choices(waiting, [self.speeds[who] for who in waiting])
            self.changed.notify_all()


def run_at_once(world: World, count: int, seed: int, settle: datetime.timedelta) -> None:
    """Every other clock is a second slow, so that not all agree on what is due."""
    turns, failures = Turns(count, seed), list[BaseException]()
    wanted = Desired((NAME,), settle=settle)

    def one(who: int) -> None:
        try:
            run(world, wanted, slow=who % 2 * SECOND, turn=lambda: turns.wait(who))
        except BaseException as error:  # noqa: BLE001 -- told below, in the test's own thread
            failures.append(error)
        finally:
            turns.leave()

    threads = [threading.Thread(target=one, args=(who,)) for who in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failures


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(
    "damage",
    [
        "nothing was there yet",
        "the CA's Secret deleted",
        "both Secrets deleted",
        "all lost at once",
        "a new CA waiting, and the bundles emptied",
        "the CA due",
        "the CA due, and the bundles emptied",
    ],
)
def test_four_at_once_agree_after(damage: str, seed: int) -> None:
    world = installed()
    DAMAGES[damage](world)
    run_at_once(world, 4, seed, datetime.timedelta())
    world.assert_right(Desired((NAME,), settle=datetime.timedelta()))
    if damage == "nothing was there yet":
        assert len(world.trusted) == 1
    if damage.startswith("the CA due"):
        assert len(world.trusted) == 2


@pytest.mark.parametrize("target", Target)
def test_what_somebody_else_has_written_since_the_look_is_not_overwritten(target: Target) -> None:
    world = installed()
    cluster = cluster_of(FakeApi(world))
    view = cluster.look()
    for (kind, name), stored in list(world.objects.items()):
        world.put(kind, name, stored)
    with pytest.raises(Conflict):
        cluster.write(Step(target, {"backups": b"", "restores": b""}, "line"), view)


# --- What is not ours, and what is missing.


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        (TLS, {"password": b"x"}, "it has password"),
        (CA, {"tls.crt": b"x", "tls.key": b"y"}, "it has tls.crt, tls.key"),
        (TLS, "another", "its certificate is for shop.example"),
    ],
)
def test_a_secret_of_somebody_else_is_not_overwritten(name: str, data: Mapping[str, bytes] | str, why: str) -> None:
    world = World.with_manifests()
    if isinstance(data, str):
        leaf = issue_leaf(issue_ca(START), ["shop.example"], START)
        data = {"tls.crt": leaf.certificate_pem, "tls.key": leaf.key_pem}
    recreate(name, **{key.replace(".", "_"): value for key, value in data.items()})(world)
    with pytest.raises(
        Refused, match=rf"^Secret stash/{name} does not belong to stash-certs, {why}: name another one, or delete it$"
    ):
        run(world)
    assert world.data(name) == data


def test_a_certificate_of_cert_manager_is_taken_over_without_a_doubted_call() -> None:
    world = World.with_manifests()
    theirs = issue_ca(START)
    leaf = issue_leaf(theirs, [NAME], START)
    files = {"tls_crt": leaf.certificate_pem, "tls_key": leaf.key_pem, "ca_crt": theirs.certificate_pem}
    recreate(TLS, **files)(world)
    world.set_bundle(theirs.certificate_pem)
    world.served[leaf.certificate_pem] = (leaf.certificate,)
    run(world)
    assert world.leaf == leaf.certificate
    run_until_right(world)
    assert world.leaf != leaf.certificate
    assert theirs.certificate in world.trusted
    world.assert_right()


def test_a_secret_that_is_deleted_every_night_does_not_fill_the_bundles() -> None:
    world = installed()
    for _ in range(20):
        delete(CA)(world)
        run_until_right(world)
        world.now += DAY
        world.served = {world.data(TLS)["tls.crt"]: (world.leaf,)}
    assert len(world.trusted) == 9
    world.assert_right()


def test_a_missing_configuration_does_not_keep_the_rest_from_being_right_and_is_an_error() -> None:
    world = World.with_manifests()
    del world.objects[MUTATING, "guard"]
    message = "^MutatingWebhookConfiguration guard does not exist: apply the manifests, then run again$"
    with pytest.raises(Refused, match=message):
        run(world)
    assert verifies([world.leaf], world.trusted, NAME, world.now)
    del world.objects[VALIDATING, "guard"]
    with pytest.raises(Refused, match=r"guard and Validating.* do not exist"):
        run(world)


def test_a_configuration_that_goes_away_meanwhile_is_not_made_anew() -> None:
    world = World.with_manifests()
    calls = 0

    def turn() -> None:
        nonlocal calls
        calls += 1
        if calls == 11:  # the second look is over, its write is next
            del world.objects[MUTATING, "guard"]

    with pytest.raises(Refused, match="does not exist"):
        run(world, turn=turn)
    assert (MUTATING, "guard") not in world.objects


def test_a_missing_namespace_is_said() -> None:
    world = World.with_manifests()
    world.missing_namespace = True
    with pytest.raises(Refused, match=r"^there is no namespace stash$"):
        run(world)


def test_a_webhook_that_is_added_later_gets_its_bundle() -> None:
    world = installed()
    configuration = world.objects[MUTATING, "guard"]
    configuration["webhooks"].append({"name": "more", "clientConfig": {"service": {}}})
    run(world)
    assert world.lines[-1] == "MutatingWebhookConfiguration guard: caBundle of more: 1 CA(s)"
    world.assert_right()


def test_an_api_server_that_is_away_for_a_moment_is_waited_for_and_one_that_stays_away_is_said() -> None:
    world, pauses, calls = World.with_manifests(), list[float](), 0

    def away_for(failures: int) -> FakeApi:
        def turn() -> None:
            nonlocal calls
            calls += 1
            if calls <= failures:
                raise Unavailable("no answer from the API server: refused")

        return FakeApi(world, turn)

    reconcile(cluster_of(away_for(5)), WANTED, lambda: START, world.lines.append, pauses.append)
    world.assert_right()
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0]
    calls = 0
    with pytest.raises(Refused, match=r"^no answer from the API server: refused \(run again when it does\)$"):
        reconcile(cluster_of(away_for(6)), WANTED, lambda: START, world.lines.append, pauses.append)


def test_who_keeps_writing_the_same_objects_is_not_fought_for_ever() -> None:
    world = World.with_manifests()

    def emptied_again() -> None:
        world.set_bundle(b"")

    with pytest.raises(Refused, match=r"another program keeps changing|what was written keeps being changed back"):
        run(world, turn=emptied_again)


# --- What is shown.


def test_what_is_in_use_is_shown_and_each_flaw_is_named() -> None:
    world = installed()

    def shown(seen: Observed, now: datetime.datetime = START) -> tuple[str, bool]:
        lines, is_good = inventory(seen, NAMES, now, lambda target: target.name)
        return "\n".join(lines), is_good

    seen = cluster_of(FakeApi(world)).look_as_guest()
    text, is_good = shown(seen)
    assert is_good
    assert "valid until 2027-01-01T12:00:00Z, renewed from 2026-09-01T19:58:20Z" in text
    assert f"  names {NAME}\n" in text
    assert text.count("    covers the certificate") == 4
    assert text.count(", signed the certificate") == 4
    assert seen.serving is not None
    assert seen.mutating is not None
    other = issue_ca(START).certificate_pem
    for flawed, now, message in (
        (replace(seen, serving=None), START, "WRONG: it does not exist"),
        (replace(seen, validating=None), START, "WRONG: it does not exist: apply the manifests"),
        (replace(seen, mutating={**seen.mutating, "more": other}), START, "caBundle does not cover the certificate"),
        (replace(seen, mutating={"more": b""}), START, "caBundle is empty"),
        (replace(seen, mutating={"more": b"x"}), START, "caBundle cannot be read"),
        (replace(seen, serving=Content({**seen.serving.data, "tls.key": b""})), START, "cannot be read, or they do"),
        (seen, START + LEAF_LIFETIME, "WRONG: the certificate is not valid now"),
        (seen, START + CA_LIFETIME, "NOT VALID now"),
    ):
        text, is_good = shown(flawed, now)
        assert not is_good
        assert message in text
    lines, is_good = inventory(seen, Names("stash", service="other"), START, lambda target: target.name)
    assert not is_good
    rotate = "run stash-certs rotate --namespace stash --service other"
    assert f"  WRONG: the certificate is not for other.stash.svc: {rotate}" in lines


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Refused),
        (403, Forbidden),
        (404, Gone),
        (409, Conflict),
        (422, Refused),
        (429, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_status_of_the_api_server_is_one_of_four_things(status: int, kind: type[Exception]) -> None:
    assert type(failure(status, "message")) is kind


def test_rest_is_what_next_step_answers_when_all_is_right() -> None:
    step = next_step(cluster_of(FakeApi(installed())).look().seen, WANTED, START)
    assert isinstance(step, UpToDate)
