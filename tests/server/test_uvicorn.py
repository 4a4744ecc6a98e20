"""Which parts of uvicorn are used that it promises nobody: a version without one of them must not come in unseen."""

import ast
import asyncio
import inspect
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

ROOT = Path(__file__).parents[2]
USED: dict[str, set[str]] = {
    "HttpToolsProtocol": {
        "_start_asgi_task",
        "access_logger",
        "app",
        "connection_lost",
        "connection_made",
        "cycle",
        "cycle.response_complete",
        "cycle.response_started",
        "data_received",
        "expect_100_continue",
        "flow",
        "flow.resume_reading",
        "flow.write_paused",
        "logger",
        "loop",
        "on_body",
        "on_headers_complete",
        "on_message_begin",
        "on_message_complete",
        "on_response_complete",
        "parser",
        "scope",
        "send_400_response",
        "server_state",
        "server_state.default_headers",
        "transport",
        "url",
    },
    "RequestResponseCycle": {
        "default_headers",
        "disconnected",
        "flow",
        "flow.write_paused",
        "keep_alive",
        "message_event",
        "on_response",
        "response_complete",
        "response_started",
        "scope",
        "send",
        "transport",
    },
    "Server": {"capture_signals", "config", "server_state", "servers", "startup"},
}
"""What our classes take, set or replace of those that they are made from, and one level below."""
IMPORTED = {"STATUS_LINE", "HttpToolsProtocol", "RequestResponseCycle"}
"""Names from modules of uvicorn, beside the package's own."""
FROM_OUTSIDE = {"config", "force_exit", "should_exit"}
"""What the process asks and tells its listeners."""


class Derived(NamedTuple):
    """A class of ours, and the name of uvicorn's that it is made from."""

    node: ast.ClassDef
    base: str


SOURCES = [ast.parse(path.read_text(), str(path)) for path in sorted((ROOT / "app").rglob("*.py"))]
NODES = [node for source in SOURCES for node in ast.walk(source)]


def derived() -> Iterator[Derived]:
    """Every class in `app/` that is made from one of uvicorn's."""
    for node in NODES:
        for base in node.bases if isinstance(node, ast.ClassDef) else ():
            name = ast.unparse(base).removeprefix("uvicorn.")
            if isinstance(node, ast.ClassDef) and name in USED:
                yield Derived(node, name)


def touched(node: ast.ClassDef) -> set[str]:
    """What a class takes from itself, what it takes from that, and what it defines."""
    names = {each.name for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute):
            start, _, rest = ast.unparse(each).partition(".")
            if start in ("self", "super()") and re.fullmatch(r"\w+(\.\w+)?", rest):
                names.add(rest)
    return {name for name in names if not name.startswith("__")}


@pytest.fixture
def made() -> Iterator[dict[str, Any]]:
    """One of each of uvicorn's classes, as it is while a call is answered."""
    loop = asyncio.new_event_loop()
    config = uvicorn.Config(lambda: None, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    server.servers = []  # as `startup` makes it
    protocol = HttpToolsProtocol(config, server.server_state, {}, loop)
    protocol.connection_made(asyncio.Transport())
    protocol.on_message_begin()
    protocol.cycle = cycle = RequestResponseCycle(
        **dict.fromkeys(inspect.signature(RequestResponseCycle).parameters, None) | {"flow": protocol.flow}  # type: ignore[arg-type]
    )
    yield {"HttpToolsProtocol": protocol, "RequestResponseCycle": cycle, "Server": server}
    loop.close()


def has(it: Any, name: str) -> bool:
    """Whether there is such a part, and all that leads to it is uvicorn's."""
    first, _, second = name.partition(".")
    if not second:
        return hasattr(it, first)
    inner = getattr(it, first, None)
    return type(inner).__module__.startswith("uvicorn") and hasattr(inner, second)


def test_what_is_used_is_what_is_listed_and_the_locked_version_has_it(made: dict[str, Any]) -> None:
    used: dict[str, set[str]] = defaultdict(set)
    for node, base in derived():
        used[base] |= {name for name in touched(node) if has(made[base], name)}
    assert used == USED
    assert {name for name in FROM_OUTSIDE if not has(made["Server"], name)} == set()
    assert callable(uvicorn.Config.get_loop_factory)


def test_what_is_imported_is_what_is_listed_and_the_locked_version_has_it() -> None:
    froms = [node for node in NODES if isinstance(node, ast.ImportFrom) and str(node.module).startswith("uvicorn")]
    assert {node.module for node in froms} == {httptools_impl.__name__}
    assert {alias.name for node in froms for alias in node.names} == IMPORTED
    assert all(hasattr(httptools_impl, name) for name in IMPORTED)
    plain = [alias.name for node in NODES if isinstance(node, ast.Import) for alias in node.names]
    assert {name for name in plain if name.startswith("uvicorn")} == {"uvicorn"}


def test_what_is_replaced_is_called_as_it_was() -> None:
    bases = {"HttpToolsProtocol": HttpToolsProtocol, "RequestResponseCycle": RequestResponseCycle}
    for node, base in derived():
        for each in node.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name in USED[base]:
                theirs = getattr(bases.get(base, uvicorn.Server), each.name)
                assert [argument.arg for argument in each.args.args] == list(inspect.signature(theirs).parameters)
                assert isinstance(each, ast.AsyncFunctionDef) == inspect.iscoroutinefunction(theirs)


@pytest.mark.parametrize("base", [HttpToolsProtocol, RequestResponseCycle])
def test_they_are_made_with_all_that_they_must_be_made_with(base: type) -> None:
    names = {node.name for node, name in derived() if name == base.__name__}
    (call,) = [node for node in NODES if isinstance(node, ast.Call) and ast.unparse(node.func) in names]
    parameters = inspect.signature(base).parameters.values()
    needed = {each.name for each in parameters if each.default is inspect.Parameter.empty}
    assert {keyword.arg for keyword in call.keywords} == needed


def test_no_other_version_than_the_tried_one_comes_in() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (bounds,) = [each.specifier for each in map(Requirement, project["dependencies"]) if each.name == "uvicorn"]
    (locked,) = re.findall(r"^uvicorn==([\d.]+)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    major, minor, *_ = map(int, locked.split("."))
    assert version("uvicorn") == locked
    assert locked in bounds
    assert f"{major}.{minor + 1}.0" not in bounds
