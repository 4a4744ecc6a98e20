"""The commands about an installation in a cluster: `doctor` examines it, `register` switches it on."""

from typing import Annotated

import typer

from app.cli.console import console, fail, tell
from certs.names import INSTALLED


def _label(value: str) -> str:
    """The name of a namespace or a Service. Raises BadParameter."""
    from certs.arguments import label

    return label(value)


def _subdomain(value: str) -> str:
    """The name of another object in a cluster. Raises BadParameter."""
    from certs.arguments import subdomain

    return subdomain(value)


Namespace = Annotated[str, typer.Option(help="Namespace of the server.", callback=_label)]
Service = Annotated[str, typer.Option(help="Service that the API server calls.", callback=_label)]
Mutating = Annotated[str, typer.Option(help="Name of the MutatingWebhookConfiguration.", callback=_subdomain)]
Validating = Annotated[str, typer.Option(help="Name of the ValidatingWebhookConfiguration.", callback=_subdomain)]


def doctor(
    namespace: Annotated[
        str, typer.Option(help="Namespace of the Service and the Secret.", callback=_label)
    ] = INSTALLED,
    secret: Annotated[
        str, typer.Option(help="Secret with the serving certificate.", callback=_subdomain)
    ] = f"{INSTALLED}-tls",
    service: Service = INSTALLED,
    mutating: Mutating = INSTALLED,
    validating: Validating = INSTALLED,
    try_in: Annotated[
        str, typer.Option(metavar="NAMESPACE", help="Namespace of the dry run.", callback=_label)
    ] = "default",
    no_try: Annotated[bool, typer.Option("--no-try", help="Only read, without a dry run.")] = False,
) -> None:
    """Find out what is wrong with an installation in a cluster, and what to do about it.

    It changes nothing: it only reads, and sends the API server a good and a bad object in a dry run, of which none is
    stored. KUBECONFIG says which cluster. Exit code 1 if anything is wrong.
    """
    from app.commands.doctor.client import Access
    from app.commands.doctor.examine import examine
    from app.commands.doctor.report import report
    from certs.names import Names
    from kube.errors import Refused, Unavailable

    names = Names(namespace, secret, service, mutating, validating)
    try:
        sections = examine(Access.connect(), names, try_in, tries=not no_try)
        is_well = report(sections, console())
    except (Refused, Unavailable) as error:
        fail(str(error))
    if not is_well:
        raise typer.Exit(1)


def register(
    namespace: Annotated[str, typer.Option(help="Namespace of the Service.", callback=_label)] = INSTALLED,
    service: Service = INSTALLED,
    mutating: Mutating = INSTALLED,
    validating: Validating = INSTALLED,
    settle_seconds: Annotated[
        float, typer.Option(min=0, max=600, help="How long a replica has to have answered before it is asked.")
    ] = 5,
    wait_seconds: Annotated[
        float | None, typer.Option(min=0, help="Longest time to wait for a replica. [default: for ever]")
    ] = None,
) -> None:
    """Wait until a replica answers, then have the API server ask the webhooks.

    A Job and a CronJob of the manifests run it. The manifests have webhooks without rules, so that whatever is created
    during an installation is admitted, unchecked. This writes the rules, unless every webhook has them already.

    It runs in a pod of the cluster, since it calls the Service by its address. Exit code 1 if it gives up waiting.
    """
    from app.commands.doctor.client import Access
    from app.commands.register.registrar import Registrar
    from certs.names import Names
    from kube.errors import Refused

    names = Names(namespace, service=service, mutating=mutating, validating=validating)
    try:
        Registrar(Access.connect(), names, settle_seconds, wait_seconds).run(tell)
    except Refused as error:
        tell(f"Error: {error}")
        raise typer.Exit(1) from None
