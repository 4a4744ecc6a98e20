"""The commands `rules` and `explain`."""

import difflib
import json
from typing import Annotated

import typer

from app.cli.console import Config, Rules, chosen, console, fail, rule_ids


def rules(
    rule: Rules = None,
    config: Config = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="The levels in this namespace.")
    ] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Only rules whose level somebody has set.")] = False,
) -> None:
    """List the rules with the levels in force, and where these come from: a flag, a variable, a file, or nowhere.

    Exit code 2 if there is something wrong with the file.

    For example:

        stash-admission rules

        stash-admission rules --config config.yaml --namespace demo --changed

        kubectl -n stash-admission exec deploy/stash-admission -- stash-admission rules -n demo
    """
    from rich.table import Table

    from app.admission.levels import DEFAULT
    from app.admission.levels_file import not_a_namespace
    from app.rules.registry import RULES

    wrong = namespace and not_a_namespace(namespace)
    if wrong:
        fail(f"--namespace {namespace}: {wrong}")
    flags, configuration = chosen(rule, config)
    levels = configuration.under(flags).within(namespace)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("RULE", "LEVEL", "SET BY", "WHAT IT DOES"):
        table.add_column(heading, no_wrap=heading != "WHAT IT DOES")
    for each in RULES.values():
        origin = configuration.origin(each.id, flags, namespace) if each.level else ""
        if changed and origin in ("", DEFAULT):
            continue
        table.add_row(each.id, levels.get(each.id, "changes"), origin, each.summary)
    console().print(table)


def explain(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a rule.", autocompletion=rule_ids)],
) -> None:
    """Explain one rule: what it does and why, with a bad and a good example."""
    from app.rules.registry import RULES

    each = RULES.get(identifier)
    if each is None:
        near = difflib.get_close_matches(identifier, RULES, n=3) or ["`stash-admission rules` lists them"]
        fail(f"there is no rule {json.dumps(identifier)}: {', '.join(near)}")
    level = f"level {each.level}" if each.level else "changes objects"
    typer.echo(f"{each.id} ({level}; {', '.join(each.kinds)})\n\n{each.summary}\n\n{each.reason}")
    for heading, example in each.examples.items():
        indented = "\n".join(f"  {line}".rstrip() for line in example.splitlines())
        typer.echo(f"\n{heading}:\n\n{indented}")
