"""The certificate that is served, as it is in the Secret that the server mounts."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography import x509

from certs import pem
from certs.issuing import general_name
from certs.state import Desired
from certs.trust import is_valid, renewed_from, stamp, verifies

FILES = ("tls.crt", "tls.key", "ca.crt")


@dataclass(frozen=True)
class Serving:
    """The content of the Secret that the serving pods mount. It holds no key of a CA."""

    data: Mapping[str, bytes] = field(repr=False)
    chain: tuple[x509.Certificate, ...]
    """Leaf first; empty unless the key is the leaf's."""

    @classmethod
    def read(cls, data: Mapping[str, bytes]) -> Self:
        """What a Secret's data say."""
        return cls(data, pem.chain(data.get("tls.crt"), data.get("tls.key")))

    @property
    def bundle(self) -> bytes:
        """The CAs, in PEM, that the server checks itself against."""
        return self.data.get("ca.crt", b"")

    def ca(self, known: Iterable[x509.Certificate], name: str, now: datetime.datetime) -> x509.Certificate | None:
        """The first of the known CAs by which the API server believes the certificate; None if by none."""
        return next((each for each in known if verifies(self.chain, [each], name, now)), None)

    def reason_to_renew(self, signing: x509.Certificate, wanted: Desired, now: datetime.datetime) -> str | None:
        """Why the CA that signs now is to sign a new certificate; None if the present one is as wanted."""
        if not any(self.data.values()):
            return "there was none"
        if not self.chain:
            return "tls.crt or tls.key could not be read, or they did not belong together"
        leaf = self.chain[0]
        if not is_valid(leaf, now):
            dates = stamp(leaf.not_valid_before_utc), stamp(leaf.not_valid_after_utc)
            return f"the last one was valid from {dates[0]} to {dates[1]}"
        if set(pem.names(leaf)) != {str(general_name(each).value) for each in wanted.names}:
            return f"the last one was for {', '.join(pem.names(leaf)) or 'no name'}"
        if not verifies(self.chain, [signing], wanted.names[0], now):
            return "the last one was not signed by the current CA"
        if now >= renewed_from(leaf):
            return f"two thirds of the last one's lifetime were over at {stamp(renewed_from(leaf))}"
        return None
