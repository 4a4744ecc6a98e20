"""Reviews that are so large that they are judged beside the others."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.admission.budget import Undecided
from app.admission.decision import NOTHING, Decision
from app.admission.engine import Admission
from app.admission.review import Request
from app.inventory.folder import inventory_of
from app.server import limits, management
from app.server.heartbeat import Heartbeat
from app.server.listener import Listener, listen
from app.server.observability.telemetry import Telemetry
from testbed.patience import PATIENCE
from testbed.server import Door, backup, body


def large(content: bytes | None = None, **fields: str) -> bytes:
    """A review that is one byte too large to be judged at once."""
    whole = content or body(**fields)
    return whole + b" " * (limits.LARGE_REVIEW_BYTES + 1 - len(whole))


class Doing(Admission):
    """Does something else where a review named `large` is to be validated."""

    def __init__(self, does: Callable[[], Decision]) -> None:
        super().__init__()
        self._does = does

    def validate(self, request: Request, deadline: float | None = None) -> Decision:
        """Do it."""
        return self._does() if request.uid == "large" else super().validate(request, deadline)


class Gate:
    """Closed until a file is there: that can be seen from any process."""

    def __init__(self, folder: Path) -> None:
        self.reached, self._open = folder / "reached", folder / "open"

    def pass_through(self) -> Decision:
        """Wait until it is open."""
        self.reached.write_text("")
        while not self._open.exists():
            time.sleep(0.002)
        return NOTHING

    def open(self) -> None:
        """Let all through."""
        self._open.write_text("")

    async def wait_until_reached(self) -> None:
        """Wait for somebody to come to it."""
        while not self.reached.exists():
            await asyncio.sleep(0.002)


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_small_reviews_are_answered_while_a_large_one_is_judged(tmp_path: Path) -> None:
    async def scene() -> None:
        gate = Gate(tmp_path)
        door = Door(admission=Doing(gate.pass_through))
        waiting = asyncio.create_task(door.request(large(uid="large")))
        await gate.wait_until_reached()
        assert [(await door.request(body())).status_code for _ in range(3)] == [200] * 3
        assert not waiting.done()
        gate.open()
        assert (await waiting).json()["response"]["allowed"] is True

    play(scene)


@pytest.mark.parametrize("webhook", ["/mutate", "/validate"])
@pytest.mark.parametrize("document", [backup(), backup(schedule="0 24 * * *"), backup(rules=3)])
def test_a_large_review_is_answered_counted_and_logged_as_a_small_one(webhook: str, document: object) -> None:
    small, other = Door(), Door()
    asked = body(document)
    assert other.call(large(asked), webhook).content == small.call(asked, webhook).content
    named = ("stash_admission_decisions_total", "stash_admission_rules_total")
    counted = [{key: value for key, value in door.metrics().items() if key[0] in named} for door in (small, other)]
    assert counted[0] == counted[1]


def test_a_large_body_that_is_no_review_is_a_bad_request() -> None:
    answer = Door().call(large(b"no json"))
    assert answer.status_code == 400
    assert answer.json()["message"] == "the body is not JSON: line 1, column 1"


def raises(error: Exception) -> Callable[[], Decision]:
    def does() -> Decision:
        raise error

    return does


def test_a_mistake_of_ours_in_a_large_review_is_an_internal_error_that_names_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = Door(admission=Doing(raises(ZeroDivisionError("secret")))).call(large(uid="large"))
    assert answer.status_code == 500
    logged = capsys.readouterr().out
    assert "ZeroDivisionError" in logged
    assert "test_large_reviews.py" in logged
    assert "secret" not in logged


def test_an_enforced_rule_without_time_leaves_a_large_review_undecided() -> None:
    answer = Door(admission=Doing(raises(Undecided("unique-alias: not checked")))).call(large(uid="large"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "unique-alias" in answer.json()["message"]


def forever() -> Decision:
    while True:
        time.sleep(0.01)


def test_a_large_review_that_looks_at_no_time_is_ended_at_its_deadline(tmp_path: Path) -> None:
    def does() -> Decision:
        (tmp_path / "pid").write_text(str(os.getpid()))
        return forever()

    async def scene() -> None:
        answer = await Door(admission=Doing(does)).request(large(uid="large"), "/validate?timeout=1s")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        child = int((tmp_path / "pid").read_text())
        assert child != os.getpid()
        while runs(child):
            await asyncio.sleep(0.01)

    play(scene)


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_dies_of_a_large_review_is_an_internal_error(capsys: pytest.CaptureFixture[str]) -> None:
    def does() -> Decision:
        os.kill(os.getpid(), signal.SIGKILL)
        return forever()

    assert Door(admission=Doing(does)).call(large(uid="large")).status_code == 500
    assert "its process ended without a word" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="no other system says what a process takes")
def test_a_large_review_that_takes_too_much_memory_ends_before_the_server_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def does() -> Decision:
        kept = b"x" * (limits.LARGE_REVIEW_MEMORY + 2**26)
        assert kept
        return forever()

    door = Door(admission=Doing(does))
    assert door.call(large(uid="large")).status_code == 500
    assert "it took more than 256 MiB of memory" in capsys.readouterr().out
    assert door.call(large()).status_code == 200


def test_where_no_process_can_be_made_a_large_review_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError

    monkeypatch.setattr("os.fork", fork)
    answer = Door().call(large())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def named(name: str) -> dict[str, Any]:
    return backup() | {"metadata": {"name": name, "namespace": "demo"}}


def test_a_large_backup_is_judged_by_what_was_admitted_meanwhile_too(tmp_path: Path) -> None:
    repository = {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": "gcs-repo", "namespace": "demo"},
        "spec": {"backend": {"gcs": {"bucket": "b", "prefix": "p"}, "storageSecretName": "s"}},
    }
    gate = Gate(tmp_path)

    class Slow(Admission):
        def validate(self, request: Request, deadline: float | None = None) -> Decision:
            decision = super().validate(request, deadline)
            if request.uid == "large":
                gate.pass_through()
            return decision

    async def scene() -> None:
        door = Door(admission=Slow({}, inventory_of([repository])))
        asked = asyncio.create_task(door.request(large(body(named("first"), uid="large"))))
        await gate.wait_until_reached()
        second = await door.request(body(named("second")))
        assert second.json()["response"]["allowed"] is True, second.text
        gate.open()
        first = (await asked).json()["response"]
        assert any("second" in warning for warning in first["warnings"]), "both write under one host"

    play(scene)


# --- Probes


def test_probes_are_answered_while_the_loop_of_the_webhooks_is_busy() -> None:
    async def scene() -> None:
        app = management.create_app(Telemetry().metrics, lambda: None, lambda: None)
        aside = management.Aside(
            Listener(app, listening := listen("127.0.0.1", 0, "--management-port"), 10, Telemetry())
        )
        serving = asyncio.create_task(aside.serve())
        answered = threading.Event()

        def ask() -> None:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}/healthz"
            assert httpx.get(url, trust_env=False, timeout=PATIENCE).status_code == 200
            answered.set()

        threading.Thread(target=ask).start()
        while not serving.done() and not answered.is_set():
            await asyncio.sleep(0)
            answered.wait(PATIENCE)  # and the loop with it
        assert answered.is_set()
        aside.end_all()
        aside.stop()
        await serving

    play(scene)


def test_a_loop_that_does_not_run_any_more_is_no_longer_called_alive() -> None:
    now = 0.0
    heart = Heartbeat(lambda: now)
    app = management.create_app(Telemetry().metrics, heart.fault, lambda: None)

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://probe.test") as client:
            return await client.get("/healthz")

    now = limits.STALLED_SECONDS - 1
    assert asyncio.run(asked()).status_code == 200
    now = limits.STALLED_SECONDS
    answer = asyncio.run(asked())
    assert (answer.status_code, answer.text) == (503, "the event loop has not run for 30 seconds\n")
    beating = asyncio.wait_for(heart.keep(), 0.01)
    with pytest.raises(TimeoutError):
        asyncio.run(beating)
    assert asyncio.run(asked()).status_code == 200
