"""Replicas that are asked in the same moment: of two backups that clash, one is stored."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from testbed.control_plane.installation import NAME, apply
from testbed.control_plane.objects import Document, Objects
from testbed.control_plane.race import (
    Outcome,
    Race,
    Write,
    batch_and_configuration,
    batches,
    configuration_of,
    created,
    update_and_create,
)
from testbed.control_plane.replicas import Replicas, account, replicas, repository
from testbed.objects import batch_of
from testbed.patience import eventually

ROUNDS = 25
WRITERS = 8


@dataclass
class Racing(Replicas):
    """Replicas, and writers."""

    race: Race

    def run(self, *rounds: tuple[Write, ...]) -> Outcome:
        """Run rounds."""
        return self.race.run(rounds)


@pytest.fixture(scope="module", params=[2, 3], ids="{}-replicas".format)
def racing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Racing]:
    with replicas(tmp_path_factory.mktemp("racing"), request.param) as started:
        writers = [Objects(started.cluster) for _ in range(WRITERS)]
        race = Race(writers)
        yield Racing(started.cluster, started.objects, started.replicas, race)
        race.close()
        for each in writers:
            each.close()


def alike(namespace: str, *names: str) -> list[Document]:
    """Repositories with one place, each under its own spelling of it."""
    spellings = ("x/{}", "/x/{}/", "x//{}", "y/../x/{}")
    return [
        {
            **repository(namespace, name),
            "spec": {"backend": {"gcs": {"bucket": "one", "prefix": spelling.format(namespace)}}},
        }
        for name, spelling in zip(names, spellings, strict=False)
    ]


def only_winners(outcome: Outcome) -> bool:
    assert set(outcome.stored) == {1}, [[reply.body for reply in each] for each in outcome.replies]
    return True


def test_of_many_batches_with_one_repository_one_is_stored(racing: Racing) -> None:
    demo = racing.namespace(f"batches-{len(racing.replicas)}")
    racing.store(*(repository(demo, f"r{number}") for number in range(ROUNDS)))
    rounds = [batches(demo, f"b{number}", *[f"r{number}"] * WRITERS) for number in range(ROUNDS)]
    assert only_winners(racing.run(*rounds))


def test_of_two_batches_with_two_repositories_in_one_place_one_is_stored(racing: Racing) -> None:
    count = len(racing.replicas)
    rounds = []
    for number in range(5):
        demo = racing.namespace(f"places-{count}-{number}")
        racing.store(*alike(demo, "one", "two"))
        rounds.append(batches(demo, "b", "one", "two"))
    assert only_winners(racing.run(*rounds))


def test_of_a_batch_and_a_configuration_with_one_host_one_is_stored(racing: Racing) -> None:
    demo = racing.namespace(f"hosts-{len(racing.replicas)}")
    racing.store(*(repository(demo, f"r{number}") for number in range(ROUNDS)))
    rounds = [batch_and_configuration(demo, f"b{number}", (f"r{number}", f"r{number}")) for number in range(ROUNDS)]
    assert only_winners(racing.run(*rounds))


def test_of_an_update_and_a_create_with_one_host_one_is_stored(racing: Racing) -> None:
    demo = racing.namespace(f"updates-{len(racing.replicas)}")
    stored = [batch_of(demo, f"batch-{number}", repository={"name": f"r{number}"}) for number in range(ROUNDS)]
    racing.store(*(repository(demo, f"r{number}") for number in range(ROUNDS)), *stored)
    rounds = [update_and_create(each, demo, f"u{number}", f"r{number}") for number, each in enumerate(stored)]
    assert only_winners(racing.run(*rounds))


def test_backups_that_do_not_clash_are_all_stored_in_one_place(racing: Racing) -> None:
    demo = racing.namespace(f"shared-{len(racing.replicas)}")
    racing.store(repository(demo, "all"))
    rounds = [
        tuple(
            lambda objects, name=f"c{number}-{side}": objects.create(configuration_of(demo, name, name, "all"))
            for side in range(2)
        )
        for number in range(ROUNDS)
    ]
    assert set(racing.run(*rounds).stored) == {2}


def leases(racing: Replicas) -> list[Document]:
    """The Leases that hold claims."""
    listed = racing.cluster.kubectl(
        "get", "leases", "-n", NAME, "-l", "app.kubernetes.io/component=claims", "-o", "json"
    )
    assert listed.returncode == 0, listed.stderr
    found: list[Document] = json.loads(listed.stdout)["items"]
    return found


def claims(lease: Document) -> list[Document]:
    annotations = lease["metadata"]["annotations"]
    found: list[Document] = json.loads(annotations["admission.stash.appscode.com/claims"])["claims"]
    return found


def test_what_needs_no_claim_makes_none(racing: Racing) -> None:
    demo = racing.namespace(f"none-{len(racing.replicas)}")
    racing.store(repository(demo, "gcs"))
    before = len(leases(racing))
    batch = batch_of(demo, "shop", repository={"name": "gcs"})
    assert racing.objects.create(batch, dryRun="All").status == 201
    assert len(leases(racing)) == before, "nothing is stored by a dry run"
    racing.store(batch)
    versions = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in leases(racing)}
    assert len(versions) == before + 1
    assert racing.objects.merge(batch, {"spec": {"schedule": "@daily"}}).status == 200
    fewer = {"spec": {"members": batch["spec"]["members"][:1]}}
    assert racing.objects.merge(batch, fewer).status == 200
    assert racing.objects.create(batch_of(demo, "other", repository={"name": "gcs"})).status == 422
    restore = {**batch_of(demo, "back", repository={"name": "gcs"}), "kind": "RestoreBatch"}
    restore["spec"] = {"repository": {"name": "gcs"}, "members": []}
    racing.objects.create(restore)
    after = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in leases(racing)}
    assert after == versions


def test_the_claim_of_a_replica_that_was_killed_blocks_only_what_clashes_and_says_for_how_long(racing: Racing) -> None:
    demo = racing.namespace(f"killed-{len(racing.replicas)}")
    racing.store(repository(demo, "gcs"), configuration_of(demo, "first", "first", "gcs"))
    (lease,) = [each for each in leases(racing) if claims(each) and claims(each)[-1]["namespace"] == demo]
    lost = {**claims(lease)[-1], "name": "lost", "hosts": [["literal", "lost"]]}
    put(racing, lease, {**lost, "since": datetime.now(UTC).isoformat()})
    assert racing.objects.create(configuration_of(demo, "second", "second", "gcs")).status == 201
    batch = batch_of(demo, "shop", repository={"name": "gcs"})
    batch["spec"]["members"][0]["target"]["alias"] = "lost"
    refused = racing.objects.create(batch)
    assert refused.status == 422
    assert f"BackupConfiguration {demo}/lost was admitted a moment ago" in refused.message
    assert "if it was not stored, try again in 75 seconds" in refused.message


def test_a_claim_that_is_too_old_and_of_which_nothing_is_stored_blocks_nobody(racing: Racing) -> None:
    demo = racing.namespace(f"dead-{len(racing.replicas)}")
    racing.store(repository(demo, "gcs"), configuration_of(demo, "first", "first", "gcs"))
    (lease,) = [each for each in leases(racing) if claims(each) and claims(each)[-1]["namespace"] == demo]
    lost = {**claims(lease)[-1], "name": "lost", "hosts": [["literal", "lost"]]}
    put(racing, lease, {**lost, "since": (datetime.now(UTC) - timedelta(seconds=80)).isoformat()})
    batch = batch_of(demo, "shop", repository={"name": "gcs"})
    batch["spec"]["members"][0]["target"]["alias"] = "lost"
    reply = racing.objects.create(batch)
    assert reply.status == 201, reply.message


def test_what_was_deleted_blocks_nobody(racing: Racing) -> None:
    demo = racing.namespace(f"deleted-{len(racing.replicas)}")
    racing.store(repository(demo, "gcs"))
    for number in range(5):
        batch = batch_of(demo, f"shop-{number}", repository={"name": "gcs"})
        racing.store(batch)
        assert racing.objects.delete(batch).status == 200
        racing.settle()


def put(racing: Replicas, lease: Document, *further: Document) -> None:
    """Add claims to a Lease, as a replica does that is killed before it answers."""
    annotations = lease["metadata"]["annotations"]
    record = json.loads(annotations["admission.stash.appscode.com/claims"])
    record["claims"] += further
    annotations["admission.stash.appscode.com/claims"] = json.dumps(record)
    replaced = racing.cluster.kubectl("replace", "-f", "-", stdin=json.dumps(lease))
    assert replaced.returncode == 0, replaced.stderr


def test_without_the_right_to_claim_it_decides_on_and_says_so(tmp_path: Path) -> None:
    with replicas(tmp_path, 1) as started:
        demo = started.namespace("demo")
        started.store(repository(demo, "gcs"))
        (replica,) = started.replicas
        assert replica.manage("/readyz").text == "ok\n"
        assert started.cluster.kubectl("delete", "role", NAME, "-n", NAME).returncode == 0
        batch = batch_of(demo, "shop", repository={"name": "gcs"})
        eventually(lambda: started.objects.create(batch, dryRun="All").status == 201)
        assert started.objects.create(batch).status == 201
        ready = replica.manage("/readyz")
        assert ready.status_code == 200
        remark = ready.text
        assert "two replicas may admit what clashes at the same moment" in remark
        assert "leases.coordination.k8s.io" in remark
        assert replica.metrics()["stash_admission_claims_fault", ()] == 1
        again = started.objects.create(batch_of(demo, "blog", repository={"name": "gcs"}))
        assert again.status == 422, "what its own watch has delivered, it knows"


def test_claims_get_through_while_the_calls_that_wait_for_them_fill_the_seats_of_the_api_server(tmp_path: Path) -> None:
    seats = ("--max-requests-inflight=12", "--max-mutating-requests-inflight=8")
    with replicas(tmp_path, 2, flags=seats) as started:
        demo = started.namespace("demo")
        started.store(*(repository(demo, f"r{number}") for number in range(40)))
        gitops = {"kind": "ServiceAccount", "name": "gitops", "namespace": NAME}
        apply(
            started.cluster,
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "gitops", "namespace": NAME}},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "gitops"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [gitops],
            },
        )
        path = account(started.cluster, tmp_path, "gitops")
        writers = [Objects(started.cluster, path) for _ in range(40)]
        race = Race(writers)
        try:
            backups = [batch_of(demo, f"b{number}", repository={"name": f"r{number}"}) for number in range(40)]
            outcome = race.run([tuple(created(each) for each in backups)])
        finally:
            race.close()
            for each in writers:
                each.close()
        assert outcome.stored == {40: 1}, [reply.message for replies in outcome.replies for reply in replies]
