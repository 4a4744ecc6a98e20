"""Nobody learns a name from an answer that is none of theirs: every rule that asks the cluster, in every situation.

A second namespace holds objects whose names, aliases and bucket begin with a word that is nowhere else. Everything that
an answer says with this word in it, and that the one who asks has not written, is a name that was told.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from app.admission.engine import Admission
from app.domain.invoker import INVOKERS
from app.domain.kinds import KINDS
from app.inventory.store import KINDS as HELD
from app.inventory.store import Inventory
from app.rules.registry import RULES, Level
from testbed.objects import batch, configuration
from testbed.reviews import Answer, Document, answer

SECRET = re.compile(r"zq-[a-z0-9-]*")
ASKING = {rule.id for rule in RULES.values() if rule.asks_the_cluster}
NAMES_NOBODY = {"usage-policy"}
"""Rules that speak of no other object than the one that the object names itself."""
HERE, THERE = "demo", "zq-ns"
ENFORCED = {rule.id: "enforce" for rule in RULES.values() if Level.ENFORCE in rule.settable}


def repository(name: str, namespace: str, bucket: str = "zq-bucket", policy: Document | None = None) -> Document:
    spec: Document = {"backend": {"gcs": {"bucket": bucket}, "storageSecretName": "storage"}}
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**spec, "usagePolicy": {"allowedNamespaces": policy}} if policy else spec,
    }


def of(namespace: str, document: Document, repository: Document) -> Document:
    metadata = {**document["metadata"], "namespace": namespace}
    return {**document, "metadata": metadata, "spec": {**document["spec"], "repository": repository}}


@dataclass(frozen=True)
class Situation:
    """What the cluster holds beside the namespace of the one who asks."""

    documents: list[Document]
    may_see: bool
    recent: bool = False
    """Whether its backups were admitted a moment ago, and are not stored yet."""
    own: list[Document] = field(default_factory=list)

    def admission(self, levels: dict[str, str]) -> Admission:
        inventory = Inventory(stale_after=None)
        admission = Admission(levels, inventory)
        for document in (*self.documents, *self.own):
            if not self.recent or document["kind"] not in INVOKERS:
                inventory.put(document["kind"], document)
        for kind in HELD:
            inventory.complete(kind)
        for document in self.documents if self.recent else ():
            if document["kind"] in INVOKERS:
                off = Admission(dict.fromkeys(ENFORCED, "off"), inventory)
                assert answer(off, "validate", document).allowed
        return admission


def holdings(namespace: str, policy: Document | None) -> list[Document]:
    """A Repository, a batch and a single backup that use it."""
    named = {"name": "zq-repo", "namespace": namespace}
    return [
        repository("zq-repo", namespace, policy=policy),
        of(namespace, batch("zq-batch", "zq-alias", "zq-other"), named),
        of(namespace, configuration("zq-single", "zq-wages"), named),
    ]


def labelled(**labels: str) -> Document:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HERE, "labels": labels}}


SELECTOR = {"from": "Selector", "selector": {"matchLabels": {"team": "zq-team"}}}
OPEN = {"from": "All"}
HELD_THERE: dict[str, tuple[list[Document], bool]] = {
    "no policy": (holdings(THERE, None), False),
    "a policy for the same namespace": (holdings(THERE, {"from": "Same"}), False),
    "a selector that leaves the namespace out": ([labelled(team="other"), *holdings(THERE, SELECTOR)], False),
    "a selector and labels that nobody knows": (holdings(THERE, SELECTOR), False),
    "a selector that takes the namespace in": ([labelled(team="zq-team"), *holdings(THERE, SELECTOR)], True),
    "a policy for all": (holdings(THERE, OPEN), True),
    "one namespace": (holdings(HERE, None), True),
}
SITUATIONS = {
    f"{name}, {'admitted a moment ago' if recent else 'stored'}": Situation(
        held, may_see, recent, [repository("mine", HERE), of(HERE, configuration("used", "used"), {"name": "mine"})]
    )
    for (name, (held, may_see)), recent in product(HELD_THERE.items(), (False, True))
}


def requests(there: str) -> Iterator[tuple[Document, Document | None]]:
    """Objects of every kind with what is stored of them, if they are updates."""
    ways = [{"name": "zq-repo", "namespace": there}, {"name": "zq-rep", "namespace": there}, {"name": "mine"}]
    for named, alias in product(ways, ("zq-alias", "zq-alia", "zq-wages", "zq-wage", "unlike")):
        for document in invokers(alias):
            wanted = of(HERE, document, named)
            yield wanted, None
            yield wanted, of(HERE, document, {"name": "elsewhere"})
            yield wanted, of(HERE, next(each for each in invokers("x") if each["kind"] == document["kind"]), named)
    yield repository("zq-repo", HERE), None
    for name in ("mine", "new"):
        yield repository(name, HERE), None
        yield repository(name, HERE), repository(name, HERE, "elsewhere")
        azure = {"backend": {"azure": {"container": "zq-bucket"}}}
        yield {**repository(name, HERE), "spec": azure}, None


def invokers(alias: str) -> list[Document]:
    """An object of each kind that backs up or restores, with one alias.

    Its target's name, of which another alias is proposed, has nothing to do with it.
    """
    backup, members = configuration("asked", alias), batch("asked", alias)
    members["spec"]["members"][0]["target"]["ref"]["name"] = "web"
    restore: Document = {**backup, "kind": "RestoreSession", "spec": {"target": backup["spec"]["target"]}}
    restores: Document = {**members, "kind": "RestoreBatch", "spec": {"members": members["spec"]["members"]}}
    return [backup, members, restore, restores]


def answers(situation: Situation, there: str) -> Iterator[tuple[Any, set[str], Answer]]:
    """Each request, the secret words that it holds itself, and the answer."""
    admissions = [situation.admission(levels) for levels in ({}, ENFORCED)]
    for admission, (document, old) in product(admissions, list(requests(there))):
        for webhook in ("mutate", "validate"):
            asked = answer(admission, webhook, document, old, dryRun=True)
            yield (document, old), set(SECRET.findall(json.dumps([document, old]))), asked


def told(answer: Answer) -> str:
    """All of an answer that anybody reads: refusals with their causes, warnings, audit annotations."""
    return json.dumps(answer.response)


@pytest.mark.parametrize("name", [name for name, situation in SITUATIONS.items() if not situation.may_see])
def test_what_somebody_may_not_see_is_named_in_no_answer(name: str) -> None:
    situation = SITUATIONS[name]
    known = set(SECRET.findall(json.dumps(situation.own)))
    for request, written, found in answers(situation, THERE):
        assert set(SECRET.findall(told(found))) <= known | written, (request, found.response)


def said_by(answer: Answer) -> Iterator[tuple[str, str]]:
    """The rules that spoke, each with what it said."""
    for line in (*(cause["message"] for cause in answer.causes), *answer.warnings):
        for rule in re.findall(r"\(([a-z-]+)\)(?: \[not refused.*)?$", line):
            yield rule, line


def test_every_rule_that_asks_the_cluster_speaks_here_and_names_others_to_those_who_may_see_them() -> None:
    spoke, named = set[str](), set[str]()
    for situation in SITUATIONS.values():
        there = situation.documents[-1]["metadata"]["namespace"]
        for _, written, found in answers(situation, there):
            for rule, line in said_by(found):
                spoke.add(rule)
                if set(SECRET.findall(line)) - written:
                    assert rule in ASKING, f"{rule} does not ask, and knows {line}"
                    named.add(rule)
    assert spoke >= ASKING, "a rule that asks the cluster has no request here that makes it speak: add one"
    assert named == ASKING - NAMES_NOBODY


def test_objects_of_every_kind_are_asked_about() -> None:
    asked = list(requests(THERE))
    assert {document["kind"] for document, _ in asked} == set(KINDS)
    assert {document["kind"] for document, old in asked if old is not None} == set(KINDS)
