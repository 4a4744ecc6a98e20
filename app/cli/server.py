"""The commands `serve` and `review`: the server, and one of its answers."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import Rules, fail, read


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


def review(
    file: Annotated[
        Path | None, typer.Argument(help="AdmissionReview as JSON; standard input without it, or -.")
    ] = None,
    mutate: Annotated[bool, typer.Option("--mutate", help="Answer as POST /mutate does.")] = False,
    validate: Annotated[bool, typer.Option("--validate", help="Answer as POST /validate does.")] = False,
    rule: Rules = None,
) -> None:
    """Answer one AdmissionReview, exactly as the server would.

    Exit code 1 if the answer refuses the object.
    """
    from app.admission import Admission
    from app.answer import render
    from app.review import BadReview, parse, read_request
    from app.settings import BadSetting, load

    if mutate == validate:
        fail("say which webhook answers: --mutate or --validate")
    try:
        levels = load(rule=tuple(rule) if rule else None).levels
        admission = Admission(levels)
        request = read_request(parse(read(file)))
    except BadSetting as error:
        fail(str(error))
    except BadReview as error:
        fail(f"{error}; manifests/samples/reviews/ holds reviews to start from")
    decision = admission.mutate(request) if mutate else admission.validate(request)
    typer.echo(render(request, decision))
    if not decision.allowed:
        raise typer.Exit(1)
