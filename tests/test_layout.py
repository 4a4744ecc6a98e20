"""Where tests and their helpers are: a helper is imported from where helpers are, and nothing ships with a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = ("app", "bench", "certs", "fuzz", "image", "kube", "proof", "schemas", "testbed", "tools")


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, at its top or anywhere else."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


@pytest.mark.parametrize("package", OUTSIDE)
def test_nothing_outside_the_tests_imports_from_them(package: str) -> None:
    guilty = {
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if any(f"{name}.".startswith("tests.") for name in imported(path))
    }
    assert guilty == set()


def test_every_package_is_looked_at() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} == {*OUTSIDE, "tests"}


def test_a_helper_is_not_imported_from_a_test() -> None:
    guilty = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "tests").rglob("*.py")
        for name in imported(path)
        if name.startswith("tests.") and any(each.startswith("test_") or each == "conftest" for each in name.split("."))
    }
    assert guilty == set()
