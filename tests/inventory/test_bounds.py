"""Objects that are larger than what is kept of one: what is known of them all the same, and who is told."""

from typing import Any

import pytest

from app.admission.budget import Undecided
from app.admission.engine import Admission
from app.domain import kept
from app.inventory.store import KINDS, Inventory, key_of
from kube.bounds import TOO_LARGE
from testbed.objects import REPOSITORY, SELECTOR, batch, configuration
from testbed.reviews import Answer, Document, answer, ask

LARGE = batch("large", *(f"app-{number}x" for number in range(kept.MAX_HOSTS + 1)))
LAST = f"app-{kept.MAX_HOSTS}x"
"""The alias of the one member that is too many."""
IN_PART = f"checked in part, since not all hosts of BackupBatch demo/large are known, only {kept.MAX_HOSTS:,}: split it"


def restoring(alias: str) -> Document:
    """A RestoreSession of a target with this alias."""
    target = {"alias": alias, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": "back", "namespace": "demo"},
        "spec": {"repository": {"name": "gcs-repo"}, "target": {**target, "rules": [{"paths": ["/data"]}]}},
    }


def decide(document: Document, *stored: Document) -> Answer:
    return ask("validate", document, cluster=[REPOSITORY, *stored])


def test_of_a_batch_with_very_many_members_the_repository_is_known_and_stays_exclusive() -> None:
    result = decide(batch("shop", "new"), LARGE)
    assert result.refused_by == {"exclusive-repository"}


def test_a_clash_with_a_host_that_is_kept_is_refused_whatever_else_is_not() -> None:
    assert decide(configuration("web", "app-7x"), LARGE).refused_by == {"repository-host"}
    later = f"app-{kept.MAX_HOSTS - 1}x"
    assert decide(configuration("web", later), LARGE).refused_by == {"repository-host"}


@pytest.mark.parametrize("alias", [LAST, "of-its-own"])
def test_where_a_clash_can_be_missed_the_answer_says_so_and_what_to_do(alias: str) -> None:
    result = decide(configuration("web", alias), LARGE)
    assert result.allowed
    assert result.warnings == [f"repository-host: {IN_PART}"]
    assert result.acted("not-checked") == {"repository-host"}


def test_a_batch_of_as_many_hosts_as_are_kept_is_known_in_full() -> None:
    full = batch("full", *(f"app-{number}x" for number in range(kept.MAX_HOSTS)))
    assert not decide(configuration("web", "of-its-own"), full).warnings


def test_another_repository_has_nothing_to_do_with_it() -> None:
    assert not decide(configuration("web", "new", "other"), LARGE).acted("not-checked")


def test_an_alias_that_is_longer_than_any_name_is_not_kept_but_told() -> None:
    """It would be kept once for each index key, and with one odd character it takes four bytes for each."""
    stored = configuration("long", "\N{GRINNING FACE}" + "a" * 10_000)
    result = decide(configuration("web", "new"), stored)
    assert result.acted("not-checked") == {"repository-host"}
    assert decide(batch("shop", "new"), stored).acted("not-checked") == {"repository-host"}


def test_a_repository_that_nothing_can_be_named_like_is_used_by_nobody() -> None:
    inventory = Inventory()
    inventory.put("BackupBatch", batch("large", repository="r" * 1000))
    assert inventory.counts()["BackupBatch"] == 0


def test_a_restore_from_a_host_that_may_be_written_is_not_called_one_from_nowhere() -> None:
    assert not decide(restoring("app-7x"), LARGE).warnings
    result = decide(restoring(LAST), LARGE)
    assert result.allowed
    assert result.warnings == [f"known-alias: not checked, since {IN_PART.partition('since ')[2]}"]


def test_where_the_inventory_must_not_be_missing_what_is_known_in_part_leaves_the_object_undecided() -> None:
    inventory = Inventory()
    inventory.put("Repository", REPOSITORY)
    inventory.put("BackupBatch", LARGE)
    for kind in KINDS:
        inventory.complete(kind)
    strict = Admission({}, inventory, needs_inventory=True)
    with pytest.raises(Undecided, match="repository-host: checked in part"):
        answer(strict, "validate", configuration("web", LAST))
    assert not answer(strict, "validate", configuration("web", "app-7x")).allowed


def test_an_update_is_refused_for_a_new_clash_also_where_not_all_hosts_are_known() -> None:
    before, after = configuration("web", LAST), configuration("web", "app-7x")
    result = ask("validate", after, before, cluster=[REPOSITORY, LARGE])
    assert result.refused_by == {"repository-host"}


def test_a_batch_that_was_just_admitted_takes_no_more_memory_than_a_stored_one() -> None:
    inventory = Inventory()
    for kind in KINDS:
        inventory.complete(kind)
    inventory.put("Repository", REPOSITORY)
    assert answer(Admission({"batch-members": "off"}, inventory), "validate", LARGE).allowed
    use, _ = inventory.recent.hosts(key_of("Repository", REPOSITORY), 1)[0]
    assert len(use.hosts) == kept.MAX_HOSTS
    assert not use.complete


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {f"label-{number}": "x" for number in range(kept.MAX_LABELS)}},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": [str(n) for n in range(kept.MAX_LABELS)]}]},
        {"matchLabels": {"team": "x" * 1000}},
        {"matchExpressions": [{"key": "k" * 1000, "operator": "Exists"}]},
    ],
    ids=["labels", "values", "a long value", "a long key"],
)
def test_a_selector_that_is_too_large_to_be_kept_is_told_and_refuses_nobody(selector: dict[str, Any]) -> None:
    policy = {"allowedNamespaces": {"from": "Selector", "selector": selector}}
    result = ask("validate", batch("shop"), cluster=[{**REPOSITORY, "spec": {"usagePolicy": policy}}])
    assert result.allowed
    says = "usage-policy: not checked, since the selector in the usagePolicy of Repository demo/gcs-repo is too large"
    assert result.warnings[0].startswith(says)


def test_a_namespace_with_very_many_labels_counts_as_one_whose_labels_are_not_known() -> None:
    labels = {f"label-{number}": "x" for number in range(kept.MAX_LABELS + 1)} | {"team": "shop"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo", "labels": labels}}
    selecting = {**REPOSITORY, "spec": {"usagePolicy": {"allowedNamespaces": SELECTOR}}}
    result = ask("validate", batch("shop"), cluster=[selecting, namespace])
    assert result.warnings == ["usage-policy: not checked, since the labels of Namespace demo are not known"]
    few = {**namespace, "metadata": {"name": "demo", "labels": {"team": "shop"}}}
    assert not ask("validate", batch("shop"), cluster=[selecting, few]).warnings


# --- objects that could not be read at all


def unread(kind: str) -> Inventory:
    inventory = Inventory()
    for each in KINDS:
        inventory.complete(each)
    inventory.put("Repository", REPOSITORY)
    inventory.put("BackupBatch", batch("blog", repository="other"))
    inventory.unread(kind, TOO_LARGE)
    return inventory


def test_what_is_refused_for_what_is_known_is_refused_also_where_an_object_could_not_be_read() -> None:
    inventory = unread("BackupBatch")
    assert not answer(Admission({}, inventory), "validate", batch("shop", "new", repository="other")).allowed


def test_an_answer_that_an_unread_object_could_change_says_so() -> None:
    inventory = unread("BackupBatch")
    result = answer(Admission({}, inventory), "validate", batch("shop"))
    assert result.allowed
    why = f"some BackupBatches of the cluster are {TOO_LARGE}, and not known: make them smaller"
    assert result.warnings == [f"exclusive-repository, repository-host, shared-place: checked in part, since {why}"]
    assert why in str(inventory.remark())
    inventory.unread("BackupBatch", "")
    assert not answer(Admission({}, inventory), "validate", batch("shop")).warnings
    assert inventory.remark() is None


def test_a_repository_that_may_be_one_that_could_not_be_read_is_not_called_missing() -> None:
    inventory = unread("Repository")
    result = answer(Admission({}, inventory), "validate", configuration("web", repository="unseen"))
    assert result.allowed
    assert "repository-exists" in result.acted("not-checked")
    assert result.warned_by == set()
