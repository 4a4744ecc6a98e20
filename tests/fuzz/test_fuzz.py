"""The fuzz targets: they find nothing in what the fuzzer begins with or once found, and they can find something."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Protocol

import pytest
import structlog

import app.admission.judgement
import app.commands.fix.fixer
from app.admission.judgement import Failed
from app.admission.response import render
from app.commands.fix.rewriting import rewritten
from app.server.observability.telemetry import CallTelemetry
from fuzz import lines, request, seeds, trees, yaml


class Target(Protocol):
    def attempt(self, content: bytes, /) -> None: ...


@pytest.fixture(autouse=True)
def logging() -> Iterator[None]:
    yield
    structlog.reset_defaults()


TARGETS: dict[str, tuple[Callable[[], Target], Callable[[], Iterator[bytes]]]] = {
    "request": (request.Target, seeds.reviews),
    "yaml": (yaml.Target, seeds.texts),
}
TARGET = pytest.mark.parametrize("name", TARGETS)


def found(name: str) -> list[Path]:
    return sorted((seeds.FINDINGS / name).glob("*"))


@TARGET
def test_what_the_fuzzer_begins_with_is_no_finding(name: str) -> None:
    make, contents = TARGETS[name]
    target, tried = make(), 0
    for content in contents():
        target.attempt(content)
        tried += 1
    assert tried > 500


@TARGET
def test_what_was_a_finding_once_is_none(name: str) -> None:
    target = TARGETS[name][0]()
    for path in found(name):
        target.attempt(path.read_bytes())


@pytest.mark.parametrize(("name", "change"), [("request", trees.mutated), ("yaml", lines.mutated)])
def test_what_is_made_of_it_is_something_else_and_no_finding(
    name: str, change: Callable[[bytes, Random], bytes | None]
) -> None:
    make, contents = TARGETS[name]
    target, random = make(), Random(1)  # noqa: S311
    begun = list(contents())
    changed = 0
    for content in random.sample(begun, 200):
        after = change(content, random)
        assert after is not None or name == "yaml"
        changed += after != content
        target.attempt(after or content)
    assert changed > 150


def test_the_seeds_are_smaller_than_the_largest_input() -> None:
    assert all(len(each) <= seeds.LARGEST for each in (*seeds.reviews(), *seeds.texts()))


def test_an_exception_inside_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> bytes:
        raise KeyError("x")

    monkeypatch.setattr(app.admission.judgement, "render", broken)
    with pytest.raises(Failed, match="KeyError"):
        request.Target().attempt(next(seeds.reviews()))


def test_an_answer_with_another_uid_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        app.admission.judgement, "render", lambda *given: render(*given).replace(b'"uid":"', b'"uid":"x', 1)
    )
    with pytest.raises(AssertionError):
        request.Target().attempt(next(seeds.reviews()))


def test_contents_in_the_log_are_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    target = request.Target()
    decided = CallTelemetry.decided

    def talkative(self: Any, webhook: Any, request: Any, decision: Any, started: float) -> None:
        structlog.get_logger().info("seen", spec=request.object)
        decided(self, webhook, request, decision, started)

    monkeypatch.setattr(CallTelemetry, "decided", talkative)
    with pytest.raises((AssertionError, ValueError)):
        target.attempt(next(seeds.reviews()))


def test_a_fix_that_loses_a_comment_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.commands.fix.fixer, "rewritten", lambda *given: rewritten(*given).replace("# keep", ""))
    text = b"apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: {name: web}\nspec: # keep\n"
    text += b"  repository: {name: gcs-repo}\n  target:\n    ref: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
    with pytest.raises(AssertionError, match="comment"):
        yaml.Target().attempt(text)


def test_a_fix_that_is_never_done_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        app.commands.fix.fixer, "rewritten", lambda *given: rewritten(*given).replace("alias: ", "Alias: ")
    )
    text = b"apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: {name: web}\nspec:\n"
    text += b"  repository: {name: gcs-repo}\n  target:\n    ref: {apiVersion: apps/v1, kind: Deployment, name: web}\n"
    with pytest.raises(AssertionError, match="twice"):
        yaml.Target().attempt(text)


def test_what_is_too_deep_to_be_changed_as_a_tree_is_left_to_the_other_changes() -> None:
    deep = b"[" * 900 + b"]" * 900
    for seed in range(40):
        trees.mutated(deep, Random(seed))  # noqa: S311
