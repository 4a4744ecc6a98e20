"""The command line `stash-admission`.

What a command needs is imported where it runs: nobody who asks for help waits for a web server.
"""

import difflib
import json
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(
    help="Admission webhook server for Stash: keeps the backups of different targets apart.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="ID=LEVEL", help="Level of a rule: enforce, warn or off. Repeatable."),
]


def main() -> None:
    """Run the command line. Exit codes: 0 nothing to report, 1 findings, 2 usage or unreadable input, 3 internal."""
    try:
        app()
    except Exception:  # noqa: BLE001  a mistake of ours must not look like one of the user's
        traceback.print_exc()
        typer.echo("Error: this is a mistake in stash-admission, not in your input", err=True)
        sys.exit(3)


def fail(message: str) -> NoReturn:
    """End with exit code 2 and a message on standard error."""
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(2)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the webhooks (TLS). [default: 8443]")] = None,
    management_port: Annotated[
        int | None, typer.Option(help="Port of /healthz, /readyz and /metrics. [default: 8080]")
    ] = None,
    cert_dir: Annotated[
        Path | None, typer.Option(help="Directory with tls.crt and tls.key. [default: .local/certs]")
    ] = None,
    drain_seconds: Annotated[
        float | None, typer.Option(help="Longest time to serve on after SIGTERM. [default: 20]")
    ] = None,
    max_in_flight: Annotated[
        int | None, typer.Option(help="Calls answered at the same time; more get 503. [default: 256]")
    ] = None,
    rule: Rules = None,
) -> None:
    """Serve the webhooks. Every flag is also a variable: --port is STASH_ADMISSION_PORT."""
    from app.serving import CannotServe, serve
    from app.settings import BadSetting, load

    try:
        settings = load(
            host=host,
            port=port,
            management_port=management_port,
            cert_dir=cert_dir,
            drain_seconds=drain_seconds,
            max_in_flight=max_in_flight,
            rule=tuple(rule) if rule else None,
        )
        serve(settings)
    except (BadSetting, CannotServe) as error:
        fail(str(error))


@app.command()
def review(
    file: Annotated[
        Path | None, typer.Argument(help="AdmissionReview as JSON; standard input without it, or -.")
    ] = None,
    mutate: Annotated[bool, typer.Option("--mutate", help="Answer as POST /mutate does.")] = False,
    validate: Annotated[bool, typer.Option("--validate", help="Answer as POST /validate does.")] = False,
    rule: Rules = None,
    inventory: Annotated[
        Path | None, typer.Option(help="Folder or file with manifests of what else the cluster holds.")
    ] = None,
) -> None:
    """Answer one AdmissionReview, exactly as the server would.

    Exit code 1 if the answer refuses the object.
    """
    from app.admission import Admission
    from app.answer import render
    from app.inventory.folder import BadFolder, read_folder
    from app.review import BadReview, parse, read_request
    from app.settings import BadSetting, load

    if mutate == validate:
        fail("say which webhook answers: --mutate or --validate")
    try:
        levels = load(rule=tuple(rule) if rule else None).levels
        admission = Admission(levels, None if inventory is None else read_folder(inventory))
        request = read_request(parse(_read(file)))
    except (BadFolder, BadSetting) as error:
        fail(str(error))
    except BadReview as error:
        fail(f"{error}; manifests/samples/reviews/ holds reviews to start from")
    decision = admission.mutate(request) if mutate else admission.validate(request)
    typer.echo(render(request, decision))
    if not decision.allowed:
        raise typer.Exit(1)


@app.command()
def rules() -> None:
    """List the rules."""
    from app.catalogue import RULES

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("RULE", "LEVEL", "WHAT IT DOES"):
        table.add_column(heading, no_wrap=heading != "WHAT IT DOES")
    for each in RULES.values():
        table.add_row(each.id, each.level or "mutation", each.summary)
    _console().print(table)


@app.command()
def explain(identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a rule.")]) -> None:
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


def _read(file: Path | None) -> bytes:
    if file is None or str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}")


def _console() -> Console:
    """Standard output; as wide as lines get where it is no terminal."""
    console: Any = Console(soft_wrap=False)
    return console if console.is_terminal else Console(width=200)
