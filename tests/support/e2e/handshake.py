"""A TLS handshake in memory."""

import datetime
import ssl
import threading
from pathlib import Path

from certs import pem
from certs.trust import is_valid

_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""


def handshake(
    data: dict[str, bytes], bundle: bytes, name: str, folder: Path, now: datetime.datetime | None = None
) -> None:
    """TLS in memory, as between the API server and a Pod that serves the pair. Raises ssl.SSLError.

    `now` is when, if it is not at present. OpenSSL cannot be told that: what is not valid then is left out.
    """
    pair = folder / f"pair-{threading.get_ident()}.pem"
    pair.write_bytes(data["tls.crt"] + data["tls.key"])
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pair)
    pair.unlink()
    if now is not None:
        assert all(is_valid(each, now) for each in pem.certificates(data["tls.crt"]))
        bundle = pem.text([each for each in pem.certificates(bundle) if is_valid(each, now)])
    calling = ssl.create_default_context(cadata=bundle.decode())
    if now is not None:
        calling.verify_flags |= _NO_CHECK_TIME
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = calling.wrap_bio(to_client, to_server, server_hostname=name)
    unfinished = [client, server]
    while unfinished:
        for each in list(unfinished):
            try:
                each.do_handshake()
                unfinished.remove(each)
            except ssl.SSLWantReadError:
                continue
