"""New certificates and new CAs under load."""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from proof.balancer import balancing
from proof.calls import Creations, Reviews
from proof.connection import Connection
from proof.kubelet import Kubelet
from proof.replicas import NotReady, replicas, slots
from proof.section import Check, Section
from proof.stage import Stage, registration, wait_until_asked
from testbed.child import dying_with_us
from testbed.control_plane.installation import NAME as INSTALLED
from testbed.server import environment

_LEAVES, _CAS = 10, 3
_LEAF_SECONDS, _CA_SECONDS, _SETTLE_SECONDS = 36, 84, 5
_PAUSE = 0.3
"""Seconds between two runs of the command."""
_LONGEST = 420
"""Seconds after which it ends with what was seen."""
_KEPT, _FRESH, _CREATIONS = 50, 20, 25

_HOW = f"""\
`stash-certs rotate` runs again and again, as its CronJob does in a cluster, here every second or two and with short
lifetimes: certificates of {_LEAF_SECONDS} s and CAs of {_CA_SECONDS} s, each renewed when two thirds are over, and a
new CA signs {_SETTLE_SECONDS} s after it is in every caBundle (in production: a year, ten years, ten minutes). The
Secret is copied into the folder that two replicas mount as the kubelet does it, a second later and by swapping the
link `..data`. The replicas serve behind haproxy and are never restarted. The load is steady: {_KEPT} reviews a second
on connections that are kept, {_FRESH} a second each on a new connection, by a client that trusts what the caBundle
holds at that moment, and {_CREATIONS} creations a second through the API server, with both webhooks registered
(failurePolicy Fail). Certificates and CAs are counted by what the handshakes of the new connections showed."""


class Shown:
    """The certificates that handshakes showed."""

    def __init__(self) -> None:
        self.leaves: dict[int, bytes] = {}
        """By serial number: the identifier of the key that signed it."""
        self.handshakes = 0
        self.left = float("inf")
        """Seconds that the shown certificate was still valid, at the least."""

    def add(self, connection: Connection) -> None:
        """Look at a new connection."""
        self.handshakes += 1
        certificate = x509.load_der_x509_certificate(connection.certificate or b"")
        left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
        self.left = min(self.left, left.total_seconds())
        if certificate.serial_number not in self.leaves:
            issuer = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
            self.leaves[certificate.serial_number] = issuer.key_identifier or b""

    @property
    def changes(self) -> tuple[int, int]:
        """How often there was another certificate, and another CA that signed it."""
        return max(len(self.leaves) - 1, 0), max(len(set(self.leaves.values())) - 1, 0)


class CronJob:
    """`stash-certs rotate`, run again and again."""

    def __init__(self, stage: Stage) -> None:
        self._environment = {**environment(), "KUBECONFIG": str(stage.cluster.credentials.kubeconfig("admin"))}
        self.runs = 0
        self.failures: list[str] = []

    def run(self) -> None:
        """Run it once."""
        command = [str(Path(sys.executable).with_name("stash-certs")), "rotate", "--dns", "localhost"]
        command += ["--leaf-seconds", str(_LEAF_SECONDS), "--ca-seconds", str(_CA_SECONDS)]
        command += ["--settle-seconds", str(_SETTLE_SECONDS)]
        done = subprocess.run(
            dying_with_us(command), env=self._environment, capture_output=True, text=True, check=False, timeout=60
        )
        self.runs += 1
        if done.returncode:
            self.failures.append(done.stderr.strip()[-300:])

    def run_until(self, enough: Callable[[], bool], seconds: float) -> None:
        """Run it until there is enough, for so many seconds at the most."""
        until = time.monotonic() + seconds
        while not enough() and time.monotonic() < until:
            self.run()
            time.sleep(_PAUSE)


def measure(stage: Stage) -> Section:
    """The calls that fail while certificates and CAs change."""
    folder, places, section, shown = stage.folder("rotations"), slots(2), Section("Rotations", _HOW), Shown()
    leaves, cas = stage.scaled(_LEAVES), stage.scaled(_CAS)
    namespace, job = stage.namespace("rotations"), CronJob(stage)
    with balancing(folder, places) as balancer, stage.api() as api:
        stage.register(registration(balancer.port, None), INSTALLED)
        job.run()
        if job.failures:
            raise NotReady(f"stash-certs rotate: {job.failures[0]}")
        with Kubelet(api, folder / "mounted") as kubelet, replicas(kubelet.folder, folder, *places):
            balancer.wait_until(places)
            wait_until_asked(api, namespace)
            kept = stage.reviews(balancer.port, kubelet.trusting, Reviews(2), _KEPT)
            fresh = stage.reviews(balancer.port, kubelet.trusting, Reviews(2), _FRESH, fresh=True, dialled=shown.add)
            through = stage.creations(Creations(namespace), _CREATIONS)
            tallies = kept.tally, fresh.tally, through.tally

            def enough() -> bool:
                """Whether all changes were seen."""
                seen = shown.changes
                text = f"{seen[0]} of {leaves} certificates, {seen[1]} of {cas} CAs"
                stage.telling.at(f"{text}, {sum(t.failed for t in tallies)} failed", seen[0], leaves)
                return seen[0] >= leaves and seen[1] >= cas

            began = time.monotonic()
            with stage.background.loads(kept, fresh, through):
                job.run_until(enough, _LONGEST)
                stage.watch(3, "after", *tallies)
            seconds = time.monotonic() - began
    what = f"calls failed during {shown.changes[0]} changes of the certificate and {shown.changes[1]} of the CA"
    section.none_failed(f"{what}, straight to the load balancer", kept.tally, fresh.tally)
    section.none_failed(f"{what}, through the API server", through.tally)
    section.at_least("certificates that took the place of another", shown.changes[0], leaves)
    section.at_least("CAs that took the place of another", shown.changes[1], cas)
    section.loads(tallies)
    bad = len(job.failures)
    section.checks.append(Check("runs of `stash-certs rotate` without success", f"{bad} of {job.runs}", "0", bad == 0))
    section.remarks.append(
        f"It ran {job.runs} times in {seconds:.0f} s. {shown.handshakes:,} handshakes of new connections were looked"
        f" at: each showed a certificate that was valid for {shown.left:.0f} s or more."
    )
    section.remarks += [f"`stash-certs rotate` said: {text}" for text in dict.fromkeys(job.failures)]
    return section
