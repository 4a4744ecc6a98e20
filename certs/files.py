"""Certificates in a directory."""

import os
import secrets
from pathlib import Path

from certs.issuing import Pair

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""A file that was not there, with its mode from the start, whoever else may write into the directory."""


def write(directory: Path, ca: Pair, leaf: Pair) -> None:
    """Write `ca.crt`, `tls.crt` and `tls.key`, the key for the owner's eyes only. The CA's key is not kept.

    Each file is whole at every moment: it is written beside and moved into its place. Raises OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("ca.crt", ca.certificate_pem),
        ("tls.key", leaf.key_pem),
        ("tls.crt", leaf.certificate_pem),
    ):
        beside = directory / f".{name}.{secrets.token_hex(8)}"
        descriptor = os.open(beside, _NEW, 0o600 if name == "tls.key" else 0o644)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            beside.replace(directory / name)
        except OSError:
            beside.unlink()
            raise
