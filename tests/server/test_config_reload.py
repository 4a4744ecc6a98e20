"""The configuration file, which a server reads again while it serves."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.admission.levels_file import CONTENT
from testbed.patience import eventually
from testbed.server import Running, backup, body, issue, running
from tests.support.configmap import mount
from tests.support.refusal import start

pytestmark = pytest.mark.usefixtures("no_variables")

SCHEDULE = backup(schedule="0 24 * * *")
"""What valid-schedule refuses."""
WARN = "rules: {valid-schedule: warn}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs")
    issue(directory, "localhost", "127.0.0.1")
    return directory


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    directory = tmp_path / "mounted"
    directory.mkdir()
    return directory


@pytest.fixture
def server(certificates: Path, mounted: Path, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, "--config", str(mounted), certificates=certificates) as it:
        yield it


def answered(server: Running, namespace: str = "demo") -> str:
    """What the server makes of a wrong schedule in a namespace."""
    response = server.call(body(SCHEDULE, namespace=namespace)).json()["response"]
    return "refused" if not response["allowed"] else "warned" if response.get("warnings") else "nothing"


def reloads(server: Running, result: str) -> float:
    return server.metrics().get(("stash_admission_config_reloads_total", (("result", result),)), 0)


def metric(server: Running, name: str) -> float:
    return server.metrics()[f"stash_admission_config_{name}", ()]


def events(server: Running, event: str) -> list[dict[str, object]]:
    return [line for line in server.log if line["event"] == event]


def test_a_configuration_comes_changes_and_goes_without_a_restart(server: Running, mounted: Path) -> None:
    assert answered(server) == "refused"
    mount(mounted, WARN)
    eventually(lambda: answered(server) == "warned")
    mount(mounted, "namespaces: {legacy: {rules: {valid-schedule: off}}}\n")
    eventually(lambda: answered(server) == "refused")
    assert answered(server, "legacy") == "nothing"
    mount(mounted, None)
    eventually(lambda: answered(server, "legacy") == "refused")
    assert reloads(server, "done") == 3
    assert [each["namespaces"] for each in events(server, "configuration reloaded")] == [
        {}, {"legacy": {"valid-schedule": "off"}}, {},
    ]  # fmt: skip
    assert server.complaints == ""


def test_a_wrong_one_is_refused_as_a_whole_and_told_everywhere_and_the_one_before_stays(
    server: Running, mounted: Path
) -> None:
    started = time.time()
    mount(mounted, WARN)
    eventually(lambda: answered(server) == "warned")
    assert metric(server, "last_reload_successful") == 1
    read_well = metric(server, "last_reload_success_timestamp_seconds")
    assert started <= read_well <= time.time()
    mount(mounted, "rules:\n  valid-schedule: off\n  unique-hots: off\n")
    eventually(lambda: reloads(server, "failed") == 1)
    assert answered(server) == "warned"
    assert metric(server, "last_reload_successful") == 0
    assert metric(server, "last_reload_success_timestamp_seconds") == read_well
    fault = f"{mounted / CONTENT}:3:3: rules.unique-hots: unknown rule 'unique-hots': write unique-host"
    ready = server.manage("/readyz")
    assert ready.status_code == 200
    assert ready.text.startswith(f"ok\n{fault}")
    assert ready.text.endswith("; the previous content is still in use\n")
    (line,) = events(server, "configuration not reloaded")
    assert str(line["fault"]).startswith(fault)
    assert line["level"] == "error"
    mount(mounted, "rules: {valid-schedule: off}\n")
    eventually(lambda: answered(server) == "nothing")
    assert server.manage("/readyz").text == "ok\n"
    assert metric(server, "last_reload_successful") == 1


def test_a_file_under_another_name_is_noticed(server: Running, mounted: Path) -> None:
    (mounted / "levels.yaml").write_text(WARN)
    eventually(lambda: "holds levels.yaml" in server.manage("/readyz").text)
    assert answered(server) == "refused"


def test_a_single_file_is_read_again_too_and_its_end_changes_nothing(
    certificates: Path, file: Path, tmp_path: Path
) -> None:
    file.write_text(WARN)
    with running(tmp_path, "--config", str(file), certificates=certificates) as server:
        assert answered(server) == "warned"
        file.unlink()
        eventually(lambda: "No such file" in server.manage("/readyz").text)
        assert answered(server) == "warned"
        file.write_text("rules: {valid-schedule: off}\n")
        eventually(lambda: answered(server) == "nothing")


def test_levels_of_the_file_that_a_flag_overrides_are_told(certificates: Path, file: Path, tmp_path: Path) -> None:
    file.write_text("rules: {valid-schedule: warn, unique-host: warn}\n")
    with running(tmp_path, "--config", str(file), "--rule", "valid-schedule=off", certificates=certificates) as server:
        assert answered(server) == "nothing"
        (line,) = events(server, "configuration read")
    assert line["rules"] == {"unique-host": "warn"}
    assert line["overridden"] == ["valid-schedule"]


def test_a_server_with_a_wrong_file_does_not_start(certificates: Path, file: Path) -> None:
    file.write_text("rules: {unique-hots: warn}\n")
    ended = start("--cert-dir", certificates, "--config", file)
    assert (ended.exit_code, ended.stdout) == (2, "")
    wrong = "rules.unique-hots: unknown rule 'unique-hots': write unique-host or unique-alias or unique-target"
    assert ended.stderr == f"Error: {file}:1:9: {wrong}\n"


def test_a_server_told_of_a_directory_that_is_not_there_does_not_start(certificates: Path, tmp_path: Path) -> None:
    ended = start("--cert-dir", certificates, "--config", tmp_path / "nowhere")
    assert ended.exit_code == 2
    assert "nowhere: No such file or directory: correct --config or STASH_ADMISSION_CONFIG" in ended.stderr


def test_a_server_without_a_file_says_nothing_of_one(certificates: Path, tmp_path: Path) -> None:
    with running(tmp_path, certificates=certificates) as server:
        assert metric(server, "last_reload_successful") == 1
        server.signal(signal.SIGINT)
        assert server.exit_code() == 0
        assert not events(server, "configuration read")
