"""Names on the command line, checked before anything is sent or signed."""

import re

import typer
from cryptography import x509

from certs.issuing import general_name

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"


def label(value: str) -> str:
    """The name of a namespace or a Service. Raises BadParameter."""
    return _matching(value, _LABEL)


def subdomain(value: str) -> str:
    """The name of another object. Raises BadParameter."""
    return _matching(value, _SUBDOMAIN)


def host(value: str) -> str:
    """A DNS name, also with a wildcard, or an IP address in its usual form. Raises BadParameter."""
    try:
        name = general_name(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--dns") from None
    is_name = len(value) <= 253 and re.fullmatch(rf"(\*\.)?{_SUBDOMAIN}", value.lower())
    if not is_name and not isinstance(name, x509.IPAddress):
        raise typer.BadParameter(f"{value!r} is neither a DNS name nor an IP address", param_hint="--dns")
    return str(name.value)


def _matching(value: str, pattern: str) -> str:
    if len(value) > 253 or not re.fullmatch(pattern, value):
        raise typer.BadParameter(f"{value!r} is not a valid Kubernetes name: use lowercase letters, digits and '-'")
    return value
