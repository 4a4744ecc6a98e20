"""`python -m bench.peers.check`: whether every peer decides what the product decides, asked over TLS.

Each is asked about a batch that needs a patch, one that needs none, one that is good, one with an alias twice, one
with a host twice, and a restore with rules in the old place. Whether it allows, and what its patch makes of the object,
has to be what `app.admission.engine` says. Then the load generator calls it, and has to be content with every answer.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from jsonpatch import JsonPatch

from bench.peers.build import CannotBuild, build, test
from bench.peers.running import NAMES, NotRunning, command, running
from testbed.reviews import Document, ask, patched, review
from testbed.server import issue

_MEMBERS = 7


class Question(NamedTuple):
    """A review of an object, to one of the two webhooks."""

    title: str
    webhook: str
    document: Document

    @property
    def path(self) -> str:
        """Where a peer with a path for each kind answers it."""
        return f"/{self.webhook}-restorebatch" if self.document["kind"] == "RestoreBatch" else f"/{self.webhook}"

    def body(self) -> Document:
        """The review."""
        plural = f"{str(self.document['kind']).lower()}es"
        resource = {"group": "stash.appscode.com", "version": "v1beta1", "resource": plural}
        return review(self.document, resource=resource)


def questions(load: Path) -> Iterator[Question]:
    """What each peer is asked. The objects are those of the load generator."""
    bare, good = (dumped(load, webhook)["request"]["object"] for webhook in ("mutate", "validate"))
    yield Question("a batch without an alias", "mutate", bare)
    yield Question("a batch with all aliases", "mutate", good)
    yield Question("a good batch", "validate", good)
    twice = copy.deepcopy(good)
    targets = [member["target"] for member in twice["spec"]["members"]]
    targets[5]["alias"] = targets[0]["alias"]
    yield Question("an alias twice", "validate", twice)
    host = copy.deepcopy(good)
    targets = [member["target"] for member in host["spec"]["members"]]
    targets[0]["alias"], targets[1]["alias"] = "shop-0", "shop"  # a Deployment and a StatefulSet
    yield Question("a host twice", "validate", host)
    yield Question("rules in the old place", "mutate", restore())


def dumped(load: Path, webhook: str) -> Document:
    """A review as the load generator sends it."""
    flags = ["--dump", "--raw", "--webhook", webhook, "--members", str(_MEMBERS)]
    made: Document = json.loads(subprocess.run([load, *flags], check=True, capture_output=True).stdout)  # noqa: S603
    return made


def restore() -> Document:
    """A RestoreBatch with rules beside its target."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreBatch",
        "metadata": {"name": "shop", "namespace": "demo"},
        "spec": {
            "repository": {"name": "shop"},
            "members": [{"target": {"alias": "web", "ref": ref}, "rules": [{"paths": ["/data"]}]}],
        },
    }


def differences(question: Question, client: httpx.Client, apart: bool) -> list[str]:
    """In what a peer differs from the product; `apart` says that it has a path for each kind."""
    ours = ask(question.webhook, question.document)
    path = question.path if apart else f"/{question.webhook}"
    answer = client.post(path, json=question.body())
    if answer.status_code != 200:
        return [f"status {answer.status_code}: {answer.text[:300]}"]
    response: dict[str, Any] = answer.json()["response"]
    found = []
    if response["allowed"] != ours.allowed:
        found.append(f"allowed: {response['allowed']}, the product says {ours.allowed}")
    operations = json.loads(base64.b64decode(response["patch"])) if response.get("patch") else []
    theirs = JsonPatch(operations).apply(question.document)
    if theirs != patched(question.document, ours):
        found.append(f"its patch makes another object: {json.dumps(operations)[:600]}")
    return found


def calls(load: Path, name: str, url: str, ca: Path) -> list[str]:
    """Of what the load generator complains after some calls."""
    found = []
    for webhook in ("mutate", "validate"):
        flags = ["--url", f"{url}/{webhook}", "--ca", str(ca), "--connections", "2", "--calls", "40"]
        flags += ["--constant"] if name == "floor" else []
        done = subprocess.run([load, *flags], check=True, capture_output=True)  # noqa: S603
        result = json.loads(done.stdout)
        if result["failed"] or result["calls"] != 40:
            found.append(f"load: {result['failed']} of {result['calls']} calls failed: {result.get('failure')}")
    return found


def check(name: str, binaries: Mapping[str, Path], certificates: Path, folder: Path) -> int:
    """Ask a peer everything, say what it answered, and count what is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    wrong = 0
    with running(command(name, binaries, port, certificates), folder / name, GOMAXPROCS="1"):
        url, ca = f"https://127.0.0.1:{port}", certificates / "ca.crt"
        results = []
        if name != "floor":  # which decides nothing
            with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=ca), trust_env=False) as client:
                for question in questions(binaries["load"]):
                    title = f"{question.title} ({question.webhook})"
                    results.append((title, differences(question, client, name == "controllerruntime")))
        results.append(("calls of the load generator", calls(binaries["load"], name, url, ca)))
    for title, found in results:
        wrong += bool(found)
        sys.stdout.write(f"{name}: {title}: {'; '.join(found) or 'as it should be'}\n")
    return wrong


def main() -> None:
    """Check the peers that are named, all if none is."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("peers", nargs="*", help=f"of {', '.join(NAMES)} (all)", metavar="PEER")
    given = parser.parse_args()
    unknown = set(given.peers) - set(NAMES)
    if unknown:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    try:
        complaint = test()
        if complaint is not None:
            sys.exit(complaint)
        sys.stdout.write("load: its own tests: as it should be\n")
        binaries = build()
        with tempfile.TemporaryDirectory(prefix="stash-admission-peers-") as temporary:
            folder = Path(temporary)
            issue(folder / "certs", "localhost", "127.0.0.1")
            wrong = sum(check(name, binaries, folder / "certs", folder) for name in given.peers or NAMES)
    except (CannotBuild, NotRunning) as error:
        sys.exit(str(error))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
