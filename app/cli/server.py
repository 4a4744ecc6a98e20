"""The commands `serve` and `review`: the server, and a single answer of it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import Config, Rules, fail, levels, read


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the webhooks (TLS). [default: 8443]")] = None,
    management_port: Annotated[
        int | None, typer.Option(help="Port of /healthz, /readyz and /metrics. [default: 8080]")
    ] = None,
    cert_dir: Annotated[
        Path | None, typer.Option(help="Directory with tls.crt and tls.key. [default: .local/certs]")
    ] = None,
    server_name: Annotated[
        str | None, typer.Option(help="Name by which the API server calls this server: NAME.NAMESPACE.svc.")
    ] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="File with the CA for client certificates, which makes them required.")
    ] = None,
    client_name: Annotated[
        list[str] | None,
        typer.Option(help="Name that a client certificate must have, one of several if repeated. [default: any]"),
    ] = None,
    inventory: Annotated[
        str | None,
        typer.Option(metavar="none|cluster|DIR", help="Where rules learn what else is in the cluster. [default: none]"),
    ] = None,
    inventory_missing: Annotated[
        str | None,
        typer.Option(
            metavar="warn|fail",
            help="What becomes of an object where the inventory lacks what an enforced rule asks. [default: warn]",
        ),
    ] = None,
    claims: Annotated[
        str | None,
        typer.Option(
            metavar="on|off", help="Whether a backup is claimed in a Lease before it is admitted. [default: on]"
        ),
    ] = None,
    claim_seconds: Annotated[
        float | None,
        typer.Option(help="How long an admitted backup counts that nobody has seen stored. [default: 75]"),
    ] = None,
    drain_seconds: Annotated[
        float | None, typer.Option(help="Longest time to keep serving after SIGTERM. [default: 20]")
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(help="Concurrent calls; beyond that, the oldest one still arriving gets 503. [default: 256]"),
    ] = None,
    max_connections: Annotated[
        int | None,
        typer.Option(
            help="Open connections; beyond that, those without a call for longest are closed. [default: 1000]"
        ),
    ] = None,
    traces: Annotated[
        str | None,
        typer.Option(metavar="none|otlp", help="Whether and how to send a span for each review. [default: none]"),
    ] = None,
    rule: Rules = None,
    config: Config = None,
) -> None:
    """Serve the webhooks. Each flag can also be set as a variable: --port as STASH_ADMISSION_PORT."""
    from app.server.listener import CannotServe
    from app.server.process import serve
    from app.settings import BadSetting, load, refuse_unknown

    try:
        settings = load(
            host=host,
            port=port,
            management_port=management_port,
            cert_dir=cert_dir,
            server_name=server_name,
            client_ca=client_ca,
            client_name=tuple(client_name) if client_name else None,
            inventory=inventory,
            inventory_missing=inventory_missing,
            claims=claims,
            claim_seconds=claim_seconds,
            drain_seconds=drain_seconds,
            max_in_flight=max_in_flight,
            max_connections=max_connections,
            traces=traces,
            rule=tuple(rule) if rule else None,
            config=config,
        )
        refuse_unknown(os.environ)
        serve(settings)
    except (BadSetting, CannotServe) as error:
        fail(str(error))


def review(
    file: Annotated[
        Path | None, typer.Argument(help="AdmissionReview as JSON; standard input without it, or with -.")
    ] = None,
    mutate: Annotated[bool, typer.Option("--mutate", help="Answer as POST /mutate does.")] = False,
    validate: Annotated[bool, typer.Option("--validate", help="Answer as POST /validate does.")] = False,
    rule: Rules = None,
    config: Config = None,
    inventory: Annotated[
        Path | None, typer.Option(help="File or directory with manifests of what else is in the cluster.")
    ] = None,
) -> None:
    """Answer one AdmissionReview, exactly as the server would.

    Either --mutate or --validate is required, and says which webhook answers. Exit code 1 if the answer refuses the
    object.

    For example:

        stash-admission review --mutate manifests/samples/reviews/move-rules.json

        stash-admission review --validate --rule unique-alias=warn manifests/samples/reviews/unique-alias.json

        stash-admission review --validate --inventory clusters/production/ review.json
    """
    from app.admission.engine import Admission
    from app.admission.response import render
    from app.admission.review import BadReview, parse, read_request
    from app.commands.terminal.door import data
    from app.inventory.folder import BadFolder, read_folder

    if mutate == validate:
        fail("choose which webhook answers: --mutate or --validate")
    try:
        admission = Admission(levels(rule, config), None if inventory is None else read_folder(inventory))
        request = read_request(parse(read(file)))
    except BadFolder as error:
        fail(str(error))
    except BadReview as error:
        fail(f"{error}; see manifests/samples/reviews/ for examples")
    decision = admission.mutate(request) if mutate else admission.validate(request)
    typer.echo(data(render(request, decision).decode()))
    if not decision.allowed:
        raise typer.Exit(1)
