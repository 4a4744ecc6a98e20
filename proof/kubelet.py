"""The kubelet's part in a rotation: the mounted Secret, and what a caller has to trust at each moment."""

from __future__ import annotations

import base64
import contextlib
import shutil
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from proof.replicas import NotReady
from testbed.control_plane.installation import NAME as INSTALLED

_SECRET = f"/api/v1/namespaces/{INSTALLED}/secrets/{INSTALLED}-tls"
_CONFIGURATION = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{INSTALLED}"
_EVERY, _DELAY = 0.3, 1.0
"""Seconds between two looks, and from a change that is seen to the changed files."""


class Kubelet:
    """Copies the Secret into a folder, as into a Pod, while the context lasts."""

    def __init__(self, api: httpx.Client, folder: Path) -> None:
        self.folder = folder
        self._api = api
        self._data: dict[str, str] = {}
        self._bundle = ""
        self._context = ssl.create_default_context()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="kubelet", daemon=True)
        self._writes = 0

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self._look(delay=0)
        if not self._data or not self._bundle:
            raise NotReady("there is no Secret, or no caBundle")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join(10)

    def trusting(self) -> ssl.SSLContext:
        """The context of a client that trusts what the caBundle holds now."""
        return self._context

    def _follow(self) -> None:
        while not self._stopped.wait(_EVERY):
            with contextlib.suppress(httpx.HTTPError):  # looked at again soon
                self._look(_DELAY)

    def _look(self, delay: float) -> None:
        bundle = self._get(_CONFIGURATION)["webhooks"][0]["clientConfig"].get("caBundle", "")
        if bundle != self._bundle:
            self._context = ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
            self._bundle = bundle
        data = self._get(_SECRET)["data"]
        if data != self._data and not self._stopped.wait(delay):
            self._write(data)
            self._data = data

    def _get(self, path: str) -> Any:
        return self._api.get(path).raise_for_status().json()

    def _write(self, data: dict[str, str]) -> None:
        """All files of a new folder, then one link that is replaced: nobody ever sees half of it."""
        self._writes += 1
        version = self.folder / f"..{self._writes}"
        version.mkdir()
        for name, content in data.items():
            (version / name).write_bytes(base64.b64decode(content))
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(Path("..data") / name)
        new = self.folder / "..data_tmp"
        new.symlink_to(version.name)
        new.rename(self.folder / "..data")
        for old in self.folder.glob("..[0-9]*"):
            if old != version:
                shutil.rmtree(old)
