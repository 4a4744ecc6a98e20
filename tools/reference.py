"""Every program and command for people, from themselves: usage, arguments, options with their defaults."""

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import typer.main

import app.cli
import certs.cli

PROGRAMS = {"stash-admission": app.cli.app, "stash-certs": certs.cli.app}
_DOCS = Path(__file__).parents[1] / "docs"
_VALUES = {Path: "PATH", int: "NUMBER", float: "NUMBER"}
_EXAMPLES = re.compile(r"^(?:For example:\n|Example: )", re.MULTILINE)
_DEFAULT = re.compile(r" \[default: (.*)\]$")
"""Where a default is that of a setting, the help says it: the flag itself has none."""


def commands(program: str) -> dict[str, Any]:
    """The commands of a program by their names."""
    found: dict[str, Any] = _group(program).commands
    return found


def reference() -> str:
    """All programs and commands in Markdown."""
    return "".join(
        _program(program) + "".join(_section(program, name, each) for name, each in commands(program).items())
        for program in PROGRAMS
    )


def _group(program: str) -> Any:
    return typer.main.get_command(PROGRAMS[program])


def _program(program: str) -> str:
    """What a program takes before a command."""
    group = _group(program)
    ours = inspect.signature(group.callback).parameters
    options = [each for each in group.params if each.name in ours]
    usage = f"## `{program}`\n\n```text\n{program} [OPTIONS] COMMAND\n```\n\n{_prose(group.help)}\n"
    return usage + "".join(_table("option", options, group.callback))


def _section(program: str, name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    usage = " ".join([program, name, *(["[OPTIONS]"] if options else []), *map(_usage, arguments)])
    return f"## `{program} {name}`\n\n```text\n{usage}\n```\n\n{_prose(command.help)}\n{_page(name)}" + "".join(
        table
        for heading, params in (("argument", arguments), ("option", options))
        for table in _table(heading, params, command.callback)
    )


def _page(name: str) -> str:
    """The link from the reference to the page of a command, if it has one."""
    links = [f"../{page.relative_to(_DOCS).as_posix()}" for page in _DOCS.glob(f"*/{name}.md")]
    return "".join(f"More on it: [{name}.md]({link.removeprefix('../cli/')}).\n\n" for link in links)


def _usage(argument: Any) -> str:
    name = f"{_named(argument)}{'...' if argument.nargs == -1 else ''}"
    return name if argument.required else f"[{name}]"


def _prose(text: str) -> str:
    """The help, its examples as a block."""
    before, *after = _EXAMPLES.split(inspect.cleandoc(text), maxsplit=1)
    lines = [f"$ {line.strip()}" for line in "".join(after).splitlines() if line.strip()]
    block = "```console\n" + "\n".join(lines) + "\n```\n"
    return f"{before.strip()}\n\n{block}" if lines else f"{before.strip()}\n"


def _table(heading: str, params: list[Any], callback: Any) -> Iterator[str]:
    if params:
        rows = "".join(_row(each, callback) for each in params)
        yield f"| {heading} | default | |\n|---|---|---|\n{rows}\n"


def _row(param: Any, callback: Any) -> str:
    annotation = inspect.signature(callback).parameters[param.name].annotation
    said = _DEFAULT.search(param.help)
    default = said[1] if said else getattr(param.default, "value", param.default)
    needed = "required" if param.required else "" if default is None or default is False else f"`{default}`"
    if param.param_type_name == "argument":
        name = _named(param)
    else:
        value = "" if param.is_flag else f" {param.metavar or _value(annotation)}"
        name = ", ".join(param.opts) + value
    return f"| `{_cell(name)}` | {needed} | {_cell(_DEFAULT.sub('', param.help))} |\n"


def _named(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _value(annotation: Any) -> str:
    """What to write for a value of a type: its choices, or a word."""
    types = list(_types(annotation))
    for each in types:
        if isinstance(each, type) and issubclass(each, Enum):
            return "|".join(choice.value for choice in each)
    return next((word for kind, word in _VALUES.items() if kind in types), "TEXT")


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _types(each)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
