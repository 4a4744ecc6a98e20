"""Places in an inventory: a Repository that moves is followed, and nobody learns a name that is none of theirs."""

from typing import Any

import pytest

from app.admission.engine import Admission
from app.domain.key import Key
from app.domain.places import own_place, place_of
from app.inventory.folder import inventory_of
from app.inventory.store import KINDS, Inventory, key_of
from testbed.cases import Case, cases
from testbed.objects import batch, configuration
from testbed.reviews import Answer, Document, answer

ALL = {"allowedNamespaces": {"from": "All"}}


def repository(name: str, prefix: str, namespace: str = "demo", **spec: Any) -> Document:
    backend = {"s3": {"endpoint": "s3.example", "bucket": "b", "prefix": prefix}, "storageSecretName": "s"}
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backend": backend, **spec},
    }


def elsewhere(document: Document, namespace: str) -> Document:
    return {**document, "metadata": {**document["metadata"], "namespace": namespace}}


def decide(inventory: Inventory, document: Document, **fields: Any) -> Answer:
    return answer(Admission({}, inventory), "validate", document, **fields)


def live(*documents: Document) -> Inventory:
    inventory = Inventory()
    for document in documents:
        inventory.put(document["kind"], document)
    for kind in KINDS:
        inventory.complete(kind)
    return inventory


def test_a_repository_that_changes_its_backend_is_followed() -> None:
    shop = batch("shop", repository="one")
    inventory = live(repository("one", "a"), repository("two", "b"), batch("blog", repository="two"))
    assert decide(inventory, shop, dryRun=True).allowed
    inventory.put("Repository", repository("two", "/a/"))
    refused = decide(inventory, shop)
    assert refused.refused_by == {"exclusive-repository"}
    for name in ("demo/one", "demo/two", "s3:s3.example/b/a", "BackupBatch demo/blog"):
        assert name in refused.message
    inventory.put("Repository", repository("one", "c"))
    assert decide(inventory, shop, dryRun=True).allowed
    inventory.put("Repository", repository("one", "a"))
    inventory.drop(inventory.put("Repository", repository("two", "a")))
    assert decide(inventory, shop, dryRun=True).allowed, "what has no Repository has a place of its own"


def test_a_repository_that_comes_after_its_backups_is_followed() -> None:
    inventory = live(batch("blog", repository="two"), repository("one", "a"))
    assert decide(inventory, batch("shop", repository="one"), dryRun=True).allowed
    inventory.put("Repository", repository("two", "a"))
    assert decide(inventory, batch("shop", repository="one")).refused_by == {"exclusive-repository"}


def test_what_was_admitted_a_moment_ago_counts_in_its_place() -> None:
    inventory = live(repository("one", "a"), repository("two", "a"))
    assert decide(inventory, batch("blog", repository="two")).allowed
    refused = decide(inventory, batch("shop", repository="one"))
    assert refused.refused_by == {"exclusive-repository"}
    assert "BackupBatch demo/blog was admitted a moment ago" in refused.message


def test_backups_of_the_same_repository_are_not_neighbours_and_do_not_hide_one() -> None:
    inventory = live(repository("one", "a"), repository("two", "a"), configuration("first", "a", repository="one"))
    assert "shared-place" not in decide(inventory, configuration("mine", "b", repository="one"), dryRun=True).warned_by
    inventory.put("BackupConfiguration", configuration("second", "c", repository="two"))
    answer = decide(inventory, configuration("mine", "b", repository="one"), dryRun=True)
    assert "shared-place" in answer.warned_by
    assert "is used by BackupConfiguration demo/second" in said(answer)


def test_a_prefix_inside_another_is_another_place() -> None:
    inventory = live(repository("one", "a"), repository("two", "a/b"), batch("blog", repository="two"))
    answer = decide(inventory, batch("shop", repository="one"))
    assert answer.allowed
    assert not answer.warnings


def test_a_repository_whose_backend_cannot_be_read_has_no_neighbour() -> None:
    inventory = live(repository("one", "a"))
    wrong = repository("two", "a")
    wrong["spec"]["backend"]["s3"]["bucket"] = 7
    assert "repository-place" not in decide(inventory, wrong).warned_by


def test_members_with_one_host_write_it_once() -> None:
    inventory = live(repository("one", "a"), batch("blog", "app", "app", repository="one"))
    (written,) = inventory.stored.hosts(Key("Repository", "demo", "one"), 10)
    assert str(written[1]) == "app"


def test_a_repository_that_moves_to_where_backups_of_another_one_are_is_told_of_both() -> None:
    inventory = live(repository("one", "a"), repository("two", "b"), configuration("first", "a", repository="one"))
    moved = repository("two", "/a/")
    answer = decide(inventory, moved, old=repository("two", "b"))
    assert answer.warned_by == {"repository-place"}
    assert "uses the one" not in said(answer), "no backup uses it"
    assert decide(inventory, batch("blog", repository="two")).allowed
    answer = decide(inventory, moved, old=repository("two", "b"))
    assert answer.allowed
    assert "BackupBatch demo/blog uses the one, BackupConfiguration demo/first the other" in said(answer)
    inventory.put("BackupBatch", batch("blog", repository="two"))
    answer = decide(inventory, moved, old=repository("two", "b"))
    assert "BackupBatch demo/blog uses the one, BackupConfiguration demo/first the other" in said(answer)


def test_a_repository_whose_name_the_api_server_makes_is_told_of_the_other() -> None:
    unnamed = repository("", "a")
    unnamed["metadata"] = {"generateName": "repo-", "namespace": "demo"}
    answer = decide(live(repository("one", "a")), unnamed)
    assert 'this Repository is the same place as Repository "demo/one" (s3:s3.example/b/a)' in said(answer)


def test_of_several_repositories_in_a_place_one_that_is_known_and_certain_is_named() -> None:
    held = [
        repository("hidden", "a", "prod"),
        repository("open", "a", "prod", usagePolicy=ALL),
        repository("far", "b", "prod"),
    ]
    assert 'Repository "prod/open"' in said(decide(live(*held), repository("mine", "a")))


def test_where_the_repositories_are_not_known_none_is_compared_and_the_answer_says_so() -> None:
    inventory = Inventory()
    inventory.put("Repository", repository("one", "a"))
    answer = decide(inventory, repository("two", "a"))
    assert answer.allowed
    assert "repository-place: not checked, since the Repositories of the cluster are not known yet" in said(answer)


ONE_BACKEND = [case for case in cases() if case.rule == "one-backend"]


@pytest.mark.parametrize("case", ONE_BACKEND, ids=str)
def test_a_repository_that_names_no_backend_or_several_has_a_place_of_its_own(case: Case) -> None:
    key = key_of("Repository", case.object)
    unreadable = case.expectation != "allow" or "not-rendered" in case.sentence
    assert (place_of(key, case.object) == own_place(key)) is unreadable


# --- who may know what

SECRET = ("payroll", "salaries", "secret-repo")


def foreign(**spec: Any) -> list[Document]:
    """What another namespace holds, in the place of a Repository of this one."""
    held = batch("payroll", "salaries", repository="secret-repo")
    single = configuration("payroll-single", "salaries-too", repository="secret-repo")
    return [repository("secret-repo", "a", "prod", **spec), elsewhere(held, "prod"), elsewhere(single, "prod")]


def asking(name: str, namespace: str, alias: str = "salaries") -> list[Document]:
    """Objects of every kind that use a Repository."""
    named = {"name": name, "namespace": namespace}
    backup, members = configuration("mine", alias), batch("mine", alias)
    restore = {**backup, "kind": "RestoreSession", "spec": {"target": backup["spec"]["target"]}}
    restores = {**members, "kind": "RestoreBatch", "spec": {"members": members["spec"]["members"]}}
    return [{**each, "spec": {**each["spec"], "repository": named}} for each in (backup, members, restore, restores)]


def said(answer: Answer) -> str:
    return "\n".join([answer.message, *answer.warnings])


@pytest.mark.parametrize("alias", ["salaries", "salarie", "x"])
@pytest.mark.parametrize("number", range(4))
def test_where_a_policy_forbids_the_namespace_no_other_rule_speaks(number: int, alias: str) -> None:
    inventory = inventory_of(foreign())
    answer = decide(inventory, asking("secret-repo", "prod", alias)[number], dryRun=True)
    assert answer.refused_by == {"usage-policy"}
    assert not {"payroll", "salaries"} & set(said(answer).replace('"', " ").replace("/", " ").split())
    assert "known-alias" not in answer.warned_by
    assert "shared-place" not in answer.warned_by


@pytest.mark.parametrize("alias", ["salaries", "salarie", "x"])
@pytest.mark.parametrize("number", range(4))
def test_a_place_that_is_shared_with_another_namespace_tells_no_names(number: int, alias: str) -> None:
    inventory = inventory_of([*foreign(), repository("mine", "a")])
    answer = decide(inventory, asking("mine", "demo", alias)[number], dryRun=True)
    if number < 2:
        assert not answer.allowed or "of another namespace" in said(answer)
    for name in SECRET:
        assert name not in said(answer).replace(f'"{alias}"', "").replace(f"Deployment {alias}", ""), said(answer)


def test_a_name_is_proposed_only_from_repositories_that_may_be_used() -> None:
    inventory = inventory_of(
        [repository("secret-repo", "a", "prod"), repository("open-repo", "b", "prod", usagePolicy=ALL)]
    )
    answer = decide(inventory, asking("secret-rep", "prod")[0], dryRun=True)
    assert "repository-exists" in answer.warned_by
    assert "secret-repo" not in said(answer)
    answer = decide(inventory, asking("open-rep", "prod")[0], dryRun=True)
    assert '"open-repo"' in said(answer)


def test_who_may_use_a_repository_is_told_who_else_does() -> None:
    inventory = inventory_of(foreign(usagePolicy=ALL))
    answer = decide(inventory, asking("secret-repo", "prod")[1], dryRun=True)
    assert answer.refused_by == {"exclusive-repository"}
    assert "BackupBatch prod/payroll" in answer.message


def test_whoever_has_the_files_is_told_all_names() -> None:
    inventory = inventory_of([*foreign(), repository("mine", "a")], confidential=False)
    answer = decide(inventory, asking("mine", "demo")[1], dryRun=True)
    assert "BackupBatch prod/payroll" in answer.message
    assert "prod/secret-repo" in answer.message
