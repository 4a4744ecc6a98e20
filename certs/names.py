"""What the objects of an installation are called."""

from dataclasses import dataclass

INSTALLED = "stash-admission"
"""Of all of them, in the manifests."""


@dataclass(frozen=True)
class Names:
    """The names of an installation's objects."""

    namespace: str = INSTALLED
    secret: str = f"{INSTALLED}-tls"
    service: str = INSTALLED
    mutating: str = INSTALLED
    validating: str = INSTALLED

    @property
    def host(self) -> str:
        """What the API server calls the Service by, and asks the certificate for."""
        return f"{self.service}.{self.namespace}.svc"

    @property
    def flags(self) -> str:
        """The flags by which `stash-certs` and `stash-admission doctor` find these names; empty for those installed."""
        usual = Names()
        options = ("namespace", "secret", "service", "mutating", "validating")
        flags = (f" --{each} {getattr(self, each)}" for each in options if getattr(self, each) != getattr(usual, each))
        return "".join(flags)
