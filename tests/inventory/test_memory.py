"""The memory of a replica that lists large objects: it follows what is kept of them, not what they hold."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from testbed.large import SHAPES
from testbed.patience import PATIENCE

COUNT = 12
"""Objects of each shape. All of one list in memory at once would be hundreds of MiB."""
MOST_MIB = 150
"""That a replica may grow: three times what one of the objects costs while it is read."""
LISTING = """
import os, re, sys
from pathlib import Path
from app.inventory import store
from app.inventory.informer import LiveInventory
from app.server import process
from kube.config import Config
from testbed.patience import eventually

def mib(which):
    return int(re.search(which + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024

def grown_and_known(url):
    store.FIRST_SYNC = float("inf")
    inventory = store.Inventory()
    before = mib("VmRSS")
    live = LiveInventory(inventory, Config(url))
    live.start()
    eventually(lambda: inventory.not_ready() is None)
    told = mib("VmHWM") - before, sum(inventory.counts().values())
    live.stop()
    return told

for url in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
        print(flush=True)
    else:
        print(*grown_and_known(url.strip()), end=" ", flush=True)
        os._exit(0)
"""
"""Each listing has a process of its own, forked from one that has imported the program, which takes longer."""


@pytest.fixture(scope="module")
def grown_and_known() -> Iterator[Callable[[str], tuple[int, int]]]:
    """By how many MiB a process grows that lists all of an API server, and how many objects it then knows."""
    command = [sys.executable, "-c", LISTING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listing:
        assert listing.stdin
        assert listing.stdout
        told, asked = listing.stdout, listing.stdin

        def ask(url: str) -> tuple[int, int]:
            print(url, file=asked, flush=True)
            grown, known = map(int, told.readline().split())
            return grown, known

        yield ask
        asked.close()


@contextmanager
def serving(make: Callable[[int], bytes], *, streams: bool) -> Iterator[str]:
    """The URL of an API server with COUNT objects that it makes as it sends them."""
    closing = threading.Event()
    plural = "backupbatches" if b'"BackupBatch"' in make(0) else "backupconfigurations"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            with suppress(ConnectionError):
                if "sendInitialEvents" in query and not streams:
                    self.send_response(422)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for part in self.parts(COUNT if url.path.endswith(plural) else 0, query):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.write(b"0\r\n\r\n")

        def parts(self, count: int, query: dict[str, str]) -> Iterator[bytes]:
            if "sendInitialEvents" in query:
                for number in range(count):
                    yield b'{"type":"ADDED","object":%s}\n' % make(number)
                end = b'{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}'
                yield b'{"type":"BOOKMARK","object":{"metadata":%s}}\n' % end
            elif "watch" in query:
                closing.wait(PATIENCE)
            else:
                start = int(query.get("continue", 0))
                end_at = min(count, start + int(query["limit"]))
                yield b'{"items":['
                for number in range(start, end_at):
                    yield (b"," if number > start else b"") + make(number)
                more = b'"continue":"%d",' % end_at if end_at < count else b""
                yield b'],"metadata":{%s"resourceVersion":"9"}}' % more

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            closing.set()
            server.shutdown()
            thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("streams", [False, True], ids=["pages", "stream"])
@pytest.mark.parametrize("shape", SHAPES)
def test_large_objects_take_the_memory_of_one_of_them(
    grown_and_known: Callable[[str], tuple[int, int]], shape: str, streams: bool
) -> None:
    with serving(SHAPES[shape], streams=streams) as url:
        grown, known = grown_and_known(url)
    assert known == COUNT
    assert grown < MOST_MIB
