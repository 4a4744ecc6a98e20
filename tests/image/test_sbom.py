"""The software bill of materials: complete, reproducible, and as CycloneDX has it."""

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from image import sbom
from image.needs import needed

ROOT = Path(__file__).parents[2]


def written(target: Path, *lock: str) -> str:
    with mock.patch.object(sys, "argv", ["sbom", str(target), *lock]), contextlib.chdir(ROOT):
        sbom.main()
    return target.read_text()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory.mktemp("sbom") / "sbom.json")


@pytest.fixture(scope="module")
def bill(text: str) -> Any:
    return json.loads(text)


def test_it_says_what_it_is_of(bill: Any) -> None:
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/stash-admission@0.1.0"


def test_each_component_has_version_and_hashes_as_locked(bill: Any) -> None:
    lock = (ROOT / "requirements.txt").read_text()
    assert len(bill["components"]) > 30
    for each in bill["components"]:
        start = re.search(
            rf"^{re.escape(each['name'])}(?:\[.*\])?=={re.escape(each['version'])}\b", lock, flags=re.MULTILINE
        )
        assert start, each["name"]
        (files,) = each["externalReferences"]
        own = re.split(r"\n(?! )", lock[start.start() :])[0]
        assert sorted(set(re.findall("sha256:(.{64})", own))) == [hash_["content"] for hash_ in files["hashes"]]


def test_it_has_everything_that_the_server_needs_and_nothing_that_only_builds(bill: Any) -> None:
    names = {each["name"] for each in bill["components"]}
    assert names == needed(extras=("",)).keys() - {"stash-admission"}
    assert "hatchling" not in names


def test_every_dependency_leads_to_a_component(bill: Any) -> None:
    known = {each["bom-ref"] for each in (*bill["components"], bill["metadata"]["component"])}
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    assert needs.keys() == known
    assert set().union(*needs.values()) == known - {"pkg:pypi/stash-admission@0.1.0"}


def test_the_same_sources_give_the_same_bytes(text: str, tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    command = [sys.executable, "-m", "image.sbom", str(target)]  # whose hashes of texts are others
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert target.read_text() == text


def test_the_page_says_what_the_command_prints(bill: Any) -> None:
    page = (ROOT / "docs/install/image.md").read_text()
    assert f"$ make sbom\n.local/sbom.json: {len(bill['components'])} components\n" in page


def test_with_traces_it_lists_the_exporter_too(tmp_path: Path) -> None:
    names = {each["name"] for each in json.loads(written(tmp_path / "x.json", "requirements-traces.txt"))["components"]}
    assert "opentelemetry-exporter-otlp-proto-http" in names
