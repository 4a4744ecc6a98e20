"""Dashboard and alerts: what they ask for is what a server shows, and a real Prometheus answers all of it."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.documents import load, load_all
from testbed.patience import PATIENCE
from testbed.server import JSON, Running, backup, body, running
from tests.support.pages import anchors
from tests.support.prometheus import Prometheus, needs_prometheus, scraping, wait_for
from tools import deploy
from tools.alerts import ALERTS, PAGE, Alert, rule_file
from tools.dashboard import INTERVAL, ROWS, Panel
from tools.metrics import registered

pytestmark = pytest.mark.usefixtures("forks")
ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "manifests" / "monitoring"
PANELS = [panel for panels in ROWS.values() for panel in panels]
QUERIES = [expression for panel in PANELS for expression, _ in panel.queries] + [each.expression for each in ALERTS]
ALERT = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
SELECTOR = re.compile(r"(stash_admission_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


def selectors() -> set[tuple[str, str]]:
    """Every metric that a panel or an alert asks for, with what its labels have to match."""
    return {found for query in QUERIES for found in SELECTOR.findall(query)}


def family(name: str) -> str:
    """The metric to which a series belongs."""
    return re.sub("_(total|bucket|sum|count)$", "", name)


def yaml(name: str) -> list[Any]:
    return load_all((MONITORING / name).read_text())


# --- What is asked for


def test_every_metric_that_is_asked_for_is_one_of_the_servers() -> None:
    telemetry = registered()
    shown = {sample.name for each in telemetry.registry.collect() for sample in each.samples}
    shown |= {each.name for each in telemetry.registry.collect() if not each.samples}  # without label values yet
    assert {name for name, _ in selectors()} <= shown


def test_every_label_that_has_to_match_can_have_such_a_value() -> None:
    labels = registered().registry.labels
    matchers = [(name, *found) for name, matching in selectors() for found in MATCHER.findall(matching)]
    assert len(matchers) > 5
    for name, label, _, wanted in matchers:
        known = labels[family(name)][label]
        assert all(part in known for part in wanted.split("|")), (name, label, wanted)


def test_every_metric_is_on_the_dashboard() -> None:
    text = " ".join(expression for panel in PANELS for expression, _ in panel.queries)
    asked = {family(name) for name, _ in SELECTOR.findall(text)}
    assert asked == registered().registry.labels.keys()


@ALERT
def test_every_alert_has_severity_texts_and_a_runbook_that_is_there(alert: Alert) -> None:
    assert alert.severity in ("critical", "warning")
    page, _, heading = alert.runbook.partition("#")
    assert heading in anchors(ROOT / page)
    assert alert.summary
    assert alert.description.endswith(".")


# --- The dashboard


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    return found


def test_the_dashboard_asks_for_the_data_source_when_it_is_imported(dashboard: dict[str, Any]) -> None:
    (variable,) = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    sources = [holder["datasource"] for panel in panels for holder in (panel, *panel["targets"])]
    assert {json.dumps(each) for each in sources} == {'{"type": "prometheus", "uid": "${datasource}"}'}
    assert len(panels) == len(PANELS)


def test_the_panels_of_the_dashboard_do_not_overlap(dashboard: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in dashboard["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert {x for x, _ in cells} == set(range(24))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


# --- What makes Prometheus find the replicas


def pod() -> dict[str, Any]:
    installed = load_all((deploy.MANIFESTS / "install.yaml").read_text())
    (found,) = [each["spec"]["template"] for each in installed if each["kind"] == "Deployment"]
    template: dict[str, Any] = found
    return template


def test_the_pod_monitor_finds_the_replicas_and_their_management_port() -> None:
    (monitor,) = yaml("podmonitor.yaml")
    labels = pod()["metadata"]["labels"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels[monitor["spec"]["jobLabel"]] == "stash-admission", "what the alerts call the job"
    assert endpoint["path"] == "/metrics"
    assert endpoint["port"] in [port["name"] for port in pod()["spec"]["containers"][0]["ports"]]
    assert monitor["metadata"]["namespace"] == deploy.NAME


def test_the_scrape_configuration_keeps_the_management_port_of_the_replicas_alone() -> None:
    (configuration,) = yaml("prometheus.yaml")
    (job,) = configuration["scrape_configs"]
    kept = next(each for each in job["relabel_configs"] if each["action"] == "keep")
    label, port = kept["source_labels"]
    assert label.removeprefix("__meta_kubernetes_pod_label_") == re.sub(r"\W", "_", "app.kubernetes.io/component")
    assert port == "__meta_kubernetes_pod_container_port_name"
    component = pod()["metadata"]["labels"]["app.kubernetes.io/component"]
    ports = [each["name"] for each in pod()["spec"]["containers"][0]["ports"]]
    assert [each for each in ports if re.fullmatch(kept["regex"], f"{component};{each}")] == ["management"]
    assert job["job_name"] == "stash-admission"
    assert job["kubernetes_sd_configs"] == [{"role": "pod", "namespaces": {"names": [deploy.NAME]}}]


def test_the_operator_and_a_plain_prometheus_get_the_same_rules() -> None:
    (rule,), (plain,) = yaml("prometheusrule.yaml"), yaml("alerts.yaml")
    assert rule["spec"] == plain
    assert plain == load(rule_file())


def test_the_command_of_the_page_has_every_runbook_lead_to_an_address(tmp_path: Path) -> None:
    copy = tmp_path / "manifests" / "monitoring"
    shutil.copytree(MONITORING, copy)
    (command,) = re.findall(r"^\$ (sed .*runbook_url(?:.*\\\n)*.*)$", (ROOT / PAGE).read_text(), flags=re.MULTILINE)
    for _ in range(2):  # again, which changes nothing more
        subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True, timeout=PATIENCE)
    for name in ("alerts.yaml", "prometheusrule.yaml"):
        found = re.findall(r"runbook_url: (\S+)", (copy / name).read_text())
        assert found == [f"https://git.example/stash-admission/blob/main/{each.runbook}" for each in ALERTS]


# --- The alerts, by promtool


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE)


@needs_prometheus
def test_the_alert_rules_are_valid() -> None:
    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", MONITORING / "alerts.yaml")
    assert checked.returncode == 0, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout


def named(alert: str, entry: object) -> bool:
    """Whether a scenario, or one question of it, is about an alert."""
    return any(re.fullmatch(pattern, alert) for pattern in re.findall(r"alertname\W+([\w.*]+)", json.dumps(entry)))


def scenario_of(alert: str, scenario: dict[str, Any]) -> dict[str, Any]:
    """A scenario with the questions about one alert alone."""
    kinds = ("alert_rule_test", "promql_expr_test")
    return scenario | {kind: [each for each in scenario.get(kind, ()) if named(alert, each)] for kind in kinds}


def units() -> dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """What promtool is asked, by name: rules, and scenarios. A rule about which a scenario says nothing is left out."""
    (rules,) = yaml("alerts.yaml")[0]["groups"]
    (tests,) = yaml("alerts_test.yaml")
    asked = {
        each["name"]: ([rule for rule in rules["rules"] if named(rule["alert"], each)], [each])
        for each in tests["tests"]
    }
    for rule in rules["rules"]:
        about = [scenario_of(rule["alert"], each) for each in tests["tests"] if named(rule["alert"], each)]
        for fires, expression in FIRES.items():
            asked[f"{rule['alert']} {fires}"] = ([rule | {"expr": expression}], about)
    return asked


FIRES = {"never": "vector(0) > 1", "always": "vector(1)"}
SCENARIOS = [each["name"] for each in yaml("alerts_test.yaml")[0]["tests"]]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What promtool, which is started once for all, says of each."""
    (group,) = yaml("alerts.yaml")[0]["groups"]
    (tests,) = yaml("alerts_test.yaml")
    files: dict[str, Path] = {}
    for name, (rules, scenarios) in units().items():
        folder = tmp_path_factory.mktemp("promtool")
        (folder / "alerts.yaml").write_text(json.dumps({"groups": [group | {"rules": rules}]}))
        files[name] = folder / "alerts_test.yaml"
        files[name].write_text(json.dumps(tests | {"tests": scenarios}))
    command = ["promtool", "test", "rules", *map(str, files.values())]
    told = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    said = dict(part.split("\n", 1) for part in told.split("Unit Testing:  ")[1:])
    return {name: said[str(file)].strip() for name, file in files.items()}


@needs_prometheus
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_alerts_fire_when_they_should_and_only_then(scenario: str, verdicts: dict[str, str]) -> None:
    assert units()[scenario][0], "it asks about an alert that there is"
    assert verdicts[scenario] == "SUCCESS"


@needs_prometheus
@pytest.mark.parametrize("fires", FIRES)
@ALERT
def test_an_alert_that_fires_never_or_always_is_noticed(alert: Alert, fires: str, verdicts: dict[str, str]) -> None:
    said = verdicts[f"{alert.name} {fires}"]
    assert said.startswith("FAILED:")
    assert alert.name in said


@needs_prometheus
def test_the_configuration_for_one_machine_is_valid() -> None:
    checked = promtool("check", "config", MONITORING / "local.yaml")
    assert checked.returncode == 0, checked.stderr


# --- A real Prometheus, which scrapes a real server under load


@dataclass
class Scene:
    """A server and a Prometheus, and what the panels show."""

    server: Running
    prometheus: Prometheus
    client: httpx.Client

    def shown(self, panel: Panel) -> list[tuple[dict[str, str], float]]:
        """What the queries of a panel give now, if each gives something."""
        found = [self.prometheus.query(expression.replace(INTERVAL, "10s")) for expression, _ in panel.queries]
        return [series for query in found for series in query] if all(found) else []

    def empty(self) -> set[str]:
        """The panels without data."""
        return {panel.title for panel in PANELS if not self.shown(panel)}

    def good(self) -> None:
        """Some reviews that are in order."""
        for _ in range(5):
            for webhook in ("/mutate", "/validate"):
                assert self.client.post(webhook, content=body()).status_code == 200

    def trouble(self) -> None:
        """One of each that panels show only when there is trouble, among reviews that are in order."""
        self.good()
        spec = backup()["spec"]
        without_alias = {key: value for key, value in spec["target"].items() if key != "alias"}
        self.client.post("/mutate", content=body(backup(target=without_alias)))
        refused = self.client.post("/validate", content=body(backup(schedule="0 24 * * *")))
        assert refused.json()["response"]["allowed"] is False
        warned = self.client.post("/validate", content=body(backup(retentionPolicy={"name": "none", "prune": True})))
        assert warned.json()["response"]["warnings"]
        assert self.client.post("/validate", content=b"no json").status_code == 400
        assert self.client.get("/nowhere").status_code == 404
        with self.server.connect() as connection:
            connection.sendall(b"\x00no http\r\n\r\n")
            connection.recv(1000)
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=PATIENCE) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                plain.recv(1000)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("monitoring")
    inventory = folder / "cluster.yaml"
    inventory.write_text(
        "{apiVersion: v1, kind: Namespace, metadata: {name: demo}}\n---\n"
        "{apiVersion: stash.appscode.com/v1alpha1, kind: Repository, metadata: {name: gcs-repo, namespace: demo}}\n"
    )
    configuration = folder / "configuration.yaml"
    configuration.write_text("rules: {unused-field: 'off'}\n")
    with (
        running(folder, "--inventory", str(inventory), "--config", str(configuration)) as server,
        scraping(folder, f"127.0.0.1:{server.management_port}", MONITORING / "alerts.yaml") as prometheus,
        httpx.Client(
            base_url=server.url, verify=server.verifying, trust_env=False, headers=JSON, timeout=PATIENCE
        ) as client,
    ):
        yield Scene(server, prometheus, client)


@needs_prometheus
def test_every_panel_shows_data_and_those_of_trouble_when_there_is_some(scene: Scene) -> None:
    quiet = {panel.title for panel in PANELS if panel.quiet}
    wait_for(scene.empty, quiet, scene.good)
    certificate = scene.server.certificates / "tls.crt"
    certificate.write_text("no certificate")
    wait_for(scene.empty, set(), scene.trouble)
    shown = {panel.title: scene.shown(panel) for panel in PANELS}
    assert {labels["rule"] for labels, _ in shown["Refusals by rule"]} == {"valid-schedule"}
    assert {labels["rule"] for labels, _ in shown["Warnings by rule"]} == {"nothing-kept"}
    assert {labels["rule"] for labels, _ in shown["Changes by rule"]} == {"default-alias"}
    assert {labels["reason"] for labels, _ in shown["Bad calls"]} == {"bad review", "path"}
    assert {labels["reason"] for labels, _ in shown["Handshakes refused"]} == {"not tls"}
    assert {labels["reason"] for labels, _ in shown["Connections ended"]} == {"not http"}
    failed = 'increase(stash_admission_certificate_reloads_total{certificate="serving",result="failed"}[1h]) > 0'
    wait_for(lambda: len(scene.prometheus.query(failed)), 1, scene.good)


@needs_prometheus
def test_the_labels_in_the_legends_are_those_of_the_series(scene: Scene) -> None:
    wait_for(scene.empty, set(), scene.trouble)
    for panel in PANELS:
        for expression, legend in panel.queries:
            for labels, _ in scene.prometheus.query(expression.replace(INTERVAL, "10s")):
                assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels.keys(), panel.title


@needs_prometheus
def test_whatever_an_alert_looks_at_is_there_in_prometheus(scene: Scene) -> None:
    wait_for(lambda: len(scene.prometheus.query("stash_admission_ready")), 1)
    looked_at = {name + (f"{{{matching}}}" if matching else "") for name, matching in selectors()}
    for selector in {*looked_at, 'up{job="stash-admission"}'}:
        assert scene.prometheus.query(selector), selector


@needs_prometheus
def test_prometheus_evaluates_every_alert_and_those_of_the_trouble_begin(scene: Scene) -> None:
    def alerts() -> dict[str, dict[str, Any]]:
        (group,) = scene.prometheus.get("rules")["groups"]
        return {rule["name"]: rule for rule in group["rules"]}

    def active() -> set[str]:
        return {name for name, rule in alerts().items() if rule["alerts"]}

    (scene.server.certificates / "tls.crt").write_text("still no certificate")
    begun = {"StashAdmissionCertificateUnusable", "StashAdmissionBadCalls"}
    wait_for(active, begun, scene.trouble)
    assert alerts().keys() == {each.name for each in ALERTS}
    for rule in alerts().values():
        assert (rule["health"], rule.get("lastError", "")) == ("ok", ""), rule["name"]
        assert not any("<error" in text for alert in rule["alerts"] for text in alert["annotations"].values())
