"""The configuration in use: read again when its file changes, and taken over as a whole or not at all."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path

from app.admission import levels_file
from app.admission.levels import Configuration, Levels
from app.admission.levels_file import BadConfiguration
from app.server.file_watcher import InvalidFile, ReloadingFile
from app.server.limits import CONFIG_SECONDS
from app.server.observability.telemetry import ConfigTelemetry

_POLL_SECONDS = 2.0
"""Seconds between two looks at the file."""
_MAX_LOGGED_NAMESPACES = 50
"""Namespaces whose levels a log line holds."""


class ConfigReloader:
    """The levels of rules that flags and a file say."""

    def __init__(self, path: Path | None, flags: Mapping[str, str], telemetry: ConfigTelemetry) -> None:
        """Read the file, or the directory that it is in; None: there is none. Raises InvalidFile."""
        self._flags, self._telemetry = flags, telemetry
        self._file = ReloadingFile(levels_file.watched(path), lambda _: _read(path), CONFIG_SECONDS) if path else None
        if self._file:
            self._tell(again=False)

    @property
    def levels(self) -> Levels:
        """The levels in use."""
        return (self._file.value if self._file else Configuration()).under(self._flags)

    @property
    def fault(self) -> str | None:
        """What is wrong with the file, although an earlier version is in use."""
        return self._file.fault if self._file else None

    async def watch(self, use: Callable[[Levels], None]) -> None:
        """Look at the file until cancelled, and hand over the levels when they change."""
        while self._file:
            await asyncio.sleep(_POLL_SECONDS)
            # In a thread: a file that names thousands of namespaces takes half a second, and calls are not to wait.
            if not await asyncio.to_thread(self._file.refresh):
                continue
            if self._file.fault:
                self._telemetry.not_configured(self._file.fault)
            else:
                use(self.levels)
                self._tell(again=True)

    def _tell(self, *, again: bool) -> None:
        assert self._file is not None  # noqa: S101
        rules, namespaces = self._file.value.rules, self._file.value.namespaces
        self._telemetry.configured(
            again=again,
            rules={rule: level for rule, level in rules.items() if rule not in self._flags},
            namespaces=dict(islice(namespaces.items(), _MAX_LOGGED_NAMESPACES)),
            namespaces_in_all=len(namespaces),
            overridden=[rule for rule in rules if rule in self._flags],
        )


def _read(path: Path) -> Configuration:
    try:
        return levels_file.read(path)
    except BadConfiguration as error:
        raise InvalidFile(str(error)) from None
