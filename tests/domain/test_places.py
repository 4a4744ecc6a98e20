"""Two Repositories are one restic repository where their backends mean one place, however that is spelled."""

from typing import Any

import pytest

from app.domain.key import Key
from app.domain.places import Place, own_place, place_of

REPOSITORY = Key("Repository", "demo", "one")
OTHER = Key("Repository", "prod", "two")


def place(repository: Key = REPOSITORY, secret: str | None = "secret", **backend: Any) -> Place:  # noqa: S107
    spec = {"backend": {**backend, **({"storageSecretName": secret} if secret else {})}}
    return place_of(repository, {"kind": "Repository", "spec": spec})


def s3(endpoint: str = "s3.example", bucket: str = "b", prefix: str | None = "data", **more: Any) -> dict[str, Any]:
    return {"s3": {"endpoint": endpoint, "bucket": bucket, "prefix": prefix, **more}}


def local(sub_path: str | None = None, **volume: Any) -> dict[str, Any]:
    return {"local": {"mountPath": "/safe", "subPath": sub_path, **volume}}


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "slashes around a prefix": (s3(prefix="/data"), s3(prefix="data/")),
    "slashes in a prefix": (s3(prefix="a//b"), s3(prefix="/a/b//")),
    "a prefix that goes up": (s3(prefix="data"), s3(prefix="x/../data")),
    "no prefix and an empty one": (s3(prefix=None), s3(prefix="")),
    "no prefix and the root": (s3(prefix=None), s3(prefix="/")),
    "a prefix that goes up into another bucket": (s3(bucket="c"), s3(bucket="b", prefix="../c/data")),
    "no scheme and https": (s3(), s3(endpoint="https://s3.example")),
    "a scheme in capitals": (s3(), s3(endpoint="HTTPS://s3.example")),
    "the port of https": (s3(), s3(endpoint="https://s3.example:443")),
    "the port without a scheme": (s3(), s3(endpoint="s3.example:443/")),
    "the port of http": (s3(endpoint="http://s3.example"), s3(endpoint="http://s3.example:80/")),
    "a host in capitals": (s3(), s3(endpoint="S3.Example")),
    "a host with a dot behind": (s3(), s3(endpoint="s3.example.")),
    "an endpoint with a slash": (s3(), s3(endpoint="https://s3.example//")),
    "the bucket in the endpoint": (
        s3(bucket="b", prefix="c/d"),
        s3(endpoint="https://s3.example/b", bucket="c", prefix="d"),
    ),
    "a region": (s3(), s3(region="eu-west-1")),
    "without a look at the certificate": (s3(), s3(insecureTLS=True)),
    "gcs": ({"gcs": {"bucket": "b", "prefix": "/p"}}, {"gcs": {"bucket": "b", "prefix": "p/", "maxConnections": 7}}),
    "b2": ({"b2": {"bucket": "b", "prefix": "../p"}}, {"b2": {"bucket": "b", "prefix": "p"}}),
    "rest": ({"rest": {"url": "https://rest.example/x/"}}, {"rest": {"url": "HTTPS://REST.example:443/x"}}),
    "rest with a password": (
        {"rest": {"url": "http://rest:8000/x"}},
        {"rest": {"url": "http://me:secret@rest:8000/x/"}},
    ),
    "nfs": (
        local(nfs={"server": "nas.example", "path": "/srv"}, sub_path="a/b"),
        local(nfs={"server": "NAS.example", "path": "/srv/a/"}, sub_path="/b/"),
    ),
    "another mount path": (
        local(nfs={"server": "nas", "path": "/srv"}),
        {"local": {"mountPath": "/elsewhere", "nfs": {"server": "nas", "path": "/srv"}}},
    ),
    "another volume, written in another order": (
        local(flexVolume={"driver": "d", "options": {"a": "1"}}),
        local(flexVolume={"options": {"a": "1"}, "driver": "d"}),
    ),
    "backends that are null": (s3(), {**s3(), "gcs": None, "local": None}),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_one_place_in_two_spellings_is_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert place(REPOSITORY, **one).certain == place(OTHER, "other-secret", **other).certain
    assert place(REPOSITORY, **one).text


DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a prefix in another": (s3(prefix="data"), s3(prefix="data/shop")),
    "a prefix that begins so": (s3(prefix="data"), s3(prefix="data2")),
    "a prefix in capitals": (s3(prefix="data"), s3(prefix="Data")),
    "another bucket": (s3(), s3(bucket="c")),
    "another port": (s3(), s3(endpoint="s3.example:9000")),
    "another host": (s3(), s3(endpoint="s3.other")),
    "http and https": (s3(), s3(endpoint="http://s3.example")),
    "another kind of backend": ({"gcs": {"bucket": "b"}}, {"b2": {"bucket": "b"}}),
    "rest in another path": ({"rest": {"url": "http://rest:8000/x"}}, {"rest": {"url": "http://rest:8000/X"}}),
    "nfs in another path": (
        local(nfs={"server": "nas", "path": "/srv"}),
        local(nfs={"server": "nas", "path": "/srv"}, sub_path="a"),
    ),
    "a claim and a path of the host": (
        local(persistentVolumeClaim={"claimName": "data"}),
        local(hostPath={"path": "/data"}),
    ),
    "claims of two namespaces": (
        local(persistentVolumeClaim={"claimName": "data"}),
        local(persistentVolumeClaim={"claimName": "data"}),
    ),
    "volumes that each Pod has": (local(emptyDir={}), local(emptyDir={})),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_places_that_differ_are_two(one: dict[str, Any], other: dict[str, Any]) -> None:
    mine, theirs = place(REPOSITORY, **one), place(OTHER, **other)
    assert mine.certain != theirs.certain
    assert mine.possible is None or mine.possible != theirs.possible


POSSIBLE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "azure": ({"azure": {"container": "c", "prefix": "/p"}}, {"azure": {"container": "c", "prefix": "p/"}}),
    "swift": ({"swift": {"container": "c"}}, {"swift": {"container": "c", "prefix": "/"}}),
    "a path of the host": (local(hostPath={"path": "/d/"}, sub_path="x"), local(hostPath={"path": "/d/x"})),
}


@pytest.mark.parametrize(("one", "other"), POSSIBLE.values(), ids=POSSIBLE)
def test_where_only_a_secret_or_a_node_could_tell_places_may_be_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    mine, theirs = place(REPOSITORY, **one), place(OTHER, **other)
    assert mine.certain != theirs.certain
    assert mine.possible == theirs.possible is not None


@pytest.mark.parametrize("backend", ["azure", "swift"])
def test_one_secret_of_one_namespace_is_one_account(backend: str) -> None:
    neighbour = Key("Repository", REPOSITORY.namespace, "two")
    fields: dict[str, Any] = {backend: {"container": "c"}}
    assert place(REPOSITORY, **fields).certain == place(neighbour, **fields).certain
    assert place(REPOSITORY, **fields).certain != place(neighbour, "another", **fields).certain
    assert place(REPOSITORY, None, **fields).certain != place(neighbour, None, **fields).certain


def test_one_claim_of_one_namespace_is_one_place() -> None:
    neighbour = Key("Repository", REPOSITORY.namespace, "two")
    claim = local(persistentVolumeClaim={"claimName": "data"})
    assert place(REPOSITORY, **claim).certain == place(neighbour, **claim).certain


UNREADABLE: dict[str, Any] = {
    "no spec": {},
    "a spec that is a text": {"spec": "s3"},
    "no backend": {"spec": {}},
    "a backend that is a list": {"spec": {"backend": []}},
    "none of the backends": {"spec": {"backend": {"storageSecretName": "s"}}},
    "an unknown backend": {"spec": {"backend": {"ftp": {"url": "ftp://x"}}}},
    "several backends": {"spec": {"backend": {**s3(), "gcs": {"bucket": "b"}}}},
    "a bucket that is a number": {"spec": {"backend": s3(bucket=7)}},  # type: ignore[arg-type]
    "no bucket": {"spec": {"backend": {"s3": {"endpoint": "s3.example"}}}},
    "a bucket that is not rendered": {"spec": {"backend": s3(bucket="{{ .bucket }}")}},
    "a prefix that is not rendered": {"spec": {"backend": s3(prefix="${PREFIX}")}},
    "a port that is none": {"spec": {"backend": s3(endpoint="s3.example:http")}},
    "a port that is too large": {"spec": {"backend": s3(endpoint="s3.example:65536")}},
    "no host": {"spec": {"backend": s3(endpoint="https://")}},
    "brackets that are left open": {"spec": {"backend": s3(endpoint="https://[::1")}},
    "a URL without a scheme": {"spec": {"backend": {"rest": {"url": "rest.example/x"}}}},
    "two volumes": {"spec": {"backend": local(nfs={"server": "n", "path": "/"}, hostPath={"path": "/"})}},
    "no volume": {"spec": {"backend": local()}},
    "a volume that is a text": {"spec": {"backend": local(flexVolume="driver")}},
    "a very large volume": {"spec": {"backend": local(flexVolume={"driver": "x" * 10_000})}},
    "a very long name of a Secret": {"spec": {"backend": {**s3(), "storageSecretName": "x" * 10_000}}},
    "a very long prefix": {"spec": {"backend": s3(prefix="x" * 1_000_000)}},
}


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=UNREADABLE)
def test_a_repository_that_nobody_can_read_has_a_place_of_its_own(document: dict[str, Any]) -> None:
    assert place_of(REPOSITORY, document) == own_place(REPOSITORY)
    assert place_of(REPOSITORY, document) != place_of(OTHER, document)


def test_a_message_shows_no_password() -> None:
    assert place(rest={"url": "https://me:secret@rest.example/x"}).text == "rest:https://rest.example/x"
    assert place(**s3(endpoint="https://me:secret@s3.example")).text == "s3:s3.example/b/data"


@pytest.mark.parametrize(
    ("backend", "text"),
    [
        (s3(endpoint="s3.example:9000"), "s3:s3.example:9000/b/data"),
        (s3(endpoint="[::1]:9000"), "s3:[::1]:9000/b/data"),
        ({"gcs": {"bucket": "b", "prefix": "p"}}, "gs:b:/p"),
        ({"azure": {"container": "c", "prefix": "p"}}, "azure:c:/p"),
        (local(nfs={"server": "nas", "path": "/srv"}), "nas:/srv"),
        (local(persistentVolumeClaim={"claimName": "data"}, sub_path="x"), "PersistentVolumeClaim demo/data:/x"),
        (local(hostPath={"path": "/d"}), "hostPath /d"),
    ],
)
def test_a_place_is_named_as_restic_names_it(backend: dict[str, Any], text: str) -> None:
    assert place(**backend).text == text
