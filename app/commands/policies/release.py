"""Releases of Kubernetes, and what their policies can say."""

import re
from dataclasses import dataclass
from typing import Self

from app.domain.quoting import quoted

_WRITTEN = re.compile(r"v?1[.]([0-9]{1,3})([.][0-9]+)?([-+].*)?")


class Unsupported(ValueError):
    """A release whose API server takes no such policies, or a text that is none. The message says what to write."""


@dataclass(frozen=True)
class Release:
    """A minor release of Kubernetes 1."""

    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`1.36`, `v1.36.2`. Raises Unsupported."""
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise Unsupported(f"{quoted(text)} is not a release of Kubernetes: write one such as 1.36")
        release = cls(int(match[1]))
        if release.minor < VALIDATING:
            raise Unsupported(f"Kubernetes {release} has no ValidatingAdmissionPolicy, which 1.{VALIDATING} introduced")
        return release

    def __str__(self) -> str:
        return f"1.{self.minor}"

    @property
    def maps(self) -> bool:
        """Whether a new policy may make a map of a list."""
        return self.minor >= MAPPING

    @property
    def mutates(self) -> bool:
        """Whether it has MutatingAdmissionPolicies, switched on."""
        return self.minor >= MUTATING


VALIDATING = 30
"""ValidatingAdmissionPolicy became stable, and has been switched on since."""
MAPPING = 33
"""The first release that lets new policies use the comprehensions of two variables, which came with 1.32: an API server
must be able to go back, so it lets nobody write what the release before it does not know."""
MUTATING = 36
"""MutatingAdmissionPolicy became stable, and has been switched on since."""
