"""The CAs of an installation: who signs, who follows, and who is still trusted."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from cryptography import x509

from certs import pem
from certs.issuing import Pair
from certs.trust import is_valid

_MOMENT = "%Y%m%dT%H%M%SZ"
_FORMER = re.compile(r"old\.(\d{8}T\d{6}Z)\.crt")
_OURS = re.compile(rf"(ca|next)\.(crt|key)|next\.since|{_FORMER.pattern}")


@dataclass(frozen=True)
class Former:
    """A CA that signs no more, trusted until its last leaf has expired."""

    certificate: x509.Certificate
    until: datetime.datetime


@dataclass(frozen=True)
class Authority:
    """The content of the Secret that only `stash-certs rotate` reads.

    All of it is in one object, so that one `resourceVersion` decides between two who would change it.
    """

    signing: Pair | None = None
    """Signs the leaves. None: its key was lost, and `next` has not taken over yet."""
    next: Pair | None = None
    """Will sign, as soon as who calls the webhooks trusts it."""
    since: datetime.datetime | None = None
    """Since when `next` has been in every `caBundle`."""
    former: tuple[Former, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, bytes]) -> Self:
        """What a Secret's data say. What cannot be read is left out."""
        former = [
            Former(certificate, until)
            for name, content in sorted(data.items(), reverse=True)
            if (match := _FORMER.fullmatch(name)) and (until := _moment(match[1]))
            for certificate in pem.certificates(content)
        ]
        return cls(
            signing=pem.ca(data.get("ca.crt"), data.get("ca.key")),
            next=pem.ca(data.get("next.crt"), data.get("next.key")),
            since=_moment(data.get("next.since", b"").decode(errors="replace")),
            former=tuple(former),
        )

    @property
    def data(self) -> dict[str, bytes]:
        """The Secret's data, keys among them."""
        written: dict[str, bytes] = {}
        for name, pair in (("ca", self.signing), ("next", self.next)):
            if pair:
                written |= {f"{name}.crt": pair.certificate_pem, f"{name}.key": pair.key_pem}
        if self.since:
            written["next.since"] = self.since.strftime(_MOMENT).encode()
        for each in self.former:
            name = f"old.{each.until.strftime(_MOMENT)}.crt"
            written[name] = written.get(name, b"") + pem.text([each.certificate])
        return written

    @property
    def certificates(self) -> tuple[x509.Certificate, ...]:
        """Every CA to be trusted, the newest first, whatever its role: a new role changes no `caBundle`."""
        pairs = [pair.certificate for pair in (self.signing, self.next) if pair]
        unique = dict.fromkeys([*pairs, *(each.certificate for each in self.former)])
        return tuple(sorted(unique, key=lambda each: (each.not_valid_before_utc, each.serial_number), reverse=True))

    def at(self, now: datetime.datetime, leaf_ca: x509.Certificate | None) -> Self:
        """What is left of it at `now`. The CA of the leaf in use stays as long as it is valid itself."""
        signing = self.signing if self.signing and is_valid(self.signing.certificate, now) else None
        following = self.next if self.next and is_valid(self.next.certificate, now) else None
        former = (
            each
            for each in self.former
            if is_valid(each.certificate, now) and (now < each.until or each.certificate == leaf_ca)
        )
        since = self.since if following else None
        return replace(self, signing=signing, next=following, since=since, former=tuple(former))


def is_known(name: str) -> bool:
    """Whether a Secret of ours would have data of this name."""
    return _OURS.fullmatch(name) is not None


def _moment(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, _MOMENT).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
