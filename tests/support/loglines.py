"""The log of a server in this process."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from app.server.observability.log import configure_logging

Log = Callable[[], list[dict[str, Any]]]


def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """For a fixture: the lines that were logged, as the server writes them to standard output."""
    written = io.BytesIO()
    output = io.TextIOWrapper(written)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        configure_logging()
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    structlog.reset_defaults()
    output.close()
