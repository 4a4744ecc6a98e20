"""Settings: every one by flag and by variable, and what is wrong with a bad one said with both names."""

from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli import app
from app.settings import PREFIX, BadSetting, Settings, load, refuse_unknown

pytestmark = pytest.mark.usefixtures("no_variables")

SETTINGS: dict[str, tuple[str, Any, Any]] = {
    "host": ("0.0.0.0", "0.0.0.0", "::1"),  # noqa: S104
    "port": ("9443", 9443, 10250),
    "management_port": ("9080", 9080, 8081),
    "cert_dir": ("/run/certs", Path("/run/certs"), Path("/elsewhere")),
    "server_name": ("a.b.svc", "a.b.svc", "c.d.svc"),
    "client_ca": ("/run/ca.crt", Path("/run/ca.crt"), Path("/elsewhere")),
    "client_name": ("apiserver, kube-apiserver", ("apiserver", "kube-apiserver"), ("front-proxy",)),
    "inventory": ("cluster", "cluster", "/some/where"),
    "inventory_missing": ("fail", "fail", "warn"),
    "claims": ("off", "off", "on"),
    "claim_seconds": ("90", 90.0, 120.0),
    "drain_seconds": ("7.5", 7.5, 30.0),
    "max_in_flight": ("12", 12, 64),
    "max_connections": ("12", 12, 64),
    "traces": ("otlp", "otlp", "none"),
    "rule": ("unique-alias=warn", ("unique-alias=warn",), ("unique-host=off",)),
    "config": ("/run/config.yaml", Path("/run/config.yaml"), Path("/elsewhere")),
}
"""By name: a text for the variable, the value that it stands for, and another value, given by flag."""

EACH = pytest.mark.parametrize("name", SETTINGS)

BAD = {
    "port": ["", "http", "-1", "65536", "1.5", "tcp://10.0.0.1:443"],
    "management_port": ["", "http", "-1", "65536"],
    "drain_seconds": ["", "soon", "-1", "nan", "inf", "10s"],
    "host": [""],  # to listen on, it would be every address
    "inventory": [""],
    "inventory_missing": ["", "refuse"],
    "claims": ["", "yes"],
    "claim_seconds": ["", "soon", "0", "4", "3601", "nan", "inf"],
    # What something forgot to fill in must not switch off what it was to switch on.
    "cert_dir": ["", " "],
    "server_name": [""],
    "client_ca": ["", " "],
    "client_name": ["", " ", ","],
    "config": ["", " "],
    "max_in_flight": ["", "many", "0", "-1", "1.5"],
    "max_connections": ["", "many", "0", "-1", "1.5"],
    "traces": ["", "jaeger", "otlp,none"],
    "rule": ["unique-alias", "no-such-rule=off", "unique-alias=loud", "unique-alias=", "=off", "default-alias=off"],
}
EACH_BAD = pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])


def flags() -> set[str]:
    """The flags of `serve`, as names of settings."""
    command = typer.main.get_command(app)
    serve = command.commands["serve"]  # type: ignore[attr-defined]
    longest = (max(parameter.opts, key=len) for parameter in serve.params if parameter.name != "help")
    return {flag.removeprefix("--").replace("-", "_") for flag in longest}


def test_every_flag_of_serve_has_a_variable_and_every_variable_has_a_flag() -> None:
    assert flags() == set(Settings.model_fields)


def test_every_setting_is_tried_here() -> None:
    assert set(SETTINGS) == set(Settings.model_fields)


@EACH
def test_a_variable_sets_what_no_flag_says(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value, _ = SETTINGS[name]
    monkeypatch.setenv(PREFIX + name.upper(), text)
    assert getattr(load(**{name: None}), name) == value


@EACH
def test_a_flag_sets_what_no_variable_says(name: str) -> None:
    assert getattr(load(**{name: SETTINGS[name][2]}), name) == SETTINGS[name][2]


@EACH
def test_a_flag_wins_over_a_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, _, other = SETTINGS[name]
    monkeypatch.setenv(PREFIX + name.upper(), text)
    assert getattr(load(**{name: other}), name) == other


@EACH
def test_a_setting_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), SETTINGS[name][0])
    assert load().model_dump(exclude={name}) == Settings().model_dump(exclude={name})


def test_without_flags_and_variables_the_server_listens_on_this_machine_only() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.management_port) == ("127.0.0.1", 8443, 8080)


@EACH_BAD
def test_a_bad_variable_is_said_with_flag_and_variable(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), text)
    with pytest.raises(BadSetting) as caught:
        load()
    assert f"--{name.replace('_', '-')} " in str(caught.value)
    assert PREFIX + name.upper() in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_flag_is_said_although_its_variable_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "9443")
    with pytest.raises(BadSetting, match="--port"):
        load(port=65536)


def test_a_bad_variable_does_not_matter_where_the_flag_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "http")
    assert load(port=9443).port == 9443


@pytest.mark.parametrize(
    "text",
    ["unique-alias=warn,unique-host=off", "unique-alias=warn unique-host=off", " unique-alias=warn , unique-host=off,"],
)
def test_a_variable_sets_the_levels_of_several_rules(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(f"{PREFIX}RULE", text)
    assert load().levels == {"unique-alias": "warn", "unique-host": "off"}


def test_an_empty_variable_sets_no_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}RULE", "")
    assert load().levels == {}


def test_a_flag_sets_the_levels_of_several_rules() -> None:
    assert load(rule=("unique-alias=warn", "unique-host=off")).levels == {"unique-alias": "warn", "unique-host": "off"}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("unique-alias", "ID=LEVEL"),
        ("no-such-rule=off", "unknown rule 'no-such-rule'"),
        ("unique-alias=loud", "enforce or warn or off"),
        ("default-alias=off", "default-alias changes objects"),
    ],
)
def test_what_is_wrong_with_the_level_of_a_rule_is_said(rule: str, says: str) -> None:
    with pytest.raises(BadSetting, match=says):
        load(rule=(rule,))


def test_settings_do_not_change_while_the_server_runs() -> None:
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_what_kubernetes_sets_for_a_service_of_that_name_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STASH_ADMISSION_PORT", "tcp://10.0.0.1:443")
    with pytest.raises(BadSetting, match=r"STASH_ADMISSION_PORT: .*enableServiceLinks: false"):
        load()


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("STASH_ADMISSION_RULES", "write STASH_ADMISSION_RULE"),
        ("STASH_ADMISSION_CLIENTCA", "write STASH_ADMISSION_CLIENT_CA"),
        ("stash_admission_rules", "write STASH_ADMISSION_RULE"),
        ("STASH_ADMISSION_XYZZY", "remove it, or give it a name with another prefix"),
        ("STASH_ADMISSION_", "remove it, or give it a name with another prefix"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_what_to_write(name: str, advice: str) -> None:
    with pytest.raises(BadSetting) as caught:
        refuse_unknown({name: "unique-alias=warn"})
    assert str(caught.value) == f"{name} is not a known setting: {advice}"


@pytest.mark.parametrize("name", [PREFIX + name.upper() for name in SETTINGS] + ["stash_admission_port", "PATH"])
def test_every_setting_and_what_is_none_of_ours_is_let_be(name: str) -> None:
    refuse_unknown({name: "anything"})


SERVICE_LINKS = {
    "STASH_ADMISSION_SERVICE_HOST": "10.0.0.1",
    "STASH_ADMISSION_SERVICE_PORT": "443",
    "STASH_ADMISSION_SERVICE_PORT_WEBHOOK": "443",
    "STASH_ADMISSION_PORT": "tcp://10.0.0.1:443",
    "STASH_ADMISSION_PORT_443_TCP": "tcp://10.0.0.1:443",
    "STASH_ADMISSION_PORT_443_TCP_PROTO": "tcp",
    "STASH_ADMISSION_PORT_443_TCP_PORT": "443",
    "STASH_ADMISSION_PORT_443_TCP_ADDR": "10.0.0.1",
    "STASH_ADMISSION_PORT_53_UDP_ADDR": "10.0.0.1",
    "STASH_ADMISSION_METRICS_SERVICE_HOST": "10.0.0.2",
    "STASH_ADMISSION_METRICS_SERVICE_PORT_HTTP": "8080",
    "STASH_ADMISSION_METRICS_PORT": "tcp://10.0.0.2:8080",
    "STASH_ADMISSION_METRICS_PORT_8080_TCP_ADDR": "10.0.0.2",
}
"""What the kubelet sets for the Services stash-admission and stash-admission-metrics."""


def test_what_kubernetes_sets_for_services_is_let_be() -> None:
    refuse_unknown(SERVICE_LINKS)


@pytest.mark.parametrize("name", ["STASH_ADMISSION_SERVICE_HOSTS", "STASH_ADMISSION_PORTS", "STASH_ADMISSION_PORT_TCP"])
def test_what_only_looks_like_a_variable_of_kubernetes_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        refuse_unknown({name: "1"})
