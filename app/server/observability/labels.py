"""The values that labels can have. Each is one of a closed set: nothing that a caller sends makes a series."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Literal, get_args

from app.domain.kinds import KINDS
from app.rules.registry import RULES, Level

Webhook = Literal["mutate", "validate"]
Certificate = Literal["serving", "ca", "client-ca"]
Bad = Literal[
    "path", "method", "content type", "headers too large", "body too large", "bad review", "client certificate",
    "too busy", "undecided", "internal error",
]  # fmt: skip
"""Why a call is no review that can be answered. The last three are ours, the others the caller's."""
DECISIONS: Mapping[Webhook, Sequence[str]] = {"mutate": ("allowed", "mutated"), "validate": ("allowed", "refused")}
OPERATIONS = ("CREATE", "UPDATE", "DELETE", "CONNECT")
ACTS = ("edit", "refuse", "warn")
HANDSHAKES = (
    "timeout", "left", "not tls", "version", "cipher", "client certificate", "our certificate not accepted", "other",
)  # fmt: skip
"""Why a handshake fails. "left" is also a load balancer that looks whether the port is open."""
ENDS = (
    "no room", "gave way", "no more files", "never called", "head too slow", "body too slow", "answer not taken",
    "did not leave", "head too large", "not http",
)  # fmt: skip
"""Why the server ends a connection."""
RELOADS = ("done", "failed")
Claimed = Literal["made", "lost", "undecided"]
"""What comes of a claim. Lost: somebody else was faster, and the backup is refused."""
OTHER = "other"
"""Any kind that is none of Stash's."""

WEBHOOKS, CERTIFICATES, BAD = get_args(Webhook), get_args(Certificate), get_args(Bad)
CLAIMS = get_args(Claimed)


def kind_label(kind: str) -> str:
    """What a kind is called in a series."""
    return kind if kind in KINDS else OTHER


def decisions() -> Iterable[tuple[str, ...]]:
    """Webhook, kind, operation and decision, as they can come together."""
    for webhook, outcomes in DECISIONS.items():
        yield from product([webhook], (*KINDS, OTHER), OPERATIONS, outcomes)


def rule_acts() -> Iterable[tuple[str, str]]:
    """Each rule with what it can do; which of it, its level decides."""
    for rule, about in RULES.items():
        settable = about.settable
        acts = ("edit",) if not settable else ("refuse", "warn") if Level.ENFORCE in settable else ("warn",)
        yield from ((rule, act) for act in acts)
