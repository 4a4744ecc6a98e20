"""Which cluster, and who we are for it."""

from collections.abc import Callable
from dataclasses import dataclass, field


def anonymous() -> str | None:
    """No credentials in a header."""
    return None


@dataclass(frozen=True)
class Config:
    """How to reach an API server."""

    server: str
    """Its URL, without a slash at the end."""
    authorization: Callable[[], str | None] = field(default=anonymous, repr=False)
    """The Authorization of the next call. It is asked before each one, by any thread: tokens are replaced."""
    ca_file: str | None = None
    """The CAs, in PEM; without it, those of the machine."""
    cert_file: str | None = None
    """The client's certificate, in PEM, and its key."""
    key_file: str | None = None
    verify: bool = True
    """Whether the server's certificate is checked."""
    server_name: str | None = None
    """The name that the server's certificate is for, where it is not that of the URL."""
    proxy: str | None = None
    """The proxy's URL."""
    namespace: str = "default"
    """Where we are: the Pod's namespace, or that of the kubeconfig's context."""
