"""The commands `serve` and `review`: the server, and one of its answers."""

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
        str | None, typer.Option(help="What the API server calls the server: NAME.NAMESPACE.svc.")
    ] = None,
    client_ca: Annotated[
        Path | None, typer.Option(help="File with the CA of client certificates, which are then required.")
    ] = None,
    client_name: Annotated[
        list[str] | None, typer.Option(help="Name that a client certificate may have; without it, any. Repeatable.")
    ] = None,
    inventory: Annotated[
        str | None,
        typer.Option(
            metavar="none|cluster|DIR", help="What the rules know that ask about the cluster. [default: none]"
        ),
    ] = None,
    inventory_missing: Annotated[
        str | None,
        typer.Option(
            metavar="warn|fail",
            help="What becomes of an object where the inventory lacks what an enforced rule asks. [default: warn]",
        ),
    ] = None,
    drain_seconds: Annotated[
        float | None, typer.Option(help="Longest time to serve on after SIGTERM. [default: 20]")
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            help="Calls at the same time; of more, the oldest that is still arriving gets 503. [default: 256]"
        ),
    ] = None,
    max_connections: Annotated[
        int | None,
        typer.Option(
            help="Open connections; of more, those give way that have not called, or not for longest. [default: 1000]"
        ),
    ] = None,
    traces: Annotated[
        str | None,
        typer.Option(metavar="none|otlp", help="Whether a span of each review is sent, and how. [default: none]"),
    ] = None,
    rule: Rules = None,
    config: Config = None,
) -> None:
    """Serve the webhooks. Every flag is also a variable: --port is STASH_ADMISSION_PORT."""
    from app.server.process import CannotServe, serve
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
        Path | None, typer.Argument(help="AdmissionReview as JSON; standard input without it, or -.")
    ] = None,
    mutate: Annotated[bool, typer.Option("--mutate", help="Answer as POST /mutate does.")] = False,
    validate: Annotated[bool, typer.Option("--validate", help="Answer as POST /validate does.")] = False,
    rule: Rules = None,
    config: Config = None,
    inventory: Annotated[
        Path | None, typer.Option(help="Folder or file with manifests of what else the cluster holds.")
    ] = None,
) -> None:
    """Answer one AdmissionReview, exactly as the server would.

    Either --mutate or --validate is required: it says which webhook answers. Exit code 1 if the answer refuses the
    object.

    For example:

        stash-admission review --mutate manifests/samples/reviews/move-rules.json

        stash-admission review --validate --rule unique-alias=warn manifests/samples/reviews/unique-alias.json

        stash-admission review --validate --inventory clusters/production/ review.json
    """
    from app.admission.engine import Admission
    from app.admission.response import render
    from app.admission.review import BadReview, parse, read_request
    from app.inventory.folder import BadFolder, read_folder

    if mutate == validate:
        fail("say which webhook answers: --mutate or --validate")
    try:
        admission = Admission(levels(rule, config), None if inventory is None else read_folder(inventory))
        request = read_request(parse(read(file)))
    except BadFolder as error:
        fail(str(error))
    except BadReview as error:
        fail(f"{error}; manifests/samples/reviews/ holds reviews to start from")
    decision = admission.mutate(request) if mutate else admission.validate(request)
    typer.echo(render(request, decision))
    if not decision.allowed:
        raise typer.Exit(1)
