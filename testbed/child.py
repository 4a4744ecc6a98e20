"""Processes that never outlive the tests that started them, however those end.

A test run ends by Ctrl-C, by SIGTERM from CI, by SIGKILL: only the kernel sees all three, so it is asked to
end the child with its parent (`PR_SET_PDEATHSIG`, Linux only; elsewhere `atexit` covers a normal end). The
child asks for itself: run as a program, this file does so and then becomes the command it was given. A
`preexec_fn` could do it too, but not safely in a process with threads, which tests with webhook servers have.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def dying_with_us(command: Sequence[str]) -> list[str]:
    """The command that runs `command` and is ended by the kernel when this process ends.

    The kernel counts the thread that started it as the parent: start it from one that lasts.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def die_with_parent() -> None:
    """Be ended by the kernel with the parent of this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def become(parent: int, command: list[str]) -> None:
    """Turn this process into `command`, to be ended by the kernel with `parent`."""
    die_with_parent()
    if os.getppid() == parent:  # else it ended before we could ask
        os.execvp(command[0], command)  # noqa: S606 -- no shell is the point


class Child:
    """One process that we started, ended by its own id only; its output goes to a log file."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        """Start `command`; `log` is appended to, so that it tells of every start."""
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"start {command[0]} from the main thread: it would end with this one")
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                dying_with_us(command),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C reaches all of the foreground group, and the tests' teardown still needs the server.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def stop(self, grace: float) -> None:
        """End it: SIGTERM, then after `grace` seconds SIGKILL (at once when `grace` is 0). Twice is once."""
        if grace and self.running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        self._process.kill()  # Popen sends nothing to a process that it has already waited for
        self._process.wait()

    def tail(self, lines: int = 30) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def sweep_after_us(folder: Path) -> subprocess.Popen[bytes]:
    """A shell that deletes `folder` once this process is gone, even killed: its standard input then ends."""
    script = 'cat >/dev/null; for _ in 1 2 3 4 5; do rm -rf "$1" && exit; sleep 1; done'
    return subprocess.Popen(
        ["sh", "-c", script, "sweep", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
