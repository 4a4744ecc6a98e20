"""A reader of `docs/`, who runs a page's commands in a checkout, and a cluster in which they have their effect.

The API server, kubectl, openssl, `stash-certs` and the server are real. Nobody runs pods here, so what would is done
by hand after each command: Jobs are run with the rights of their ServiceAccount, the Secret is mounted, the Deployment
is said to be rolled out.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML

from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import GUEST
from testbed.control_plane.heeding import wait_until_heeded
from testbed.control_plane.installation import MANIFESTS, NAME
from testbed.patience import PATIENCE
from tests.support.e2e.certmanager import CMCTL
from tests.support.e2e.page import Command, commands
from tests.support.e2e.replica import Replica
from tests.support.program import finished

Document = dict[str, Any]
_NEEDS_PODS = ("logs", "port-forward")
_PRELUDE = """\
set -euo pipefail
# Several API servers need the time that a page gives them. This one has followed already: see `settle`.
sleep() { command sleep 0.2; }
"""
_ASSIGNMENT = re.compile(r"\w+=\$\(.*\)", re.DOTALL)
_ROLLED_OUT = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


class Reader:
    """Somebody at a terminal, in a folder with `manifests/`."""

    def __init__(self, cluster: Cluster, folder: Path, port: int) -> None:
        self.cluster, self.folder, self.port = cluster, folder, port
        self.replica = Replica(folder, port)
        self.rotate_flags: tuple[str, ...] = ()
        """Further flags of `stash-certs rotate`, for what would take minutes."""
        self.served: list[dict[str, bytes]] = []
        """What any replica may serve still: the Secret's data since the last rollout, the present ones last."""
        self._functions: list[str] = []
        self._registered: list[str] = []
        """The versions of the registrations that the API server heeds."""
        context = cluster.credentials.client_context()
        self._client = httpx.Client(base_url=cluster.server, verify=context, trust_env=False, timeout=PATIENCE)
        self._account = folder / "account"
        _check_out(folder, port)
        programs = folder / "bin"
        programs.mkdir()
        (programs / "kubectl").symlink_to(cluster.binaries / "kubectl")
        for name in ("stash-admission", "stash-certs"):
            (programs / name).symlink_to(Path(sys.executable).with_name(name))
        (programs / "cmctl").write_text(CMCTL)
        (programs / "cmctl").chmod(0o755)
        kubeconfig = str(cluster.credentials.kubeconfig("admin"))
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self._environment = {"PATH": path, "HOME": str(folder), "KUBECONFIG": kubeconfig, "COLUMNS": "200"}

    def follow(self, page: str, *headings: str) -> str:
        """Run the commands under these headings, which must succeed; what they printed."""
        return "".join(self.run(each) for heading in headings for each in commands(page, heading))

    def run(self, command: Command, code: int = 0) -> str:
        """Run one command, which must end so and print what the page says, and let the cluster follow.

        What was printed. A function or a variable is kept for the commands after it; what needs a running pod is left
        out.
        """
        text = command.text
        if text.startswith("kubectl") and any(f" {each} " in text for each in _NEEDS_PODS):
            return ""
        if "() {" in text or _ASSIGNMENT.fullmatch(text):
            self._functions.append(text)
            return ""
        script = "\n".join([_PRELUDE, *self._functions, text])
        done = finished(["bash", "-c", script], self._environment, self.folder)
        assert done.returncode == code, f"$ {text}\n{done.stdout}"
        assert command.output in done.stdout, f"$ {text}\n{done.stdout}"
        is_rollout = "rollout restart" in text
        if is_rollout:
            self.served.clear()
        self.settle()
        if is_rollout:
            self.replica.wait()
        return done.stdout

    def settle(self) -> None:
        """Let the cluster do what it would do by itself, and wait until the API server heeds the registrations."""
        self._run_jobs("stash-certs", *self.rotate_flags)
        data = self.secret(f"{NAME}-tls")
        for deployment in self.there("/apis/apps/v1", "deployments"):
            if data and data not in self.served:
                self.served.append(data)
            self.replica.follow(data, _settings(deployment))
            generation = deployment["metadata"]["generation"]
            if deployment.get("status", {}).get("observedGeneration") != generation:
                status = dict.fromkeys(_ROLLED_OUT, deployment["spec"]["replicas"])
                self._patch_status("deployment", deployment, {**status, "observedGeneration": generation})
        if self.replica.server is not None:
            self._run_jobs("stash-admission", "--settle-seconds=0", f"--wait-seconds={PATIENCE:.0f}")
        registered = self._registrations()
        if registered != self._registered:
            wait_until_heeded(self.cluster)
            self._registered = registered

    def _registrations(self) -> list[str]:
        kinds = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
        found = [self._get(f"/apis/admissionregistration.k8s.io/v1/{kind}")["items"] for kind in kinds]
        return [each["metadata"]["resourceVersion"] for items in found for each in items if _name(each) == NAME]

    def secret(self, name: str) -> dict[str, bytes] | None:
        """A Secret's data; None if there is none."""
        found = [each.get("data", {}) for each in self.there("/api/v1", "secrets") if _name(each) == name]
        return {file: base64.b64decode(content) for file, content in found[0].items()} if found else None

    def bundles(self) -> list[bytes]:
        """The `caBundle` of each webhook."""
        found = []
        for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
            configuration = self._get(f"/apis/admissionregistration.k8s.io/v1/{kind}/{NAME}")
            found += [base64.b64decode(each["clientConfig"]["caBundle"]) for each in configuration["webhooks"]]
        return found

    def close(self) -> None:
        """End the server and the connections."""
        self.replica.stop()
        self._client.close()

    def there(self, api: str, kind: str) -> list[Document]:
        """The objects of a kind in the namespace."""
        found: list[Document] = self._get(f"{api}/namespaces/{NAME}/{kind}")["items"]
        return found

    def _get(self, path: str) -> Document:
        response = self._client.get(path)
        assert response.is_success, response.text
        body: Document = response.json()
        return body

    def _run_jobs(self, program: str, *flags: str) -> None:
        """Run the Jobs of a program that have not run."""
        for job in self.there("/apis/batch/v1", "jobs"):
            (container,) = job["spec"]["template"]["spec"]["containers"]
            if container["command"][0] == program and not job.get("status", {}).get("conditions"):
                self._run_job(job, flags)

    def _run_job(self, job: Document, flags: tuple[str, ...]) -> None:
        """Run its command as its pod would, with no other rights than its ServiceAccount's."""
        spec = job["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        token = self.cluster.kubectl("create", "token", spec["serviceAccountName"], "-n", NAME).stdout.strip()
        kubeconfig = json.loads(self.cluster.credentials.kubeconfig(GUEST).read_text())
        kubeconfig["users"][0]["user"] = {"token": token}
        self._account.write_text(json.dumps(kubeconfig))
        command = [*container["command"], *container["args"], *flags]
        environment = {**self._environment, "KUBECONFIG": str(self._account)}
        done = subprocess.run(
            ["env", *command], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {"type": each, "status": "True", "lastProbeTime": now, "lastTransitionTime": now}
            for each in ("SuccessCriteriaMet", "Complete")
        ]
        status = {"startTime": now, "completionTime": now, "succeeded": 1, "conditions": conditions}
        self._patch_status("job", job, status)

    def _patch_status(self, kind: str, document: Document, status: Document) -> None:
        target = (kind, _name(document), "-n", NAME, "--subresource=status", "--type=merge")
        done = self.cluster.kubectl("patch", *target, "-p", json.dumps({"status": status}))
        assert done.returncode == 0, done.stderr


def _name(document: Document) -> str:
    return str(document["metadata"]["name"])


def _settings(deployment: Document) -> dict[str, str]:
    """What the Deployment says of the rules' levels. The rest is for another place than this machine."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if each["name"] == "STASH_ADMISSION_RULE"}


def _check_out(folder: Path, port: int) -> None:
    """Copy `manifests/`, with two changes: the Service leads to this machine, and the webhooks to a port of it."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "ca.crt")
    copy = shutil.copytree(MANIFESTS, folder / "manifests", ignore=ignored)
    yaml = YAML()
    for path in (copy / "install.yaml", copy / "base" / "service.yaml", copy / "base" / "webhooks.yaml"):
        objects = list(yaml.load_all(path.read_text()))
        for each in objects:
            if each["kind"] == "Service":
                each["spec"] = {"type": "ExternalName", "externalName": "localhost"}
            for webhook in each.get("webhooks", ()):
                webhook["clientConfig"]["service"]["port"] = port
        with path.open("w") as file:
            yaml.dump_all(objects, file)
