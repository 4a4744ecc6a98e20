"""What is in use, in words."""

import datetime
from collections.abc import Callable, Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs import pem
from certs.installation import CONFIGURATIONS, Seen, Target
from certs.serving import Serving
from certs.trust import is_signed_by, is_valid, renewed_from, stamp, verifies

_REMEDY = ": run stash-certs rotate"


def inventory(seen: Seen, name: str, now: datetime.datetime, title: Callable[[Target], str]) -> tuple[list[str], bool]:
    """Lines on the certificate and on each `caBundle`, and whether the API server believes the one by all others.

    `name` is what the API server calls the Service by; `title` says what to call an object.
    """
    serving = Serving.read(seen.serving.data if seen.serving else {})
    lines, is_good = [title(Target.SERVING), *_indented(_certificate(seen, serving, name, now))], True
    existing = dict(seen.configurations)
    for target in CONFIGURATIONS:
        lines.append(title(target))
        if target not in existing:
            lines.append("  WRONG: it does not exist: apply the manifests")
            is_good = False
        for webhook, bundle in existing.get(target, {}).items():
            trusts = verifies(serving.chain, pem.certificates(bundle), name, now)
            is_good = is_good and trusts
            lines += _indented([f"webhook {webhook}", *_indented(_bundle(bundle, serving, now))])
            lines.append(
                "    covers the certificate" if trusts else f"    WRONG: does not cover the certificate{_REMEDY}"
            )
    return lines, is_good and _flaw(seen, serving, name, now) is None


def _certificate(seen: Seen, serving: Serving, name: str, now: datetime.datetime) -> Iterator[str]:
    if serving.chain:
        yield f"certificate {_dates(serving.chain[0])}"
        yield f"names {', '.join(pem.names(serving.chain[0])) or 'none'}"
    if flaw := _flaw(seen, serving, name, now):
        yield f"WRONG: {flaw}{_REMEDY}"


def _flaw(seen: Seen, serving: Serving, name: str, now: datetime.datetime) -> str | None:
    """What is wrong with the certificate itself."""
    if seen.serving is None:
        return "it does not exist"
    if not serving.chain:
        return "tls.crt or tls.key cannot be read, or they do not belong together"
    if not is_valid(serving.chain[0], now):
        return "the certificate is not valid now"
    if name not in pem.names(serving.chain[0]):
        return f"the certificate is not for {name}"
    return None


def _bundle(bundle: bytes, serving: Serving, now: datetime.datetime) -> Iterator[str]:
    found = pem.certificates(bundle)
    if not found:
        yield "caBundle is empty" if not bundle else "caBundle cannot be read"
    for each in found:
        role = ", signed the certificate" if serving.chain and is_signed_by(serving.chain[-1], each) else ""
        expired = "" if is_valid(each, now) else ", NOT VALID now"
        yield f"CA {_dates(each)}{role}{expired}"


def _dates(certificate: x509.Certificate) -> str:
    until, renewal = certificate.not_valid_after_utc, renewed_from(certificate)
    return f"{_fingerprint(certificate)} valid until {stamp(until)}, renewed from {stamp(renewal)}"


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()[:16]


def _indented(lines: list[str] | Iterator[str]) -> list[str]:
    return [f"  {line}" for line in lines]
