"""Whether a certificate is believed at a moment, and when it is to be renewed."""

import datetime
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

# Who brings certificates of their own makes them with openssl, which leaves out what the API server does not ask for.
_OF_LEAVES = ExtensionPolicy.webpki_defaults_ee().may_be_present(
    x509.AuthorityKeyIdentifier, Criticality.AGNOSTIC, None
)
_OF_CAS = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
_POLICY = PolicyBuilder().extension_policies(ca_policy=_OF_CAS, ee_policy=_OF_LEAVES)


def is_valid(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    """Whether `now` is within the certificate's dates."""
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def renewed_from(certificate: x509.Certificate) -> datetime.datetime:
    """When two thirds of the lifetime are over: a third is left to notice that renewing fails."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (start + (end - start) * 2 / 3).replace(microsecond=0)


def verifies(
    chain: Sequence[x509.Certificate], anchors: Iterable[x509.Certificate], name: str, now: datetime.datetime
) -> bool:
    """Whether a client that trusts `anchors` and asks for `name` accepts the chain, leaf first, at `now`."""
    trusted = list(anchors)
    if not chain or not trusted:
        return False
    policy = _POLICY.store(Store(trusted)).time(now)
    try:
        policy.build_server_verifier(x509.DNSName(name)).verify(chain[0], list(chain[1:]))
    except (VerificationError, ValueError):
        return False
    return True


def is_signed_by(certificate: x509.Certificate, ca: x509.Certificate) -> bool:
    """Whether the CA signed the certificate, whenever that was."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def stamp(moment: datetime.datetime) -> str:
    """A moment as people and machines read it."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
