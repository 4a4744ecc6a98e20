"""Who keeps the certificates of an installation right, and so what to do about each flaw of theirs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from certs.names import Names
from certs.state import Observed


@dataclass(frozen=True)
class Issuer(ABC):
    """Somebody who issues the certificate and says by which CA it is believed. Each method is a remedy."""

    names: Names

    @abstractmethod
    def issue(self) -> str:
        """There is no certificate that could be served, or its time is not now."""

    @abstractmethod
    def rename(self) -> str:
        """The certificate is for another name."""

    @abstractmethod
    def trust(self) -> str:
        """A `caBundle` does not cover the certificate, or holds what it should not."""

    @abstractmethod
    def renew(self) -> str:
        """Somebody should have renewed it by now."""


@dataclass(frozen=True)
class StashCerts(Issuer):
    """`stash-certs rotate`, by the CronJob."""

    def issue(self) -> str:
        """It does all of it."""
        return f"run stash-certs rotate{self.names.flags}"

    rename = trust = issue

    def renew(self) -> str:
        """It should run by itself."""
        return f"{self.issue()}, and see why no CronJob does:\nkubectl -n {self.names.namespace} get cronjobs,jobs,pods"


@dataclass(frozen=True)
class CertManager(Issuer):
    """cert-manager."""

    certificate: str
    """Its Certificate."""
    namespace: str
    """The Certificate's."""

    def issue(self) -> str:
        """It says itself what keeps it from issuing."""
        return f"see what keeps cert-manager from it, then have it renewed:\n{self._describe}\n{self._renew}"

    def rename(self) -> str:
        """Its names are in its Certificate."""
        command = f"kubectl -n {self.namespace} edit certificate {self.certificate}"
        return f"put {self.names.host} into the Certificate's dnsNames:\n{command}"

    def trust(self) -> str:
        """Its CA injector writes the bundles that are annotated."""
        injector = "kubectl -n cert-manager logs deployment/cert-manager-cainjector"
        annotation = f"cert-manager.io/inject-ca-from={self.namespace}/{self.certificate}"
        kinds = f"mutatingwebhookconfiguration/{self.names.mutating} validatingwebhookconfiguration/"
        return (
            f"have cert-manager's CA injector write it, and see what it says:\nkubectl annotate --overwrite {kinds}"
            f"{self.names.validating} {annotation}\n{injector}"
        )

    def renew(self) -> str:
        """It renews by itself, when the Certificate says so."""
        return f"see whether cert-manager will, or have it renewed now:\n{self._describe}\n{self._renew}"

    @property
    def _describe(self) -> str:
        return f"kubectl -n {self.namespace} describe certificate {self.certificate}"

    @property
    def _renew(self) -> str:
        return f"cmctl renew -n {self.namespace} {self.certificate}"


@dataclass(frozen=True)
class Owner(Issuer):
    """Whoever installed it, with certificates of their own."""

    def issue(self) -> str:
        """A Secret of this type is made by kubectl from two files."""
        replaced = "--cert tls.crt --key tls.key --dry-run=client -o yaml | kubectl apply -f -"
        where = f"kubectl -n {self.names.namespace} create secret tls {self.names.secret} {replaced}"
        return f"put a certificate for {self.names.host} in its place, and its key:\n{where}"

    rename = renew = issue

    def trust(self) -> str:
        """Nobody else knows the CA."""
        return (
            "write the CA that signed the certificate, in PEM and base64, into the caBundle of each webhook:\n"
            f"kubectl edit mutatingwebhookconfiguration/{self.names.mutating} "
            f"validatingwebhookconfiguration/{self.names.validating}"
        )


def keeper(seen: Observed, names: Names) -> Issuer:
    """Who keeps this installation's certificates: whose marks are on the Secret, else on the configurations."""
    if seen.serving is not None and seen.serving.ours:
        return StashCerts(names)
    if seen.serving is not None and seen.serving.certificate:
        return CertManager(names, seen.serving.certificate, names.namespace)
    if seen.injected:
        namespace, _, certificate = seen.injected.partition("/")
        return CertManager(names, certificate or names.secret, namespace)
    return StashCerts(names) if seen.serving is None else Owner(names)
