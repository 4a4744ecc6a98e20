"""What is wrong with a certificate and with the CAs that it is believed by: the same for all who ask."""

import datetime
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs import pem
from certs.diagnostics import Diagnosis, note, wrong
from certs.issuer import CertManager, Issuer, StashCerts
from certs.serving_secret import Serving
from certs.state import Observed
from certs.trust import is_signed_by, is_valid, renewed_from, stamp, verifies

_LATE = datetime.timedelta(days=1)
"""What the CronJob, which runs each hour, may be late by. Of a short lifetime it is a thirtieth."""


def certificate(seen: Observed, keeper: Issuer, now: datetime.datetime) -> Iterator[Diagnosis]:
    """What is wrong with the Secret that the server mounts, and the certificate in it."""
    host = keeper.names.host
    if seen.serving is None:
        yield wrong("it does not exist", keeper.issue())
        return
    chain = Serving.read(seen.serving.data).chain
    if not chain:
        yield wrong("tls.crt or tls.key cannot be read, or they do not belong together", keeper.issue())
        return
    leaf = chain[0]
    if not is_valid(leaf, now):
        yield wrong(f"the certificate is not valid now: {_why_invalid(leaf, now)}", keeper.issue())
    if not _is_for(leaf, host):
        yield wrong(f"the certificate is not for {host}", keeper.rename())
    if is_valid(leaf, now):
        yield from _overdue("the certificate", leaf, keeper, now)


def bundle(found: bytes, serving: Serving | None, keeper: Issuer, now: datetime.datetime) -> Iterator[Diagnosis]:
    """What is wrong with a `caBundle`; `serving` is None if nobody knows what is served."""
    cas = pem.certificates(found)
    if not cas:
        yield wrong("caBundle cannot be read" if found.strip() else "caBundle is empty", keeper.trust())
        return
    valid = [each for each in cas if is_valid(each, now)]
    if not valid:
        yield wrong("no CA in caBundle is valid now", keeper.trust())
        return
    if serving is not None and serving.chain and not covers(found, serving, keeper.names.host, now):
        # Of a certificate that nobody could believe, its own fault is told already.
        if is_valid(serving.chain[0], now) and _is_for(serving.chain[0], keeper.names.host):
            yield wrong("caBundle does not cover the certificate", keeper.trust())
        return
    if len(valid) < len(cas):
        yield note(f"caBundle holds {len(cas) - len(valid)} CA(s) not valid now", keeper.trust())
    for each in valid:
        if serving is not None and serving.chain and is_signed_by(serving.chain[-1], each):
            yield from _overdue("the CA that signed the certificate", each, keeper, now)


def covers(found: bytes, serving: Serving, host: str, now: datetime.datetime) -> bool:
    """Whether the API server believes the certificate by this `caBundle`."""
    return verifies(serving.chain, pem.certificates(found), host, now)


def dates(certificate: x509.Certificate) -> str:
    """Which certificate it is, and its dates."""
    until, renewal = certificate.not_valid_after_utc, renewed_from(certificate)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()[:16]
    return f"{fingerprint} valid until {stamp(until)}, renewed from {stamp(renewal)}"


def _why_invalid(certificate: x509.Certificate, now: datetime.datetime) -> str:
    if now < certificate.not_valid_before_utc:
        return f"it will be valid from {stamp(certificate.not_valid_before_utc)}, by the API server's clock"
    return f"it expired at {stamp(certificate.not_valid_after_utc)}"


def _is_for(leaf: x509.Certificate, host: str) -> bool:
    """Whether the API server takes the certificate for this name, as it does also by a wildcard."""
    names = pem.names(leaf)
    return host in names or f"*.{host.partition('.')[2]}" in names


def _overdue(what: str, certificate: x509.Certificate, keeper: Issuer, now: datetime.datetime) -> Iterator[Diagnosis]:
    """That it should have been renewed. When, only `stash-certs` promises; for others it is wrong in the last tenth."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    late = min(_LATE, (end - start) / 30)
    due = renewed_from(certificate)
    if now < due + late:
        return
    until = f"{what} is valid until {stamp(end)}"
    if isinstance(keeper, StashCerts):
        yield wrong(f"{until} and should have been renewed from {stamp(due)}", keeper.renew())
    elif now >= end - (end - start) / 10:
        yield wrong(f"{until}, and it has not been renewed", _renewal(what, keeper))
    else:
        yield note(f"{until}: two thirds of its lifetime are over", _renewal(what, keeper))


def _renewal(what: str, keeper: Issuer) -> str:
    if what == "the certificate" or isinstance(keeper, CertManager):
        return keeper.renew()
    return f"have a new CA sign a new certificate, and before you use that,\n{keeper.trust()}\n{keeper.issue()}"
