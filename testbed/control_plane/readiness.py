"""Waiting until a program answers, or saying why it does not."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request

from testbed.child import Child
from testbed.patience import PATIENCE


class NotReadyError(RuntimeError):
    """A program ended or did not become ready in time; the message ends with its log's last lines."""


def wait_until_ready(child: Child, url: str, context: ssl.SSLContext | None, seconds: float = PATIENCE) -> None:
    """Wait until `url` answers 200, for at most `seconds`; NotReadyError when it does not."""
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)]
    opener = urllib.request.build_opener(*handlers)
    deadline = time.monotonic() + seconds
    problem = "no answer"
    while child.running and time.monotonic() < deadline:
        try:
            with opener.open(url, timeout=seconds):
                return
        except urllib.error.HTTPError as error:
            with error:
                problem = error.read().decode(errors="replace")  # /readyz lists the checks that fail
        except OSError as error:
            problem = str(error)
        time.sleep(0.1)
    state = f"was not ready after {seconds:.0f} s" if child.running else "ended"
    raise NotReadyError(f"{child.name} {state}: {problem}\n--- the end of its log:\n{child.tail()}")
