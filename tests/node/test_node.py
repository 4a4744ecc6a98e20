"""On two real nodes, in this order: installing, everything that happens to replicas, certificates, and uninstalling.

Objects are created all the time. What is written on docs/node.md is what happened here.
"""

from __future__ import annotations

import json
import time

import pytest

from app.commands.doctor.expected import RULES
from testbed.patience import eventually
from tests.node.page import ABRUPT, NO_REPLICA
from tests.node.results import Results
from tests.node.stream import Stream
from tests.node.terminal import NAME, Terminal
from tests.support.e2e.page import commands

REGISTERED = f"kubectl -n {NAME} wait --for=condition=complete job/{NAME}-register --timeout=300s"
INSTALL = "kubectl apply -f manifests/install.yaml"
UNREGISTER = f"kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration {NAME}"
OPERATIONS, INSTALLATION = "operate/operations.md", "install/installation.md"


def test_nothing_waits_while_the_readme_is_followed_although_the_image_comes_late(
    terminal: Terminal, stream: Stream, results: Results
) -> None:
    steps = [each for each in commands("../README.md", "Install it in a cluster") if "docker" not in each.text]
    crds, install, rollout, register, doctor, demo, repository, apply, stop = steps
    assert "crds" in crds.text
    assert "delete" in stop.text
    with stream.during("installing, with an image that comes late", checked=False) as phase:
        terminal.follow(install)
        start = time.monotonic()
        eventually(lambda: "PullBackOff" in str(terminal.pods(f"app.kubernetes.io/name={NAME}")), says=terminal.pods)
        terminal.load("0.1.0")
        terminal.follow(rollout, register)
        results.figures["installing"] = time.monotonic() - start
    assert phase.failed == []
    assert phase.unchecked
    results.keep(phase)
    assert terminal.run(doctor.text).endswith("nothing wrong\n")
    terminal.follow(demo, repository, apply)
    with stream.during("afterwards, with nothing happening") as phase:
        pass
    assert phase.failed == []
    results.keep(phase)


def test_the_page_shows_what_is_printed(terminal: Terminal) -> None:
    doctor, _, _, refused, applied, stored, delete = commands(INSTALLATION, "See that it works")
    assert terminal.run(doctor.text).endswith("nothing wrong\n")
    terminal.run("kubectl -n demo delete restorebatch --all")
    terminal.follow(refused, applied, stored, delete)


def test_the_replicas_are_on_two_nodes_and_may_not_be_root(terminal: Terminal) -> None:
    assert {each["spec"]["nodeName"] for each in terminal.pods()} == {"node1", "node2"}
    shown = terminal.run(f"kubectl -n {NAME} exec deploy/{NAME} -- python3 -c 'import os; print(os.getuid())'")
    assert shown.endswith("65532\n")


def test_the_doctor_says_the_same_from_the_image(terminal: Terminal) -> None:
    terminal.run("kubectl create serviceaccount doctor")
    terminal.run("kubectl create clusterrolebinding doctor --clusterrole=cluster-admin --serviceaccount=default:doctor")
    overrides = json.dumps({"spec": {"serviceAccountName": "doctor"}})
    terminal.run(
        f"kubectl run doctor --image=stash-admission:0.1.0 --restart=Never --overrides='{overrides}' "
        "--command -- stash-admission doctor"
    )
    wait = "kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/doctor --timeout=120s"
    try:
        terminal.run(wait)
    except AssertionError:
        raise AssertionError(terminal.run("kubectl logs doctor")) from None
    assert "nothing wrong" in terminal.run("kubectl logs doctor")
    terminal.run("kubectl delete pod doctor; kubectl delete clusterrolebinding doctor")


def restart(terminal: Terminal) -> None:
    terminal.run(f"kubectl -n {NAME} rollout restart deployment/{NAME}")
    terminal.rolled_out()


def change_a_level_and_undo_it(terminal: Terminal) -> None:
    terminal.run(f"kubectl -n {NAME} set env deployment/{NAME} STASH_ADMISSION_RULE=valid-duration=warn")
    terminal.rolled_out()
    terminal.run(f"kubectl -n {NAME} rollout undo deployment/{NAME}")
    terminal.rolled_out()


def upgrade_and_roll_back(terminal: Terminal) -> None:
    terminal.load("0.2.0")
    delete = f"kubectl -n {NAME} delete job {NAME}-certs {NAME}-register --ignore-not-found"
    for release in ("0.2.0", "0.1.0"):
        sed = f"sed 's/{NAME}:0.1.0/{NAME}:{release}/' manifests/install.yaml | kubectl apply -f -"
        terminal.run(f"{delete} && {sed}")
        terminal.rolled_out()
        images = {each["spec"]["containers"][0]["image"] for each in terminal.pods()}
        assert images == {f"{NAME}:{release}"}
    terminal.run(REGISTERED)


def kill_a_replica(terminal: Terminal) -> None:
    (pod, *_) = terminal.pods()
    node = terminal.nodes.nodes[pod["spec"]["nodeName"]]
    node.run("sh", "-c", "kill -9 $(pgrep -f 'stash-admission serve' | head -1)")
    name = pod["metadata"]["name"]
    again = "{.status.containerStatuses[0].restartCount}"
    eventually(
        lambda: any(each["status"]["containerStatuses"][0]["restartCount"] for each in terminal.pods()),
        says=lambda: terminal.run(f"kubectl -n {NAME} get pod {name} -o jsonpath='{again}'"),
    )
    terminal.rolled_out()
    eventually(lambda: ready(terminal) == 2, says=terminal.pods)


def ready(terminal: Terminal) -> int:
    return sum(each["status"].get("containerStatuses", [{}])[0].get("ready", False) for each in terminal.pods())


def delete_a_pod(terminal: Terminal) -> None:
    (pod, *_) = terminal.pods()
    terminal.run(f"kubectl -n {NAME} delete pod {pod['metadata']['name']}")
    eventually(lambda: ready(terminal) == 2, says=terminal.pods)


def drain_a_node(terminal: Terminal) -> None:
    terminal.run("kubectl drain node2 --ignore-daemonsets --delete-emptydir-data --force --timeout=240s")
    assert {each["spec"]["nodeName"] for each in terminal.pods()} == {"node1"}
    terminal.run("kubectl uncordon node2")
    restart(terminal)
    assert {each["spec"]["nodeName"] for each in terminal.pods()} == {"node1", "node2"}


def rotate(terminal: Terminal, name: str) -> str:
    """A run of the CronJob, now; what it did."""
    terminal.run(f"kubectl -n {NAME} create job {name} --from=cronjob/{NAME}-certs")
    terminal.run(f"kubectl -n {NAME} wait --for=condition=complete job/{name} --timeout=120s")
    return terminal.run(f"kubectl -n {NAME} logs job/{name}")


def lose_the_secret(terminal: Terminal) -> None:
    terminal.run(f"kubectl -n {NAME} delete secret {NAME}-tls")
    assert "there was none" in rotate(terminal, "certs-again")
    restart(terminal)


def announce_another_ca(terminal: Terminal) -> None:
    terminal.run(f"kubectl -n {NAME} delete secret {NAME}-tls-ca")
    assert "new CA" in rotate(terminal, "certs-ca")
    assert "nothing to do" in rotate(terminal, "certs-ca-waits")
    restart(terminal)


def levels(text: str) -> str:
    create = f"kubectl -n {NAME} create configmap {NAME} --from-literal=config.yaml='{text}'"
    return f"{create} --dry-run=client -o yaml | kubectl apply -f -"


def configure_levels(terminal: Terminal) -> None:
    """A good configuration counts within two minutes, a wrong one never."""
    sample = "manifests/samples/valid-schedule.yaml"
    tried = f"kubectl create --dry-run=server -f {sample} 2>&1 || true"
    terminal.run("kubectl create namespace demo --dry-run=client -o yaml | kubectl apply -f -")
    assert "(valid-schedule)" in terminal.run(tried)
    terminal.run(levels("rules: {valid-schedule: off}"))
    eventually(lambda: "(valid-schedule)" not in terminal.run(tried), says=lambda: terminal.run(tried))
    terminal.run(levels("rules: {valid-schedule: perhaps}"))
    log = f"kubectl -n {NAME} logs deploy/{NAME} --tail=-1"
    eventually(lambda: "configuration not reloaded" in terminal.run(log), says=terminal.pods)
    assert "(valid-schedule)" not in terminal.run(tried), "the one before counts on"
    terminal.run(f"kubectl -n {NAME} delete configmap {NAME}")
    restart(terminal)
    assert "(valid-schedule)" in terminal.run(tried)


HAPPENS = {
    "rollout restart": restart,
    "set env and rollout undo": change_a_level_and_undo_it,
    "an upgrade and the way back": upgrade_and_roll_back,
    "a replica killed by kill -9": kill_a_replica,
    "a pod deleted": delete_a_pod,
    "a node drained": drain_a_node,
    "the Secret of the certificate deleted": lose_the_secret,
    "the Secret of the CA deleted": announce_another_ca,
    "levels in a ConfigMap, right and wrong": configure_levels,
}


@pytest.mark.parametrize("what", HAPPENS)
def test_no_creation_fails(what: str, terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during(what) as phase:
        HAPPENS[what](terminal)
    results.keep(phase)
    if what in ABRUPT:
        assert phase.created > len(phase.failed), "until the Service has forgotten the replica, and no longer"
    else:
        assert phase.failed == []


def test_the_network_policy_lets_in_two_ports_and_lets_out_tcp(terminal: Terminal) -> None:
    pod = terminal.pods()[0]
    address, name = pod["status"]["podIP"], pod["metadata"]["name"]
    terminal.run(
        "kubectl run stranger --image=stash-admission:0.1.0 --restart=Never --command -- python3 -c "
        "'import time; time.sleep(900)'"
    )
    terminal.run("kubectl wait --for=condition=Ready pod/stranger --timeout=60s")
    terminal.run(f"kubectl -n {NAME} exec {name} -- python3 -m http.server 9999 >/dev/null 2>&1 &")

    def reached(port: int, by: str = "stranger") -> bool:
        script = f'import socket; socket.create_connection(("{address}", {port}), timeout=3)'
        return "Error" not in terminal.run(f"kubectl exec {by} -- python3 -c '{script}' 2>&1 || true")

    eventually(lambda: reached(9999, by=f"-n {NAME} {name}"))  # somebody listens, and only the policy keeps others away
    assert reached(10250)
    assert reached(8080)
    assert not reached(9999)
    out = 'import socket; socket.create_connection(("10.96.0.1", 443), timeout=3); print("out")'
    assert "out" in terminal.run(f"kubectl -n {NAME} exec {name} -- python3 -c '{out}'")
    terminal.run("kubectl delete pod stranger --grace-period=0 --force")


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
    stop, *again, doctor, _ = commands(OPERATIONS, "Open the gate in an emergency")
    with stream.during("an emergency, and back", checked=False) as phase:
        terminal.run(stop.text)
        for each in again:
            terminal.run(each.text)
    assert phase.failed == []
    results.keep(phase)
    assert terminal.run(doctor.text).endswith("nothing wrong\n")


def test_uninstalling_and_installing_again_fails_nothing(terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("uninstalling", checked=False) as phase:
        for each in commands(INSTALLATION, "Uninstall"):
            terminal.run(each.text)
    assert phase.failed == []
    results.keep(phase)
    with stream.during("installing again", checked=False) as phase:
        start = time.monotonic()
        for each in commands(INSTALLATION, "Install")[1:]:
            terminal.run(each.text)
        results.figures["installing again"] = time.monotonic() - start
    assert phase.failed == []
    results.keep(phase)
    assert terminal.run("stash-admission doctor").endswith("nothing wrong\n")


def test_applying_again_and_replacing_the_registration(terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("applied again, on the client's and on the server's side") as phase:
        terminal.run(INSTALL)
        terminal.run("kubectl apply --server-side --force-conflicts -f manifests/install.yaml")
    assert phase.failed == []
    results.keep(phase)
    with stream.during("rules lost by kubectl replace, and the CronJob", checked=False) as phase:
        terminal.run("kubectl replace -f manifests/base/webhooks.yaml")
        rotate(terminal, "certs-replaced")
        terminal.run(f"kubectl -n {NAME} create job register-replaced --from=cronjob/{NAME}-register")
        terminal.run(f"kubectl -n {NAME} wait --for=condition=complete job/register-replaced --timeout=60s")
    assert phase.failed == []
    results.keep(phase)
    found = json.loads(terminal.run(f"kubectl get validatingwebhookconfiguration {NAME} -o json"))
    assert {each["name"] for each in found["webhooks"] if each.get("rules")} <= RULES.keys()
    assert terminal.run("stash-admission doctor").endswith("nothing wrong\n")


def test_ten_thousand_creations_were_counted(stream: Stream, results: Results) -> None:
    missing = 10_000 - sum(row["created"] for row in results.rows)
    if missing > 0:
        with stream.during("nothing else, up to ten thousand", at_least=missing) as phase:
            pass
        assert phase.failed == []
        results.keep(phase)
    assert sum(row["created"] for row in results.rows) >= 10_000
