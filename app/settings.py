"""What the operator of the server can set, by flag or by a variable `STASH_ADMISSION_*`."""

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
"""What the kubelet sets for a Service whose name begins as ours does, after the prefix."""
_LINKED = ("tcp://", "udp://", "sctp://")
"""How the value of such a variable begins whose name could be a setting's."""
_EMPTY = "it is empty: fill it in, or leave it out"


class BadSetting(ValueError):
    """A setting that cannot be used. The message names its flag and its variable."""


class Settings(BaseSettings):
    """The settings. What is given explicitly (a flag) wins over a variable."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = Field("127.0.0.1", min_length=1)
    """Address to listen on."""
    port: int = Field(8443, ge=0, le=65535)
    """Port of the webhooks, in TLS. 0: any that is free."""
    management_port: int = Field(8080, ge=0, le=65535)
    """Port of health, readiness and metrics, in plain HTTP. 0: any that is free."""
    cert_dir: Path = Path(".local/certs")
    """Directory with `tls.crt` and `tls.key`."""
    server_name: str | None = None
    """What the API server calls the server, NAME.NAMESPACE.svc: the certificate has to be for it. Without it: any."""
    client_ca: Path | None = None
    """File with the CA of client certificates. With it, who shows no certificate by it is not answered."""
    client_name: Annotated[tuple[str, ...], NoDecode] = ()
    """Names of which a client certificate must have one, in the variable with commas between. Without it: any."""
    inventory: str = Field("none", min_length=1)
    """What the rules know that ask about the cluster: `none`, `cluster`, or a folder of manifests."""
    inventory_missing: Literal["warn", "fail"] = "warn"
    """What becomes of an object where the inventory lacks what an enforced rule asks: `warn` admits it with a warning;
    `fail` answers 503, which the API server tries again until `failurePolicy` decides."""
    drain_seconds: float = Field(20, ge=0, le=3600)
    """Longest time to serve on after SIGTERM."""
    max_in_flight: int = Field(256, ge=1)
    """Calls at the same time; of more, the oldest that is still arriving gets 503, which the API server tries again."""
    max_connections: int = Field(1000, ge=1)
    """Open connections; of more, those give way that have not called, or not for longest."""
    traces: Literal["none", "otlp"] = "none"
    """Whether a span of each review is sent, and how. Where to, OpenTelemetry's own variables say."""
    rule: Annotated[tuple[str, ...], NoDecode] = ()
    """Levels of rules: ID=LEVEL, in the variable with commas between."""
    config: Path | None = None
    """File with levels of rules, also for single namespaces; or the directory of a `config.yaml`, if there is one."""

    @field_validator("cert_dir", "server_name", "client_ca", "config", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        # An empty variable is one that something forgot to fill in: it must not switch off what it was to switch on.
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
        for each in value:
            if "=" not in each:
                raise ValueError(f"{each!r} is not of the form ID=LEVEL, such as valid-duration=warn")
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
    """Raise BadSetting if a variable looks like a setting and is none: a level that nobody reads would be missed."""
    for name, value in sorted(variables.items()):
        rest = name.upper().removeprefix(PREFIX)
        if rest == name.upper() or rest.lower() in Settings.model_fields:
            continue
        if not _SERVICE_LINK.fullmatch(rest) and not value.startswith(_LINKED):
            near = difflib.get_close_matches(rest, map(str.upper, Settings.model_fields), n=1)
            advice = f"write {PREFIX}{near[0]}" if near else "take it out, or give it a name that begins otherwise"
            raise BadSetting(f"{name} is a variable that sets nothing: {advice}")
