"""Servers that begin where their imports end: each a process of its own, forked from one that has imported the program.

Importing it takes a second of CPU, and most tests of the server want one for themselves. What runs is what
`python -m app` runs: its arguments, environment and output are set before its first line, and it ends as any program
does.

This module is also the program that forks. For each server it makes a process that waits for it: only a parent learns
how a process ended, and the fork server has to be free for the next.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.child import die_with_parent, dying_with_us

_NUMBER = struct.Struct("i")


class Forked:
    """A process, as `subprocess.Popen` shows one."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self.pid = self._number()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, when it has ended."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"server {self.pid}", timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._told.settimeout(timeout)
            with contextlib.suppress(TimeoutError, BlockingIOError):
                self.returncode = self._number()
                self._told.close()
        return self.returncode

    def _number(self) -> int:
        number: int
        (number,) = _NUMBER.unpack(self._told.recv(_NUMBER.size))
        return number


class ForkServer:
    """Starts servers until it is left. The first one brings it up."""

    def __init__(self) -> None:
        self._channel, self._theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._theirs.close()
        self._channel.close()
        if self._process:
            self._process.wait()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], stdout: int, stderr: int) -> Forked:
        """Run `stash-admission` with these arguments, environment and files to write to."""
        if self._process is None:
            self._process = subprocess.Popen(
                dying_with_us([sys.executable, "-m", "testbed.forks", str(self._theirs.fileno())]),
                cwd=Path(__file__).parents[1],
                pass_fds=[self._theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._theirs.close()
        told, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._channel, [b"+"], [stdout, stderr, theirs.fileno()])
        order = {"arguments": list(arguments), "environment": dict(environment), "folder": str(Path.cwd())}
        told.sendall(json.dumps(order).encode() + b"\n")
        return Forked(told)


def _wait_for_orders(channel: socket.socket) -> None:
    """Return in each new process, which is as it was ordered."""
    while True:
        word, descriptors, _, _ = socket.recv_fds(channel, 1, 3)
        if not word:
            with contextlib.suppress(ChildProcessError):
                while True:
                    os.wait()
            sys.exit()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork() == 0:
            die_with_parent()
            channel.close()
            _wait_for_the_end(*descriptors)
            return
        for each in descriptors:
            os.close(each)


def _wait_for_the_end(stdout: int, stderr: int, teller: int) -> None:
    """Return in the process that becomes a server; in its parent wait for its end, and tell of it."""
    with socket.socket(fileno=teller) as told:
        if pid := os.fork():
            with contextlib.suppress(OSError):  # who asked for it may be gone
                told.sendall(_NUMBER.pack(pid))
                told.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
            os._exit(0)
        die_with_parent()
        os.setsid()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.close(stdout)
        os.close(stderr)
        with told.makefile("rb") as orders:
            order = json.loads(orders.readline())
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv[1:] = order["arguments"]


if __name__ == "__main__":
    import app.server.process  # noqa: F401 -- what `serve` imports, once
    from app.cli import main

    _wait_for_orders(socket.socket(fileno=int(sys.argv[1])))
    main()
