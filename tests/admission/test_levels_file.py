"""The configuration file: what it does, and what is wrong with one."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.admission.engine import Admission
from app.admission.levels import Levels
from app.admission.levels_file import CONTENT, MAX_CHARS, watched
from app.cli import app
from app.rules.registry import Level, levels
from app.settings import PREFIX
from testbed.reviews import answer
from testbed.server import backup, body, unprivileged
from tests.support.configmap import mount

pytestmark = pytest.mark.usefixtures("no_variables")

SCHEDULE = backup(schedule="0 24 * * *")
"""What valid-schedule refuses."""
WARN = "rules: {valid-schedule: warn}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def run(*arguments: str | Path, given: bytes | str | None = None) -> Result:
    """The command with these arguments."""
    return CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"}).invoke(app, [str(each) for each in arguments], given)


def decided(*arguments: str | Path, namespace: str = "demo", given: bytes | None = None) -> str:
    """What becomes of a wrong schedule in a namespace: refused, warned or nothing."""
    result = run("review", "--validate", *arguments, given=given or body(SCHEDULE, namespace=namespace))
    assert result.exit_code in (0, 1), result.output
    response = json.loads(result.stdout)["response"]
    return "refused" if not response["allowed"] else "warned" if response.get("warnings") else "nothing"


def faults(file: Path, text: str) -> list[str]:
    """What is wrong with a file of this text, without its name."""
    file.write_text(text)
    result = run("rules", "--config", file)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.removeprefix("Error: ").splitlines()
    assert all(line.startswith(f"{file}:") for line in lines), lines
    return [line.removeprefix(f"{file}:").lstrip() for line in lines]


# --- What it does


@pytest.mark.parametrize(
    ("level", "outcome"),
    [
        ("enforce", "refused"), ("warn", "warned"), ("off", "nothing"),
        ('"off"', "nothing"), ("'warn'", "warned"), ("!!str off", "nothing"),
    ],
)  # fmt: skip
def test_a_rule_has_the_level_that_the_file_says(file: Path, level: str, outcome: str) -> None:
    file.write_text(f"rules:\n  valid-schedule: {level}\n")
    assert decided("--config", file) == outcome


def test_a_namespace_has_levels_of_its_own_and_the_others_keep_theirs(file: Path) -> None:
    file.write_text("namespaces:\n  legacy:\n    rules: {valid-schedule: warn}\n")
    assert decided("--config", file, namespace="legacy") == "warned"
    assert decided("--config", file, namespace="demo") == "refused"


def test_the_level_of_a_namespace_wins_over_the_one_for_all(file: Path) -> None:
    file.write_text("rules: {valid-schedule: off}\nnamespaces: {strict: {rules: {valid-schedule: enforce}}}\n")
    assert decided("--config", file, namespace="strict") == "refused"
    assert decided("--config", file, namespace="demo") == "nothing"


def test_a_rule_that_a_namespace_does_not_name_has_the_level_for_all(file: Path) -> None:
    file.write_text("rules: {valid-schedule: warn}\nnamespaces: {legacy: {rules: {unique-host: off}}}\n")
    assert decided("--config", file, namespace="legacy") == "warned"


def test_a_flag_wins_over_the_file_and_the_level_of_a_namespace_over_the_flag(file: Path) -> None:
    file.write_text("rules: {valid-schedule: off}\nnamespaces: {legacy: {rules: {valid-schedule: off}}}\n")
    assert decided("--config", file, "--rule", "valid-schedule=warn", namespace="demo") == "warned"
    assert decided("--config", file, "--rule", "valid-schedule=warn", namespace="legacy") == "nothing"


def test_a_variable_wins_over_the_file_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("rules: {valid-schedule: off}\n")
    monkeypatch.setenv(f"{PREFIX}RULE", "valid-schedule=warn")
    assert decided("--config", file) == "warned"


def test_a_variable_names_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(WARN)
    monkeypatch.setenv(f"{PREFIX}CONFIG", str(file))
    assert decided() == "warned"


def test_what_mutations_announce_has_a_level_in_a_namespace_too(file: Path) -> None:
    file.write_text("namespaces: {quiet: {rules: {deprecated-rules: off}}}\n")
    restore = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": "shop"},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "target": {"alias": "app", "ref": {"kind": "Deployment", "name": "web"}},
            "rules": [{"paths": ["/data"]}],
        },
    }
    for namespace, warns in (("quiet", False), ("demo", True)):
        result = run("review", "--mutate", "--config", file, given=body(restore, namespace=namespace))
        assert ("warnings" in json.loads(result.stdout)["response"]) is warns


def test_check_and_audit_judge_by_the_file(file: Path, tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    objects.mkdir()
    for namespace in ("demo", "legacy"):
        document = SCHEDULE | {"metadata": {"name": "shop", "namespace": namespace}}
        (objects / f"{namespace}.json").write_text(json.dumps(document))
    file.write_text("namespaces: {legacy: {rules: {valid-schedule: warn, repository-exists: off}}}\n")
    for command in ("check", "audit"):
        result = run(command, objects, "--config", file, "--output", "json")
        found = {
            (each["namespace"], each["level"])
            for each in json.loads(result.stdout)["findings"]
            if each["rule"] == "valid-schedule"
        }
        assert found == {("demo", "error"), ("legacy", "warning")}, command


def test_standard_input_is_not_read_twice_for_objects_and_levels() -> None:
    result = run("check", "-", "--config", "-", given=WARN)
    assert result.exit_code == 2
    assert "once" in result.stderr


@pytest.mark.parametrize(
    "text", ["rules:\n", "rules: {}\n", "namespaces:\n", "rules:\n# unique-alias: warn\n", "namespaces: {a: }\n",
             "namespaces: {a: {rules: }}\n", "{}\n", '{"rules": {"unique-alias": "enforce"}}', "---\nrules: {}\n"],
)  # fmt: skip
def test_a_file_may_say_nothing_as_long_as_it_says_so(file: Path, text: str) -> None:
    file.write_text(text)
    assert decided("--config", file) == "refused"


def test_names_of_namespaces_are_read_as_they_are_written(file: Path) -> None:
    """To YAML 1.1 `on` is true, and 007 seven."""
    file.write_text("namespaces:\n  on: {rules: {valid-schedule: warn}}\n  007: {rules: {valid-schedule: off}}\n")
    assert decided("--config", file, namespace="on") == "warned"
    assert decided("--config", file, namespace="007") == "nothing"


def test_namespaces_can_share_levels_by_an_anchor(file: Path) -> None:
    file.write_text("namespaces:\n  old: &lenient\n    rules: {valid-schedule: warn}\n  older: *lenient\n")
    assert [decided("--config", file, namespace=each) for each in ("old", "older")] == ["warned", "warned"]


def test_a_json_file_does_as_well(file: Path) -> None:
    file.write_text('{"rules": {"valid-schedule": "warn"}}')
    assert decided("--config", file) == "warned"


def test_a_decision_under_way_keeps_the_levels_that_it_began_with() -> None:
    """With others for the stored object, an old fault would pass for a new one."""
    off = Levels(dict.fromkeys(levels({}), Level.OFF))

    def clock() -> float:
        admission.use(off)
        return 0.0

    old, new = SCHEDULE, backup(schedule="0 24 * * *", timeOut="3h")
    admission = Admission(clock=clock)
    under_way = answer(admission, "validate", new, old, deadline=10.0)
    assert "not refused: the stored object already has this problem" in under_way.warnings[0]
    assert not answer(admission, "validate", new, old).warnings


# --- A directory


def test_a_directory_without_the_file_configures_nothing(tmp_path: Path) -> None:
    assert decided("--config", tmp_path) == "refused"
    assert watched(tmp_path) == [tmp_path, tmp_path / CONTENT]


def test_in_a_directory_the_file_has_its_name(tmp_path: Path) -> None:
    (tmp_path / CONTENT).write_text(WARN)
    assert decided("--config", tmp_path) == "warned"


def test_another_file_in_the_directory_is_refused_since_nobody_would_read_it(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(WARN)
    result = run("rules", "--config", tmp_path)
    assert result.exit_code == 2
    assert f"{tmp_path}: holds config.yml: only config.yaml is read here" in result.stderr


def test_what_kubernetes_keeps_beside_a_mounted_file_does_not_matter(tmp_path: Path) -> None:
    mount(tmp_path, WARN)
    assert decided("--config", tmp_path) == "warned"


# --- What is wrong with one


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty: to set no levels, write `rules: {}`"),
        ("# nothing\n", "is empty: to set no levels, write `rules: {}`"),
        ("rules:\n  unique-hots: warn\n", "2:3: rules.unique-hots: unknown rule 'unique-hots': write unique-host"),
        ("rules:\n  zzz: warn\n", "2:3: rules.zzz: unknown rule 'zzz': `stash-admission rules` lists all rules"),
        (
            "rules:\n  unique-host: loud\n",
            "2:16: rules.unique-host: unique-host cannot be 'loud': write enforce or warn or off",
        ),
        ("rules: {unique-host: }", "1:22: rules.unique-host: unique-host cannot be '': write enforce or warn or off"),
        (
            "rules: {unique-host: false}",
            "1:22: rules.unique-host: unique-host cannot be 'false': write enforce or warn or off; what wrote this "
            "took `off` for a boolean: put it into quotes there",
        ),
        (
            "rules: {deprecated-rules: enforce}",
            "1:27: rules.deprecated-rules: deprecated-rules cannot be 'enforce': write warn or off",
        ),
        (
            "rules: {default-alias: off}",
            "1:9: rules.default-alias: default-alias changes objects and has no level: remove it",
        ),
        ("rules: {unique-host: [warn]}", "1:22: rules.unique-host: expected a level: enforce, warn or off"),
        (
            "rules:\n- unique-host=warn\n",
            "2:1: rules: expected an object: write `ID: LEVEL`, such as `unique-alias: warn`",
        ),
        (
            "rules: unique-host=warn\n",
            "1:8: rules: expected an object: write `ID: LEVEL`, such as `unique-alias: warn`",
        ),
        ("- a\n", "1:1: expected an object, with rules or namespaces"),
        ("warn\n", "1:1: expected an object, with rules or namespaces"),
        ("rule: {}\n", "1:1: rule: unknown key: write rules"),
        ("port: 1\n", "1:1: port: unknown key: write rules or namespaces"),
        ("unique-host: warn\n", "1:1: unique-host: is a rule: move it under `rules`"),
        (
            "namespaces: {legacy: {unique-host: warn}}",
            "1:23: namespaces.legacy.unique-host: is a rule: move it under `rules`",
        ),
        ("namespaces: {legacy: {rule: {}}}", "1:23: namespaces.legacy.rule: unknown key: write rules"),
        ("namespaces: {legacy: warn}", "1:22: namespaces.legacy: expected an object, with rules"),
        ("namespaces: [legacy]", "1:13: namespaces: expected an object: write `NAME: {rules: {ID: LEVEL}}`"),
        (
            "namespaces: {Legacy: {}}",
            "1:14: namespaces.Legacy: is not a valid namespace name: use at most 63 lowercase letters, digits and '-'",
        ),
        (
            'namespaces: {"team-*": {}}',
            "1:14: namespaces.team-*: is not a valid namespace name: use at most 63 lowercase letters, digits and '-'; "
            "patterns are not supported, so name each namespace",
        ),
        ("rules: {}\nrules: {}\n", "2:1: rules: the key appears twice: remove one"),
        (
            "rules: {unique-host: warn, unique-host: off}",
            "1:28: rules.unique-host: the key appears twice: remove one",
        ),
        ("rules: {[a]: warn}", "1:9: rules: a list or an object cannot be a key"),
        ("rules:\n\tunique-host: warn\n", "2:1: not YAML: "),
        ("rules: {}\n---\nrules: {}\n", "3:1: there is a second document: write only one, without `---`"),
        ("rules: {}\n---\n\tx\n", "3:1: there is a second document: write only one, without `---`"),
        (
            "apiVersion: v1\nkind: ConfigMap\ndata: {}\n",
            f"1:1: this is a whole ConfigMap: write only what it holds under {CONTENT}",
        ),
        (
            "rules: {<<: {unique-host: warn}}",
            "1:9: rules.<<: is not supported here: use an alias such as `*name` instead",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_to_write(file: Path, text: str, says: str) -> None:
    (fault,) = faults(file, text)
    assert fault.startswith(says)


def test_everything_that_is_wrong_is_said_at_once_in_order(file: Path) -> None:
    text = "namespaces:\n  A:\n    rules: {unique-host: x}\nrules:\n  nothing: off\n  unique-alias: y\nmore: 1\n"
    places = [fault.partition(": ")[0] for fault in faults(file, text)]
    assert places == ["2:3", "3:26", "5:3", "6:17", "7:1"]


def test_of_very_many_faults_the_first_are_said(file: Path) -> None:
    said = faults(file, "rules:\n" + "".join(f"  rule-{number}: warn\n" for number in range(500)))
    assert len(said) == 21
    assert said[-1].endswith("there are more problems")


def test_aliases_without_end_take_no_time(file: Path) -> None:
    rules = ", ".join(f"rule-{number}: warn" for number in range(5_000))
    namespaces = "".join(f"  n{number}: *many\n" for number in range(5_000))
    (said,) = faults(file, f"namespaces:\n  a: &many {{rules: {{{rules}}}}}\n{namespaces}")
    assert "the file's aliases stand for more than 100,000 values: remove some, or split the file" in said


def test_a_file_larger_than_a_configmap_can_be_is_refused(file: Path) -> None:
    (fault,) = faults(file, "#" * MAX_CHARS + "\n")
    assert fault == "larger than 1 MiB, which is the most that a ConfigMap can hold"


def test_a_file_that_is_not_there_is_told_with_flag_and_variable(file: Path) -> None:
    result = run("rules", "--config", file)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {file}: No such file or directory: correct --config or STASH_ADMISSION_CONFIG\n"


def test_what_nobody_may_read_is_told(file: Path) -> None:
    file.write_text(WARN)
    file.parent.chmod(0o700)
    run("rules", "--config", file)  # what it imports, anybody may not
    with unprivileged():
        result = run("rules", "--config", file)
        assert watched(file) == [file]
    assert (result.exit_code, result.stderr) == (2, f"Error: {file}: Permission denied\n")


def test_what_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"rules: {\xff}")
    result = run("rules", "--config", file)
    assert (result.exit_code, result.stderr) == (2, f"Error: {file}:1:9: not UTF-8: byte 0xff\n")


@pytest.mark.parametrize("command", ["check", "audit", "review", "rules"])
def test_a_bad_file_ends_every_command_with_2(command: str, file: Path) -> None:
    file.write_text("rules: {nothing: off}\n")
    arguments = {"review": ["--validate"], "rules": []}.get(command, [file.parent])
    result = run(command, *arguments, "--config", file, given=body())
    assert (result.exit_code, result.stdout) == (2, "")
    assert "rules.nothing" in result.stderr


# --- The levels in force, shown


def shown(*arguments: str | Path, given: str | None = None) -> dict[str, tuple[str, str]]:
    """Level and origin of each rule, as `rules` lists them."""
    result = run("rules", *arguments, given=given)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    origin, end = lines[0].index("SET BY"), lines[0].index("WHAT IT DOES")
    return {line.split()[0]: (line.split()[1], line[origin:end].strip()) for line in lines[1:] if line[:1].strip()}


def test_the_levels_in_force_are_listed_with_where_they_come_from(file: Path) -> None:
    file.write_text(
        "rules: {unique-host: warn, unique-target: off}\nnamespaces: {legacy: {rules: {unique-alias: warn}}}\n"
    )
    listed = shown("--config", file, "--rule", "unique-target=warn", "--namespace", "legacy")
    assert listed["unique-alias"] == ("warn", "namespace legacy")
    assert listed["unique-host"] == ("warn", "file")
    assert listed["unique-target"] == ("warn", "--rule")
    assert listed["hook-action"] == ("enforce", "default")
    assert listed["default-alias"] == ("changes", "")


def test_only_the_levels_are_listed_that_somebody_has_set(file: Path) -> None:
    file.write_text("rules: {unique-host: enforce}\nnamespaces: {legacy: {rules: {unique-alias: warn}}}\n")
    changed = {"unique-host": ("enforce", "file"), "unique-alias": ("warn", "namespace legacy")}
    assert shown("--config", file, "--namespace", "legacy", "--changed") == changed
    assert not shown("--changed")


def test_in_another_namespace_there_are_others(file: Path) -> None:
    file.write_text("namespaces: {legacy: {rules: {unique-alias: warn}}}\n")
    assert shown("--config", file, "--namespace", "demo")["unique-alias"] == ("enforce", "default")
    assert shown("--config", file)["unique-alias"] == ("enforce", "default")


def test_the_levels_are_listed_that_variables_set_which_is_what_a_replica_has(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(WARN)
    monkeypatch.setenv(f"{PREFIX}CONFIG", str(file))
    monkeypatch.setenv(f"{PREFIX}RULE", "unique-host=off")
    assert shown()["valid-schedule"] == ("warn", "file")
    assert shown()["unique-host"] == ("off", "--rule")


def test_what_standard_input_says_is_listed() -> None:
    assert shown("--config", "-", given=WARN)["valid-schedule"] == ("warn", "file")


def test_a_namespace_that_cannot_be_is_refused() -> None:
    result = run("rules", "--namespace", "Legacy")
    assert result.exit_code == 2
    assert "is not a valid namespace name" in result.stderr
    assert run("rules", "--namespace", "legacy").exit_code == 0
