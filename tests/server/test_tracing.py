"""Traces: a span a review and nothing of its contents, and a collector that is gone is nobody's problem."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from testbed.patience import PATIENCE, eventually
from testbed.server import JSON, Running, backup, body, environment, issue, running
from tests.support.collector import Collector, Span, collecting
from tests.support.refusal import start

SERVER_KIND = 2
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs")
    issue(directory, "localhost", "127.0.0.1")
    return directory


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as it:
        yield it


def variables(endpoint: str, delay: int = 100) -> dict[str, str]:
    """Where the spans go, and how many milliseconds they wait for others."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": str(delay)}


@pytest.fixture(scope="module")
def server(certificates: Path, collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("traced")
    traced = variables(collector.url)
    with running(folder, "--traces", "otlp", certificates=certificates, variables=traced) as it:
        yield it


def span_of(collector: Collector, uid: str) -> Span:
    """The one span of a review, when it has come."""
    eventually(lambda: any(each.attributes["admission.uid"] == uid for each in collector.spans), says=lambda: uid)
    (span,) = [each for each in collector.spans if each.attributes["admission.uid"] == uid]
    return span


def call(server: Running, content: bytes, path: str = "/validate", headers: Mapping[str, str] = JSON) -> int:
    with server.client() as client:
        return client.post(path, content=content, headers=headers).status_code


def test_a_review_is_one_span_with_kind_operation_and_decision(server: Running, collector: Collector) -> None:
    call(server, body(backup(schedule="0 24 * * *"), uid="u-refused", dryRun=True))
    span = span_of(collector, "u-refused")
    assert (span.name, span.kind, span.parent) == ("admission review", SERVER_KIND, "")
    assert span.attributes == {
        "admission.webhook": "validate",
        "admission.uid": "u-refused",
        "admission.kind": "BackupConfiguration",
        "admission.operation": "CREATE",
        "admission.decision": "refused",
        "admission.rules": ["valid-schedule"],
        "admission.dry_run": True,
    }


@pytest.mark.parametrize(("alias", "decision"), [("app", "allowed"), (None, "mutated")])
def test_a_span_says_what_mutate_did(server: Running, collector: Collector, alias: str | None, decision: str) -> None:
    document = backup()
    document["spec"]["target"]["alias"] = alias
    call(server, body(document, uid=f"u-{decision}"), "/mutate")
    assert span_of(collector, f"u-{decision}").attributes["admission.decision"] == decision


def test_a_span_begins_when_the_review_was_there_and_ends_with_the_decision(
    server: Running, collector: Collector
) -> None:
    before = time.time_ns()
    call(server, body(uid="u-time"))
    after, span = time.time_ns(), span_of(collector, "u-time")
    assert before <= span.start < span.end <= after
    (line,) = [line for line in server.log if line.get("uid") == "u-time"]
    assert span.end - span.start >= line["milliseconds"] * 1e6 * 0.9


def test_a_span_holds_neither_names_nor_contents(server: Running, collector: Collector) -> None:
    secrets = {"name": "n-4711", "namespace": "ns-4711", "userInfo": {"username": "user-4711"}}
    document = backup(runtimeSettings={"env": "env-4711"}, schedule="sched-4711")
    odd = {"group": "group-4711", "version": "v-4711", "kind": "Kind-4711"}
    call(server, body(document, uid="u-secret", **secrets))
    call(server, body(document, uid="u-odd", kind=odd, **secrets))
    span_of(collector, "u-secret")
    assert span_of(collector, "u-odd").attributes["admission.kind"] == "other"
    assert b"4711" not in collector.raw


def test_a_bad_call_has_no_span(server: Running, collector: Collector) -> None:
    count = len(collector.spans)
    assert call(server, b"no json") == 400
    call(server, body(uid="u-after"))
    span_of(collector, "u-after")
    assert len(collector.spans) == count + 1


def test_a_span_is_a_part_of_the_callers_trace(server: Running, collector: Collector) -> None:
    call(server, body(uid="u-part"), headers={**JSON, "traceparent": f"00-{TRACE}-{PARENT}-01"})
    span = span_of(collector, "u-part")
    assert (span.trace, span.parent) == (TRACE, PARENT)


def test_the_next_call_on_the_connection_is_not_a_part_of_that_trace(server: Running, collector: Collector) -> None:
    with server.client() as client:
        client.post("/validate", content=body(uid="u-1"), headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
        client.post("/validate", content=body(uid="u-2"))
    assert span_of(collector, "u-2").trace != TRACE


def test_a_call_of_a_trace_that_is_not_sampled_has_no_span(server: Running, collector: Collector) -> None:
    call(server, body(uid="u-unsampled"), headers={**JSON, "traceparent": f"00-{TRACE}-{PARENT}-00"})
    call(server, body(uid="u-sampled"))
    span_of(collector, "u-sampled")
    assert not [each for each in collector.spans if each.attributes["admission.uid"] == "u-unsampled"]


@pytest.mark.parametrize("odd", ["", "00", "zz-" * 50, f"00-{'0' * 32}-{PARENT}-01", "\xff"])
def test_an_odd_trace_of_the_caller_changes_nothing(server: Running, collector: Collector, odd: str) -> None:
    uid = f"u-{odd.encode().hex()[:20]}"
    headers = [(b"content-type", b"application/json"), (b"traceparent", odd.encode("latin-1"))]
    with server.client() as client:
        assert client.post("/validate", content=body(uid=uid), headers=headers).status_code == 200
    assert span_of(collector, uid).parent == ""


def test_the_service_has_a_name_and_a_version(server: Running, collector: Collector) -> None:
    call(server, body(uid="u-service"))
    resource = span_of(collector, "u-service").resource
    assert resource["service.name"] == "stash-admission"
    assert resource["service.version"]


def test_the_variables_of_opentelemetry_name_the_service(
    certificates: Path, collector: Collector, tmp_path: Path
) -> None:
    named = {
        "OTEL_SERVICE_NAME": "mine",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.pod.name=p-1",
        "STASH_ADMISSION_TRACES": "otlp",
    }
    with running(tmp_path, certificates=certificates, variables={**variables(collector.url), **named}) as it:
        call(it, body(uid="u-named"))
        resource = span_of(collector, "u-named").resource
    assert (resource["service.name"], resource["k8s.pod.name"]) == ("mine", "p-1")


def test_what_was_not_sent_yet_is_sent_when_the_server_ends(
    certificates: Path, collector: Collector, tmp_path: Path
) -> None:
    late = variables(collector.url, delay=600_000)
    with running(tmp_path, "--traces", "otlp", certificates=certificates, variables=late) as it:
        call(it, body(uid="u-last"))
        it.signal(signal.SIGTERM)
        assert it.exit_code() == 0
    span_of(collector, "u-last")


def test_a_collector_that_is_not_there_is_no_problem_of_callers(certificates: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    dead = variables(f"http://127.0.0.1:{port}")
    with running(tmp_path, "--traces", "otlp", certificates=certificates, variables=dead) as it:
        with it.client() as client:
            statuses = {client.post("/validate", content=body()).status_code for _ in range(200)}
        eventually(lambda: any("retrying" in line["event"].lower() for line in it.log))
        it.signal(signal.SIGTERM)
        assert it.exit_code() == 0
        assert it.complaints == ""
    assert statuses == {200}


def test_a_collector_that_does_not_answer_does_not_keep_the_server_from_its_end(
    certificates: Path, tmp_path: Path
) -> None:
    with collecting() as silent:
        silent.silent.set()
        slow = {**variables(silent.url), "OTEL_EXPORTER_OTLP_TIMEOUT": "6000"}
        with running(tmp_path, "--traces", "otlp", certificates=certificates, variables=slow) as it:
            assert call(it, body()) == 200
            it.signal(signal.SIGTERM)
            assert it.exit_code() == 0


# --- Where it cannot be had


def test_without_opentelemetry_the_server_says_what_to_install(certificates: Path) -> None:
    program = "import sys; sys.modules['opentelemetry.sdk'] = None; from app.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", "--port", "0", "--management-port", "0", "--traces", "otlp"]
    ended = subprocess.run(
        [*command, "--cert-dir", str(certificates)],
        env=environment(), capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "requirements-traces.txt" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_protocol_that_is_not_spoken_is_said(certificates: Path, name: str) -> None:
    ports = ("--port", "0", "--management-port", "0")
    ended = start(*ports, "--cert-dir", certificates, "--traces", "otlp", **{name: "grpc"})
    assert ended.exit_code == 2
    assert name in ended.stderr
    assert "http/protobuf" in ended.stderr


def test_without_traces_nothing_that_makes_or_sends_spans_is_loaded(certificates: Path) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        from app.server.process import Process
        from app.settings import load
        Process(load(port=0, management_port=0, cert_dir=Path(sys.argv[1])))
        print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
    """
    command = [sys.executable, "-W", "ignore", "-c", program, str(certificates)]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert ended.stdout == "[]\n"
