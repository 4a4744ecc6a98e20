"""What large reviews without pause do to small ones, to the probes, and to memory."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

import httpx
import orjson

from proof.calls import Reviews
from proof.replicas import Replica, replicas, slots
from proof.section import Check, Section, Table
from proof.stage import Stage, issue, trusting
from proof.tally import HEADINGS, Tally
from testbed.child import Child

_BYTES = int(5.3 * 2**20)
_SECONDS = 30.0
_RATE = 50
"""Small reviews a second."""
_PROBE_MS, _TIMES = 100.0, 4
_PATHS = ("/healthz", "/readyz", "/metrics")
_EVERY = 0.1

_HOW = f"""\
Three callers send updates of {_BYTES / 2**20:.1f} MiB to one server, each the next one as soon as the last one is
answered, for {_SECONDS:g} s: members that all have one alias, members without a name, and good ones. Meanwhile, and as
long before, small reviews come at {_RATE} a second, and the probes and the metrics are asked for, on a connection of
their own each, ten times a second. A large review that has to wait too long is answered 503, and tried again by an API
server."""


def measure(stage: Stage) -> Section:
    """Latency of small reviews and probes beside large reviews, and the memory of the server."""
    section, folder = Section("Siege", _HOW), stage.folder("siege")
    certificates, ca = issue(folder)
    (folder / "ca.pem").write_bytes(ca)
    context, place, got = trusting(ca), slots(1)[0], folder / "got.json"
    with replicas(certificates, folder, place) as (server,):
        quiet, besieged = (stage.reviews(place.port, lambda: context, Reviews(2), _RATE) for _ in range(2))
        with stage.background.loads(quiet):
            before = _ask(stage, "quiet", server)
        rest = server.memory()
        command = [sys.executable, "-m", "proof.flood", str(place.port), f"{_SECONDS + 5}", str(_BYTES)]
        flood = Child([*command, str(got), str(folder / "ca.pem")], folder / "flood.log", dict(os.environ))
        try:
            while flood.running and not got.exists():
                time.sleep(0.1)
            with stage.background.loads(besieged):
                during = _ask(stage, "siege", server)
        finally:
            flood.stop(grace=60)
        peak = server.memory("VmHWM")
    large = Counter(orjson.loads(line)["status"] for line in got.read_bytes().splitlines())
    section.none_failed("small reviews failed beside large ones", besieged.tally)
    section.none_failed("probes failed beside large reviews", *during.values())
    for path in ("/healthz", "/readyz"):
        p99 = float(during[path].milliseconds(0.99))
        section.checks.append(
            Check(f"{path} beside large reviews, p99", f"{p99} ms", f"{_PROBE_MS:g} ms", p99 <= _PROBE_MS)
        )
    times = float(besieged.tally.milliseconds(0.99)) / float(quiet.tally.milliseconds(0.99))
    text = "p99 of small reviews beside large ones, times what it is without"
    section.checks.append(Check(text, f"{times:.1f}", f"at most {_TIMES}", times <= _TIMES))
    section.at_least("large reviews decided meanwhile", large[200], 3)
    rows = []
    for name, one, other in [("small reviews", quiet.tally, besieged.tally)] + [
        (p, before[p], during[p]) for p in _PATHS
    ]:
        rows += [(f"{name}, quiet", *one.row), (f"{name}, besieged", *other.row)]
    section.tables.append(Table(("calls", *HEADINGS), rows))
    answered = ", ".join(f"{count} got {status}" for status, count in sorted(large.items()))
    section.remarks.append(
        f"Of the large reviews, {answered}. The server had {rest / 1024:.0f} MiB before, {peak / 1024:.0f} MiB at "
        "its peak, without the process that judges a large review."
    )
    return section


def _ask(stage: Stage, what: str, server: Replica) -> dict[str, Tally]:
    """Ask the management port again and again."""
    seen = {path: Tally() for path in _PATHS}
    began = time.monotonic()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{server.slot.management_port}", trust_env=False, timeout=30
    ) as client:
        while (passed := time.monotonic() - began) < _SECONDS:
            stage.telling.at(what, passed, _SECONDS)
            for path, tally in seen.items():
                asked = time.perf_counter()
                status = client.get(path, headers={"connection": "close"}).status_code
                tally.add(time.perf_counter() - asked, None if status == 200 else f"HTTP {status}")
            time.sleep(_EVERY)
    return seen
