"""Creates through a real API server: without webhooks, with this server's, with those of the peer in Go."""

from __future__ import annotations

import asyncio
import base64
import itertools
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
import orjson

from bench.load import CallsFailed
from bench.result import Figures, Section, Table, number, share
from bench.servers import CONTROLLER_RUNTIME, OURS, NotReady, serving
from bench.setting import Setting
from bench.throughput import spread_of
from proof.background import Background
from proof.calls import batch, request
from proof.connection import Connection
from proof.stage import registration
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import NAME, apply, crds, define

_NAMESPACE = "demo"
_PATH = f"/apis/stash.appscode.com/v1beta1/namespaces/{_NAMESPACE}/backupbatches"
_OWN = "own-name-of-the-call"
_SURE = 5
"""Probes in a row after which the API server is known to ask whom it should."""
_PATIENCE = 30.0

_HOW = """\
BackupBatches of two members, the second without alias, are created as fast as {clients} clients can, each waiting for
its answer, through one real API server: without webhooks, with both webhooks of this server, with both of the peer in
Go. In each round the registration is changed, and what is measured begins when the API server acts on it. Medians of
{rounds} rounds of {seconds:g} s each. API server, etcd, webhooks and clients share all cores of the machine; nothing is
pinned. It is checked that each is stored, and with webhooks that the alias was added."""

Times = list[float]


def measure(setting: Setting) -> Section:
    """Run all rounds."""
    scale, folder = setting.scale, setting.room("creates")
    setting.telling.at("starting the API server")
    setting.binaries = binaries.find_or_build()
    figures, numbers = Figures(), itertools.count()
    with (
        Cluster(setting.binaries) as cluster,
        serving((OURS, CONTROLLER_RUNTIME), setting.programs, setting.certificates, folder, pinned=False) as servers,
        Background() as background,
        _api(cluster) as api,
    ):
        define(cluster, crds())
        _prepare(cluster)
        ports = {"none": None, **{each.subject.key: each.port for each in servers}}
        ca = (setting.certificates / "ca.crt").read_bytes()
        for turn in range(scale.rounds + 1):
            start = turn % len(ports)
            for key in [*ports, *ports][start : start + len(ports)]:
                setting.telling.at(f"round {turn} of {scale.rounds}, {key}", turn, scale.rounds + 1)
                _switch(cluster, api, ports[key], ca)
                for clients in scale.clients:
                    work = _creates(cluster, clients, scale.creating, numbers, key != "none")
                    rate, times, used = background.start(work).result()
                    if turn:
                        _add(figures, f"{clients}/{key}", rate, times, used)
    titles = {"none": "no webhooks", OURS.key: OURS.title, CONTROLLER_RUNTIME.key: CONTROLLER_RUNTIME.title}
    counts = " and ".join(map(str, scale.clients))
    section = Section("Creates", _HOW.format(clients=counts, rounds=scale.rounds, seconds=scale.creating))
    section.figures = figures
    spent = statistics.median(each for name, of in figures.items() if name.startswith("create-client/") for each in of)
    section.remarks.append(f"Of the processors, the clients, one process, used {spent * 1000:.2f} ms a create.")
    section.tables += [_table(figures, clients, titles) for clients in scale.clients]
    return section


def _api(cluster: Cluster) -> httpx.Client:
    context = cluster.credentials.client_context()
    return httpx.Client(base_url=cluster.server, verify=context, trust_env=False, timeout=10)


def _prepare(cluster: Cluster) -> None:
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (_NAMESPACE, NAME)]
    # The API server dials the port of the registration on this machine.
    here = {"type": "ExternalName", "externalName": "localhost"}
    metadata = {"name": NAME, "namespace": NAME}
    apply(cluster, *spaces, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": here})


def _switch(cluster: Cluster, api: httpx.Client, port: int | None, ca: bytes) -> None:
    """Register the webhooks at a port, or none, and return when the API server acts on it. Raises NotReady."""
    kinds = "mutatingwebhookconfiguration,validatingwebhookconfiguration"
    done = cluster.kubectl("delete", kinds, NAME, "--ignore-not-found")
    if done.returncode != 0:
        raise NotReady(f"the registration could not be deleted: {done.stderr}")
    _wait(api, asked=False)
    if port is not None:
        apply(cluster, *registration(port, base64.b64encode(ca).decode()))
        _wait(api, asked=True)


def _wait(api: httpx.Client, *, asked: bool) -> None:
    """Return when both webhooks are asked, or neither is, for some times in a row."""
    lacking = batch(_NAMESPACE, "probe", "probe", 2)
    doubled: dict[str, Any] = batch(_NAMESPACE, "probe", "probe", 2)
    doubled["spec"]["members"][1]["target"]["alias"] = "probe"
    until, row = time.monotonic() + _PATIENCE, 0
    while row < _SURE:
        first = api.post(_PATH, params={"dryRun": "All"}, json=lacking)
        second = api.post(_PATH, params={"dryRun": "All"}, json=doubled)
        mutated = first.status_code == 201 and "alias" in first.json()["spec"]["members"][1]["target"]
        refused = second.status_code >= 400
        row = row + 1 if mutated is refused is asked and first.status_code == 201 else 0
        if time.monotonic() > until:
            raise NotReady(f"the API server does not do as it was told: {first.text[:300]}; {second.text[:300]}")
        time.sleep(0.01)


async def _creates(
    cluster: Cluster, clients: int, seconds: float, numbers: Iterator[int], mutated: bool
) -> tuple[float, Times, float]:
    """Creates a second, the times that they took, and the CPU time of this process, in seconds. Raises CallsFailed."""
    port, context = int(cluster.server.rpartition(":")[2]), cluster.credentials.client_context()
    lines = [await Connection.dial("127.0.0.1", port, context, "localhost") for _ in range(clients)]
    template = orjson.dumps(batch(_NAMESPACE, _OWN, _OWN, 2))
    times: Times = []
    began, used = time.perf_counter(), time.process_time()

    async def one(line: Connection) -> None:
        while (sent := time.perf_counter()) - began < seconds:
            name = f"n{next(numbers):08d}".encode()
            answer = await line.call(request(_PATH, "localhost", template.replace(_OWN.encode(), name)))
            times.append(time.perf_counter() - sent)
            if answer.status != 201 or (answer.body.count(b'"alias":') == 2) is not mutated:
                raise CallsFailed(f"a create was answered {answer.status}: {answer.body[:500]!r}")

    try:
        async with asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(one(line))
        return len(times) / (time.perf_counter() - began), times, time.process_time() - used
    finally:
        for line in lines:
            line.close()


def _add(figures: Figures, name: str, rate: float, times: Times, used: float) -> None:
    times = sorted(times)
    for measured, value in (
        ("creates", rate),
        ("create-client", used / len(times)),
        ("create-p50", times[len(times) // 2]),
        ("create-p99", times[min(len(times) * 99 // 100, len(times) - 1)]),
    ):
        figures.setdefault(f"{measured}/{name}", []).append(value)


def _table(figures: Figures, clients: int, titles: dict[str, str]) -> Table:
    rows = []
    none = statistics.median(figures[f"creates/{clients}/none"])
    for key, title in titles.items():
        rates = figures[f"creates/{clients}/{key}"]
        rate = statistics.median(rates)
        times = (statistics.median(figures[f"create-{each}/{clients}/{key}"]) * 1000 for each in ("p50", "p99"))
        rows.append((title, number(rate), share(spread_of(rates)), *map(number, times), share(rate / none)))
    headings = (f"{clients} client{'s' if clients > 1 else ''}", "creates/s", "±", "p50 ms", "p99 ms", "of no webhooks")
    return Table(headings, rows)
