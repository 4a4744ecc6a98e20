"""What the pages show people to type is there, and does what they say."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from app.settings import PREFIX, Settings
from testbed.documents import load_all
from testbed.patience import PATIENCE
from testbed.server import Running, running
from tests.support.pages import PAGE, PAGES
from tools.generate import ROOT
from tools.reference import PROGRAMS, commands

pytestmark = pytest.mark.usefixtures("forks")
CLUSTER = ("serve", "playground", "audit", "backfill", "doctor", "rotate", "show")
"""Commands that need a cluster, or do not end."""
GENERATED = re.compile(r"<!-- (?:run|draw|generated|cluster): .*? -->\n.*?<!-- end -->", re.DOTALL)
BLOCK = re.compile(r"^( *)```console\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PROMPTED = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
SEPARATORS = {"|", "||", "&&", ";", "&", ">", "(", ")"}
OF_THE_READER = {"app/rules/no_secrets.py", "tests/cases/no-secrets/", "manifests/overlays/own-secret/ca.crt"}
"""What a reader would make."""


class Shown(NamedTuple):
    """A command line in a block, and what is shown below it."""

    line: str
    output: str


def shown(text: str) -> list[Shown]:
    """The command lines in the blocks of a text."""
    blocks = (re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in BLOCK.findall(text))
    return [Shown(line, output) for block in blocks for line, output in PROMPTED.findall(block)]


def ours(line: str) -> Iterator[list[str]]:
    """The words of each command of this project in a line of shell."""
    words = list(shlex.shlex(line.replace("\\\n", " "), posix=True, punctuation_chars=True))
    starts = [0, *(number + 1 for number, word in enumerate(words) if word in SEPARATORS)]
    for start in starts:
        end = next((number for number in range(start, len(words)) if words[number] in SEPARATORS), len(words))
        if words[start:end] and words[start] in PROGRAMS:
            yield words[start:end]


def written(page: Path) -> Iterator[list[str]]:
    """Each command of this project that a page shows or mentions."""
    text = page.read_text()
    for line, _ in shown(text):
        yield from ours(line)
    prose = BLOCK.sub("", text)
    for mention in re.findall(rf"`((?:{'|'.join(PROGRAMS)}) [^`\n]+)`", prose):
        yield from ours(mention.replace("\\|", "/").replace("...", "").replace("…", "_"))


@PAGE
def test_the_commands_on_a_page_are_there_with_their_options(page: Path) -> None:
    for program, *arguments in written(page):
        if not arguments[0].startswith("-"):
            assert arguments[0] in commands(program), f"{program} {arguments[0]}"
        # Options are looked at before --help is heeded, values after.
        result = CliRunner().invoke(PROGRAMS[program], [*arguments, "--help"])
        assert result.exit_code == 0, f"{program} {shlex.join(arguments)}\n{result.output}"


@PAGE
def test_what_a_page_shows_of_a_command_is_what_it_wrote(page: Path) -> None:
    """A command that needs no cluster shows its output in a part that is generated, or none."""
    for line, output in shown(GENERATED.sub("", page.read_text())):
        for program, command, *_ in (each for each in ours(line) if len(each) > 1):
            assert not output or command in CLUSTER, f"{program} {command}: put it between `run` and `end`"


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("operate/configuration.md", r"\n(.*?) take `--config` and `--rule` as `serve` does"),
        ("reference/rules.md", r"sets the level of a rule: for `serve`, and likewise for (.*?)\. "),
    ],
)
def test_the_commands_that_a_page_says_take_levels_are_those_that_do(page: str, sentence: str) -> None:
    flags = {
        name: {flag for param in each.params for flag in param.opts}
        for name, each in commands("stash-admission").items()
    }
    taking = {name for name in flags if {"--rule", "--config"} & flags[name]}
    assert all({"--rule", "--config"} <= flags[name] for name in taking)
    (listed,) = re.findall(sentence, (ROOT / "docs" / page).read_text(), flags=re.DOTALL)
    named = re.findall("`([a-z]+)`", listed.rpartition("\n\n")[2])
    assert sorted(named) == sorted(taking - {"serve"})


@PAGE
def test_the_targets_of_make_on_a_page_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = page.read_text()
    mentioned = re.findall(r"`make((?: [a-z0-9-]+)+)", text) + re.findall(
        r"^\$ make((?: [a-z0-9-]+)+)", text, re.MULTILINE
    )
    assert {target for each in mentioned for target in each.split()} <= targets


@PAGE
def test_the_settings_on_a_page_are_there(page: Path) -> None:
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields} | {f"{PREFIX}SERVICE_HOST"}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", page.read_text())) <= known


def rows(page: str, heading: str) -> set[str]:
    """What the rows below a heading are about: the code in their first column."""
    section = (ROOT / "docs" / page).read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(.*?)` \|", section, flags=re.MULTILINE))


def test_of_each_setting_it_is_said_what_happens_when_it_is_wrong() -> None:
    flags = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    assert rows("operate/configuration.md", "When a setting is wrong") == flags


def test_of_each_field_of_the_webhooks_it_is_said_what_happens_when_it_is_wrong() -> None:
    webhooks = [
        webhook
        for each in load_all((ROOT / "manifests" / "base" / "webhooks.yaml").read_text())
        for webhook in each["webhooks"]
    ]
    fields = {field for webhook in webhooks for field in webhook} - {"name", "clientConfig"}
    by_jobs = {"rules", "caBundle", "clientConfig.service"}
    assert rows("operate/operations.md", "When the registration is wrong") == fields | by_jobs


@PAGE
def test_the_files_on_a_page_are_there(page: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for name in set(re.findall(r"`([\w.-]+(?:/[\w.-]*)*)`", page.read_text())) - OF_THE_READER:
        is_ours = name.partition("/")[0] in folders and "/" in name
        is_source = name.endswith((".py", ".md", ".toml"))
        if is_ours or is_source:
            assert (ROOT / name).exists() or (page.parent / name).exists(), name


def test_every_page_is_in_the_index() -> None:
    folder = ROOT / "docs"
    index = (folder / "README.md").read_text()
    pages = {page.relative_to(folder).as_posix() for page in PAGES if page.is_relative_to(folder)} - {"README.md"}
    assert {name for name in pages if f"]({name})" not in index} == set()


def test_every_decision_has_its_number_its_date_and_whether_it_holds() -> None:
    text = (ROOT / "docs" / "project" / "decisions.md").read_text()
    numbers = re.findall(r"^## (\S+) ", text, flags=re.MULTILINE)
    assert numbers == [f"{number}." for number in range(1, len(numbers) + 1)]
    held = re.findall(
        r"^## .*\n\n(?:Accepted|Superseded by (\d+)), \d{4}-\d\d-\d\d(?:[,;] .*)?\.$", text, flags=re.MULTILINE
    )
    assert len(held) == len(numbers)
    assert {f"{number}." for number in held if number} <= set(numbers)


def test_contributing_says_of_each_module_and_package_what_it_is() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    paths = [path for path in (ROOT / "app").iterdir() if not path.name.startswith("_")]
    named = {f"`app/{path.name}/`" if path.is_dir() else f"`app/{path.name}`" for path in paths}
    assert {name for name in named if name not in text} == set()


def test_the_changelog_begins_with_the_version_that_this_is() -> None:
    first = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[0]
    assert first == version("stash-admission")


# --- curl


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server")) as it:
        yield it


CURLS = {
    f"{page.name}-{each.line.rpartition('/')[2]}": each
    for page in PAGES
    for each in shown(page.read_text())
    if each.line.startswith("curl --cacert")
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("asked", CURLS.values(), ids=CURLS)
def test_curl_gets_the_answer_that_a_page_shows(server: Running, asked: Shown) -> None:
    line = asked.line.replace(".local/certs/ca.crt", str(server.certificates / "ca.crt"))
    line = line.replace(":8443", f":{server.port}")
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{done.stdout}\n" == asked.output


def test_the_pages_show_what_both_webhooks_answer() -> None:
    assert {each.line.rpartition("/")[2] for each in CURLS.values()} == {"mutate", "validate"}


def test_a_line_of_the_log_is_as_its_page_shows_it(server: Running) -> None:
    text = (ROOT / "docs" / "reference" / "server.md").read_text()
    example = json.loads(re.findall(r"^\{.*\}$", text.partition("## Log")[2], flags=re.MULTILINE)[0])
    server.call((ROOT / "manifests/samples/reviews/batch-of-mistakes.json").read_bytes())
    line = [each for each in server.log if each["event"] == "decided"][-1]
    assert list(line) == list(example)
    vary = {"milliseconds", "timestamp"}
    assert {key: line[key] for key in line.keys() - vary} == {key: example[key] for key in example.keys() - vary}
