"""The process: two listeners in one event loop, TLS on one of them, and an orderly end."""

import asyncio
import contextlib
import gc
import resource
import signal
import sys
import time

from app.admission.engine import Admission
from app.admission.levels import Levels
from app.inventory.recent import UNCLAIMED_SECONDS
from app.inventory.source import CLUSTER, InventorySource, NoInventory
from app.server import limits, management, memory, webhooks
from app.server.claims import Claims, Unclaimed, connect_leases
from app.server.config_reload import ConfigReloader
from app.server.file_watcher import InvalidFile
from app.server.heartbeat import Heartbeat
from app.server.listener import CannotServe, Listener, listen
from app.server.observability.log import configure_logging
from app.server.observability.telemetry import Telemetry
from app.server.tls.certificates import Certificates
from app.server.tls.client_auth import ClientCertificatePolicy
from app.server.tls.selfcheck import SelfCheck
from app.server.transport.in_flight import InFlightRequests
from app.server.warmup import warm_up
from app.settings import Settings


class Process:
    """The running server."""

    def __init__(self, settings: Settings, telemetry: Telemetry | None = None) -> None:
        self.settings = settings
        self.telemetry = telemetry or _telemetry(settings)
        self.in_flight = InFlightRequests(most=settings.max_in_flight)
        self._stopping = asyncio.Event()
        self._at_once = False
        if settings.client_name and not settings.client_ca:
            raise CannotServe("--client-name or STASH_ADMISSION_CLIENT_NAME needs --client-ca as well")
        try:
            self.certificates = Certificates(
                settings.cert_dir, settings.client_ca, settings.server_name, self.telemetry.certificates
            )
        except InvalidFile as unusable:
            raise CannotServe(str(unusable)) from None
        try:
            remember = settings.claim_seconds if settings.claims == "on" else UNCLAIMED_SECONDS
            self.inventory = InventorySource(settings.inventory, self.telemetry.events.inventory_fault, remember)
        except NoInventory as error:
            raise CannotServe(str(error)) from None
        if (known := self.inventory.inventory) is not None:
            self.telemetry.metrics.knows(known.counts, lambda: known.age)
        try:
            self.configuration = ConfigReloader(settings.config, settings.levels, self.telemetry.config)
        except InvalidFile as unusable:
            raise CannotServe(str(unusable)) from None
        listening = listen(settings.host, settings.port, "--port")
        managing = listen(settings.host, settings.management_port, "--management-port")
        self.selfcheck = SelfCheck(settings.host, listening.getsockname()[1], self.certificates, self.telemetry.events)
        self.admission = Admission(
            self.configuration.levels,
            self.inventory.inventory,
            needs_inventory=settings.inventory_missing == "fail",
        )
        self.telemetry.metrics.config.judges_by(self.configuration.levels.everywhere)
        self.claims = self._claims()
        confirming = self.claims or Unclaimed(self.inventory.inventory)
        webhook = webhooks.create_app(self.admission, self.telemetry.calls, self.in_flight, confirming)
        client_policy = ClientCertificatePolicy(settings.client_name) if settings.client_ca else None
        most = min(settings.max_connections, _room())
        self.webhook = Listener(
            self.telemetry.around(webhook), listening, most, self.telemetry, self.certificates, client_policy
        )
        self.telemetry.metrics.connections.open.set_function(lambda: len(self.webhook.connections))
        self.telemetry.metrics.certificates.fault.set_function(lambda: self.certificates.fault is not None)
        self.heartbeat = Heartbeat()
        manage = management.create_app(self.telemetry.metrics, self.heartbeat.fault, self.not_ready, self.remark)
        self.management = Listener(manage, managing, limits.MAX_PROBES, self.telemetry)
        self._probes = management.Aside(self.management)

    def _claims(self) -> Claims | None:
        settings, known = self.settings, self.inventory.inventory
        if known is None or settings.inventory != CLUSTER or settings.claims == "off":
            return None
        leases = connect_leases(known.remembers)
        claims = Claims(known, leases, self.telemetry.claims)
        self.telemetry.metrics.claims.faulty.set_function(lambda: claims.fault is not None)
        return claims

    def _decide_by(self, levels: Levels) -> None:
        self.admission.use(levels)
        self.telemetry.metrics.config.judges_by(levels.everywhere)

    def not_ready(self) -> str | None:
        """Why the server is not ready; None if it is."""
        if self._stopping.is_set():
            return "stopping"
        if self.certificates.pair.expired:
            return self.certificates.fault or "the certificate in use has expired"
        return self.selfcheck.fault or self.inventory.not_ready()

    def remark(self) -> str | None:
        """What is wrong although the server is ready: all replicas mount the same Secret, so none would be left."""
        faults = filter(None, (self.certificates.fault, self.configuration.fault))
        files = [f"{fault}; the previous content is still in use" for fault in faults]
        return "\n".join(filter(None, (*files, self.inventory.remark(), self._unclaimed()))) or None

    def _unclaimed(self) -> str | None:
        """Why two replicas may admit what clashes; None: they do not, or there is nothing that they would see."""
        if self.claims is not None:
            return self.claims.fault
        if self.settings.inventory == CLUSTER:
            return "claims are off, so two replicas may admit what clashes at the same moment"
        return None

    async def run(self) -> None:
        """Serve until a signal, then take leave."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)
        warm_up(self.admission)
        _leave_to_stay()
        gc.set_threshold(50_000, 20, 100)
        listeners = asyncio.gather(self._probes.serve(), self.webhook.serve())
        self.telemetry.events.serving(self.webhook.url("https"), self.management.url("http"))
        listeners.add_done_callback(lambda _: self._stopping.set())
        self.inventory.start()
        watching = [asyncio.create_task(each) for each in (self.certificates.watch(), self.selfcheck.watch())]
        watching.append(asyncio.create_task(self.configuration.watch(self._decide_by)))
        watching.append(asyncio.create_task(self._settle()))
        watching.append(asyncio.create_task(self.heartbeat.keep()))
        if self.claims is not None:
            watching.append(asyncio.create_task(self.claims.sweep()))
        watching.append(asyncio.create_task(memory.give_back(lambda: self.in_flight.last)))
        await self._stopping.wait()
        await self._drain()
        for each in watching:
            each.cancel()
        if self._at_once:
            self._end_all()
        loop.call_later(limits.GRACE_SECONDS, self._end_all)
        self.webhook.should_exit = True
        self._probes.stop()
        await listeners
        self.inventory.stop()
        if self.claims is not None:
            self.claims.close()
        if not self._at_once:
            self.telemetry.close()

    async def _settle(self) -> None:
        """Wait for the inventory, which is there to stay as well."""
        while self.inventory.not_ready():
            await asyncio.sleep(0.5)
        _leave_to_stay()

    def _signalled(self, number: int) -> None:
        if self._stopping.is_set() or number == signal.SIGINT:
            self._at_once = True
            self._end_all()
            self.webhook.force_exit = True
            self._probes.force()
        self._stopping.set()

    def _end_all(self) -> None:
        self.webhook.connections.end_all()
        self._probes.end_all()

    async def _drain(self) -> None:
        """Serve on until nobody calls any more: the Service goes on sending calls for a second or two.

        Each connection is closed after its next answer, so that the API server opens one to another replica.
        """
        self.in_flight.closing = True
        started = self.in_flight.last = time.monotonic()
        while not self._at_once and time.monotonic() - started < self.settings.drain_seconds:
            if not self.in_flight.calls and time.monotonic() - self.in_flight.last >= limits.QUIET_SECONDS:
                return
            await asyncio.sleep(0.1)


def _leave_to_stay() -> None:
    """Hide from the collector what exists now: it would walk all of it in the middle of a review."""
    gc.collect()
    gc.freeze()


def _room() -> int:
    """How many connections there are files for."""
    return max((_most_files() - limits.OTHER_FILES) // limits.FILES_PER_CONNECTION, limits.MIN_CONNECTIONS)


def _most_files() -> int:
    """How many files the process may have open, once it has asked for as many as it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else sys.maxsize


def _telemetry(settings: Settings) -> Telemetry:
    if settings.traces == "none":
        return Telemetry()
    try:
        from app.server.observability.tracing import TracedTelemetry

        return TracedTelemetry()
    except ModuleNotFoundError as missing:
        raise CannotServe(
            f"--traces or STASH_ADMISSION_TRACES: Python's {missing.name} is not installed; what traces need is in "
            "requirements-traces.txt: pip install --no-deps --require-hashes -r requirements-traces.txt"
        ) from None
    except ValueError as error:
        raise CannotServe(f"--traces or STASH_ADMISSION_TRACES: {error}") from None


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises CannotServe."""
    output = configure_logging()
    process = Process(settings)
    config = process.webhook.config
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(process.run())
    output.end()
