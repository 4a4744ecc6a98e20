"""What the server knows of the cluster, what it makes of that, and what it says where it does not know enough."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.admission.budget import Undecided
from app.admission.engine import Admission
from app.domain.hosts import certain_index_keys, certain_lookup_keys
from app.domain.invoker import Backup
from app.domain.key import Key
from app.domain.reading import read_invoker
from app.inventory.folder import BadFolder, inventory_of, read_folder
from app.inventory.store import FIRST_SYNC, KINDS, STALE_AFTER, Inventory
from app.rules.registry import RULES, Level
from testbed.objects import REPOSITORY, SELECTOR, batch, configuration
from testbed.reviews import Answer, Document, answer, ask
from testbed.server import body
from tests.support.commandline import complaint, run
from tests.support.objects import objects


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def known(*documents: Document, clock: Clock | None = None) -> Inventory:
    """The inventory of a live cluster that has just been heard of."""
    inventory = Inventory(clock=clock or Clock())
    for document in (REPOSITORY, *documents):
        inventory.put(document["kind"], document)
    for kind in KINDS:
        inventory.complete(kind)
    return inventory


def decide(inventory: Inventory, document: Document, old: Document | None = None, **fields: Any) -> Answer:
    return answer(Admission({}, inventory), "validate", document, old, **fields)


# --- what every decision needs


def test_without_an_inventory_the_cluster_is_not_spoken_of() -> None:
    result = ask("validate", batch("shop"))
    assert result.allowed
    assert not result.warnings
    assert not result.acted("not-checked")


@settings(max_examples=200, deadline=None)
@given(st.lists(objects(), max_size=6), objects())
def test_the_rules_find_what_comparing_with_every_object_finds(stored: list[Document], new: Document) -> None:
    documents = [{**each, "metadata": {**each["metadata"], "name": f"o{i}"}} for i, each in enumerate(stored)]
    documents = [each for each in documents if each["kind"].startswith("Backup")]
    view = read_invoker(new["kind"], new, "demo")
    others = [read_invoker(each["kind"], each, "demo") for each in documents]
    together = [each for each in others if isinstance(each, Backup) and each.repository == view.repository is not None]
    result = ask("validate", new, cluster=documents, levels={"exclusive-repository": "warn", "repository-host": "warn"})
    clashes = isinstance(view, Backup) and any(
        set(certain_lookup_keys(mine)) & set(certain_index_keys(theirs))
        for _, mine in view.writers
        for other in together
        for _, theirs in other.writers
    )
    shared = new["kind"] == "BackupBatch" and any(each.kind == "BackupBatch" for each in together)
    assert ("exclusive-repository" in result.warned_by) is shared
    assert shared or ("repository-host" in result.warned_by) is clashes


def test_an_object_that_changes_its_repository_frees_the_one_before() -> None:
    inventory = known(batch("blog"))
    inventory.put("BackupBatch", batch("blog", repository="own"))
    assert decide(inventory, batch("shop")).allowed


@pytest.mark.parametrize("gone", ["dropped", "left out of a new list", "deleted but for its finalizers"])
def test_an_object_that_is_gone_frees_its_repository(gone: str) -> None:
    blog = batch("blog")
    inventory = known(blog)
    if gone == "dropped":
        inventory.drop(Key("BackupBatch", "demo", "blog"))
    elif gone == "left out of a new list":
        inventory.synced("BackupBatch", [])
    else:
        inventory.put("BackupBatch", batch("blog", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert decide(inventory, batch("shop")).allowed


def test_a_new_list_keeps_what_it_holds_and_leaves_other_kinds_alone() -> None:
    inventory = known(
        batch("blog"), configuration("web"), {**REPOSITORY, "metadata": {"name": "old", "namespace": "demo"}}
    )
    namespaces = [{"metadata": {"name": name}} for name in ("demo", "gone")]
    keys = [inventory.put("Namespace", each) for each in namespaces]
    inventory.synced("BackupBatch", [Key("BackupBatch", "demo", "blog")])
    inventory.synced("Repository", [Key("Repository", "demo", "gcs-repo")])
    inventory.synced("Namespace", keys[:1])
    assert inventory.counts() == {"BackupBatch": 1, "BackupConfiguration": 1, "Repository": 1, "Namespace": 1}
    assert not decide(inventory, batch("shop", "new")).allowed


# --- what is not known


def test_what_is_not_known_yet_is_not_checked_and_every_answer_that_it_concerns_says_so() -> None:
    inventory = Inventory(clock=Clock())
    result = decide(inventory, batch("shop"))
    assert result.allowed
    assert result.warnings == [
        "exclusive-repository, repository-host: not checked, since the BackupBatches of the cluster are not known yet",
        "usage-policy, repository-exists, shared-place: not checked, "
        "since the Repositories of the cluster are not known yet",
    ]
    assert result.acted("not-checked") == {
        "exclusive-repository", "repository-host", "usage-policy", "repository-exists", "shared-place",
    }  # fmt: skip
    without = batch("shop")
    del without["spec"]["repository"]
    snapshots = {**without, "spec": {**without["spec"], "driver": "VolumeSnapshotter"}}
    assert not decide(inventory, snapshots).acted("not-checked"), "it uses no Repository"


def test_a_kind_that_may_not_be_read_does_not_stop_the_rules_that_need_others() -> None:
    inventory = Inventory(clock=Clock())
    inventory.put("BackupBatch", batch("blog"))
    inventory.complete("BackupBatch")
    inventory.failed("BackupConfiguration", "the API server answers 403: forbidden", refused=True)
    result = decide(inventory, batch("shop", "new"))
    assert result.refused_by == {"exclusive-repository"}
    assert result.acted("not-checked") == {"repository-host", "usage-policy", "repository-exists", "shared-place"}
    assert "the BackupConfigurations of the cluster are not known" in result.warnings[0]
    assert "the BackupConfigurations of the cluster are not known yet" not in result.warnings[0]


def test_a_namespace_whose_labels_are_not_known_is_not_refused() -> None:
    selecting = {**REPOSITORY, "spec": {"usagePolicy": {"allowedNamespaces": SELECTOR}}}
    result = ask("validate", batch("shop"), cluster=[selecting])
    assert result.allowed
    assert result.warnings == ["usage-policy: not checked, since the labels of Namespace demo are not known"]


def test_where_nothing_was_heard_for_long_the_rules_only_warn_and_say_so() -> None:
    clock = Clock()
    inventory = known(batch("blog"), clock=clock)
    clock.now += STALE_AFTER - 1
    assert not decide(inventory, batch("shop")).allowed
    clock.now += 2
    result = decide(inventory, batch("shop", "new"))
    assert result.allowed
    assert result.warned_by == {"exclusive-repository"}
    assert "exclusive-repository" in result.acted("not-checked")
    assert "only a warning, since nothing was heard of the BackupBatches of the cluster for 151 s" in result.warnings[0]
    for kind in KINDS:
        inventory.heard(kind)
    assert not decide(inventory, batch("shop")).allowed


def test_one_kind_of_which_nothing_was_heard_leaves_the_rules_about_others_as_they_are() -> None:
    clock = Clock()
    inventory = known(clock=clock)
    clock.now += STALE_AFTER + 1
    for kind in ("Repository", "Namespace", "BackupBatch"):
        inventory.heard(kind)
    result = decide(inventory, configuration("web", repository="none"))
    assert result.acted("not-checked") == {"repository-host", "shared-place"}
    assert decide(known(), configuration("web", repository="none")).acted("not-checked") == set()


def test_readiness_waits_for_every_kind_but_for_none_that_is_refused_and_not_for_ever() -> None:
    clock = Clock()
    inventory = Inventory(clock=clock)
    for kind in ("BackupBatch", "BackupConfiguration", "Repository"):
        inventory.complete(kind)
    assert inventory.not_ready() == "the inventory does not know the Namespaces of the cluster yet"
    inventory.failed("Namespace", "no answer from the API server: timed out")
    assert inventory.not_ready()
    inventory.failed("Namespace", "the API server answers 403: forbidden", refused=True)
    assert inventory.not_ready() is None
    assert inventory.remark() == "Namespaces of the cluster: the API server answers 403: forbidden"
    assert Inventory(clock=clock).not_ready()
    other = Inventory(clock=clock)
    clock.now += FIRST_SYNC
    assert other.not_ready() is None


def test_the_age_is_that_of_the_kind_that_was_silent_longest() -> None:
    clock = Clock()
    inventory = Inventory(clock=clock)
    assert inventory.age == float("inf")
    assert "nothing heard" in str(inventory.remark())
    for kind in KINDS:
        inventory.complete(kind)
    assert inventory.remark() is None
    clock.now += 10
    inventory.heard("BackupBatch")
    assert inventory.age == 10
    clock.now += STALE_AFTER
    assert "BackupBatches" in str(inventory.remark())
    assert inventory_of([]).age == 0


# --- what was admitted a moment ago


def test_a_burst_of_batches_with_one_repository_is_refused_but_for_the_first() -> None:
    inventory = known()
    results = [decide(inventory, batch(f"shop-{number}", f"app-{number}")) for number in range(5)]
    assert [each.allowed for each in results] == [True, False, False, False, False]
    assert "BackupBatch demo/shop-0 was admitted a moment ago: if it was not stored, try again" in results[1].message


def test_what_was_admitted_counts_only_for_a_few_seconds() -> None:
    clock = Clock()
    inventory = known(clock=clock)
    assert decide(inventory, batch("shop")).allowed
    clock.now += 4
    assert not decide(inventory, batch("blog", "new")).allowed
    clock.now += 2
    assert decide(inventory, batch("blog", "new")).allowed


def test_what_was_admitted_again_counts_from_then_on() -> None:
    clock = Clock()
    inventory = known(clock=clock)
    assert decide(inventory, batch("shop")).allowed
    clock.now += 3
    assert decide(inventory, batch("shop")).allowed
    clock.now += 3
    assert not decide(inventory, batch("blog", "new")).allowed
    clock.now += 3
    assert decide(inventory, batch("blog", "new")).allowed


def test_what_was_admitted_is_an_ordinary_object_once_it_was_delivered() -> None:
    inventory = known()
    assert decide(inventory, batch("shop")).allowed
    inventory.put("BackupBatch", batch("shop"))
    refused = decide(inventory, batch("blog", "new"))
    assert not refused.allowed
    assert "a moment ago" not in refused.message
    inventory.drop(Key("BackupBatch", "demo", "shop"))
    assert decide(inventory, batch("blog", "new")).allowed


def test_an_older_state_that_is_delivered_late_does_not_hide_what_was_admitted() -> None:
    inventory = known()
    before = batch("shop", repository="own")
    assert decide(inventory, batch("shop"), before).allowed
    inventory.put("BackupBatch", before)
    assert not decide(inventory, batch("blog", "new")).allowed
    assert not decide(inventory, batch("blog", "new", repository="own")).allowed, "both count until it is known"
    inventory.put("BackupBatch", batch("shop"))
    assert decide(inventory, batch("cms", "new", repository="own")).allowed


def test_an_object_does_not_clash_with_itself_as_it_was_admitted_a_moment_ago() -> None:
    inventory = known()
    assert decide(inventory, batch("shop", "a", "b")).allowed
    assert decide(inventory, batch("shop", "a")).allowed
    assert decide(inventory, batch("shop", "b"), batch("shop", "a")).allowed


@pytest.mark.parametrize("why", ["a dry run", "a refusal", "a restore", "no name"])
def test_what_is_not_going_to_be_stored_so_does_not_count(why: str) -> None:
    inventory = known()
    document = batch("shop", schedule="never") if why == "a refusal" else batch("shop")
    if why == "a refusal":
        document["spec"]["schedule"] = "never"
    if why == "a restore":
        document = {**document, "kind": "RestoreBatch"}
    if why == "no name":
        del document["metadata"]["name"]
    decide(inventory, document, dryRun=why == "a dry run")
    assert decide(inventory, batch("blog")).allowed


def test_a_generated_name_is_read_from_the_object() -> None:
    inventory = known()
    assert decide(inventory, batch("shop-x7k2p", generateName="shop-"), name="").allowed
    assert "BackupBatch demo/shop-x7k2p" in decide(inventory, batch("blog", "new")).message


# --- levels and updates


def test_two_backupconfigurations_are_warned_of_and_with_a_batch_refused() -> None:
    inventory = known(configuration("web"))
    assert decide(inventory, configuration("blog")).warned_by == {"repository-host"}
    assert decide(inventory, batch("shop")).refused_by == {"repository-host"}


def test_a_clash_of_hosts_is_told_where_the_operator_lets_batches_share_a_repository() -> None:
    for level in ("off", "warn"):
        result = ask(
            "validate", batch("shop"), levels={"exclusive-repository": level}, cluster=[REPOSITORY, batch("b")]
        )
        assert result.refused_by == {"repository-host"}


def test_a_fault_is_told_as_new_where_the_stored_object_cannot_be_judged() -> None:
    selecting = {**REPOSITORY, "spec": {"usagePolicy": {"allowedNamespaces": SELECTOR}}}
    foreign = {**REPOSITORY, "metadata": {"name": "foreign", "namespace": "other"}}
    old = batch("shop")
    new = batch("shop")
    new["spec"]["repository"] = {"name": "foreign", "namespace": "other"}
    result = ask("validate", new, old, cluster=[selecting, foreign])
    assert result.allowed, "nobody knows what the stored object had"
    assert "usage-policy" in result.warned_by & result.acted("not-checked")


# --- the deadline of a call


TWICE = batch("shop", "app", "web")
TWICE["spec"]["members"][1]["target"]["alias"] = "app"


def late(after: int, document: Document, old: Document | None = None, cluster: Any = ()) -> Answer:
    """The answer where the time is over after so many looks at the clock."""
    ticks = iter(range(100_000))
    admission = Admission({}, inventory_of([REPOSITORY, *cluster]), clock=lambda: float(next(ticks)))
    return answer(admission, "validate", document, old, deadline=float(after))


def test_a_call_whose_time_is_over_is_answered_with_a_warning_that_names_what_was_not_checked() -> None:
    full = late(100_000, TWICE)
    assert full.refused_by == {"unique-alias"}
    assert not full.acted("not-checked")
    with pytest.raises(Undecided) as undecided:
        late(0, TWICE)
    message = str(undecided.value)
    assert message.startswith("field-type, unique-alias, ")
    assert message.endswith(": not checked, since the time for the call had run out")
    assert "exclusive-repository" in message
    assert "unused-field" not in message, "what only warns may be left out"


def test_time_never_admits_an_object_that_an_enforced_rule_did_not_see() -> None:
    refused = undecided = 0
    for after in range(60):
        try:
            result = late(after, TWICE)
        except Undecided:
            undecided += 1
            continue
        assert result.refused_by == {"unique-alias"}, "what was found in time refuses, whatever is left to check"
        refused += 1
    assert refused
    assert undecided


def test_rules_that_only_warn_may_be_left_out_and_are_named() -> None:
    levels = {rule: "warn" for rule in RULES if Level.WARN in RULES[rule].settable}
    result = answer(Admission(levels, clock=lambda: 1.0), "validate", TWICE, deadline=0.0)
    assert result.allowed
    (warning,) = result.warnings
    assert warning.startswith("field-type, unique-alias, ")
    assert warning.endswith(": not checked, since the time for the call had run out")


def test_where_no_time_is_left_to_look_at_the_stored_object_nothing_is_decided() -> None:
    old = configuration("web")
    old["spec"]["schedule"] = "never"
    new = configuration("web", "other")
    new["spec"]["schedule"] = "never"
    assert late(100_000, new, old).allowed
    undecided = 0
    for after in range(100):
        try:
            result = late(after, new, old)
        except Undecided:
            undecided += 1
            continue
        assert "valid-schedule" in result.warned_by
        assert not result.acted("not-checked") & {"valid-schedule", "field-type"}
    assert undecided


# --- an inventory that must not be missing


def test_where_the_inventory_must_not_be_missing_an_enforced_rule_that_asks_leaves_the_object_undecided() -> None:
    empty = Inventory()
    assert answer(Admission({}, empty), "validate", batch("shop")).allowed
    strict = Admission({}, empty, needs_inventory=True)
    with pytest.raises(
        Undecided, match=r"exclusive-repository.*: not checked, since the \w+ of the cluster are not known"
    ):
        answer(strict, "validate", batch("shop"))
    warned = Admission(
        {"exclusive-repository": "warn", "repository-host": "warn", "usage-policy": "warn"}, empty, needs_inventory=True
    )
    assert answer(warned, "validate", batch("shop")).allowed
    with_fault = batch("shop")
    with_fault["spec"]["schedule"] = "never"
    assert answer(strict, "validate", with_fault).refused_by == {"valid-schedule"}


def test_where_the_inventory_must_not_be_missing_one_that_is_out_of_date_does_not_admit_what_it_would_refuse() -> None:
    now = 0.0
    inventory = Inventory(clock=lambda: now)
    inventory.put("Repository", REPOSITORY)
    inventory.put("BackupBatch", batch("blog"))
    for kind in KINDS:
        inventory.complete(kind)
    strict = Admission({}, inventory, needs_inventory=True)
    assert answer(strict, "validate", batch("shop")).refused_by == {"exclusive-repository"}
    now = STALE_AFTER + 1
    assert answer(Admission({}, inventory), "validate", batch("shop")).allowed
    with pytest.raises(Undecided, match="only a warning, since nothing was heard"):
        answer(strict, "validate", batch("shop"))


# --- folders


def write(path: Path, *documents: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n---\n".join(json.dumps(each) for each in documents))


def test_a_folder_is_read_with_all_its_files_documents_and_lists(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", configuration("one"), None, configuration("two"))
    write(
        tmp_path / "deep" / "er" / "b.yml", {"apiVersion": "v1", "kind": "List", "items": [batch("shop"), REPOSITORY]}
    )
    write(tmp_path / "c.json", {"apiVersion": "v1", "kind": "List", "items": [batch("x")]})
    write(tmp_path / "d.yaml", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo", "labels": []}})
    write(tmp_path / "e.yaml", {"apiVersion": "other/v1", "kind": "Repository"}, {"kind": "Deployment"}, {})
    (tmp_path / "notes.txt").write_text("not: [yaml")
    inventory = read_folder(tmp_path)
    assert inventory.counts() == {"BackupConfiguration": 2, "BackupBatch": 2, "Repository": 1, "Namespace": 1}
    assert inventory.not_ready() is None
    assert inventory.remark() is None
    assert read_folder(tmp_path / "a.yaml").counts()["BackupConfiguration"] == 2


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.yaml", "kind: X\n---\na: [b\nc: d\n# stash.appscode.com\n", ":4:2: not YAML"),
        ("a.yaml", "a: \t stash.appscode.com\n\x00", "a.yaml"),
        ("a.yaml", "a: *b # stash.appscode.com\n", ":1:4: there is no anchor &b"),
        ("a.yaml", "[" * 5000 + "stash.appscode.com", "a.yaml"),
        ("a.json", '{\n"a": ] "stash.appscode.com"}', ":2:"),
        ("a.yaml", "\n\nkind: Repository\napiVersion: stash.appscode.com/v1alpha1\n", "line 3: metadata.name"),
        ("a.yaml", "kind: Namespace\napiVersion: v1\nmetadata: {name: [a]}\n", "line 1: metadata.name"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadFolder) as caught:
        read_folder(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}")
    assert says in message
    assert "\n" not in message


def test_a_folder_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    result = run("review", "--validate", "--inventory", tmp_path / "none", given=body())
    assert "none: No such file or directory" in complaint(result)


def test_a_review_is_answered_with_knowledge_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", REPOSITORY, batch("blog"))
    result = run("review", "--validate", "--inventory", tmp_path, given=body(batch("shop")))
    assert result.exit_code == 1
    assert "exclusive-repository" in result.stdout
    assert run("review", "--validate", given=body(batch("shop"))).exit_code == 0


@pytest.mark.parametrize("rule", ["exclusive-repository", "repository-host", "usage-policy"])
def test_the_command_in_a_sample_shows_its_refusal(rule: str) -> None:
    sample = Path(__file__).parents[2] / "manifests" / "samples" / f"{rule}.yaml"
    command = [line.removeprefix("#").strip(" \\") for line in sample.read_text().splitlines()[1:3]]
    arguments = " ".join(command).removeprefix("stash-admission ").split()
    result = run(*(sample.parents[2] / each if "/" in each else each for each in arguments))
    assert result.exit_code == 1
    assert f"({rule})" in result.stdout
