"""The image: its Dockerfile's steps on this machine, and what comes of them started as a container runtime does it."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.patience import PATIENCE, eventually
from testbed.server import Running, issue
from tests.support.e2e import dockerfile
from tests.support.e2e.dockerfile import ROOT, Image
from tools import deploy

pytestmark = pytest.mark.skipif(bool(dockerfile.able()), reason=f"no image can be built here: {dockerfile.able()}")
MOUNT = "/etc/stash-admission/certs"
MIB = 2**20


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return dockerfile.build(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def server(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The image's own command, with what the Deployment gives it: a mounted Secret, and variables."""
    folder = tmp_path_factory.mktemp("server")
    certificates = folder / "certs"
    issue(certificates, "localhost", "127.0.0.1")
    for path in (certificates, *certificates.iterdir()):
        os.chown(path, 65532, 65532)
    variables = {"HOST": "127.0.0.1", "PORT": "0", "MANAGEMENT_PORT": "0", "CERT_DIR": MOUNT}
    variables = {f"STASH_ADMISSION_{name}": value for name, value in variables.items()}
    with (folder / "stdout").open("w") as output:
        process = image.start(mounts={certificates: MOUNT}, variables=variables, output=output)
    it = Running(process, folder, certificates)  # type: ignore[arg-type]

    def listens() -> bool:
        assert process.poll() is None, (folder / "stdout").read_text()
        for line in (folder / "stdout").read_text().splitlines():
            if '"serving"' in line:
                listening = json.loads(line)
                it.port = int(listening["webhooks"].rpartition(":")[2])
                it.management_port = int(listening["management"].rpartition(":")[2])
        return bool(it.port)

    eventually(listens)
    yield it
    if process.poll() is None:
        process.kill()
    process.wait(PATIENCE)


def inside(it: Running) -> int:
    """The process in the image, by the number that the machine knows it by."""
    return int(Path(f"/proc/{it.process.pid}/task/{it.process.pid}/children").read_text())


def distributions(image: Image) -> dict[str, str]:
    """What is installed in the image: versions by names."""
    names = [path.name.removesuffix(".dist-info") for path in image.root.glob("opt/*/lib/*/site-packages/*.dist-info")]
    return {name.replace("_", "-").lower(): version for name, _, version in (each.rpartition("-") for each in names)}


def locked(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==([\w.]+)", (ROOT / lock).read_text(), flags=re.MULTILINE))


def test_the_server_answers_over_tls_from_the_image(server: Running) -> None:
    content = (ROOT / "manifests/samples/reviews/restorebatch.json").read_bytes()
    response = server.call(content, "/mutate").json()["response"]
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"
    assert server.manage("/readyz").status_code == 200


def test_it_runs_as_a_user_without_rights_and_cannot_get_any(server: Running) -> None:
    lines = Path(f"/proc/{inside(server)}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65532"}
    assert status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"


def test_a_signal_to_end_ends_it_in_order(server: Running) -> None:
    os.kill(inside(server), signal.SIGTERM)
    assert server.exit_code() == 0


def test_there_is_no_program_but_python_and_the_two_commands(image: Image) -> None:
    files = [path for path in image.root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    programs = {path.name for path in files if ".so" not in path.name}
    python = {name for name in programs if re.fullmatch(r"python[\d.]*", name)}
    assert programs - python == {"stash-admission", "stash-certs"}


def test_no_shell_can_be_started(image: Image) -> None:
    code, said = image.run("python3", "-c", "import os; os.execv('/bin/sh', ['sh'])")
    assert code == 1
    assert "FileNotFoundError" in said


@pytest.mark.parametrize("folder", ["/", "/tmp", "/opt/stash-admission", "/dev/shm"])  # noqa: S108
def test_nothing_can_be_written(image: Image, folder: str) -> None:
    code, said = image.run("python3", "-c", f"open('{folder}/x', 'w')")
    assert code == 1
    assert re.search("Read-only file system|Permission denied|No such file", said)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("stash-admission", "--help"), "serve"),
        (("stash-admission", "rules"), "unique-alias"),
        (("stash-admission", "doctor", "--help"), "installation"),
        (("stash-certs", "rotate", "--help"), "--secret"),
        (("python3", "-m", "app", "--help"), "serve"),
    ],
)
def test_the_commands_are_there(image: Image, command: tuple[str, ...], says: str) -> None:
    code, said = image.run(*command)
    assert code == 0, said
    assert says in said


@pytest.mark.parametrize("command", [("stash-certs", "rotate"), ("stash-admission", "doctor")])
def test_what_asks_a_cluster_says_that_there_is_none(image: Image, command: tuple[str, ...]) -> None:
    code, said = image.run(*command)
    assert code not in (0, 3), said
    assert "Traceback" not in said


def test_a_kubeconfig_is_read_with_what_is_left_of_the_client(image: Image, tmp_path: Path) -> None:
    cluster = {"name": "it", "cluster": {"server": "https://127.0.0.1:9"}}
    context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
    user = {"name": "it", "user": {"token": "a-token"}}
    document = {"current-context": "it", "clusters": [cluster], "contexts": [context], "users": [user]}
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    tmp_path.chmod(0o755)
    variables = {"KUBECONFIG": f"{MOUNT}/kubeconfig"}
    with image.start("stash-admission", "audit", mounts={tmp_path: MOUNT}, variables=variables) as process:
        said, _ = process.communicate(timeout=PATIENCE)
    assert "HTTPSConnection(host='127.0.0.1', port=9)" in said
    assert process.returncode == 2


def test_the_manifests_start_what_the_image_has(image: Image) -> None:
    commands = re.findall(r"command: \[([\w-]+)", (deploy.MANIFESTS / "install.yaml").read_text())
    assert commands
    for each in commands:
        assert image.stage.found(each)


def test_every_distribution_is_one_of_the_lock_file_and_what_only_builds_is_left_out(image: Image) -> None:
    found, lock = distributions(image), locked("requirements.txt")
    assert found.pop("stash-admission")
    assert found.items() <= lock.items()
    assert {"fastapi", "uvicorn", "cryptography"} <= found.keys()
    assert not {"pip", "hatchling", "setuptools"} & found.keys()


def test_every_file_of_the_project_is_in_it(image: Image) -> None:
    (installed,) = image.root.glob("opt/*/lib/*/site-packages/app")
    ours = {path.relative_to(ROOT / "app") for path in (ROOT / "app").rglob("*.py")}
    assert {path.relative_to(installed) for path in installed.rglob("*.py")} == ours


def test_it_stays_small(image: Image) -> None:
    size = sum(path.stat().st_size for path in image.root.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < 160 * MIB


def test_with_traces_the_exporter_is_in_it_too(tmp_path: Path) -> None:
    image = dockerfile.build(tmp_path, REQUIREMENTS="requirements-traces.txt")
    assert distributions(image).items() - {("stash-admission", "0.1.0")} <= locked("requirements-traces.txt").items()
    code, said = image.run("python3", "-c", "import opentelemetry.sdk.trace, opentelemetry.exporter.otlp.proto.http")
    assert code == 0, said


def test_a_changed_hash_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Dockerfile", ".dockerignore"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    text = (ROOT / "requirements.txt").read_text()
    (tmp_path / "requirements.txt").write_text(re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", text))
    monkeypatch.setattr(dockerfile, "ROOT", tmp_path)
    layers = tmp_path / "layers"
    layers.mkdir()
    with pytest.raises(RuntimeError, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        dockerfile.build(layers)
