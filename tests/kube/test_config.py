"""Which cluster is called, and as whom: a Pod's files, a kubeconfig with its plugins, and proxies."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kube import service_account
from kube.connect import configuration
from kube.errors import Refused
from kube.kubeconfig import load as load_kubeconfig
from kube.paths import path
from kube.proxy import bypasses


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a Pod nor a user with a kubeconfig, nor a proxy."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that a Pod has."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("first\n")
    (folder / "ca.crt").write_text("a certificate")
    (folder / "namespace").write_text("backups")
    monkeypatch.setattr(service_account, "_FOLDER", folder)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


def test_a_pod_uses_its_service_account(pod: Path) -> None:
    config = configuration()
    assert config.server == "https://10.0.0.1:443"
    assert config.ca_file == str(pod / "ca.crt")
    assert config.authorization() == "Bearer first"
    assert config.namespace == "backups"
    assert "first" not in repr(config)


@pytest.mark.usefixtures("pod")
def test_an_api_server_may_have_an_address_of_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert configuration().server == "https://[fd00::1]:443"


def test_a_token_that_the_kubelet_replaced_is_used_within_a_minute(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration()
    (pod / "token").write_text("second")
    assert config.authorization() == "Bearer first"
    now = time.monotonic() + 61
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert config.authorization() == "Bearer second"


@pytest.mark.parametrize("damage", ["", None], ids=["empty", "gone"])
def test_while_the_token_cannot_be_read_the_last_one_is_used(
    pod: Path, monkeypatch: pytest.MonkeyPatch, damage: str | None
) -> None:
    monkeypatch.setattr(service_account, "_REREAD_SECONDS", 0.0)
    config = configuration()
    token = pod / "token"
    token.unlink()
    if damage is not None:
        token.write_text(damage)
    assert config.authorization() == "Bearer first"
    token.write_text("second")
    assert config.authorization() == "Bearer second"


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "empty"])
def test_who_lacks_a_file_of_a_pod_is_in_none(pod: Path, name: str, gone: bool) -> None:
    (pod / name).unlink()
    if not gone:
        (pod / name).touch()
    with pytest.raises(Refused, match="there is no cluster to talk to, set KUBECONFIG"):
        configuration()


def kubeconfig(folder: Path, user: dict[str, Any], **cluster: Any) -> str:
    file = folder / "config"
    name = {"name": "it"}
    content = {
        "current-context": "it",
        "clusters": [{**name, "cluster": {"server": "https://cluster.test:6443/", **cluster}}],
        "users": [{**name, "user": user}],
        "contexts": [{**name, "context": {"cluster": "it", "user": "it"}}],
    }
    file.write_text(json.dumps(content))
    return str(file)


def test_a_kubeconfig_says_who_is_called_and_as_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"tls-server-name": "other.test", "insecure-skip-tls-verify": True, "proxy-url": "http://proxy.test:1"}
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, {"token": "mine"}, **cluster))
    config = configuration()
    assert config.server == "https://cluster.test:6443"
    assert config.authorization() == "Bearer mine"
    assert (config.server_name, config.verify, config.proxy) == ("other.test", False, "http://proxy.test:1")
    assert "mine" not in repr(config)


def test_a_user_without_a_token_has_no_authorization(tmp_path: Path) -> None:
    assert load_kubeconfig(kubeconfig(tmp_path, {})).authorization() is None


def test_a_plugin_is_run_again_when_its_token_has_expired(tmp_path: Path) -> None:
    count = tmp_path / "count"
    plugin = tmp_path / "plugin.py"
    version = "client.authentication.k8s.io/v1"
    plugin.write_text(
        f"import json, pathlib\ncount = pathlib.Path({str(count)!r})\n"
        "number = len(count.read_text()) + 1 if count.exists() else 1\ncount.write_text('x' * number)\n"
        "until = '2020-01-01T00:00:00Z' if number == 1 else '2999-01-01T00:00:00Z'\n"
        "status = {'token': f'token-{number}', 'expirationTimestamp': until}\n"
        f"print(json.dumps({{'apiVersion': {version!r}, 'kind': 'ExecCredential', 'status': status}}))\n"
    )
    command = {"apiVersion": version, "command": sys.executable, "args": [str(plugin)], "interactiveMode": "Never"}
    config = load_kubeconfig(kubeconfig(tmp_path, {"exec": command}))
    assert [config.authorization() for _ in range(3)] == ["Bearer token-2"] * 3


@pytest.mark.parametrize("content", ["", "[]", "clusters: {", "\0"], ids=["empty", "a list", "broken", "no text"])
def test_a_kubeconfig_that_is_none_is_refused_in_one_line(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(Refused, match=r"^there is no cluster to talk to, set KUBECONFIG: .") as raised:
        configuration()
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize(
    ("exceptions", "proxied"),
    [("", True), ("10.0.0.0/8", False), ("10.0.0.1", False), ("*", False), (".svc, 192.168.0.0/16", True)],
)
def test_a_pod_behind_a_proxy_asks_it_unless_no_proxy_says_otherwise(
    exceptions: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert configuration().proxy == ("http://proxy.test:3128" if proxied else None)


@pytest.mark.parametrize(
    ("url", "exceptions", "bypassed"),
    [
        ("https://api.cluster.test", "cluster.test", True),
        ("https://API.cluster.test", ".Cluster.Test", True),
        ("https://api.cluster.test", "*.cluster.test", True),
        ("https://api.cluster.test:6443", "cluster.test:6443", True),
        ("https://api.cluster.test:6443", "cluster.test:443", False),
        ("https://mycluster.test", "cluster.test", False),
        ("https://[fd00::1]:6443", "fd00::/8", True),
        ("https://10.1.2.3", "10.1.2.3/33, ,nonsense/", False),
        ("https://cluster.test", "", False),
    ],
)
def test_an_exception_is_a_name_with_all_below_it_or_a_network(url: str, exceptions: str, bypassed: bool) -> None:
    assert bypasses(url, exceptions) is bypassed


def test_a_path_has_a_group_a_namespace_and_a_name_where_there_are_some() -> None:
    assert path("v1", "namespaces") == "/api/v1/namespaces"
    assert path("v1", "namespaces", name="demo") == "/api/v1/namespaces/demo"
    assert path("v1", "secrets", "demo", "a/b") == "/api/v1/namespaces/demo/secrets/a%2Fb"
    assert path("apps/v1", "deployments", "demo") == "/apis/apps/v1/namespaces/demo/deployments"
