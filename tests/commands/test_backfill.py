"""What `backfill` plans for an object, what it says, and how it ends; the writing itself is tested end to end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from typer.testing import CliRunner, Result

from app.admission.engine import Admission
from app.cli import app
from app.commands.backfill import text
from app.commands.backfill.planner import Plan, Planner
from app.commands.backfill.runner import Backfill, Options
from app.commands.backfill.signals import Interruption
from app.commands.backfill.writer import Outcome, Writer
from app.commands.cluster.client import Api
from app.commands.cluster.objects import StoredObject
from app.commands.fix.aliases import suggested
from app.domain.reading import read_invoker
from app.inventory.folder import inventory_of
from kube.client import Client
from kube.config import Config
from kube.errors import KubeError, Unavailable, failure
from testbed.patience import PATIENCE
from tests.support.objects import objects

Document = dict[str, Any]


def target(kind: str = "Deployment", name: str = "web", **fields: Any) -> Document:
    return {"ref": {"apiVersion": "apps/v1", "kind": kind, "name": name}, **fields}


def config(name: str = "web", **spec: Any) -> Document:
    """A BackupConfiguration as a cluster holds it."""
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupConfiguration",
        "metadata": {"name": name, "namespace": "demo", "resourceVersion": "7", "labels": {"a": "b"}},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "schedule": "0 3 * * *",
            "retentionPolicy": {"name": "keep", "keepLast": 5, "prune": True},
            "target": target(name=name),
            **spec,
        },
    }


def batch(*targets: Document, name: str = "shop", **spec: Any) -> Document:
    """A BackupBatch as a cluster holds it."""
    made = config(name, members=[{"target": each} for each in targets], **spec)
    del made["spec"]["target"]
    return {**made, "kind": "BackupBatch"}


def plan(document: Document, *others: Document) -> Plan:
    return Planner(inventory_of([document, *others])).plan(StoredObject.of(document["kind"], document))


def aliases(planned: Plan) -> dict[str, str]:
    """What is written, by the JSON pointer of its field."""
    return {each["path"]: each["value"] for each in planned.operations[1:]}


# --- what is written


@pytest.mark.parametrize(
    ("given_target", "alias"),
    [
        (target("Deployment"), "host-0"),
        (target("StatefulSet"), "host"),
        (target("AppBinding"), "host-0"),
        (target("PersistentVolumeClaim"), "host-0"),
        ({"paths": ["/data"]}, "host-0"),
    ],
)
def test_a_target_gets_the_alias_of_its_legacy_host(given_target: Document, alias: str) -> None:
    assert aliases(plan(config(target=given_target))) == {"/spec/target/alias": alias}


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_alias_is_replaced(empty: str | None) -> None:
    planned = plan(config(target=target(alias=empty)))
    assert planned.operations[1] == {"op": "replace", "path": "/spec/target/alias", "value": "host-0"}


@pytest.mark.parametrize(
    "document",
    [
        config(target=target(alias="app")),
        config(target=target("DaemonSet")),
        config(driver="VolumeSnapshotter"),
        {**config(), "spec": {"repository": {"name": "gcs-repo"}, "task": {"name": "cluster-backup"}}},
        {**config(), "kind": "RestoreSession"},
        {**config(), "metadata": {**config()["metadata"], "deletionTimestamp": "2024-01-01T00:00:00Z"}},
    ],
    ids=["alias", "daemonset", "snapshots", "no-target", "restore", "being-deleted"],
)
def test_there_is_nothing_to_write(document: Document) -> None:
    planned = plan(document)
    assert not planned.edits
    assert not planned.writes


def test_a_batch_gets_the_aliases_that_its_members_lack() -> None:
    document = batch(target("StatefulSet", "db"), target(alias="app"), target("DaemonSet", "log"))
    assert aliases(plan(document)) == {"/spec/members/0/target/alias": "host"}


def test_the_patch_holds_only_for_the_state_that_was_read() -> None:
    assert plan(config()).operations[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}


@given(objects())
def test_every_host_that_an_object_meant_before_it_means_after(document: Document) -> None:
    metadata = {"name": "any", "namespace": "demo", "resourceVersion": "7"}
    stored = StoredObject.of(document["kind"], {**document, "metadata": metadata})
    planned = Planner(inventory_of([])).plan(stored)
    before, after = (read_invoker(stored.kind, each, "demo") for each in (stored.value, planned.after))
    assert [each.hosts for each in before.targets] == [each.hosts for each in after.targets]
    again = Planner(inventory_of([])).plan(StoredObject.of(stored.kind, planned.after))
    assert not again.edits
    if stored.kind.startswith("Restore"):
        assert not planned.edits


# --- what is left alone


def test_members_that_would_clash_are_left_alone_with_the_aliases_that_fix_suggests() -> None:
    document = batch(target(name="web"), target(name="shop"), target("StatefulSet", "db"))
    planned = plan(document)
    assert planned.edits
    assert not planned.writes
    assert len(planned.clashes) == 2
    chosen = suggested(StoredObject.of("BackupBatch", document), Admission())
    assert [each.value for each in chosen] == ["shop", "db"]
    assert planned.suggested == (
        'spec.members[1].target.alias: "shop" is written',
        'spec.members[2].target.alias: "db" is written',
    )


def test_a_default_that_an_alias_of_another_member_makes_too_clashes() -> None:
    planned = plan(batch(target(alias="host-0"), target(name="shop")))
    assert [each.rpartition("(")[2] for each in planned.clashes] == ["unique-alias)"]


def test_a_clash_that_no_default_has_a_part_in_keeps_nothing_from_being_written() -> None:
    document = batch(target(alias="app"), target(name="shop", alias="app"), target("StatefulSet", "db"))
    assert aliases(plan(document)) == {"/spec/members/2/target/alias": "host"}


def test_a_fault_elsewhere_in_the_object_keeps_nothing_from_being_written() -> None:
    assert plan(config(schedule="0 24 * * *")).writes


def test_a_host_that_a_batch_has_in_the_same_repository_clashes() -> None:
    other = batch(target(name="shop"), name="blog")
    assert [each.rpartition("(")[2] for each in plan(config(), other).clashes] == ["repository-host)"]
    assert not plan(config(), {**other, "spec": {**other["spec"], "repository": {"name": "own"}}}).clashes


def test_two_batches_in_one_repository_with_one_host_clash() -> None:
    one, other = batch(target(name="shop"), name="shop"), batch(target(name="blog"), name="blog")
    assert [each.rpartition("(")[2] for each in plan(one, other).clashes] == ["repository-host)"]


def test_two_configurations_may_go_on_with_the_host_that_they_share() -> None:
    assert plan(config("one"), config("two")).writes


# --- what it says


class NoApi:
    """What a run needs of a connection before it reads."""

    server = "https://cluster.test"


def looked(*documents: Document, **options: Any) -> Backfill:
    """A run that has read these objects."""
    connection: Any = NoApi()
    run = Backfill(connection, Options(**options))
    run.contents.objects = [StoredObject.of(each["kind"], each) for each in documents]
    planner = Planner(inventory_of(documents))
    run.plans = [found for each in run.contents.objects if (found := planner.plan(each)).edits]
    return run


def test_it_says_in_advance_how_many_workloads_are_restarted_each_once() -> None:
    run = looked(
        config("a"),
        config("again", target=target(name="a")),
        config("by-task", target=target("AppBinding", "db"), task={"name": "mysql-backup"}),
        batch(target("StatefulSet", "db"), target("DaemonSet", "log"), target(alias="x"), repository={"name": "own"}),
        config("done", target=target(alias="x")),
    )
    assert list(text.cost(run)) == [
        "https://cluster.test: 4 objects lack an alias, 1 has nothing to do",
        "Writing them changes specs, so the operator restarts the sidecars, with the Pods, of "
        "1 DaemonSet, 2 Deployments, 1 StatefulSet",
    ]


def test_it_says_in_advance_what_a_limit_leaves_and_what_clashes() -> None:
    run = looked(config("a"), config("b"), batch(target(), target(name="c"), repository={"name": "own"}), limit=1)
    assert [each.object.name for each in run.chosen] == ["a"]
    first, second = text.cost(run)
    assert first == (
        "https://cluster.test: 2 objects lack an alias, 1 more would clash with one, and is left alone, "
        "0 have nothing to do"
    )
    assert second.startswith("Writing the first 1 of them changes specs, ")


def test_a_backup_by_a_task_restarts_nothing() -> None:
    run = looked(config(target=target("AppBinding", "db"), task={"name": "mysql-backup"}))
    assert list(text.cost(run))[1] == "Writing it restarts no Pods: none of the targets is a workload with a sidecar"


def test_what_is_left_alone_is_told_with_its_suggestions() -> None:
    (planned,) = looked(batch(target(name="web"), target(name="shop"))).clashing
    first, second = text.left_alone(planned)
    assert first.startswith("BackupBatch demo/shop: left alone: spec.members[1].target.alias: members[1] ")
    assert second == 'BackupBatch demo/shop: suggested: spec.members[1].target.alias: "shop"'


# --- how one object is written, where no API server answers as it should


class Unwilling:
    """What stands in for a connection: it answers with these errors, one after the other, and then as it should."""

    server = "https://cluster.test"

    def __init__(self, *errors: KubeError, stored: Document | None = None) -> None:
        self.errors = list(errors)
        self.stored = stored
        self.calls: list[str] = []

    def patch(self, *_: Any, **__: Any) -> Document:
        self.calls.append("patch")
        if self.errors:
            raise self.errors.pop(0)
        return config(target=target(alias="host-0"))

    def get(self, _: Any) -> Document:
        self.calls.append("get")
        assert self.stored is not None
        return self.stored


def written(connection: Any, pauses: list[float] | None = None) -> Outcome:
    waited = [] if pauses is None else pauses
    writer = Writer(connection, Planner(inventory_of([])), waited.append, dry_run=False)
    return writer.write(plan(config())).outcome


def test_no_answer_is_waited_for_longer_each_time_and_not_for_ever() -> None:
    pauses: list[float] = []
    down = Unwilling(*[Unavailable("no answer")] * 10)
    assert written(down, pauses) is Outcome.FAILED
    assert down.calls == ["patch"] * 4
    assert len(pauses) == 3
    assert pauses[0] < pauses[-1] <= 4
    assert written(Unwilling(failure(503, "starting"), failure(429, "slowly"))) is Outcome.WRITTEN


def test_others_who_keep_writing_the_object_are_given_up_on() -> None:
    busy = Unwilling(*[failure(409, "conflict")] * 20, stored=config())
    assert written(busy) is Outcome.FAILED
    assert busy.calls.count("patch") == 11


def test_what_somebody_else_has_written_meanwhile_is_left_as_it_is() -> None:
    done = Unwilling(failure(409, "conflict"), stored=config(target=target(alias="app")))
    assert written(done) is Outcome.NOTHING
    assert done.calls == ["patch", "get"]


def test_what_would_clash_by_now_is_left_alone() -> None:
    changed = {**batch(target(name="web"), target(name="shop")), "metadata": config()["metadata"]}
    clashing = Unwilling(failure(409, "conflict"), stored=changed)
    planned = plan(batch(target(name="web")))
    connection: Any = clashing
    made = Writer(connection, Planner(inventory_of([])), lambda _: None, dry_run=False).write(planned)
    assert made.outcome is Outcome.CLASHES
    assert any("left alone" in line for line in text.line(made))


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    refusing = Unwilling(failure(status, "no"))
    assert written(refusing) is Outcome.REFUSED
    assert refusing.calls == ["patch"]


def test_an_object_that_is_gone_is_no_fault() -> None:
    assert written(Unwilling(failure(404, "not found"))) is Outcome.GONE


def run_with(connection: Any, *documents: Document) -> Backfill:
    run = looked(*documents)
    run._api = connection  # noqa: SLF001
    with Interruption() as interruption:
        interruption.pause = lambda _: None  # type: ignore[method-assign,assignment]
        list(run.write(interruption, lambda _: None))
    return run


def test_three_objects_in_a_row_that_nobody_answers_for_end_the_run() -> None:
    run = run_with(Unwilling(*[Unavailable("no answer")] * 99), *(config(f"c-{i}") for i in range(6)))
    assert run.outcomes == {Outcome.FAILED: 3}
    assert run.exit_code == 2
    assert text.summary(run) == (
        "3 objects in a row failed: no answer: 0 objects written, 3 failed, 3 to do: run again to continue"
    )


def test_a_failure_between_others_ends_nothing_and_is_told() -> None:
    run = run_with(Unwilling(*[failure(500, "webhook")] * 4), *(config(f"c-{i}") for i in range(6)))
    assert run.outcomes == {Outcome.FAILED: 1, Outcome.WRITTEN: 5}
    assert run.exit_code == 1
    assert text.summary(run) == "5 objects written, 1 failed"


# --- the end


@pytest.fixture
def usual() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("usual")
def test_a_signal_ends_the_run_between_two_objects(number: signal.Signals) -> None:
    run = looked(*(config(f"c-{i}") for i in range(5)))
    connection: Any = Unwilling()
    run._api = connection  # noqa: SLF001
    with Interruption() as interruption:
        for step in run.write(interruption, lambda _: None):
            if step.done == 2:
                os.kill(os.getpid(), number)
    assert text.summary(run) == "interrupted: 2 objects written, 3 to do: run again to continue"
    assert run.exit_code == 1


@pytest.mark.usefixtures("usual")
def test_a_pause_ends_when_somebody_asks() -> None:
    started = time.monotonic()
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        interruption.pause(PATIENCE)
    assert time.monotonic() - started < PATIENCE


def test_a_second_signal_ends_at_once() -> None:
    code = (
        "import os, signal, time\nfrom app.commands.backfill.signals import Interruption\n"
        "with Interruption() as it:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    assert it.asked\n    print('asked', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(3600)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "asked\n"), done.stderr


def run_command(*arguments: str, **variables: str) -> Result:
    return CliRunner(env={"KUBECONFIG": "nowhere", **variables}).invoke(app, ["backfill", *arguments])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "Error: there is no cluster to talk to, set KUBECONFIG"),
        (["-n", "a/b"], "'a/b' is not a valid Kubernetes name"),
        (["-n", ""], "'' is not a valid Kubernetes name"),
        (["--limit", "0"], "Invalid value for '--limit'"),
        (["--pause", "-1"], "Invalid value for '--pause'"),
    ],
)
def test_a_wrong_call_ends_with_code_2(arguments: list[str], complaint: str) -> None:
    result = run_command(*arguments)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.replace("│", " ").split())


def test_an_api_server_that_does_not_answer_is_told() -> None:
    waited: list[float] = []
    api = Api(Client(Config("http://127.0.0.1:1"), "test"), waited.append)
    with pytest.raises(Unavailable) as raised:
        next(api.pages("BackupBatch"))
    assert raised.value.status == 0
    assert str(raised.value).startswith("no answer from the API server: ")
    assert len(waited) == 3
    api.close()
