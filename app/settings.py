"""The settings of the server, from a flag or a variable `STASH_ADMISSION_*`."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.rules.registry import levels

PREFIX = "STASH_ADMISSION_"
_SERVICE_LINK = re.compile(r"(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
"""What the kubelet sets for a Service whose name starts like ours, without the prefix."""
_LINKED = ("tcp://", "udp://", "sctp://")
"""How the value of such a variable starts, where its name could also be a setting's."""
_EMPTY = "it is empty: give it a value, or leave it out"


class BadSetting(ValueError):
    """A setting that cannot be used. The message names its flag and its variable."""


class Settings(BaseSettings):
    """The settings. A flag wins over a variable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = Field("127.0.0.1", min_length=1)
    """Address to listen on."""
    port: int = Field(8443, ge=0, le=65535)
    """Port of the webhooks, with TLS. 0: any free port."""
    management_port: int = Field(8080, ge=0, le=65535)
    """Port of health, readiness and metrics, in plain HTTP. 0: any free port."""
    cert_dir: Path = Path(".local/certs")
    """Directory with `tls.crt` and `tls.key`."""
    server_name: str | None = None
    """Name by which the API server calls this server, NAME.NAMESPACE.svc: the certificate must be for it. None: any."""
    client_ca: Path | None = None
    """File with the CA for client certificates. With it, callers without a certificate signed by it are refused."""
    client_name: Annotated[tuple[str, ...], NoDecode] = ()
    """Names of which a client certificate must have one; comma-separated in the variable. Empty: any."""
    inventory: str = Field("none", min_length=1)
    """Where rules learn what else is in the cluster: `none`, `cluster`, or a folder of manifests."""
    inventory_missing: Literal["warn", "fail"] = "warn"
    """What becomes of an object where the inventory lacks what an enforced rule asks: `warn` admits it with a warning;
    `fail` answers 503, which the API server tries again until `failurePolicy` decides."""
    claims: Literal["on", "off"] = "on"
    """Whether a backup is claimed in a Lease before it is admitted, so that no other replica admits what clashes with
    it at the same moment. Only with `--inventory cluster`."""
    claim_seconds: float = Field(75, ge=5, le=3600)
    """How long an admitted backup counts that nobody has seen stored: the `--request-timeout` of the API server, and
    15 seconds."""
    drain_seconds: float = Field(20, ge=0, le=3600)
    """Longest time to keep serving after SIGTERM."""
    max_in_flight: int = Field(256, ge=1)
    """Concurrent calls; beyond that, the oldest one still arriving gets 503, and the API server tries it again."""
    max_connections: int = Field(1000, ge=1)
    """Open connections; beyond that, those without a call for longest are closed."""
    traces: Literal["none", "otlp"] = "none"
    """Whether and how to send a span for each review. OpenTelemetry's own variables say where to."""
    rule: Annotated[tuple[str, ...], NoDecode] = ()
    """Levels of rules: ID=LEVEL; comma-separated in the variable."""
    config: Path | None = None
    """File with rule levels, also for single namespaces; or a directory that may hold a `config.yaml`."""

    @field_validator("cert_dir", "server_name", "client_ca", "config", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        # Something forgot to fill in an empty variable: it must not switch off what it should have switched on.
        if isinstance(value, str) and not value.strip():
            raise ValueError(_EMPTY)
        return value

    @field_validator("rule", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("client_name", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(filter(None, map(str.strip, value.split(","))))
        if not names:
            raise ValueError(_EMPTY)
        return names

    @field_validator("rule")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for setting in value:
            if "=" not in setting:
                raise ValueError(f"{setting!r} is not in the form ID=LEVEL, such as valid-duration=warn")
        levels(dict(each.split("=", 1) for each in value))
        return value

    @property
    def levels(self) -> dict[str, str]:
        """The chosen levels, by the rules' ids."""
        return dict(each.split("=", 1) for each in self.rule)


def load(**flags: Any) -> Settings:
    """The settings from flags (None: not given) and variables. Raises BadSetting."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        message = str(first["msg"]).removeprefix("Value error, ")
        if str(first["input"]).startswith(_LINKED):
            message = (
                "Kubernetes sets this for a Service called stash-admission: give the Pod enableServiceLinks: false"
            )
        raise BadSetting(f"--{name.replace('_', '-')} or {PREFIX}{name.upper()}: {message}") from None


def refuse_unknown(variables: Mapping[str, str]) -> None:
    """Raise BadSetting if a variable looks like a setting but is not: otherwise a mistyped one goes unnoticed."""
    for name, value in sorted(variables.items()):
        rest = name.upper().removeprefix(PREFIX)
        if rest == name.upper() or rest.lower() in Settings.model_fields:
            continue
        if not _SERVICE_LINK.fullmatch(rest) and not value.startswith(_LINKED):
            near = difflib.get_close_matches(rest, map(str.upper, Settings.model_fields), n=1)
            advice = f"write {PREFIX}{near[0]}" if near else "remove it, or give it a name with another prefix"
            raise BadSetting(f"{name} is not a known setting: {advice}")
