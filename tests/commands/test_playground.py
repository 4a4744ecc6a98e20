"""The playground's answers are those of `check`, `fix --diff` and `plan`, and only its own page gets them."""

import asyncio
import json
import logging
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.admission.engine import Admission
from app.cli import app as command_line
from app.commands.playground import application
from app.commands.playground.application import create_app
from app.commands.playground.content import MAX_TEXT_BYTES, about
from app.commands.playground.evaluate import judge
from app.commands.playground.serving import listening
from app.inventory.folder import inventory_of
from app.rules.registry import RULES
from testbed.browser import playground
from testbed.cases import Case, cases
from testbed.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "manifests" / "samples").glob("*.yaml"))
HOME = "http://127.0.0.1:8090"
ASKING = {"content-type": "application/json", "origin": HOME}
APP = create_app(Admission())
GOOD = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {name: web, namespace: demo}
spec:
  repository: {name: gcs-repo}
  retentionPolicy: {name: keep-last-5, keepLast: 5, prune: true}
  target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""
CHANGED = GOOD.replace("alias: app, ", "")
OTHER = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"


def call(
    path: str,
    content: bytes | AsyncIterator[bytes] | None = None,
    headers: Mapping[str, str] = ASKING,
    base: str = HOME,
    app: Any = APP,
) -> httpx.Response:
    """The answer to a GET, or with content to a POST."""

    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return await client.request("GET" if content is None else "POST", path, content=content, headers=headers)

    return asyncio.run(one())


def asked(text: str, old: str = "", app: Any = APP) -> dict[str, Any]:
    """What the page is answered."""
    response = call("/api/judge", orjson.dumps({"text": text, "old": old}), app=app)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def run(*arguments: str, given: str | None = None) -> str:
    """What a command writes to standard output."""
    result = CliRunner(env={"STASH_ADMISSION_RULE": "", "COLUMNS": "10000"}).invoke(command_line, arguments, given)
    assert result.exit_code in (0, 1), result.output
    return result.stdout


# --- The same engine


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_it_says_of_a_sample_what_the_commands_say(sample: Path) -> None:
    text = sample.read_text()
    answer = asked(text)
    checked = json.loads(run("check", "--no-together", "--output", "json", "-", given=text))
    fields = ("line", "column", "level", "rule", "path", "message")
    found = [[each[field] for field in fields] for each in answer["findings"] if each["level"] != "change"]
    assert sorted(found) == sorted([each[field] for field in fields] for each in checked["findings"])
    assert answer["objects"] == checked["objects"]
    changed = [each for each in answer["findings"] if each["level"] == "change"]
    assert len(changed) == sum(len(each["patch"]) for each in checked["edits"])
    assert answer["diff"] == [
        line for line in run("fix", "--diff", "-", given=text).splitlines() if not line.startswith(("---", "+++"))
    ]
    assert answer["written"] == run("fix", "-", given=text)
    for plan in answer["plans"]:
        del plan["refused"]
        for wave in plan["waves"]:
            for step in wave:
                del step["target"]
                for rule in step["rules"]:
                    del rule["said"]
    assert answer["plans"] == json.loads(run("plan", "--output", "json", "-", given=text))["objects"]


@pytest.mark.parametrize("case", [each for each in cases() if each.old is not None], ids=str)
def test_it_says_of_an_update_what_check_says(case: Case, tmp_path: Path) -> None:
    stored = tmp_path / "old.json"
    stored.write_text(json.dumps(case.old))
    text = json.dumps(case.object)
    answer = asked(text, json.dumps(case.old))
    checked = json.loads(run("check", "--output", "json", "-", "--old", str(stored), given=text))
    found = [(each["rule"], each["message"]) for each in answer["findings"] if each["level"] != "change"]
    assert sorted(found) == sorted((each["rule"], each["message"]) for each in checked["findings"])
    assert bool(answer["diff"]) == any(each["patch"] for each in checked["edits"])


def test_a_target_that_had_no_alias_in_the_stored_object_gets_none() -> None:
    update = CHANGED.replace("keepLast: 5", "keepLast: 7")
    assert asked(update)["diff"]
    answer = asked(update, CHANGED)
    assert (answer["diff"], answer["findings"]) == ([], [])
    ((step,),) = answer["plans"][0]["waves"]
    assert (step["alias"], step["host"]) == (None, "host-0")


def test_documents_lists_and_json_are_read_and_other_objects_are_left_out() -> None:
    two = asked(f"{GOOD}---\n{OTHER}---\n{CHANGED}")
    assert (two["objects"], two["others"], [each["line"] for each in two["findings"]]) == (2, 1, [19])
    one = '{"apiVersion": "stash.appscode.com/v1beta1", "kind": "RestoreSession", "metadata": {"name": "x"}, "spec": 5}'
    held = asked(f'{{"apiVersion": "v1", "kind": "List", "items": [\n{one},\n{one}]}}')
    assert (held["objects"], held["refused"]) == (2, 2)
    assert {each["line"] for each in held["findings"]} == {2, 3}


def test_what_cannot_be_read_is_told_with_its_place_and_the_rest_is_judged() -> None:
    answer = asked(f"a: [\n---\n{CHANGED}", f"{OTHER}---\nkind: [\n")
    old, text = sorted(answer["unreadable"], key=lambda each: str(each["where"]))
    assert (old["where"], old["line"], text["where"], text["line"]) == ("old", 6, "text", 2)
    assert old["message"]
    assert text["column"]
    assert [each["rule"] for each in answer["findings"]] == ["default-alias"]


def test_a_change_that_cannot_be_written_is_told() -> None:
    shared = CHANGED.replace("target: {", "target: &t {") + "---\n" + CHANGED
    anchored = shared.partition("---")[0] + "  hooks: *t\n"
    answer = asked(anchored)
    assert [each["rule"] for each in answer["findings"] if each["level"] == "change"] == ["default-alias"]
    assert "anchor" in answer["left"][0]
    assert (answer["diff"], answer["written"]) == ([], anchored)


def test_levels_and_an_inventory_count() -> None:
    bad = GOOD + "  schedule: never\n"
    assert asked(bad)["refused"] == 1
    assert asked(bad, app=create_app(Admission({"valid-schedule": "warn"})))["refused"] == 0
    knowing = create_app(Admission(None, inventory_of([])))
    assert "repository-exists" in {each["rule"] for each in asked(GOOD, app=knowing)["findings"]}
    assert "repository-exists" in call("/api/about").json()["unchecked"]
    assert call("/api/about", app=knowing).json()["unchecked"] == []


@given(st.text(), st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_gets_an_answer(text: str, old: str) -> None:
    assert orjson.dumps(judge(text, old, Admission()))


# --- What is there before anybody types


def test_each_example_shows_what_its_title_says() -> None:
    given = {each["title"]: asked(each["text"], each["old"]) for each in about(Admission())["examples"]}
    mistakes, alias, order, restore, update = given.values()
    assert list(given) == [
        "A batch with three mistakes", "A backup without an alias", "A batch that runs in order",
        "A restore in an old spelling", "An update with another alias",
    ]  # fmt: skip
    assert [each["level"] for each in mistakes["findings"]] == ["error"] * 3
    assert "+    alias: host" in alias["diff"]
    assert len(order["plans"][0]["waves"]) == 3
    assert [each["rule"] for each in restore["findings"]] == ["deprecated-rules", "move-rules"]
    assert [each["rule"] for each in update["findings"]] == ["alias-changed"]
    assert not any(each["unreadable"] for each in given.values())


def test_every_rule_that_is_told_of_can_be_explained() -> None:
    rules = call("/api/about").json()["rules"]
    assert set(RULES) < set(rules)
    for each in RULES.values():
        assert (rules[each.id]["summary"], rules[each.id]["examples"]) == (each.summary, each.examples)
    beside = asked(GOOD.replace("v1beta1", "v9") + "---\n" + GOOD + "  colour: red\n")["findings"]
    assert {each["rule"] for each in beside} == {"api-version", "unknown-field"} <= set(rules)


FILES = sorted(path for path in (ROOT / "app/commands/playground/page").iterdir())


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing_inline(file: Path) -> None:
    response = call("/" if file.name == "index.html" else f"/{file.name}", headers={})
    assert (response.status_code, response.content) == (200, file.read_bytes())
    text = response.text.replace("http://www.w3.org/2000/svg", "")
    assert "http:" not in text
    assert "https:" not in text
    assert "innerHTML" not in text
    assert not any(each in text for each in ("<style", " style=", " onclick=", "javascript:", "localStorage", "cookie"))
    if file.suffix == ".html":
        assert text.count("<script") == text.count('<script type="module" src="page.js"></script>') == 1


def test_the_wheel_holds_the_page_and_the_examples() -> None:
    builder = WheelBuilder(str(ROOT))
    held = {each.distribution_path for each in builder.recurse_included_files()}
    there = [path for part in ("page", "examples") for path in (ROOT / "app/commands/playground" / part).iterdir()]
    assert {str(path.relative_to(ROOT)) for path in there} <= held


# --- Who is answered


def test_every_answer_forbids_all_that_the_page_does_not_need() -> None:
    for response in (call("/", headers={}), call("/nothing"), call("/", base="http://evil.test")):
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8090", "http://localhost:1", "http://[::1]:8090", "http://LOCALHOST"]
)
def test_the_page_is_at_the_names_of_this_machine(base: str) -> None:
    assert call("/", headers={}, base=base).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:8090",
        "127.0.0.1.evil.test",
        "localhost:8090@evil.test",
        "",
        ":",
        "192.0.2.1:8090",
        "[::1",
        "localhost.:8090",
    ],
)
def test_a_name_that_somebody_pointed_here_gets_nothing(host: str) -> None:
    for content in (None, b"{}"):
        response = call("/api/judge" if content else "/", content, {**ASKING, "host": host, "origin": f"http://{host}"})
        assert response.status_code == 421
        assert "localhost" in response.json()["message"]


@pytest.mark.parametrize(
    "origin",
    [None, "null", "http://evil.test", "https://127.0.0.1:8090", "http://127.0.0.1:8091", "http://localhost:8090"],
)
def test_another_site_cannot_ask(origin: str | None) -> None:
    headers = {"content-type": "application/json"} | ({} if origin is None else {"origin": origin})
    response = call("/api/judge", orjson.dumps({"text": GOOD}), headers)
    assert response.status_code == 403
    assert "Origin" in response.json()["message"]


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json"]
)
def test_what_a_form_of_another_site_could_send_is_not_taken(kind: str | None) -> None:
    headers = {"origin": HOME} | ({} if kind is None else {"content-type": kind})
    assert call("/api/judge", orjson.dumps({"text": GOOD}), headers).status_code == 415


def test_a_text_of_7_mib_is_taken_and_a_larger_one_is_told_what_takes_it() -> None:
    around = len(orjson.dumps({"text": "", "old": ""}))
    assert asked("#" * (MAX_TEXT_BYTES - around))["objects"] == 0

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(MAX_TEXT_BYTES // 2**20 + 2):
            yield b" " * 2**20

    for content in (orjson.dumps({"text": "#" * (MAX_TEXT_BYTES - around + 1), "old": ""}), parts()):
        response = call("/api/judge", content)
        assert response.status_code == 413
        assert "7 MiB" in response.json()["message"]
        assert "stash-admission check" in response.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"secret",
        b"[]",
        b'"secret"',
        b"{}",
        b'{"text": 5}',
        b'{"text": "a", "secret": 1}',
        b'{"text": "\\ud800"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_question_is_a_bad_call_and_not_echoed(body: bytes) -> None:
    response = call("/api/judge", body)
    assert response.status_code == 400
    assert "text" in response.json()["message"]
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/nothing", None, 404),
        ("/api/judge", None, 405),
        ("/", b"{}", 405),
        ("/../app.py", None, 404),
        ("/docs", None, 404),
    ],
)
def test_there_is_nothing_else(path: str, content: bytes | None, status: int) -> None:
    assert call(path, content).status_code == status


def test_nothing_that_is_typed_is_logged_even_where_the_program_is_wrong(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    asked(GOOD.replace("web", "a-secret"))

    def broken(text: str, *_: object) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr(application, "judge", broken)
    response = call("/api/judge", orjson.dumps({"text": "a-secret"}))
    assert response.status_code == 500
    assert "this is a bug in stash-admission" in response.json()["message"]
    assert "RuntimeError at test_playground.py:" in response.json()["message"]
    assert "a-secret" not in response.text + caplog.text + "".join(capfd.readouterr())


# --- The command


def test_it_listens_on_this_machine_only() -> None:
    own, address = listening(0)
    with own:
        host, port = own.getsockname()
        assert (host, address) == ("127.0.0.1", f"http://127.0.0.1:{port}/")


def test_it_says_where_the_page_is_and_ctrl_c_ends_it_well() -> None:
    with playground() as (address, process):
        assert httpx.get(address, trust_env=False, timeout=PATIENCE).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=PATIENCE) == ("", "")
        assert process.returncode == 0


def test_a_port_in_use_is_told_with_the_flag_that_chooses_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(command_line, ["playground", "--port", str(port)])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert str(port) in line
    assert "--port" in line


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--port", "65536"),
        ("--port", "-1"),
        ("--rule", "no-such=off"),
        ("--inventory", "/nothing"),
        ("--host", "192.0.2.1"),
    ],
)
def test_a_bad_flag_is_an_error_of_usage(flag: str, value: str) -> None:
    result = CliRunner().invoke(command_line, ["playground", flag, value])
    assert result.exit_code == 2
    assert flag in result.stderr or value.split("=")[0] in result.stderr
