"""`docs/operate/gitops.md` on Helm, with the programs: what a chart says and what the server writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.support.gitops import MANIFESTS, Manifest, manifest
from tests.support.helm import Helm

WITHOUT_ALIAS = ("a target without alias", "a member without alias")


@pytest.fixture
def chart(helm: Helm, tmp_path: Path) -> Path:
    folder = tmp_path / "chart"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: backups\nversion: 0.1.0\n")
    helm.chart = folder
    return folder


def upgraded(helm: Helm, chart: Path, document: Manifest, release: str) -> Manifest:
    """The object as it is stored after the chart with it was installed or upgraded."""
    (chart / "templates" / "backup.yaml").write_text(yaml.safe_dump(document))
    helm.run("upgrade", "--install", release, str(chart), "--namespace=default")
    reply = helm.cluster.kubectl("get", document["kind"], document["metadata"]["name"], "-n", "default", "-o", "yaml")
    assert reply.returncode == 0, reply.stderr
    stored: Manifest = yaml.safe_load(reply.stdout)
    return stored


def named(helm: Helm, what: str) -> str:
    return f"{helm.program.name}-" + what.replace(" ", "-")


@pytest.mark.parametrize("what", MANIFESTS)
def test_an_upgrade_that_changes_nothing_changes_nothing(helm: Helm, chart: Path, what: str) -> None:
    document = manifest(what, named(helm, what))
    first = upgraded(helm, chart, document, named(helm, what))
    second = upgraded(helm, chart, document, named(helm, what))
    assert first["metadata"]["generation"] == second["metadata"]["generation"]
    assert first["spec"] == second["spec"]


@pytest.mark.parametrize("what", WITHOUT_ALIAS)
def test_the_alias_stays_where_something_else_changes(helm: Helm, chart: Path, what: str) -> None:
    document = manifest(what, f"{named(helm, what)}-b")
    upgraded(helm, chart, document, f"{named(helm, what)}-b")
    document["spec"]["retentionPolicy"]["keepLast"] = 7
    stored = upgraded(helm, chart, document, f"{named(helm, what)}-b")
    target = stored["spec"].get("target") or stored["spec"]["members"][0]["target"]
    assert (target["alias"], stored["spec"]["retentionPolicy"]["keepLast"]) == ("host-0", 7)


def test_members_that_change_are_sent_as_a_whole_and_get_their_aliases_again(helm: Helm, chart: Path) -> None:
    what = "a member without alias"
    document = manifest(what, f"{named(helm, what)}-c")
    upgraded(helm, chart, document, f"{named(helm, what)}-c")
    ref = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}
    document["spec"]["members"].append({"target": {"alias": "db", "ref": ref}})
    stored = upgraded(helm, chart, document, f"{named(helm, what)}-c")
    assert [each["target"]["alias"] for each in stored["spec"]["members"]] == ["host-0", "db"]
