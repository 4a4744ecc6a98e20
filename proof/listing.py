"""Memory of a replica that lists large objects."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import orjson

from proof.section import Check, Section
from proof.stage import Stage
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import Installation, apply, crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.control_plane.replicas import kubeconfig
from testbed.large import MEMBERS, SHAPES
from testbed.patience import PATIENCE
from testbed.server import Running

_LARGE, _CROWDED = 500, 200
_MOST_MIB = 250
_SHAPE = "one text with an odd character"

_HOW = f"""\
{_LARGE} BackupConfigurations of 1.4 MiB, as large as etcd takes them, and {_CROWDED} BackupBatches with {MEMBERS:,}
members are stored in a real API server. A replica starts and lists them. Its peak of resident memory is read from
/proc."""


def measure(stage: Stage) -> Section:
    """The peak of a replica's memory."""
    section = Section("Large objects", _HOW)
    wanted = {_SHAPE: max(stage.scaled(_LARGE), 10), "members": max(stage.scaled(_CROWDED), 4)}
    folder = stage.folder("listing")
    with Cluster(binaries.find_or_build()) as cluster, ExitStack() as end:
        define(cluster, crds())
        apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
        objects = Objects(cluster)
        end.callback(objects.close)
        for shape, count in wanted.items():
            for number in stage.telling.each(range(count), count, f"storing objects with {shape}"):
                _store(objects, orjson.loads(SHAPES[shape](number)))
        config = kubeconfig(cluster, folder)
        installation = Installation(cluster, folder)
        serving = installation.serving(folder, "--inventory", "cluster", variables={"KUBECONFIG": str(config)})
        server = end.enter_context(serving)
        total = sum(wanted.values())
        began = time.monotonic()
        _wait(stage, server, total)
        seconds = time.monotonic() - began
        peak = _peak(server)
    text = f"peak memory of a replica: {total} large objects"
    section.checks.append(Check(text, f"{peak:.0f} MiB", f"at most {_MOST_MIB} MiB", peak <= _MOST_MIB))
    section.remarks.append(f"The list took {seconds:.1f} s from the moment at which the replica was started.")
    return section


def _store(objects: Objects, document: Document) -> None:
    del document["metadata"]["resourceVersion"]
    reply = objects.create(document)
    if reply.status != 201:
        raise RuntimeError(f"an object was not stored: {reply.status} {reply.message[:200]}")


def _wait(stage: Stage, server: Running, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while (known := _known(server)) < count:
        if time.monotonic() > until:
            raise RuntimeError(f"only {known} of {count} objects are known")
        stage.telling.at(f"{known} of {count} objects are listed", known, count)
        time.sleep(0.2)


def _known(server: Running) -> int:
    metrics = server.metrics()
    kinds = ("BackupConfiguration", "BackupBatch")
    return int(sum(metrics["stash_admission_inventory_objects", (("kind", kind),)] for kind in kinds))


def _peak(server: Running) -> float:
    """In MiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
