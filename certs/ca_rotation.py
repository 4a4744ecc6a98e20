"""Which CA signs: the first one, its successor, and what becomes of the others.

A successor is announced before it signs. Who calls the webhooks trusts it first, and the CA before it stays trusted
until the last certificate by it has expired, so there is no moment at which a certificate in use is not believed.
"""

import datetime
from collections.abc import Iterable
from dataclasses import replace

from cryptography import x509

from certs import pem
from certs.ca_secret import Authority, Former
from certs.issuing import Pair, issue_ca
from certs.serving_secret import Serving
from certs.state import Desired, Observed
from certs.trust import is_valid, renewed_from, stamp

MAX_FORMER_CAS = 8
"""CAs kept in the bundle beside those with a key: a Secret that is deleted every night must not fill etcd."""


def succession(seen: Observed, serving: Serving, wanted: Desired, now: datetime.datetime) -> tuple[Authority, str]:
    """The CAs as they are to be stored next, and what changed."""
    stored = Authority.read(seen.authority.data if seen.authority else {})
    is_whole = seen.authority is not None and stored.data == seen.authority.data
    found = _found([serving.bundle, *seen.bundles], now)
    leaf_ca = serving.ca([*stored.certificates, *found], wanted.names[0], now)
    authority, lines = stored.at(now, leaf_ca), []
    if authority.data != stored.data:
        lines.append("removed expired certificates")
    if not is_whole:
        lines.append("the Secret did not exist" if seen.authority is None else "the Secret was damaged")
    # What was lost with the Secret may have signed what the pods still serve: whoever was trusted stays so.
    lost = [each for each in found if each not in stored.certificates and (not is_whole or each == leaf_ca)]
    if lost:
        authority = _with_former(authority, lost, _until(serving, wanted, now))
        lines.append(
            f"kept {len(lost)} CA(s) that may have signed certificates in use, until the last of those has expired"
        )
    authority, line = _next_state(authority, seen, serving, leaf_ca, wanted, now)
    return authority, "; ".join([*lines, *line])


def _next_state(
    authority: Authority,
    seen: Observed,
    serving: Serving,
    leaf_ca: x509.Certificate | None,
    wanted: Desired,
    now: datetime.datetime,
) -> tuple[Authority, list[str]]:
    signing, following = authority.signing, authority.next
    if following:
        return _announced(authority, seen, serving, leaf_ca, wanted, now)
    if signing and leaf_ca not in (None, signing.certificate) and not _is_trusted(signing, seen):
        # The Secret was restored from a backup, say. With a certificate in use, nothing is urgent.
        return replace(authority, signing=None, next=signing), ["the CA must be trusted before it signs"]
    if signing and now < renewed_from(signing.certificate):
        return authority, []
    made = issue_ca(now, wanted.ca_lifetime)
    until = stamp(made.certificate.not_valid_after_utc)
    if signing or authority.former:
        return replace(authority, next=made), [f"new CA, valid until {until}, must be trusted before it signs"]
    return replace(authority, signing=made), [f"new CA, valid until {until}"]


def _announced(
    authority: Authority,
    seen: Observed,
    serving: Serving,
    leaf_ca: x509.Certificate | None,
    wanted: Desired,
    now: datetime.datetime,
) -> tuple[Authority, list[str]]:
    signing, following, since = authority.signing, authority.next, authority.since
    assert following  # noqa: S101 -- for the type checker: the caller has looked
    if not _is_trusted(following, seen):
        lines = ["the new CA was removed from a caBundle: it waits again"] if since else []
        return replace(authority, since=None), lines
    if since is None or since > now:
        line = f"the new CA is in every caBundle; it signs from {stamp(now + wanted.settle)}: run again then"
        return replace(authority, since=now.replace(microsecond=0)), [line]
    # With nothing to serve and nobody else to sign, waiting protects nobody.
    is_urgent = signing is None and leaf_ca is None
    if now < since + wanted.settle and not is_urgent:
        return authority, []
    promoted, lines = replace(authority, signing=following, next=None, since=None), ["the new CA signs from now on"]
    if signing:
        until = _until(serving, wanted, now)
        promoted = _with_former(promoted, [signing.certificate], until)
        lines.append(f"the previous one stays trusted until {stamp(until)}")
    return promoted, lines


def _is_trusted(ca: Pair, seen: Observed) -> bool:
    return all(ca.certificate in pem.certificates(bundle) for bundle in seen.bundles)


def _found(bundles: Iterable[bytes], now: datetime.datetime) -> list[x509.Certificate]:
    unique = dict.fromkeys(each for bundle in dict.fromkeys(bundles) for each in pem.certificates(bundle))
    return [each for each in unique if pem.may_sign(each) and is_valid(each, now)]


def _with_former(authority: Authority, cas: Iterable[x509.Certificate], until: datetime.datetime) -> Authority:
    former = (*(Former(each, until) for each in cas), *authority.former)
    return replace(authority, former=former[:MAX_FORMER_CAS])


def _until(serving: Serving, wanted: Desired, now: datetime.datetime) -> datetime.datetime:
    """When the last certificate expires that a CA which signs no more can have signed.

    Another run may be about to sign by it, having looked before us: hence a whole lifetime from now, and some minutes.
    """
    latest = max([now + wanted.leaf_lifetime, *(each.not_valid_after_utc for each in serving.chain[:1])])
    return (latest + wanted.settle).replace(microsecond=0)
