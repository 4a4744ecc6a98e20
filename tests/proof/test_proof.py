"""`make proof` measures failures: that its own parts see them, and write them down, is tested here."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from proof import __main__ as proof
from proof import machine, page
from proof.calls import NAME, Creations, Reviews
from proof.connection import Answer, CallFailed, Connection
from proof.load import Load, fate
from proof.pool import Pool
from proof.record import Measurement
from proof.section import Section
from proof.stage import issue, trusting
from proof.tally import Tally
from testbed.patience import PATIENCE, eventually
from testbed.server import running

pytestmark = pytest.mark.usefixtures("forks")
Handler = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server that does as it is told with each connection, over TLS as the real one."""

    def __init__(self, certificates: Path, handle: Handler) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.dialled: list[Connection] = []
        self._handling: set[asyncio.Task[None]] = set()
        self._handle = handle
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "tls.crt", certificates / "tls.key")
        self.trusted = trusting((certificates / "ca.crt").read_bytes())

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._context)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await gone(self.dialled)
        await asyncio.gather(*self._handling)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._handling.add(task)
        try:
            await self._handle(self, reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await writer.wait_closed()

    async def request(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        """The next review; IncompleteReadError when there is none."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.requests.append(head)
        request: dict[str, Any] = json.loads(await reader.readexactly(length))["request"]
        return request

    def pool(self, **options: Any) -> Pool:
        return Pool(self.port, lambda: self.trusted, NAME, dialled=self.dialled.append, **options)


async def closed(connection: Connection) -> None:
    """Wait until the other side has closed a connection."""
    async with asyncio.timeout(PATIENCE):
        while connection.alive:
            await asyncio.sleep(0.01)


async def gone(connections: list[Connection]) -> None:
    """Close connections, and wait until nothing of them is left."""
    for each in connections:
        each.close()
    async with asyncio.timeout(PATIENCE):
        while not all(each.is_gone for each in connections):
            await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return issue(tmp_path_factory.mktemp("proof"))[0]


def reply(writer: asyncio.StreamWriter, response: dict[str, Any], *headers: str) -> None:
    """Answer a review."""
    content = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(content)}", *headers, "", content]
    writer.write("\r\n".join(lines).encode())


async def allow(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *headers: str) -> None:
    """Allow one review as /validate does."""
    reply(writer, {"uid": (await server.request(reader))["uid"], "allowed": True}, *headers)
    await writer.drain()


async def allow_all(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Allow every review until the caller leaves."""
    try:
        while True:
            await allow(server, reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def hang_up(server: Server, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take a call and end the connection."""
    await server.request(reader)


VALIDATE = 1
"""Reviews of odd numbers go to /validate."""


def ask(certificates: Path, handle: Handler, work: Callable[[Server], Awaitable[Any]]) -> Any:
    """What `work` returns with a server that does so."""

    async def asked() -> Any:
        async with Server(certificates, handle) as server:
            return await work(server)

    return asyncio.run(asked())


# --- A call that was sent and not answered is a failed call.


def test_a_connection_that_ends_after_the_call_is_a_failed_call_and_the_call_is_not_sent_again(
    certificates: Path,
) -> None:
    async def work(server: Server) -> None:
        fault = await fate(server.pool().call, Reviews(2)(VALIDATE), PATIENCE)
        assert fault is not None
        assert fault.endswith("after the call was sent")
        assert (server.connections, len(server.requests)) == (1, 1)

    ask(certificates, hang_up, work)


def test_so_it_is_on_a_connection_that_was_good_before(certificates: Path) -> None:
    async def once(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await allow(server, reader, writer)
        await hang_up(server, reader, writer)

    async def work(server: Server) -> None:
        pool = server.pool()
        assert await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE) is None
        assert "after the call was sent" in str(await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE))
        assert (server.connections, len(server.requests)) == (1, 2)

    ask(certificates, once, work)


def test_half_an_answer_is_a_failed_call(certificates: Path) -> None:
    async def half(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
        await writer.drain()

    async def work(server: Server) -> None:
        assert "after the call was sent" in str(await fate(server.pool().call, Reviews(2)(VALIDATE), PATIENCE))

    ask(certificates, half, work)


def test_a_connection_that_is_refused_is_a_failed_call(certificates: Path) -> None:
    async def work(server: Server) -> Pool:
        return server.pool()

    pool = ask(certificates, allow_all, work)
    assert "no connection" in str(asyncio.run(fate(pool.call, Reviews(2)(VALIDATE), PATIENCE)))


def test_no_answer_in_time_is_a_failed_call_and_a_late_one_is_not_taken_for_the_next(certificates: Path) -> None:
    given_up = asyncio.Event()

    async def late(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = (await server.request(reader))["uid"]
        await given_up.wait()
        reply(writer, {"uid": uid, "allowed": True})
        await allow_all(server, reader, writer)

    async def work(server: Server) -> None:
        pool = server.pool()
        assert await fate(pool.call, Reviews(2)(VALIDATE), 1) == "no answer within 1 s"
        given_up.set()
        assert await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE) is None
        assert server.connections == 2

    ask(certificates, late, work)


# --- A connection that is closed while it is idle is none.


def test_a_connection_that_the_server_closes_while_it_is_idle_is_replaced_and_no_call_fails(
    certificates: Path,
) -> None:
    async def work(server: Server) -> None:
        pool = server.pool()
        assert await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE) is None
        await closed(server.dialled[0])
        assert await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE) is None
        assert (server.connections, len(server.requests)) == (2, 2)

    ask(certificates, allow, work)


def test_connection_close_is_honoured_at_once(certificates: Path) -> None:
    async def last(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await allow(server, reader, writer, "Connection: close")
        await reader.read()  # the server leaves it to the caller to end the connection

    async def work(server: Server) -> None:
        pool = server.pool()
        faults = [await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE) for _ in range(3)]
        assert (faults, server.connections) == ([None] * 3, 3)

    ask(certificates, last, work)


def test_a_good_connection_is_used_again_unless_each_call_is_to_have_its_own(certificates: Path) -> None:
    async def work(server: Server) -> None:
        for options, dials in (({}, 1), ({"fresh": True}, 3)):
            pool = server.pool(**options)
            assert [await fate(pool.call, Reviews(2)(VALIDATE), PATIENCE) for _ in range(3)] == [None] * 3
            assert pool.dials == dials
            pool.close()

    ask(certificates, allow_all, work)


def test_a_connection_knows_whether_it_can_be_called_on(certificates: Path) -> None:
    async def work(server: Server) -> None:
        connection = await Connection.dial("127.0.0.1", server.port, server.trusted, NAME)
        server.dialled.append(connection)
        assert (await connection.call(Reviews(2)(VALIDATE).message)).status == 200
        await closed(connection)
        with pytest.raises(CallFailed, match="closed before the call"):
            await connection.call(Reviews(2)(VALIDATE).message)

    ask(certificates, allow, work)


# --- What an answer has to be.


@pytest.mark.parametrize(
    ("path", "change", "fault"),
    [
        ("/validate", {}, None),
        ("/validate", {"uid": "another"}, "the answer to another call"),
        ("/validate", {"allowed": False, "status": {"message": "no"}}, "refused: no"),
        ("/validate", {"patch": "W10=", "patchType": "JSONPatch"}, "a patch from /validate"),
        ("/mutate", {}, "an answer without the patch"),
        ("/mutate", {"patch": "W10=", "patchType": "JSONPatch"}, "an answer without the patch"),
    ],
)
def test_each_answer_is_checked(path: str, change: dict[str, Any], fault: str | None) -> None:
    call = Reviews(2)(1 if path == "/validate" else 0)
    assert call.message.startswith(f"POST {path}?".encode())
    uid = json.loads(call.message.partition(b"\r\n\r\n")[2])["request"]["uid"]
    response = {"uid": uid, "allowed": True, **change}
    assert call.check(Answer(200, json.dumps({"response": response}).encode())) == fault


@pytest.mark.parametrize(("status", "body"), [(503, b'{"message": "too busy"}'), (200, b"hello"), (200, b"{}")])
def test_no_other_answer_counts(status: int, body: bytes) -> None:
    assert Reviews(2)(VALIDATE).check(Answer(status, body)) is not None


def test_a_creation_counts_only_if_the_object_was_changed_by_mutate() -> None:
    call = Creations("demo")(7)
    document = json.loads(call.message.partition(b"\r\n\r\n")[2])
    assert call.check(Answer(201, json.dumps(document).encode())) == "stored without the alias that /mutate adds"
    document["spec"]["members"][1]["target"]["alias"] = "host"
    assert call.check(Answer(201, json.dumps(document).encode())) is None
    assert call.check(Answer(500, b'{"message": "failed calling webhook: EOF"}')) is not None


def test_every_call_has_its_own_uid_and_alias() -> None:
    requests = [json.loads(Reviews(2, 50)(n).message.partition(b"\r\n\r\n")[2])["request"] for n in range(8)]
    assert len({each["uid"] for each in requests}) == 8
    assert len({each["object"]["spec"]["members"][0]["target"]["alias"] for each in requests}) == 8


# --- The load.


def test_a_call_that_waits_for_others_is_counted_from_when_it_was_due(certificates: Path) -> None:
    async def stall(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) == 0:
            time.sleep(0.3)
        await allow_all(server, reader, writer)

    async def work(server: Server) -> Tally:
        load = Load(server.pool(), lambda number: Reviews(2)(2 * number + VALIDATE), rate=100, patience=PATIENCE)
        task = asyncio.create_task(load.run())
        await asyncio.sleep(0.6)
        load.stop()
        return await task

    tally: Tally = ask(certificates, stall, work)
    assert tally.failed == 0
    assert sum(seconds > 0.1 for seconds in tally.seconds) > 10, "those due in the first 0.2 s of the stall"


def test_the_real_server_is_served_by_the_load_as_by_the_api_server(tmp_path: Path, certificates: Path) -> None:
    with running(tmp_path, certificates=certificates) as server:

        async def work() -> list[Tally]:
            dialled: list[Connection] = []
            pools = [
                Pool(server.port, lambda: server.verifying, NAME, fresh=fresh, dialled=dialled.append)
                for fresh in (False, True)
            ]
            kept, fresh = (Load(pool, Reviews(2, 50), 50, PATIENCE) for pool in pools)
            tasks = [asyncio.create_task(each.run()) for each in (kept, fresh)]
            async with asyncio.timeout(PATIENCE):
                while not all(load.tally.calls >= 10 for load in (kept, fresh)):
                    await asyncio.sleep(0.05)
            kept.stop()
            fresh.stop()
            tallies = await asyncio.gather(*tasks)
            await gone(dialled)
            return tallies

        tallies = asyncio.run(work())
        assert [tally.failed for tally in tallies] == [0, 0], [tally.faults for tally in tallies]


# --- What is written down.


def test_equal_faults_are_counted_together_and_never_grow_without_bound() -> None:
    tally = Tally()
    for port in range(20000, 20050):
        tally.add(0, f"dial tcp 127.0.0.1:{port}: connection refused")
    for letter in range(50):
        tally.add(0, f"reason {chr(65 + letter)}")
    tally.add(0.01, None)
    assert (tally.calls, tally.failed) == (101, 100)
    assert tally.faults["dial tcp 127.0.0.1:#: connection refused"] == 50
    assert len(tally.faults) == 21
    assert tally.milliseconds(0.5) == "10.0"


def section(*faults: str) -> Section:
    made, tally = Section("Rolling restarts", "How it is done."), Tally([0.001] * 10, Counter(faults))
    made.none_failed("calls failed", tally)
    made.faults["reviews"] = tally
    return made


def rendered(*sections: Section) -> str:
    return page.render(dict(zip("ab", map(measured, sections), strict=False)), [("cores", "2")], whole=True)


def measured(section: Section, commit: str = "1234567") -> Measurement:
    return Measurement(section, commit, datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), 1.5, "3%")


def test_the_page_says_that_all_holds() -> None:
    text = rendered(section())
    assert "All 1 hold." in text
    assert "| calls failed | 0 of 10 | 0 | yes |" in text
    assert "Why calls failed" not in text
    assert "| a | 1234567 | 2026-01-02 00:00 | 1.5 | 3% |" in text


def test_the_page_shows_failures_first_and_says_why() -> None:
    text = rendered(section(), section("EOF | after the\ncall was sent", "EOF | after the\ncall was sent", "refused"))
    assert "**1 of 2 do not hold.**" in text
    assert "| calls failed | 3 of 13 | 0 | **no** |" in text
    assert "* 2 times: EOF \\| after the call was sent" in text
    assert "* 1 times: refused" in text


def test_no_call_at_all_is_no_proof() -> None:
    made = Section("Idle", "")
    made.none_failed("calls failed", Tally())
    assert not made.holds


# --- The command.


def test_what_is_missing_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(SystemExit) as ended:
        proof.main(only="restarts", rounds=1, where=None)
    assert ended.value.code == 2
    assert "apt-get install haproxy" in capsys.readouterr().err


def test_an_unknown_part_is_refused(capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        proof.main(only="restart", rounds=1, where=None)
    assert ended.value.code == 2
    assert "there are restarts, rotations" in capsys.readouterr().err


def test_a_failed_call_ends_with_exit_code_1_and_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(proof, "PARTS", {"memory": lambda _: section("EOF")})
    with pytest.raises(SystemExit) as ended:
        proof.main(only="memory", rounds=1, where=tmp_path / "page.md")
    assert ended.value.code == 1
    assert "| calls failed | 1 of 11 | 0 | **no** |" in (tmp_path / "page.md").read_text()
    assert "calls failed: 1 of 11, must be 0" in capsys.readouterr().err


def test_a_measurement_that_cannot_be_finished_does_not_hold_and_the_others_are_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Section:
        raise RuntimeError(f"a replica was not ready, see {tmp_path}/log")

    monkeypatch.setattr(proof, "PARTS", {"memory": broken, "hostile": lambda _: section()})
    with pytest.raises(SystemExit) as ended:
        proof.main(only="memory,hostile", rounds=1, where=tmp_path / "page.md")
    assert ended.value.code == 1
    text = (tmp_path / "page.md").read_text()
    assert "RuntimeError: a replica was not ready, see ..." in text
    assert str(tmp_path) not in text
    assert "| calls failed | 0 of 10 | 0 | yes |" in text


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What is measured, in place of the real parts, into pages and records of the test."""
    done: list[str] = []

    def part(name: str) -> Section:
        done.append(name)
        return section()

    monkeypatch.setattr(proof, "PAGE", tmp_path / "proof.md")
    monkeypatch.setattr(proof, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(proof, "PARTS", {name: lambda _, name=name: part(name) for name in ("memory", "hostile")})
    monkeypatch.setattr(machine, "commit", lambda: "1234567")
    return done


def prove(only: str | None = None, rounds: int = 20) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        proof.main(only=only, rounds=rounds, where=None)
    return ended.value.code


def test_the_page_is_written_once_every_part_was_measured_whole(parts: list[str], tmp_path: Path, capsys: Any) -> None:
    for only, rounds, is_written in (("memory", 20, False), ("memory,hostile", 1, False), ("hostile", 20, True)):
        assert prove(only, rounds) == 0
        assert (tmp_path / "proof.md").exists() is is_written
        assert ("# Proof" in capsys.readouterr().out) is not is_written
    assert parts == ["memory", "memory", "hostile", "hostile"]


def test_a_run_goes_on_with_what_was_not_measured_of_its_commit(
    parts: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prove("memory")
    prove()
    assert parts == ["memory", "hostile"]
    prove()
    assert parts == ["memory", "hostile"]
    monkeypatch.setattr(machine, "commit", lambda: "89abcde")
    prove("hostile")
    text = (tmp_path / "proof.md").read_text()
    assert re.findall(r"^\| (memory|hostile) \| (\w{7}) ", text, re.MULTILINE) == [
        ("memory", "1234567"),
        ("hostile", "89abcde"),
    ]
    prove()
    assert parts == ["memory", "hostile", "hostile", "memory"]


@pytest.mark.parametrize("commit", ["unknown", "1234567 with changes"])
def test_code_that_is_no_commit_is_always_measured(
    parts: list[str], monkeypatch: pytest.MonkeyPatch, commit: str
) -> None:
    monkeypatch.setattr(machine, "commit", lambda: commit)
    prove()
    prove()
    assert parts == ["memory", "hostile"] * 2


def test_what_was_kept_and_cannot_be_read_is_measured(parts: list[str], tmp_path: Path) -> None:
    prove()
    (tmp_path / "kept" / "memory.json").write_text("{")
    prove()
    assert parts == ["memory", "hostile", "memory"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_ctrl_c_ends_every_process_and_leaves_nothing_behind(tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "proof", "--only", "memory"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    eventually(lambda: any("serve" in command for command in children(run.pid).values()))
    started = children(run.pid)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=PATIENCE)
    assert run.returncode == 130
    assert said.endswith("interrupted: all processes are ended; parts that were measured whole are kept\n")
    # The kernel takes a moment to end the children of a child.
    eventually(lambda: not any(runs(pid) for pid in started), says=lambda: list(filter(runs, started)))
    assert list(tmp_path.iterdir()) == []


def runs(pid: int) -> bool:
    """Whether a process runs. One that has ended may still be listed, until somebody takes note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(parent: int) -> dict[int, str]:
    """Command lines by process id."""
    pids = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() for pid in pids}
