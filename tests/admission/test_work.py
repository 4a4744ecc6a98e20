"""How much work an object can make: what is shown of it is made, nothing else, and time is looked at inside a rule."""

import itertools
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.admission.budget import Undecided
from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import parse, read_request
from app.domain.invoker import Target
from app.domain.suggestion import Suggestions
from app.inventory.folder import inventory_of
from testbed.laborious import MEMBERS, TEXTS, batch, members
from testbed.reviews import admit, answer, ask, review


@pytest.fixture
def suggested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets for which an alias was looked for."""
    names: list[str] = []
    look = Suggestions.alias

    def alias(self: Suggestions, target: Any) -> str:
        names.append(target.name)
        return look(self, target)

    monkeypatch.setattr(Suggestions, "alias", alias)
    return names


def test_an_alias_is_suggested_only_where_the_suggestion_is_shown(suggested: list[str]) -> None:
    refused = ask("validate", batch(members(5_000)))
    assert not refused.allowed
    assert len(set(suggested)) == len(refused.causes) == 1_000
    suggested.clear()
    warned = ask("validate", batch(members(5_000)), levels={"unique-alias": "warn", "unique-host": "warn"})
    assert warned.allowed
    assert 1 <= len(set(suggested)) <= 40, "the API server takes 4,096 characters of warnings"


def test_findings_end_at_a_bound_and_the_answer_says_so() -> None:
    refused = ask("validate", batch(members(5_000)))
    assert refused.message.startswith("at least 1000 findings:\n")
    assert refused.message.endswith("\nand at least 980 more")
    few = ask("validate", batch(members(30)))
    assert few.message.startswith("29 findings:\n")
    assert few.message.endswith("\nand 9 more")
    warned = ask("validate", batch(members(5_000)), levels={"unique-alias": "warn", "unique-host": "warn"})
    assert warned.warnings[-1].startswith("and at least ")


def test_a_message_says_the_same_whoever_asks_and_however_often() -> None:
    refused = ask("validate", batch(members(30)))
    lines = [line.removeprefix("* ") for line in refused.message.splitlines()[1:21]]
    assert lines == [f"{each['field']}: {each['message']}" for each in refused.causes[:20]]
    suggestions = [each["message"].rpartition(" ")[0].rpartition("such as ")[2] for each in refused.causes]
    assert len(set(suggestions)) == len(suggestions) == 29


@pytest.mark.parametrize("number", [900, 2_500])
def test_an_update_is_not_refused_for_the_clashes_that_are_stored_however_many_there_are(number: int) -> None:
    old = batch(members(number))
    assert admit(batch(members(number), paused=True), old).validation.allowed is (number < 2_000)
    one_more = batch([*members(number), *members(1, target={"x": 1})])
    assert not admit(one_more, old).validation.allowed


def test_only_the_rules_in_doubt_look_at_the_stored_object(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    admission = Admission()
    kinds = admission._selection.within("demo").validations  # noqa: SLF001  which rules run is nowhere to be seen
    for kind, rules in kinds.items():
        monkeypatch.setitem(kinds, kind, tuple((rule, _noting(asked, rule, run), *more) for rule, run, *more in rules))
    old = batch(members(3, lambda i: f"-{i}"))
    assert answer(admission, "validate", batch(members(3, lambda i: f"-{i}"), paused=True), old).allowed
    assert [rule for rule in dict.fromkeys(asked) if asked.count(rule) > 1] == ["alias-syntax"]
    assert asked.count("alias-syntax") == 2, "the stored object needs no change, so there is one form of it"


def test_what_an_update_leaves_as_it_is_stored_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    make = Target.__init__

    def made(self: Target, *about: Any, **more: Any) -> None:
        make(self, *about, **more)
        read.append(self.name)

    monkeypatch.setattr(Target, "__init__", made)
    old, new = batch(members(20, lambda i: f"a{i}")), batch(members(20, lambda i: f"a{i}"), paused=True)
    new["spec"]["members"][3]["target"]["alias"] = "other"
    result = ask("validate", new, old)
    assert result.warned_by == {"alias-changed"}
    assert sorted(name for name in set(read) if read.count(name) > 1) == ["web-3"]
    read.clear()
    broken = batch(members(20, lambda i: f"a{i}"), paused="yes")
    ask("validate", broken, old)
    assert len(read) == 40, "where something has a wrong type, nothing is taken for equal"


def _noting(asked: list[str], rule: str, run: Callable[..., Any]) -> Callable[..., Any]:
    def noting(*about: Any) -> Any:
        asked.append(rule)
        return run(*about)

    return noting


def ticking() -> Callable[[], float]:
    """A clock that is one later each time that somebody looks."""
    count = itertools.count()
    return lambda: float(next(count))


GOOD = batch(members(3_000, lambda i: f"a{i}"))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(GOOD, id="members"),
        pytest.param(batch(members(3_000)), id="clashing members"),
        pytest.param(
            batch(members(1, rules=[{"targetHosts": [f"app-{i}" for i in range(3_000)]}]), "RestoreBatch"),
            id="target hosts",
        ),
        pytest.param(
            batch(members(1, rules=[{"targetHosts": [f"app-{i}"]} for i in range(3_000)]), "RestoreBatch"),
            id="restore rules",
        ),
    ],
)
def test_time_is_looked_at_inside_a_rule(document: dict[str, Any]) -> None:
    def looks(document: dict[str, Any]) -> int:
        clock = ticking()
        answer(Admission(clock=clock), "validate", document, deadline=1e9)
        return int(clock())

    small = {**document, "spec": {**document["spec"], "members": members(1)}}
    assert looks(document) > 2 * looks(small), "a rule with much to do looks more often"


def test_time_that_ends_inside_a_rule_admits_nothing() -> None:
    def said(deadline: int, old: dict[str, Any] | None) -> str:
        try:
            allowed = answer(Admission(clock=ticking()), "validate", good, old, deadline=float(deadline)).allowed
        except Undecided as undecided:
            return str(undecided)
        return "allowed" if allowed else "refused"

    good = batch(members(300, lambda i: f"a{i}"))
    for old in (None, {**good, "spec": {**good["spec"], "members": members(300)}}):
        answers = [said(deadline, old) for deadline in range(0, 360, 5)]
        number = answers.index("allowed")
        assert number > 3
        assert set(answers[number:]) == {"allowed"}
        assert all("the time for the call had run out" in each for each in answers[:number])


def test_what_was_found_before_the_time_ended_inside_a_rule_refuses() -> None:
    clashing = batch([*members(300, lambda i: f"a{i}"), *members(600, lambda i: f"a{i}")])
    seen: set[str | bool] = set()
    for deadline in range(0, 200, 5):
        try:
            refused = answer(Admission(clock=ticking()), "validate", clashing, deadline=float(deadline))
        except Undecided:
            seen.add("undecided")
        else:
            assert not refused.allowed
            assert refused.message
            seen.add("refused")
    assert seen == {"undecided", "refused"}


def test_a_clash_with_a_backup_is_refused_although_nobody_knows_the_repositories() -> None:
    inventory = inventory_of([_stored("blog")])
    inventory._states["Repository"].synced = False  # noqa: SLF001  as where the right to list them is missing
    admission = Admission({"exclusive-repository": "off"}, inventory)  # which would say it first
    assert "repository-host" in answer(admission, "validate", batch(members(1))).refused_by


def _stored(name: str) -> dict[str, Any]:
    return {**batch(members(1)), "metadata": {"name": name, "namespace": "demo"}}


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ([{}] * 60_000, "it has 60000 members: write several objects with at most 50000"),
        (
            [{"target": {"alias": 5, "ref": {"kind": 5}}}] * 20_000,
            "it has more than 50000 values, some of a wrong type",
        ),
    ],
)
def test_an_object_that_is_too_large_to_be_judged_is_refused(listed: list[dict[str, Any]], why: str) -> None:
    off = {"field-type": "off", "batch-members": "off"}
    large = batch(listed)
    for levels in ({}, off):
        refused = ask("validate", large, levels=levels)
        assert not refused.allowed
        assert f"the object is too large to be judged: {why}" in refused.message
    assert ask("mutate", large).allowed
    assert not ask("mutate", large).patch


def test_an_update_of_an_object_that_was_too_large_is_judged_as_if_it_were_new() -> None:
    large = batch([{}] * 60_000)
    assert not ask("validate", {**large, "spec": {**large["spec"], "paused": True}}, large).allowed
    assert ask("validate", {**large, "metadata": {**large["metadata"], "labels": {"a": "b"}}}, large).allowed
    assert ask("validate", batch(members(2, lambda i: f"a{i}")), large).allowed
    assert not ask("validate", batch(members(2), repository=None), large).allowed


def test_a_duration_ends_at_a_bound_and_its_message_says_so() -> None:
    assert ask("validate", batch(members(1), timeOut="1h" * 5_000)).allowed
    refused = ask("validate", batch(members(1), timeOut="1h" * 5_001))
    assert "has more than 10000 characters: write numbers with units" in refused.message


def calls(document: dict[str, Any], old: dict[str, Any] | None = None) -> int:
    """How many functions are called for a decision and its answer, which are the same on every machine."""
    count = 0

    def counting(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    body, admission = orjson.dumps(review(document, old)), Admission()
    sys.setprofile(counting)
    try:
        request = read_request(parse(body))
        render(request, admission.validate(request))
    finally:
        sys.setprofile(None)
    return count


SHAPES = {
    **{name: (make, 400) for name, make in MEMBERS.items()},
    **{name: (make, 8_000) for name, make in TEXTS.items()},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_no_faster_than_the_object(shape: str) -> None:
    make, size = SHAPES[shape]
    assert calls(make(3 * size)) < 3.2 * calls(make(size))


@pytest.mark.parametrize("shape", SHAPES)
def test_an_update_is_at_most_twice_the_work_of_a_create(shape: str) -> None:
    make, size = SHAPES[shape]
    old = make(size)
    update = {**old, "spec": {**old["spec"], "paused": True}}
    assert calls(update, old) <= 2 * calls(update)
