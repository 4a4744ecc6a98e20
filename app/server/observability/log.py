"""The log: one JSON object a line, on standard output."""

import asyncio
import contextlib
import datetime
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import IO, Any

import orjson
import structlog

_LATER = 0.01
"""Seconds until lines of decisions are written, if not so many come that the buffer is full before."""


class Output:
    """Where the lines go. Whose disk is full, or who reads no more, still gets decisions: such lines are lost.

    Its methods are those that structlog calls.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._due: asyncio.AbstractEventLoop | None = None

    def info(self, line: bytes) -> None:
        """Write a line at once."""
        with contextlib.suppress(OSError):
            self._file.write(line + b"\n")
            self._file.flush()

    warning = error = critical = info

    def soon(self, line: bytes) -> None:
        """Write a line within 10 ms.

        So an answer does not wait for its line, and the lines of many calls take one write: else it is a tenth of what
        a call costs. Needs a running loop.
        """
        try:  # suppress() would cost as much as all else here
            self._file.write(line + b"\n")
        except OSError:
            return
        loop = asyncio.get_running_loop()
        if self._due is not loop:
            self._due = loop
            loop.call_later(_LATER, self._flush)

    def end(self) -> None:
        """Write what is left. Python would complain of what cannot be written, and end with a code that is not 0."""
        try:
            self._file.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._file.fileno())
            os.close(nowhere)

    def _flush(self) -> None:
        self._due = None
        with contextlib.suppress(OSError):
            self._file.flush()


class _Handler(logging.Handler):
    """For the lines of libraries."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self._output.info(self.format(record).encode(errors="replace"))


def line_of(_: Any, level: str, event: MutableMapping[str, Any]) -> bytes:
    """The line of an event, in one step, which costs half of structlog's three."""
    event["level"] = level
    event["timestamp"] = datetime.datetime.now(datetime.UTC)
    return orjson.dumps(event, option=orjson.OPT_UTC_Z)


def configure_logging() -> Output:
    """Write all logs, also those of libraries, to standard output."""
    output = Output(sys.stdout.buffer)
    structlog.configure(
        processors=[line_of],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: output,
        cache_logger_on_first_use=True,
    )
    shared: list[Any] = [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True)]
    handler = _Handler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    # What it warns of is what strangers send, a line each; connections are counted and told of by our own hand.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    return output
