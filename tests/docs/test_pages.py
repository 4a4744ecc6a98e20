"""What the pages for people name is there: other pages, files, metrics."""

import re
from pathlib import Path

from app.server.observability.metrics import Metrics
from tests.support.pages import PAGE, PAGES, ROOT, anchors, links

WRITTEN_BY_THE_READER = {"manifests/overlays/own-secret/ca.crt"}


@PAGE
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target, heading in links(page):
        assert target.exists(), target
        assert target.is_relative_to(ROOT), target
        assert not heading or heading in anchors(target), f"{target.name}#{heading}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set[Path](), {ROOT / "README.md"}
    while new:
        reached |= new
        new = {target for page in new if page.suffix == ".md" for target, _ in links(page)} - reached
    assert set(PAGES) <= reached


@PAGE
def test_the_manifests_that_a_page_names_are_there(page: Path) -> None:
    for name in set(re.findall(r"(?<!tests/)\bmanifests/[\w./-]*\w", page.read_text())) - WRITTEN_BY_THE_READER:
        assert (ROOT / name).exists(), name


@PAGE
def test_the_metrics_that_a_page_names_are_there(page: Path) -> None:
    metrics = Metrics()
    metrics.knows(dict, lambda: 0.0)
    families = {family.name for family in metrics.registry.collect()}
    for name in set(re.findall(r"\bstash_admission_[a-z_]+", page.read_text())):
        assert re.sub("_(total|bucket|sum|count)$", "", name) in families, name


@PAGE
def test_the_tests_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text()
    for name in set(re.findall(r"`((?:tests|fuzz|image)/[\w./]+)`", text)):
        assert (ROOT / name).exists(), name
    known = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {name}(" in known, name


def test_every_threat_has_a_proof_or_says_who_looks() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.count("|") == 4]
    rows = [line for line in rows if not line.startswith(("| threat |", "|---"))]
    assert len(rows) > 15
    for row in rows:
        assert re.search(r"`(tests|fuzz)/|`make |the same test", row), row
