"""The command line: what it prints, and its exit codes."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer.main

from app.admission.engine import Admission
from app.cli import app, main
from app.cli.cluster import audit
from app.rules.registry import RULES
from app.settings import Settings
from schemas.kinds import KINDS
from testbed.patience import PATIENCE
from testbed.server import Door, backup, body, environment, issue
from tests.support.commandline import complaint, run
from tests.support.refusal import start

SAMPLES = sorted((Path(__file__).parents[2] / "manifests/samples/reviews").glob("*.json"))
SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
WEBHOOK = pytest.mark.parametrize("webhook", ["mutate", "validate"])
RULE = pytest.mark.parametrize("rule", RULES)
COMMANDS = [
    "serve",
    "check",
    "fix",
    "plan",
    "playground",
    "audit",
    "backfill",
    "review",
    "rules",
    "explain",
    "doctor",
    "policies",
]
REFUSED = body(backup(schedule="0 24 * * *"))


# --- help


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_shown_for_every_command(command: str, flag: str) -> None:
    result = run(*filter(None, [command]), flag)
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_help_lists_the_commands() -> None:
    output = run("--help").stdout
    assert all(f" {command} " in output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_what_each_of_its_flags_does(command: str) -> None:
    output = run(command, "--help").stdout
    for parameter in typer.main.get_command(app).commands[command].params:  # type: ignore[attr-defined]
        assert parameter.help.split()[0] in output
        assert parameter.param_type_name == "argument" or max(parameter.opts, key=len) in output


def test_the_dump_that_the_help_of_audit_shows_holds_every_kind_that_is_judged() -> None:
    (example,) = [line for line in (audit.__doc__ or "").splitlines() if "kubectl get" in line]
    assert {each.plural for each in KINDS.values()} <= set(example.split()[2].split(","))


def test_the_help_of_review_says_that_it_needs_one_of_two_flags() -> None:
    assert "Either --mutate or --validate is required" in run("review", "--help").stdout


@pytest.mark.parametrize("bound", ["max_in_flight", "max_connections"])
def test_the_help_of_serve_says_of_a_bound_what_the_page_on_the_settings_says(bound: str) -> None:
    (flag,) = [each for each in typer.main.get_command(app).commands["serve"].params if each.name == bound]  # type: ignore[attr-defined]
    said = flag.help.partition(". [default: ")[0]
    assert said in str(Settings.model_fields[bound].description)


def test_the_help_of_serve_says_how_the_variables_are_called() -> None:
    assert "STASH_ADMISSION_PORT" in run("serve", "--help").stdout


@pytest.mark.parametrize("arguments", [["--version"], ["--version", "check"], ["--version", "no-such-command"]])
def test_the_version_is_said_whatever_else_is_asked(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.output) == (0, f"stash-admission {version('stash-admission')}\n")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["serve", "--no-such-flag"], ["serve", "--port", "http"]])
def test_what_the_command_line_does_not_know_is_an_error_of_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


# --- review


@WEBHOOK
@SAMPLE
def test_review_prints_what_the_server_answers(webhook: str, sample: Path) -> None:
    answer = Door().call(sample.read_bytes(), f"/{webhook}").content
    assert run("review", f"--{webhook}", sample).stdout_bytes == answer + b"\n"


@pytest.mark.parametrize("arguments", [[], ["-"]], ids=["no-file", "dash"])
def test_review_reads_standard_input(arguments: list[str]) -> None:
    result = run("review", "--validate", *arguments, given=body(uid="from-stdin"))
    assert json.loads(result.stdout)["response"] == {"uid": "from-stdin", "allowed": True}


def test_review_reads_a_file(tmp_path: Path) -> None:
    file = tmp_path / "review.json"
    file.write_bytes(body(uid="from-a-file"))
    assert json.loads(run("review", "--validate", file).stdout)["response"]["uid"] == "from-a-file"


@WEBHOOK
def test_review_ends_with_0_where_the_object_is_allowed(webhook: str) -> None:
    assert run("review", f"--{webhook}", given=body()).exit_code == 0


def test_review_ends_with_1_where_the_object_is_refused() -> None:
    result = run("review", "--validate", given=REFUSED)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["response"]["allowed"] is False


def test_review_ends_with_0_where_the_webhook_is_the_one_that_refuses_nothing() -> None:
    assert run("review", "--mutate", given=REFUSED).exit_code == 0


def test_review_takes_levels_of_rules() -> None:
    result = run("review", "--validate", "--rule", "valid-schedule=warn", "--rule", "unique-alias=off", given=REFUSED)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["response"]["warnings"]


@pytest.mark.parametrize("flags", [[], ["--mutate", "--validate"]], ids=["neither", "both"])
def test_review_wants_to_know_which_webhook_answers(flags: list[str]) -> None:
    line = complaint(run("review", *flags, given=body()))
    assert "--mutate" in line
    assert "--validate" in line


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"", "JSON"),
        (b"no json", "JSON"),
        (b"\xff", "JSON"),
        (b'{"a":1,"a":2}', "duplicate key"),
        (b"[" * 100_000, "JSON"),
        (b"[" * 300 + b"]" * 300, "nested more than 100 levels deep"),
        (b"{}", "AdmissionReview"),
        (body(uid=""), "uid"),
        (body(object=None), "object"),
    ],
    ids=["empty", "text", "binary", "twice", "open", "deep", "object", "uid", "no-object"],
)
def test_review_says_what_is_wrong_with_its_input(given: bytes, says: str) -> None:
    assert says in complaint(run("review", "--validate", given=given))


def test_review_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert str(tmp_path / "nothing.json") in complaint(run("review", "--validate", tmp_path / "nothing.json"))


def test_review_names_a_folder_that_it_cannot_read(tmp_path: Path) -> None:
    assert str(tmp_path) in complaint(run("review", "--validate", tmp_path))


@pytest.mark.parametrize("rule", ["valid-schedule", "no-such-rule=off", "valid-schedule=loud", "default-alias=off"])
def test_review_names_a_bad_rule(rule: str) -> None:
    assert rule.split("=")[0] in complaint(run("review", "--validate", "--rule", rule, given=body()))


def test_a_mistake_in_the_program_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    file = tmp_path / "review.json"
    file.write_bytes(body())
    monkeypatch.setattr(Admission, "validate", broken)
    monkeypatch.setattr(sys, "argv", ["stash-admission", "review", "--validate", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert capsys.readouterr().out == ""


# --- rules and explain


def test_rules_lists_every_rule_once_with_its_level_and_its_summary() -> None:
    result = run("rules")
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line and not line.startswith(" ")}
    assert set(rows) - {"RULE"} == set(RULES)
    for rule in RULES.values():
        assert rows[rule.id].split()[1] == (rule.level or "changes")
        assert rule.summary.split()[0] in rows[rule.id]


@RULE
def test_explain_prints_summary_reason_and_both_examples(rule: str) -> None:
    result = run("explain", rule)
    assert result.exit_code == 0
    each = RULES[rule]
    assert each.summary
    assert each.reason
    assert f"{each.summary}\n\n{each.reason}\n" in result.stdout
    assert len(each.examples) == 2
    for heading, example in each.examples.items():
        assert example
        shown = result.stdout.partition(f"\n{heading}:\n")[2]
        assert [line.strip() for line in example.splitlines()] == [
            line.strip() for line in shown.strip("\n").splitlines()[: len(example.splitlines())]
        ]


@RULE
def test_explain_says_level_and_kinds(rule: str) -> None:
    first = run("explain", rule).stdout.splitlines()[0]
    assert first.startswith(rule)
    assert str(RULES[rule].level or "changes") in first
    assert all(kind in first for kind in RULES[rule].kinds)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("unique-alais", "unique-alias"), ("unique_alias", "unique-alias"), ("valid-shedule", "valid-schedule")],
)
def test_explain_suggests_the_rules_that_are_called_nearly_so(wrong: str, near: str) -> None:
    line = complaint(run("explain", wrong))
    assert wrong in line
    assert near in line


def test_explain_says_where_the_rules_are_listed_when_none_is_called_nearly_so() -> None:
    assert "stash-admission rules" in complaint(run("explain", "zzz"))


# --- serve


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"],
    ids=["no", "empty", "text", "half"],
)
def test_serve_names_a_file_that_is_no_certificate_or_key(tmp_path: Path, name: str, content: bytes | None) -> None:
    issue(tmp_path, "localhost")
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert str(tmp_path / name) in complaint(start("--cert-dir", tmp_path, "--port", "0"))


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no such host"])
def test_serve_names_an_address_on_which_it_cannot_listen(tmp_path: Path, host: str) -> None:
    issue(tmp_path, "localhost")
    ended = start("--cert-dir", tmp_path, "--port", "0", "--host", host)
    assert ended.exit_code == 2
    assert host in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--port", "65536"), ("--management-port", "-1"), ("--drain-seconds", "-1"), ("--max-in-flight", "0"),
     ("--rule", "no-such-rule=off")],
)  # fmt: skip
def test_serve_names_a_flag_with_a_bad_value(tmp_path: Path, flag: str, value: str) -> None:
    assert flag in complaint(start("--cert-dir", tmp_path, flag, value))


# --- The program itself


@pytest.mark.parametrize(
    "command", [[sys.executable, "-m", "app"], [str(Path(sys.executable).with_name("stash-admission"))]]
)
def test_the_program_and_the_module_are_the_same(command: list[str]) -> None:
    ended = subprocess.run(
        [*command, "review", "--validate"],
        input=REFUSED,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert ended.stdout == Door().call(REFUSED).content + b"\n"
