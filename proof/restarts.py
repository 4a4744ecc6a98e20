"""Rolling restarts under load."""

from __future__ import annotations

import base64
import time

from proof.balancer import Balancer, balancing
from proof.calls import Creations, Reviews
from proof.replicas import Replica, replicas, slots
from proof.section import Section
from proof.stage import Stage, issue, registration, trusting, wait_until_asked
from proof.tally import Tally
from testbed.control_plane.installation import NAME as INSTALLED

_KEPT, _FRESH, _CREATIONS = 100, 20, 25
"""Calls a second: straight to the load balancer, and creations through the API server, with two calls each."""

_HOW = f"""\
Two replicas serve behind haproxy (TCP mode). A rolling restart replaces both as the Deployment does it (maxSurge 1,
maxUnavailable 0): a third is started, and as soon as /readyz and haproxy say that it is ready, an old one gets
SIGTERM and has to end by itself with exit code 0; then the same for the other one. haproxy asks /readyz every second
and takes a replica away after two failures, so calls still come for one to two seconds after SIGTERM, as from a
Service. It leaves live connections alone and tries nothing again: a connection refused is a failed call. The load is
steady: {_KEPT} reviews a second straight to haproxy on connections that are kept, {_FRESH} a second each on a new
connection, so that the replica that ends is called until haproxy takes it away, and {_CREATIONS} creations of
BackupBatches a second through the API server, which calls both webhooks (failurePolicy Fail) through haproxy."""


def measure(stage: Stage) -> Section:
    """The calls that fail during rolling restarts."""
    folder, places = stage.folder("restarts"), slots(3)
    certificates, ca = issue(folder)
    section = Section("Rolling restarts", _HOW)
    namespace = stage.namespace("restarts")
    with replicas(certificates, folder, *places[:2]) as running, balancing(folder, places) as balancer:
        balancer.wait_until(places[:2])
        bundle = base64.b64encode(ca).decode()
        stage.register(registration(balancer.port, bundle), INSTALLED)
        with stage.api() as api:
            wait_until_asked(api, namespace)
        context = trusting(ca)
        kept = stage.reviews(balancer.port, lambda: context, Reviews(2), _KEPT)
        fresh = stage.reviews(balancer.port, lambda: context, Reviews(2), _FRESH, fresh=True)
        through = stage.creations(Creations(namespace), _CREATIONS)
        tallies = kept.tally, fresh.tally, through.tally
        ends: list[tuple[int | None, float]] = []
        with stage.background.loads(kept, fresh, through):
            stage.watch(3, "before", *tallies)
            for number in range(stage.rounds):
                for _ in range(2):
                    text = f"rolling restart {number + 1} of {stage.rounds}, {sum(t.failed for t in tallies)} failed"
                    stage.telling.at(text, len(ends), 2 * stage.rounds)
                    free = next(each for each in places if each not in {one.slot for one in running})
                    ends.append(_replace(running, Replica(free, certificates, folder), balancer))
            stage.watch(3, "after", *tallies)
    _fill(section, tallies, ends, stage.rounds)
    return section


def _replace(running: list[Replica], new: Replica, balancer: Balancer) -> tuple[int | None, float]:
    """Replace the oldest replica; its exit code, and seconds from SIGTERM to its end."""
    running.append(new)
    new.wait_until_ready()
    balancer.wait_until([each.slot for each in running])
    old = running[0]
    began = time.monotonic()
    old.terminate()
    code = old.exit_code()
    took = time.monotonic() - began
    old.stop(grace=0)
    running.remove(old)
    return code, took


def _fill(section: Section, tallies: tuple[Tally, ...], ends: list[tuple[int | None, float]], rounds: int) -> None:
    *straight, through = tallies
    section.none_failed(f"calls failed during {rounds} rolling restarts, straight to the load balancer", *straight)
    section.none_failed(f"creations failed during {rounds} rolling restarts, through the API server", through)
    good = [seconds for code, seconds in ends if code == 0]
    section.at_least("replicas that ended by themselves with exit code 0", len(good), 2 * rounds)
    section.loads(tallies)
    if good:
        median = sorted(good)[len(good) // 2]
        text = f"From SIGTERM to the end of a replica: {min(good):.1f} to {max(good):.1f} s, median {median:.1f} s."
        section.remarks.append(text)
