"""The command line `stash-certs`."""

import datetime
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from certs.arguments import host, label, subdomain
from certs.files import write
from certs.issuing import CA_LIFETIME, LEAF_LIFETIME, issue_ca, issue_leaf
from certs.names import INSTALLED, Names
from certs.version import option

if TYPE_CHECKING:
    from certs.cluster import Cluster

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Namespace = Annotated[str, typer.Option(help="Namespace of the Service and the Secret.", callback=label)]
Secret = Annotated[str, typer.Option(help="Secret with tls.crt, tls.key and ca.crt.", callback=subdomain)]
Service = Annotated[str, typer.Option(help="Service that the API server calls.", callback=label)]
Mutating = Annotated[str, typer.Option(help="Name of the MutatingWebhookConfiguration.", callback=subdomain)]
Validating = Annotated[str, typer.Option(help="Name of the ValidatingWebhookConfiguration.", callback=subdomain)]


def main() -> None:
    """Run the command line. Exit codes: 0 all is well, 1 `show` found a fault, 2 could not do it, 3 internal."""
    try:
        app()
    except Exception:  # noqa: BLE001  a mistake of ours must not look like one of the cluster's
        traceback.print_exc()
        typer.echo("Error: this is a bug in stash-certs, not in your cluster", err=True)
        sys.exit(3)


def say(text: str, *, err: bool = False) -> None:
    """A line. What it holds of the cluster and of names is text: neither a terminal nor a runner obeys it."""
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    typer.echo(shown.replace("::", "\\x3a:", 1) if shown.lstrip().startswith("::") else shown, err=err)


def fail(message: str) -> NoReturn:
    """End with exit code 2 and a message on standard error."""
    say(f"Error: {message}", err=True)
    raise typer.Exit(2)


@app.callback()
def commands(version: Annotated[bool, option("stash-certs")] = False) -> None:
    """Certificates for stash-admission."""


@app.command()
def issue(
    directory: Annotated[Path, typer.Option("--dir", help="Directory to write the files to.")],
    dns: Annotated[list[str], typer.Option(help="DNS name or IP address to serve under. Repeatable.")],
) -> None:
    """Issue a CA and a serving pair (ca.crt, tls.crt, tls.key) for local use.

    Example: stash-certs issue --dir .local/certs --dns localhost --dns 127.0.0.1
    """
    now, names = datetime.datetime.now(datetime.UTC), [host(each) for each in dns]
    ca = issue_ca(now)
    leaf = issue_leaf(ca, names, now)
    try:
        write(directory, ca, leaf)
    except OSError as error:
        raise typer.BadParameter(f"cannot write into {directory}: {error.strerror}", param_hint="--dir") from None
    until = leaf.certificate.not_valid_after_utc.date()
    say(f"{directory}: ca.crt, tls.crt and tls.key for {', '.join(dns)}, valid until {until}")


@app.command()
def rotate(
    namespace: Namespace = INSTALLED,
    secret: Secret = f"{INSTALLED}-tls",
    service: Service = INSTALLED,
    mutating: Mutating = INSTALLED,
    validating: Validating = INSTALLED,
    dns: Annotated[list[str] | None, typer.Option(help="Additional DNS name or IP address. Repeatable.")] = None,
    ca_seconds: Annotated[float, typer.Option(hidden=True, min=1)] = CA_LIFETIME.total_seconds(),
    leaf_seconds: Annotated[float, typer.Option(hidden=True, min=1)] = LEAF_LIFETIME.total_seconds(),
    settle_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = 600,
) -> None:
    """Keep the Secret, and the caBundle of both webhook configurations, right.

    Run it at any time, also several at once: it does what is needed, and says so. The keys of CAs are in the Secret
    SECRET-ca, which no serving Pod needs to read.

    Needs permission to create Secrets in the namespace, to get and update these two, and to get and patch the two
    configurations.
    """
    from certs.reconcile import reconcile
    from certs.state import Desired
    from kube.errors import Refused

    wanted = Desired(
        names=(f"{service}.{namespace}.svc", *(host(each) for each in dns or [])),
        ca_lifetime=datetime.timedelta(seconds=ca_seconds),
        leaf_lifetime=datetime.timedelta(seconds=leaf_seconds),
        settle=datetime.timedelta(seconds=settle_seconds),
    )
    try:
        cluster = _connect(namespace, secret, mutating, validating)
        reconcile(cluster, wanted, cluster.api.now, say)
    except Refused as error:
        fail(str(error))


@app.command()
def show(
    namespace: Namespace = INSTALLED,
    secret: Secret = f"{INSTALLED}-tls",
    service: Service = INSTALLED,
    mutating: Mutating = INSTALLED,
    validating: Validating = INSTALLED,
) -> None:
    """Show the certificate and the CAs in use, until when, and when they will be renewed.

    What is WRONG comes with what to do about it, and with exit code 1: the API server would not accept the
    certificate, or it should have been renewed by now. Never reads the keys of CAs.
    """
    from certs.report import inventory
    from kube.errors import Refused, Unavailable

    try:
        cluster = _connect(namespace, secret, mutating, validating)
        seen = cluster.look_as_guest()
        names = Names(namespace, secret, service, mutating, validating)
        lines, is_good = inventory(seen, names, cluster.api.now(), cluster.title)
    except (Refused, Unavailable) as error:
        fail(str(error))
    for each in lines:
        say(each)
    if not is_good:
        raise typer.Exit(1)


def _connect(namespace: str, secret: str, mutating: str, validating: str) -> "Cluster":
    from certs.api import Api
    from certs.cluster import Cluster

    return Cluster(Api.connect(), namespace, secret, mutating, validating)
