"""What an installation has and what it shall have: four objects, seen as the certificates in them."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from certs.issuing import CA_LIFETIME, LEAF_LIFETIME


class Target(Enum):
    """The objects that are kept right."""

    AUTHORITY = "the Secret with the CA and its key"
    SERVING = "the Secret that the server mounts"
    MUTATING = "MutatingWebhookConfiguration"
    VALIDATING = "ValidatingWebhookConfiguration"


CONFIGURATIONS = (Target.MUTATING, Target.VALIDATING)


@dataclass(frozen=True)
class Content:
    """A Secret's data."""

    data: Mapping[str, bytes] = field(repr=False)
    ours: bool = True
    """Whether it carries our label, so that nothing in it is anybody else's."""
    certificate: str | None = None
    """The name of cert-manager's Certificate, if that is what it was made for."""


@dataclass(frozen=True)
class Observed:
    """What exists. None: the object does not.

    Of the webhook configurations it is the `caBundle` of each webhook, by its name.
    """

    authority: Content | None = None
    serving: Content | None = None
    mutating: Mapping[str, bytes] | None = None
    validating: Mapping[str, bytes] | None = None
    injected: str | None = None
    """Namespace and name of cert-manager's Certificate whose CA the configurations ask for: `stash-admission/tls`."""

    @property
    def configurations(self) -> Iterator[tuple[Target, Mapping[str, bytes]]]:
        """The webhook configurations that exist."""
        for target, webhooks in zip(CONFIGURATIONS, (self.mutating, self.validating), strict=True):
            if webhooks is not None:
                yield target, webhooks

    @property
    def bundles(self) -> list[bytes]:
        """The `caBundle` of every webhook."""
        return [bundle for _, webhooks in self.configurations for bundle in webhooks.values()]


@dataclass(frozen=True)
class Desired:
    """What is asked for."""

    names: tuple[str, ...]
    """DNS names and IP addresses of the certificate; first the one that the API server calls the Service by."""
    ca_lifetime: datetime.timedelta = CA_LIFETIME
    leaf_lifetime: datetime.timedelta = LEAF_LIFETIME
    settle: datetime.timedelta = datetime.timedelta(minutes=10)
    """How long a new CA is in every `caBundle` before it signs.

    A read from one API server proves nothing about the others: each follows by a watch of its own.
    """


@dataclass(frozen=True)
class Step:
    """One write."""

    target: Target
    content: Mapping[str, bytes] = field(repr=False)
    """The data of a Secret, all of them; of a webhook configuration the `caBundle` by webhook."""
    line: str
    """What this does and why."""


@dataclass(frozen=True)
class UpToDate:
    """Nothing is to be done now."""

    line: str


class Foreign(Exception):
    """A Secret of this name is somebody else's. `target` is which, the message says how we know."""

    def __init__(self, target: Target, why: str) -> None:
        super().__init__(why)
        self.target = target
