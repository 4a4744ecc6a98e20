"""On two real nodes, at last: no replica, an emergency, and uninstalling and installing again."""

from __future__ import annotations

import json
import time

from app.commands.doctor.expected import RULES
from testbed.patience import eventually
from tests.node.page import NO_REPLICA
from tests.node.results import Results
from tests.node.stream import Stream
from tests.node.terminal import NAME, Terminal
from tests.support.e2e.page import commands

INSTALL = "kubectl apply -f manifests/install.yaml"
OPERATIONS, INSTALLATION = "operate/operations.md", "install/installation.md"


def test_without_a_replica_fail_stops_creations_and_ignore_does_not(
    terminal: Terminal, stream: Stream, results: Results
) -> None:
    with stream.during(NO_REPLICA, checked=False, at_least=0) as phase:
        terminal.run(f"kubectl -n {NAME} scale deployment/{NAME} --replicas=0")
        terminal.run(f"kubectl -n {NAME} wait --for=delete pod -l app.kubernetes.io/component=webhook --timeout=120s")
        eventually(lambda: phase.failed, says=lambda: phase)
        terminal.run(f"kubectl -n {NAME} scale deployment/{NAME} --replicas=2")
        terminal.rolled_out()
        stream.goes_on(phase)
    assert phase.failed
    assert not phase.unchecked
    results.keep(phase)
    ignore, ignore_too = (
        each.text for each in commands(OPERATIONS, "While no replica answers") if "Ignore" in each.text
    )
    terminal.run(ignore)
    terminal.run(ignore_too)
    with stream.during("no replica, failurePolicy Ignore", checked=False) as phase:
        terminal.run(f"kubectl -n {NAME} scale deployment/{NAME} --replicas=0")
        terminal.run(f"kubectl -n {NAME} wait --for=delete pod -l app.kubernetes.io/component=webhook --timeout=120s")
        eventually(lambda: phase.unchecked, says=lambda: phase)
        terminal.run(f"kubectl -n {NAME} scale deployment/{NAME} --replicas=2")
        terminal.rolled_out()
    assert phase.failed == []
    assert phase.unchecked
    results.keep(phase)
    terminal.run(INSTALL)


def test_the_gate_is_opened_in_an_emergency_and_closed_without_a_failure(
    terminal: Terminal, stream: Stream, results: Results
) -> None:
    stop, *again, _, _ = commands(OPERATIONS, "Open the gate in an emergency")
    with stream.during("an emergency, and back", checked=False) as phase:
        terminal.run(stop.text)
        for each in again:
            terminal.run(each.text)
    assert phase.failed == []
    results.keep(phase)
    terminal.doctor()


def test_uninstalling_and_installing_again_fails_nothing(terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("uninstalling", checked=False) as phase:
        uninstall(terminal)
    assert phase.failed == []
    results.keep(phase)
    with stream.during("installing again", checked=False) as phase:
        start = time.monotonic()
        for each in commands(INSTALLATION, "Install")[1:]:
            terminal.run(each.text)
        results.figures["installing again"] = time.monotonic() - start
    assert phase.failed == []
    results.keep(phase)
    terminal.doctor()


def uninstall(terminal: Terminal) -> None:
    for each in commands(INSTALLATION, "Uninstall"):
        terminal.run(each.text)


def test_a_job_that_fails_at_first_fails_no_creation(terminal: Terminal, stream: Stream, results: Results) -> None:
    uninstall(terminal)
    with stream.during("installing, with a Job for the certificates that fails at first", checked=False) as phase:
        terminal.run("kubectl apply -f manifests/base/namespace.yaml")
        terminal.run(f"kubectl -n {NAME} create secret generic {NAME}-tls-ca --from-literal=of=others")
        terminal.run(INSTALL)
        failed = f"kubectl -n {NAME} get job {NAME}-certs -o jsonpath='{{.status.failed}}'"
        eventually(lambda: terminal.run(failed).isdigit(), says=lambda: terminal.run(failed), every=1)
        assert "does not belong to stash-certs" in terminal.run(f"kubectl -n {NAME} logs job/{NAME}-certs")
        terminal.run(f"kubectl -n {NAME} delete secret {NAME}-tls-ca")
        terminal.rolled_out()
        terminal.registered()
    assert phase.failed == []
    results.keep(phase)
    terminal.doctor()


def test_applying_again_and_replacing_the_registration(terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("applied again, on the client's and on the server's side") as phase:
        terminal.run(INSTALL)
        terminal.run("kubectl apply --server-side --force-conflicts -f manifests/install.yaml")
    assert phase.failed == []
    results.keep(phase)
    with stream.during("rules lost by kubectl replace, and the CronJob", checked=False) as phase:
        terminal.run("kubectl replace -f manifests/base/webhooks.yaml")
        terminal.run_cronjob("certs")
        terminal.run_cronjob("register")
    assert phase.failed == []
    results.keep(phase)
    found = json.loads(terminal.run(f"kubectl get validatingwebhookconfiguration {NAME} -o json"))
    assert {each["name"] for each in found["webhooks"] if each.get("rules")} <= RULES.keys()
    terminal.doctor()


def test_ten_thousand_creations_were_counted(stream: Stream, results: Results) -> None:
    missing = 10_000 - sum(row["created"] for row in results.rows)
    if missing > 0:
        with stream.during("nothing else, up to ten thousand", at_least=missing) as phase:
            pass
        assert phase.failed == []
        results.keep(phase)
    assert sum(row["created"] for row in results.rows) >= 10_000
