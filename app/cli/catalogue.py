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
        str, typer.Option("--namespace", "-n", metavar="NAME", help="Show the levels in this namespace.")
    ] = "",
    changed: Annotated[bool, typer.Option("--changed", help="Only rules whose level has been set.")] = False,
) -> None:
    """List the rules with their current levels, and where these are set: a flag, a variable, a file, or by default.

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
    for known in RULES.values():
        origin = configuration.origin(known.id, flags, namespace) if known.level else ""
        if changed and origin in ("", DEFAULT):
            continue
        table.add_row(known.id, levels.get(known.id, "changes"), origin, known.summary)
    console().print(table)


def explain(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a rule.", autocompletion=rule_ids)],
) -> None:
    """Explain one rule: what it does and why, with a bad and a good example."""
    from app.rules.registry import RULES

    found = RULES.get(identifier)
    if found is None:
        near = difflib.get_close_matches(identifier, RULES, n=3) or ["`stash-admission rules` lists all rules"]
        fail(f"unknown rule {json.dumps(identifier)}: {', '.join(near)}")
    level = f"level {found.level}" if found.level else "changes objects"
    typer.echo(f"{found.id} ({level}; {', '.join(found.kinds)})\n\n{found.summary}\n\n{found.reason}")
    for heading, example in found.examples.items():
        indented = "\n".join(f"  {line}".rstrip() for line in example.splitlines())
        typer.echo(f"\n{heading}:\n\n{indented}")
