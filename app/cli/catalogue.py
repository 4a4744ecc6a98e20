"""The commands `rules` and `explain`."""

import difflib
import json
from typing import Annotated

import typer

from app.cli.console import console, fail, rule_ids


def rules() -> None:
    """List the rules."""
    from rich.table import Table

    from app.catalogue import RULES

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("RULE", "LEVEL", "WHAT IT DOES"):
        table.add_column(heading, no_wrap=heading != "WHAT IT DOES")
    for each in RULES.values():
        table.add_row(each.id, each.level or "mutation", each.summary)
    console().print(table)


def explain(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a rule.", autocompletion=rule_ids)],
) -> None:
    """Explain one rule: what it does and why, with a bad and a good example."""
    from app.catalogue import RULES

    each = RULES.get(identifier)
    if each is None:
        near = difflib.get_close_matches(identifier, RULES, n=3) or ["`stash-admission rules` lists them"]
        fail(f"there is no rule {json.dumps(identifier)}: {', '.join(near)}")
    level = f"level {each.level}" if each.level else "a mutation"
    typer.echo(f"{each.id} ({level}; {', '.join(each.kinds)})\n\n{each.summary}\n\n{each.reason}")
    for heading, example in each.examples.items():
        indented = "\n".join(f"  {line}".rstrip() for line in example.splitlines())
        typer.echo(f"\n{heading}:\n\n{indented}")
