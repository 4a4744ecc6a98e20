"""On two real nodes: installing, and everything that happens to replicas, their nodes and their settings."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from testbed.patience import eventually
from tests.node.page import ABRUPT, DEAD_NODE, KILLED, OUT_OF_MEMORY
from tests.node.results import Results
from tests.node.stream import Stream
from tests.node.terminal import NAME, Terminal
from tests.support.e2e.page import commands

INSTALLATION, CONFIGURATION, OPERATIONS = "install/installation.md", "operate/configuration.md", "operate/operations.md"


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
    assert doctor.text == "stash-admission doctor"
    terminal.doctor()
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


def test_a_replica_is_looked_at(terminal: Terminal) -> None:
    pods, logs, *_, refused = commands(OPERATIONS, "Look at a replica")
    assert terminal.run(pods.text).count("Running") == 2
    assert '"event"' in terminal.run(logs.text)
    assert "valid-schedule" in terminal.run(refused.text)


def test_the_replicas_are_on_two_nodes_and_may_not_be_root(terminal: Terminal) -> None:
    assert terminal.where() == {"node1", "node2"}
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


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        ("doctor", "nothing wrong", 0),
        ("audit --namespace default", "0 objects audited", 0),
        ("backfill --namespace stream --dry-run --limit 1", "1 object would be written", 1),
    ],
)
def test_the_image_is_of_use_outside_of_the_cluster(words: str, said: str, code: int, terminal: Terminal) -> None:
    assert said in terminal.nodes.outside(f"{NAME}:0.1.0", NAME, *words.split(), code=code)


def change_a_level_and_undo_it(terminal: Terminal) -> None:
    *change, _back = commands(OPERATIONS, "Have a rule warn")
    terminal.follow(*change)
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
    terminal.registered()


def kill_a_replica(terminal: Terminal) -> None:
    (pod, *_) = terminal.pods()
    node = terminal.nodes.nodes[pod["spec"]["nodeName"]]
    (container,) = pod["status"]["containerStatuses"]
    task = container["containerID"].removeprefix("containerd://")
    node.run("ctr", "-a", "/run/containerd.sock", "-n", "k8s.io", "task", "kill", "-s", "SIGKILL", task)
    started_again(terminal, pod, "Error")
    terminal.available()


_FILL = """
import os, time
open("/proc/1/oom_score_adj", "w").write("1000")
for _ in range(12):
    if os.fork() == 0:
        held = b"x" * (50 << 20)
        time.sleep(120)
        os._exit(0)
time.sleep(120)
"""


def fill_the_memory(terminal: Terminal) -> None:
    """Until its cgroup has none left. Each of those who fill it holds less than the server, so it is ended."""
    (pod, *_) = terminal.pods()
    terminal.run(f"kubectl -n {NAME} exec {pod['metadata']['name']} -- python3 -c '{_FILL}' 2>&1 || true")
    started_again(terminal, pod, "OOMKilled")
    terminal.available()


def started_again(terminal: Terminal, pod: Any, reason: str) -> None:
    """Wait until a pod has a container that was started after one that ended for this reason."""
    name = pod["metadata"]["name"]
    before = pod["status"]["containerStatuses"][0]["restartCount"]

    def status() -> Any:
        found = json.loads(terminal.run(f"kubectl -n {NAME} get pod {name} -o json"))["status"]
        return found["containerStatuses"][0]

    eventually(lambda: status()["restartCount"] > before, says=status, every=1)
    assert status()["lastState"]["terminated"]["reason"] == reason


def delete_a_pod(terminal: Terminal) -> None:
    (pod, *_) = terminal.pods()
    terminal.run(f"kubectl -n {NAME} delete pod {pod['metadata']['name']}")
    terminal.available()


def drain_a_node(terminal: Terminal) -> None:
    terminal.run("kubectl drain node2 --ignore-daemonsets --delete-emptydir-data --force --timeout=240s")
    assert terminal.where() == {"node1"}
    terminal.run("kubectl uncordon node2")
    terminal.restart()
    assert terminal.where() == {"node1", "node2"}


def lose_the_secret(terminal: Terminal) -> None:
    terminal.run(f"kubectl -n {NAME} delete secret {NAME}-tls")
    assert "there was none" in terminal.run_cronjob("certs")
    terminal.restart()


def announce_another_ca(terminal: Terminal) -> None:
    """Which signs in the third minute from now: the CronJob runs in each, and settling takes half a minute."""
    args = "/spec/jobTemplate/spec/template/spec/containers/0/args/-"
    add = json.dumps([{"op": "add", "path": args, "value": "--settle-seconds=30"}])
    terminal.run(f"kubectl -n {NAME} patch cronjob {NAME}-certs --type=json -p '{add}'")
    terminal.follow(*commands("install/self-managed.md", "Give the CA a new key")[:3])
    assert "new CA" in terminal.run(f"kubectl -n {NAME} logs job/certs-announce")
    schedule = json.dumps({"spec": {"schedule": "* * * * *"}})
    terminal.run(f"kubectl -n {NAME} patch cronjob {NAME}-certs -p '{schedule}'")


def have_another_ca_sign(terminal: Terminal) -> None:
    """What the CronJob has done by itself meanwhile, and what is left to somebody who will not wait for a year."""
    held = f"kubectl -n {NAME} get secret {NAME}-tls-ca -o jsonpath='{{.data}}'"
    eventually(lambda: "next.crt" not in terminal.run(held), says=lambda: terminal.run("stash-certs show"), every=1)
    steps = commands("install/self-managed.md", "Give the CA a new key")
    (signed,) = [number for number, each in enumerate(steps) if "wait" in each.text and "job/certs-sign" in each.text]
    terminal.follow(*steps[signed + 1 :])
    shown = terminal.run("stash-certs show")
    assert (shown.count(" CA "), shown.count("covers the certificate")) == (3, 3), "one for each webhook"


def levels(text: str) -> str:
    create = f"kubectl -n {NAME} create configmap {NAME} --from-literal=config.yaml='{text}'"
    return f"{create} --dry-run=client -o yaml | kubectl apply -f -"


def configure_levels(terminal: Terminal) -> None:
    """A good configuration counts as soon as the kubelet has brought it, a wrong one never."""
    sample = "manifests/samples/valid-schedule.yaml"
    tried = f"kubectl create --dry-run=server -f {sample} 2>&1 || true"
    terminal.run("kubectl create namespace demo --dry-run=client -o yaml | kubectl apply -f -")
    assert "(valid-schedule)" in terminal.run(tried)
    terminal.run(levels("rules: {valid-schedule: off}"))
    steps = commands(CONFIGURATION, "Set a rule to warn in one namespace")
    (at_once,) = [each for each in steps if "annotate pods" in each.text]
    terminal.run(at_once.text)
    log = f"kubectl -n {NAME} logs -l app.kubernetes.io/component=webhook --tail=-1"
    eventually(lambda: terminal.run(log).count("configuration reloaded") == 2, says=lambda: terminal.run(log), every=1)
    assert "(valid-schedule)" not in terminal.run(tried)
    terminal.run(levels("rules: {valid-schedule: perhaps}"))
    terminal.run(at_once.text)
    eventually(
        lambda: terminal.run(log).count("configuration not reloaded") >= 2, says=lambda: terminal.run(log), every=1
    )
    assert "(valid-schedule)" not in terminal.run(tried), "the one before counts on"
    terminal.run(f"kubectl -n {NAME} delete configmap {NAME}")
    terminal.restart()
    assert "(valid-schedule)" in terminal.run(tried)


HAPPENS = {
    "rollout restart": Terminal.restart,
    "set env and rollout undo": change_a_level_and_undo_it,
    "an upgrade and the way back": upgrade_and_roll_back,
    "the Secret of the certificate deleted": lose_the_secret,
    "another CA announced, in place of a lost one": announce_another_ca,
    KILLED: kill_a_replica,
    OUT_OF_MEMORY: fill_the_memory,
    "a pod deleted": delete_a_pod,
    "a node drained": drain_a_node,
    "another CA signs, and the former one goes": have_another_ca_sign,
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


def test_a_node_that_dies_is_given_up_and_comes_back(terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during(DEAD_NODE) as phase:
        start = time.monotonic()
        terminal.nodes.kill("node2")
        terminal.run("kubectl wait --for=condition=Ready=Unknown node/node2 --timeout=300s")
        results.figures["given up"] = time.monotonic() - start
        terminal.available(1)
        stream.calms(phase)
    results.keep(phase)
    with stream.during("afterwards, with the replica on the other node") as phase:
        refused = terminal.run(
            "kubectl drain node1 --ignore-daemonsets --delete-emptydir-data --force --timeout=5s", code=1
        )
        assert "would violate the pod's disruption budget" in refused
        terminal.run("kubectl uncordon node1")
    assert phase.failed == []
    results.keep(phase)
    with stream.during("its pods given up too, by the taint out-of-service") as phase:
        terminal.run("kubectl taint node node2 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
        terminal.available()
    assert phase.failed == []
    assert terminal.where() == {"node1"}
    results.keep(phase)
    with stream.during("the node back, and rollout restart") as phase:
        terminal.nodes.boot("node2")
        terminal.run("kubectl taint node node2 node.kubernetes.io/out-of-service-")
        terminal.restart()
    assert phase.failed == []
    assert terminal.where() == {"node1", "node2"}
    results.keep(phase)
