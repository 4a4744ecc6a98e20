"""A steady series of calls, to see that none fails while certificates change."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from certs import pem
from testbed.control_plane.installation import NAME
from testbed.control_plane.objects import Document, Objects
from testbed.patience import PATIENCE, eventually
from tests.support.e2e.handshake import handshake
from tests.support.e2e.reader import Reader

_HOST = f"{NAME}.{NAME}.svc"


@dataclass
class Series:
    """What came of it."""

    created: int = 0
    handshakes: int = 0
    failed: list[str] = field(default_factory=list)
    """What was said of each creation and each handshake that failed."""

    def wait(self, more: int = 5) -> None:
        """Wait for so many creations from now."""
        until = self.created + more
        eventually(lambda: self.created >= until, says=lambda: self.failed)


@contextlib.contextmanager
def creating(reader: Reader, document: Document) -> Iterator[Series]:
    """Create objects like this one all the time, in the background, each under a name of its own.

    The API server keeps its connections, and so calls on with the certificate of yesterday. So in between there are
    handshakes of ours, as it would make them: with each `caBundle`, of whatever a replica may show.
    """
    series, stop = Series(), threading.Event()

    def work() -> None:
        objects = Objects(reader.cluster)
        for number in itertools.count():
            if stop.wait(0.3):
                break
            try:
                _create(objects, document, number, series)
                _shake_hands(reader, series)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is told at the end
                series.failed.append(repr(error))
        objects.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield series
    finally:
        stop.set()
        thread.join()


def _create(objects: Objects, document: Document, number: int, series: Series) -> None:
    name = f"{document['metadata']['name']}-{number}"
    reply = objects.create({**document, "metadata": {**document["metadata"], "name": name}})
    if reply.status == 201:
        series.created += 1
    else:
        series.failed.append(reply.message)


def _shake_hands(reader: Reader, series: Series) -> None:
    before = reader.bundles()
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    served = [each for each in reader.served if pem.certificates(each["tls.crt"])[0].not_valid_after_utc > soon]
    failed = list[str]()
    for bundle in dict.fromkeys(before):
        try:
            _connect(reader.port, bundle)
            for pair in served:
                handshake(pair, bundle, _HOST, reader.folder)
        except ssl.SSLError as error:
            failed.append(repr(error))
    if reader.bundles() == before:  # else the two may never have been at the same time
        series.failed += failed
        series.handshakes += len(set(before)) * (1 + len(served))


def _connect(port: int, bundle: bytes) -> None:
    context = ssl.create_default_context(cadata=bundle.decode())
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain:
        context.wrap_socket(plain, server_hostname=_HOST).close()
