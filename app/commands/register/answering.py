"""Whether a replica answers at the Service as the API server calls it: by its address, in TLS, believing `caBundle`."""

import socket
import ssl

from kube.client import Object
from kube.errors import one_line

_SECONDS = 5.0
"""For the connection, and for each step of the handshake."""


def obstacle(service: Object, port: int, host: str, bundle: bytes) -> str | None:
    """Why a call of the API server would fail now, in one line; None if a replica answers.

    A Service leads to replicas that are ready and to no others, so whoever completes the handshake is one. What comes
    after that is not waited for: a server that asks for client certificates knows the API server's, and not ours.
    """
    spec = service["spec"]
    address = spec.get("externalName") if spec.get("type") == "ExternalName" else spec.get("clusterIP")
    if not address or address == "None":
        return "the Service has no address of its own"
    if (context := _believing(bundle)) is None:
        return "caBundle cannot be read"
    try:
        with (
            socket.create_connection((address, port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return f"caBundle does not cover the certificate that a replica shows: {one_line(error.verify_message)}"
    except OSError as error:
        return f"no replica answers at {address}, port {port}: {one_line(str(error))}"


def _believing(bundle: bytes) -> ssl.SSLContext | None:
    """What believes as the API server does: any certificate in the bundle may end a chain, with few extensions."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
    try:
        context.load_verify_locations(cadata=bundle.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return None
    return context
