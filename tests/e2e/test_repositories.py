"""Repositories through the real API server: a webhook of their own, which refuses, and blocks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import Installation, crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.objects import batch_of
from tests.support.e2e.admitting import Admitting

TWO = {"s3": {"endpoint": "s3.example", "bucket": "b"}, "gcs": {"bucket": "b"}}


def repository(namespace: str, name: str, backend: Document | None = None, **spec: object) -> Document:
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backend": {"gcs": {"bucket": "b"}} if backend is None else backend, **spec},
    }


def test_a_repository_with_two_backends_or_none_is_refused_by_the_webhook_for_repositories(
    admitting: Admitting,
) -> None:
    namespace = admitting.namespace("two-backends")
    backends: dict[str, Document] = {"two": TWO, "none": {"storageSecretName": "s"}}
    for name, backend in backends.items():
        refused = admitting.objects.create(repository(namespace, name, backend))
        assert refused.status == 422, refused.body
        assert 'webhook "validate-repositories.admission.stash.appscode.com" denied the request' in refused.message
        assert [cause["field"] for cause in refused.causes] == ["spec.backend"]
    assert admitting.objects.create(repository(namespace, "one")).status == 201
    worse = admitting.objects.merge(repository(namespace, "one"), {"spec": {"backend": TWO}})
    assert worse.status == 422
    assert "2 backends, s3 and gcs" in worse.message


def test_a_repository_is_stored_as_it_was_written(admitting: Admitting) -> None:
    namespace = admitting.namespace("as-written")
    local = {"local": {"mountPath": "/safe", "nfs": {"server": "nas", "path": "/srv"}}, "storageSecretName": "s"}
    written = repository(namespace, "nfs", local, wipeOut=True)
    assert admitting.objects.create(written).status == 201
    assert admitting.objects.get(written)["spec"] == written["spec"]


@pytest.fixture
def older(tmp_path: Path) -> Iterator[tuple[Objects, Installation]]:
    """A cluster with an object that is older than the webhooks."""
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        objects = Objects(cluster)
        cluster.kubectl("create", "namespace", "demo")
        assert objects.create(repository("demo", "old", TWO)).status == 201
        yield objects, Installation(cluster, tmp_path)
        objects.close()


def test_what_is_stored_already_is_not_refused_and_no_repository_waits_for_a_server_that_is_down(
    older: tuple[Objects, Installation], tmp_path: Path
) -> None:
    objects, installation = older
    old = repository("demo", "old", TWO)
    with installation.serving(tmp_path) as server:
        installation.register(server.port)
        assert objects.merge(old, {"metadata": {"labels": {"team": "shop"}}}).warnings == []
        kept = objects.merge(old, {"spec": {"wipeOut": True}})
        assert kept.status == 200, kept.message
        assert any("(one-backend) [not refused" in each for each in kept.warnings)
        better = objects.merge(old, {"spec": {"backend": {"s3": None}}})
        assert (better.status, better.warnings) == (200, [])
        assert objects.merge(old, {"spec": {"backend": TWO}}).status == 422
    assert objects.create(batch_of("demo")).status == 500, "backups wait"
    assert objects.create(repository("demo", "new")).status == 201
    assert objects.merge(old, {"spec": {"backend": TWO}}).status == 200
    assert objects.delete(old).status == 200
