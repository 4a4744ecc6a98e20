"""Claims: under which hosts a backup is about to write into a place, said to all replicas before it is admitted."""

import hashlib
import json
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.domain.hosts import Hosts, Shape
from app.domain.key import Key
from app.domain.repository_index import Use

MAX_HOSTS_CHARS = 8_000
"""Of the hosts of one claim. Of one with more a digest is kept: until its object is seen, it may mean every host."""
MAX_RECORD_CHARS = 200_000
"""Of all claims of a place. An object's annotations may have 262,144 bytes."""


class BadRecord(ValueError):
    """What a Lease holds is no record of claims."""


class Claim(NamedTuple):
    """What was claimed, and when."""

    key: Key
    repository: Key
    hosts: str
    """As JSON: pairs of shape and stem; or the digest of such a text, if it is long."""
    since: float
    """Seconds since 1970, by the API server's clock."""

    @property
    def use(self) -> Use:
        """What it says of its place. Without hosts, where they are not known."""
        written = json.loads(self.hosts)
        hosts = () if self.hosts_unknown else tuple(Hosts(Shape(shape), stem) for shape, stem in written)
        return Use(self.key, self.repository, hosts, complete=not self.hosts_unknown)

    @property
    def hosts_unknown(self) -> bool:
        """Whether the claim has a digest of the hosts only."""
        return self.hosts.startswith('"')

    def is_of(self, use: Use | None) -> bool:
        """Whether it claims precisely what a use says."""
        return (
            use is not None
            and (use.key, use.repository) == (self.key, self.repository)
            and hosts_text(use) == self.hosts
        )


def claim_of(use: Use, since: float) -> Claim:
    """The claim for a use."""
    return Claim(use.key, use.repository, hosts_text(use), since)


def hosts_text(use: Use) -> str:
    """The hosts of a use as a claim has them."""
    text = json.dumps([[each.shape.value, each.stem] for each in use.hosts])
    if use.complete and len(text) <= MAX_HOSTS_CHARS:
        return text
    return json.dumps(hashlib.sha256(text.encode()).hexdigest())


def digest(place: Hashable) -> str:
    """What a place is called in the name of a Lease: its certain key, hashed."""
    return hashlib.sha256(json.dumps(place).encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """What a Lease says of a place."""

    claims: tuple[Claim, ...] = ()
    delivered: dict[str, int] = field(default_factory=dict)
    """By kind, the resourceVersion up to which one has to know the cluster: claims up to it are left out."""

    def with_claim(self, claim: Claim) -> "ClaimRecord":
        """With one claim more. Older ones of the same object stay: which of them is stored, nobody knows yet."""
        others = tuple(each for each in self.claims if each[:3] != claim[:3])
        return ClaimRecord((*others, claim), self.delivered)

    @property
    def text(self) -> str:
        """As it is stored: JSON."""
        claims = [
            {
                "kind": each.key.kind,
                "namespace": each.key.namespace,
                "name": each.key.name,
                "repository": [each.repository.namespace, each.repository.name],
                "hosts": json.loads(each.hosts),
                "since": datetime.fromtimestamp(each.since, UTC).isoformat(),
            }
            for each in self.claims
        ]
        return json.dumps({"claims": claims, "delivered": self.delivered}, separators=(",", ":"))


def record_of(text: str) -> ClaimRecord:
    """What a stored text says. Raises BadRecord."""
    try:
        said: dict[str, Any] = json.loads(text)
        claims = tuple(map(_claim, said["claims"]))
        for claim in claims:
            _ = claim.use  # so that nothing is left to go wrong
        return ClaimRecord(claims, {str(kind): int(version) for kind, version in said["delivered"].items()})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadRecord("it is no record of claims") from None


def _claim(said: dict[str, Any]) -> Claim:
    kind, namespace, name = (str(said[part]) for part in ("kind", "namespace", "name"))
    holder, repository = said["repository"]
    since = datetime.fromisoformat(said["since"]).timestamp()
    key = Key(kind, namespace, name)
    return Claim(key, Key("Repository", str(holder), str(repository)), json.dumps(said["hosts"]), since)
