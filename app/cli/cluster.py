"""The commands about what is already in a cluster: `audit` and `backfill`."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.console import Config, Rules, console, fail, levels, moment, tell, zone
from app.cli.findings import FailOn, Output, end, say, unread
from app.cli.manifests import Exclude, GitIgnore, exclusions, once
from app.cli.progress import progressed

_REPOSITORY = re.compile(r"((?:[a-z0-9-]+/)?[a-z0-9.-]+)=")
"""What stands before a file; the name of a file may have an = too, behind another character."""

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Only this namespace. [default: all]")
]


def audit(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files, directories or -, to read instead of the cluster."),
    ] = None,
    namespace: Namespace = None,
    snapshots: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[REPOSITORY=]FILE",
            help="Also compare what `restic snapshots --json` wrote, or - for standard input, with the objects. "
            "REPOSITORY, [NAMESPACE/]NAME, says which it is of, if there are several. Repeatable.",
        ),
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="With --snapshots: when they were listed, such as 2026-01-31T03:00:00Z. [default: now]"
        ),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="NAME", help="With --snapshots: the time zone in which the cluster reads schedules.")
    ] = "UTC",
    exclude: Exclude = None,
    gitignore: GitIgnore = False,
    rule: Rules = None,
    config: Config = None,
    output: Annotated[Output, typer.Option(help="Output format.")] = Output.TEXT,
    fail_on: Annotated[FailOn, typer.Option(help="Lowest severity that ends with exit code 1.")] = FailOn.ERROR,
) -> None:
    """Check every object in the cluster as if it were created today: what would be refused, warned about or changed.

    Nothing is changed. Objects that are being deleted are left out. The kubeconfig says which cluster, and its user
    needs permission to list the objects: see the role in manifests/roles/audit.yaml.

    With --snapshots, it also says what is wrong with the data: hosts that two targets feed, that no backup writes, that
    are late; restores that would find nothing; and what retention removes next. Commands are shown, never run.

    Exit code 1 if something would be refused, or data is mixed; 2 if something cannot be read.

    For example:

        stash-admission audit

        restic snapshots --json | stash-admission audit --snapshots demo/gcs-repo=-

        stash-admission audit -n demo --rule exclusive-repository=warn

        kubectl get backupconfigurations,backupbatches,restoresessions,restorebatches,repositories,namespaces \
-A -o yaml | stash-admission audit -
    """
    from app.commands.audit.runner import Audit, audit_cluster, audit_files
    from app.commands.audit.text import show

    if paths and namespace is not None:
        fail("--namespace applies to a cluster, not to files: leave out either the namespace or the paths")
    damages = _damages(snapshots or [], now, time_zone)
    once(paths or [], [config] if config else [], [each.file for each in damages.given] if damages else [])
    found, by = Audit(damages=damages), levels(rule, config)
    if paths:
        progressed(audit_files(found, paths, by, exclusions(exclude, gitignore=gitignore)))
    else:
        api = _connect(namespace)
        progressed(audit_cluster(found, api, by, namespace))
        api.close()
    say(found.report, output, lambda: show(found, console()))
    _warn(found.notes)
    end(found.report, fail_on)


def _damages(snapshots: list[str], now: str | None, time_zone: str) -> Any:
    """What snapshots are compared with; None without any."""
    if not snapshots:
        return None
    from app.commands.audit.damage import Damages, Given

    given = []
    for each in snapshots:
        name = _REPOSITORY.match(each)
        given.append(Given(name[1], Path(each[name.end() :])) if name else Given("", Path(each)))
    return Damages(given, moment("--now", now), zone("--time-zone", time_zone), sys.stdin.buffer)


def backfill(
    namespace: Namespace = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what the API server would store, without writing it.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(metavar="COUNT", min=1, help="Maximum number of objects to write.")
    ] = None,
    pause: Annotated[float, typer.Option(metavar="SECONDS", min=0, max=3600, help="Pause between two objects.")] = 0,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Write without asking first; required without a terminal.")
    ] = False,
) -> None:
    """Write the default alias into stored BackupConfigurations and BackupBatches that have none.

    Nothing else is changed, and hosts stay the same. But a changed spec makes the operator restart the Pods of the
    workloads that it backs up: try --dry-run first, then --limit, and see --pause. If it is stopped halfway, run it
    again to finish.

    Objects that would clash, or that a webhook refuses, are left alone and reported. It runs with the permissions of
    the kubeconfig's user: see the role in manifests/roles/backfill.yaml.

    Exit code 1 if something is left to do, and with --dry-run if something would be written; 2 if something cannot be
    read.

    For example:

        stash-admission backfill --dry-run

        stash-admission backfill -n demo --limit 3

        stash-admission backfill --yes --pause 10
    """
    from app.commands.backfill import text
    from app.commands.backfill.planner import KINDS
    from app.commands.backfill.runner import Backfill, Options
    from app.commands.backfill.signals import Interruption

    api = _connect(namespace)
    run = Backfill(api, Options(namespace, dry_run, limit, pause))
    progressed(run.look())
    for each in run.clashing:
        _write(*text.left_alone(each))
    _warn(run.contents.notes)
    unread(run.contents.unreadable)
    for cost in text.cost(run):
        tell(cost)
    if run.chosen:
        refused = [kind for kind in KINDS if not api.may_patch(kind, namespace)]
        if refused:
            place = f"namespace {namespace}" if namespace else "all namespaces (see --namespace)"
            fail(f"you may not patch {' and '.join(refused)} in {place}: see the role in manifests/roles/backfill.yaml")
        if not dry_run and not yes:
            _confirm(len(run.chosen))
    shown = text.difference if dry_run else text.line
    with Interruption() as interruption:
        progressed(run.write(interruption, lambda written: _write(*shown(written))))
    api.close()
    tell(text.summary(run))
    raise typer.Exit(run.exit_code)


def _connect(namespace: str | None) -> Any:
    from app.commands.cluster.client import Api
    from certs.arguments import label
    from kube.errors import Refused

    if namespace is not None:
        label(namespace)
    try:
        return Api.connect()
    except Refused as error:
        fail(str(error))


def _confirm(count: int) -> None:
    """End with exit code 1 if the answer is no, with 2 if there is no one to ask."""
    if not sys.stdin.isatty():
        fail("there is no terminal to ask for confirmation: use --yes to write without asking, or --dry-run")
    if not typer.confirm(f"Write {count} {'object' if count == 1 else 'objects'}?", err=True):
        tell("Nothing was written")
        raise typer.Exit(1)


def _write(*lines: str) -> None:
    from app.commands.terminal.door import one_line

    for each in lines:
        sys.stdout.write(f"{one_line(each)}\n")
    sys.stdout.flush()


def _warn(notes: list[str]) -> None:
    for each in notes:
        tell(f"Warning: {each}")
