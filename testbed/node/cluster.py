"""Two nodes, the first of which has the control plane, joined by a bridge in the first one's network."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testbed.child import dying_with_us
from testbed.node import configuration, pki, place
from testbed.node.namespaces import Namespaces, left, sweep, wait

ADDRESSES = {"node1": configuration.SERVER, "node2": "172.30.0.12"}
_RELAY = Path(__file__).with_name("relay.py")


class Nodes:
    """The cluster: a context manager, of the main thread."""

    def __init__(self, root: Path, programs: Path, images: list[Path], say: Any) -> None:
        """`root` is what a node's file system begins as, `images` are archives that both nodes get."""
        self.root, self.programs, self.images, self.say = root, programs, images, say
        self.folder = place.run()
        self.pki = self.folder / "pki"
        self.nodes: dict[str, Namespaces] = {}
        self.daemons: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        self.kubeconfig = self.pki / "outside.kubeconfig"

    def __enter__(self) -> Self:
        down()
        pki.write(self.pki, configuration.SERVER, ADDRESSES)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End everything, and leave nothing."""
        for each in self.nodes.values():
            each.kill()
        for process in self.daemons.values():
            process.kill()
            process.wait()
        down()

    def _start(self) -> None:
        for name in ADDRESSES:
            self.say(f"{name}: namespaces")
            self.node(name)
        self.say("control plane")
        first = self.nodes["node1"]
        self.daemon("node1", "etcd", configuration.etcd())
        wait(lambda: self._answers("http://127.0.0.1:2379/readyz"), 60, lambda: first.tail("etcd"))
        self.daemon("node1", "kube-apiserver", configuration.apiserver())
        self._relay()
        wait(
            lambda: self.kubectl("get", "--raw=/readyz", check=False) == "ok", 120, lambda: first.tail("kube-apiserver")
        )
        self.daemon("node1", "kube-controller-manager", configuration.controllers())
        self.daemon("node1", "kube-scheduler", configuration.scheduler())
        for name in ADDRESSES:
            self.join(name)

    def node(self, name: str) -> None:
        """Make a node's namespaces and its network."""
        it = Namespaces(name, self.folder / name, self.root, self.programs, self.pki)
        self.nodes[name] = it
        if name == "node1":
            it.network("link", "add", "lan", "type", "bridge")
            it.network("address", "add", f"{ADDRESSES[name]}/24", "dev", "lan")
            it.network("link", "set", "lan", "up")
        else:
            first = self.nodes["node1"]
            first.network("link", "add", f"to-{name}", "type", "veth", "peer", "name", "lan", "netns", str(it.pid))
            first.network("link", "set", f"to-{name}", "master", "lan", "up")
            it.network("address", "add", f"{ADDRESSES[name]}/24", "dev", "lan")
            it.network("link", "set", "lan", "up")
        it.network("route", "add", "default", "dev", "lan")
        for setting in ("net.ipv4.ip_forward=1", "net.bridge.bridge-nf-call-iptables=1"):
            it.run("sysctl", "-qw", setting)

    def join(self, name: str) -> None:
        """Start what a node runs, and wait until it is ready."""
        self.say(f"{name}: containerd, images, kubelet, kube-proxy, network policies")
        it = self.nodes[name]
        files = {
            "containerd.toml": configuration.containerd(),
            "kubelet.yaml": json.dumps(configuration.kubelet(name, ADDRESSES[name])),
            "proxy.yaml": json.dumps(configuration.proxy(name)),
            "resolv.conf": "nameserver 127.0.0.1\n",
        }
        for file, text in files.items():
            (it.folder / "node" / file).write_text(text)
        (it.folder / "node" / "cni").mkdir(exist_ok=True)
        self.daemon(name, "containerd", ["containerd", "--config", "/node/containerd.toml"])
        wait(lambda: self._ctr(it, "version"), 60, lambda: it.tail("containerd"))
        for image in self.images:
            self.load(name, image)
        self.daemon(name, "kubelet", [
            "kubelet", "--config=/node/kubelet.yaml", f"--kubeconfig=/pki/{name}.kubeconfig",
            f"--hostname-override={name}", f"--node-ip={ADDRESSES[name]}", "--root-dir=/node/kubelet",
            "--cert-dir=/node/kubelet-certs", "-v=2",
        ])  # fmt: skip
        wait(lambda: self._pods_of(name) is not None, 60, lambda: it.tail("kubelet"))
        pods = self._pods_of(name)
        (it.folder / "node" / "cni" / "10-bridge.conflist").write_text(configuration.cni(str(pods)))
        for other, address in ADDRESSES.items():
            if other != name and (theirs := self._pods_of(other)):
                it.network("route", "replace", theirs, "via", address)
                self.nodes[other].network("route", "replace", str(pods), "via", ADDRESSES[name])
        self.daemon(name, "kube-proxy", ["kube-proxy", "--config=/node/proxy.yaml"])
        self.daemon(name, "kube-router", configuration.policies(name))
        self.kubectl("wait", "--for=condition=Ready", f"node/{name}", "--timeout=120s")

    def kill(self, name: str) -> None:
        """End a node as a power cut would: nobody hears that its connections are closed. Its disk stays."""
        first = self.nodes["node1"]
        first.network("link", "set", f"to-{name}", "down")
        self.nodes[name].kill()
        for node, program in [each for each in self.daemons if each[0] == name]:
            self.daemons.pop((node, program)).wait()
        wait(lambda: not list(left(name)), 30, lambda: f"these processes do not end: {list(left(name))}")
        with contextlib.suppress(subprocess.CalledProcessError):  # it is gone, unless a socket still waits for answers
            first.network("link", "delete", f"to-{name}")
        sweep(name)

    def boot(self, name: str) -> None:
        """Switch a node on again that was killed, and wait until it is ready."""
        self.node(name)
        self.join(name)

    def load(self, name: str, image: Path) -> None:
        """Have a node hold an image, from an archive."""
        it = self.nodes[name]
        shutil.copy(image, it.folder / "node" / image.name)
        it.run("ctr", "-a", "/run/containerd.sock", "-n", "k8s.io", "images", "import", f"/node/{image.name}")
        (it.folder / "node" / image.name).unlink()

    def outside(self, image: str, *words: str, code: int = 0) -> str:
        """Run a container that is no pod, as an engine would: read-only, the node's network, a kubeconfig mounted.

        What it wrote; it must end with this code.
        """
        node, ctr = self.nodes["node1"], ("ctr", "-a", "/run/containerd.sock", "-n", "k8s.io")
        name = next(each for each in node.run(*ctr, "images", "list", "-q").split() if each.endswith(f"/{image}"))
        return node.run(
            "sh", "-c", f'"$@" 2>&1; test $? = {code}', "sh",
            *ctr, "run", "--rm", "--net-host", "--read-only",
            "--mount", "type=tmpfs,src=tmpfs,dst=/tmp,options=mode=1777",
            "--mount", "type=bind,src=/pki,dst=/pki,options=rbind:ro",
            "--env", "KUBECONFIG=/pki/admin.kubeconfig", name, "outside", *words,
        )  # fmt: skip

    def daemon(self, node: str, name: str, words: list[str]) -> None:
        """Start a program on a node."""
        self.daemons[node, name] = self.nodes[node].daemon(name, words)

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True, seconds: float = 300) -> str:
        """Run kubectl on the machine; what it printed, errors too."""
        done = subprocess.run(
            [str(self.programs / "kubectl"), f"--kubeconfig={self.kubeconfig}", *words],
            input=stdin or "", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
            check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise RuntimeError(f"kubectl {' '.join(words)}\n{done.stdout}")
        return done.stdout

    def _relay(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        pki.kubeconfig(self.pki, "admin", f"https://127.0.0.1:{listening.getsockname()[1]}", str(self.pki), "outside")
        inside = ["nsenter", "-t", str(self.nodes["node1"].pid), "-n", "--"]
        command = [*inside, sys.executable, "-I", str(_RELAY), str(listening.fileno()), configuration.SERVER, "6443"]
        self.daemons["machine", "relay"] = subprocess.Popen(
            dying_with_us(command), pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        listening.close()

    def _pods_of(self, name: str) -> str | None:
        found = self.kubectl("get", "node", name, "-o", "jsonpath={.spec.podCIDR}", check=False)
        return found if "/" in found and " " not in found else None

    def _answers(self, url: str) -> bool:
        script = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)"
        try:
            self.nodes["node1"].run("python3", "-c", script, url)
        except RuntimeError:
            return False
        return True

    def _ctr(self, it: Namespaces, *words: str) -> bool:
        try:
            it.run("ctr", "-a", "/run/containerd.sock", *words)
        except RuntimeError:
            return False
        return True


def down() -> None:
    """End what is left of a node, by its cgroups, and remove its files."""
    for pid in left():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    wait(lambda: not list(left()), 30, lambda: f"these processes do not end: {list(left())}")
    sweep()
    shutil.rmtree(place.run(), ignore_errors=True)
