"""PEM as it is found in Secrets and webhook configurations: read without trust, for anybody may have edited it."""

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from certs.issuing import Pair


def certificates(pem: bytes | None) -> tuple[x509.Certificate, ...]:
    """The certificates in `pem`, in order; none of them when one cannot be read."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem or b""))
    except ValueError:
        return ()


def text(found: Iterable[x509.Certificate]) -> bytes:
    """The certificates in PEM, one after another."""
    return b"".join(each.public_bytes(Encoding.PEM) for each in found)


def chain(pem: bytes | None, key: bytes | None) -> tuple[x509.Certificate, ...]:
    """The certificates in `pem`, leaf first, if `key` is the leaf's; else none."""
    found, private = certificates(pem), _key(key)
    return found if private is not None and _belong(found, private) else ()


def ca(pem: bytes | None, key: bytes | None) -> Pair | None:
    """The CA in `pem` with its key, if they belong together and the key is ECDSA; else None."""
    found, private = certificates(pem), _key(key)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not _belong(found, private) or not may_sign(found[0]):
        return None
    return Pair(found[0], private)


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether the certificate is a CA's."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound):
        return False


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The DNS names and IP addresses that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    addresses = (str(each) for each in found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def _key(pem: bytes | None) -> PrivateKeyTypes | None:
    try:
        return load_pem_private_key(pem or b"", password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _belong(found: tuple[x509.Certificate, ...], key: PrivateKeyTypes) -> bool:
    try:
        return bool(found) and found[0].public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
