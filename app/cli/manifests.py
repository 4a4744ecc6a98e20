"""The commands about objects in files: `check`, `fix` and `plan`."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.console import Config, Rules, console, fail, levels, moment, tell, watched, zone
from app.cli.findings import FailOn, Output, end, passed_over, say

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH", help="Files, directories (all .yaml, .yml and .json files in them), or - for standard input."
    ),
]


Inventory = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Manifests of what else is in the cluster, for the rules that need it.", exists=True
    ),
]


Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="What to leave out, as a line of a .gitignore: node_modules, *.tpl.yaml, charts/*/templates. Repeatable.",
    ),
]
GitIgnore = Annotated[
    bool, typer.Option("--gitignore", help="Leave out of directories what Git ignores.", show_default=False)
]


def exclusions(exclude: list[str] | None, *, gitignore: bool) -> Any:
    """What is left out of what is read."""
    from app.manifest.exclusions import BadPattern, Exclusions

    try:
        return Exclusions(exclude or (), gitignore=gitignore)
    except BadPattern as error:
        fail(f"--exclude: {error}")


def admission(rule: list[str] | None, config: Path | None, inventory: Path | None, but: Any = None) -> Any:
    """The decisions, with the levels that the user chose and what is in the cluster."""
    from app.admission.engine import Admission
    from app.inventory.folder import BadFolder, read_folder

    try:
        return Admission(levels(rule, config), None if inventory is None else read_folder(inventory, but))
    except BadFolder as error:
        fail(str(error))


def once(*given: list[Path]) -> None:
    """End with exit code 2 if standard input is to be read twice."""
    if sum(str(path) == "-" for paths in given for path in paths) > 1:
        fail("standard input can be read only once: write `-` only once")


def check(
    paths: Paths,
    old: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="What is already stored: objects that are also in here are checked as updates. Repeatable.",
        ),
    ] = None,
    inventory: Inventory = None,
    together: Annotated[
        bool | None,
        typer.Option(
            "--together/--no-together",
            help="Also compare the objects with each other, as those of one cluster. "
            "[default: for a directory, or one file alone]",
            show_default=False,
        ),
    ] = None,
    exclude: Exclude = None,
    gitignore: GitIgnore = False,
    rule: Rules = None,
    config: Config = None,
    output: Annotated[Output, typer.Option(help="Output format.")] = Output.TEXT,
    fail_on: Annotated[FailOn, typer.Option(help="Lowest severity that ends with exit code 1.")] = FailOn.ERROR,
) -> None:
    """Show what the server would answer for objects in files: changes, refusals and warnings, each with its position.

    Exit code 1 if something would be refused, 2 if something cannot be read.

    For example:
        stash-admission check backup.yaml manifests/

        kustomize build overlays/production | stash-admission check -

        git show main:backup.yaml | stash-admission check backup.yaml --old -

        stash-admission check --inventory clusters/production/ backup.yaml

        stash-admission check --output sarif . > stash.sarif
    """
    from app.commands.check import report, text
    from app.commands.check.one_cluster import OneCluster

    once(paths, old or [], [config] if config else [])
    but = exclusions(exclude, gitignore=gitignore)
    decides = admission(rule, config, inventory, but)
    one: Any = None
    if together or (together is None and (len(paths) == 1 or any(map(_is_directory, paths)))):
        one = partial(OneCluster, levels=decides.levels, inventory=decides.inventory, separate=not together)
    found = watched(report.report(paths, decides, old or (), but, one), text.summary)
    say(found, output, lambda: text.show(found, console()))
    if found.apart:
        tell(f"Note: {found.apart}")
    if inventory is not None:  # without one, nobody expects more than a look at the files
        passed_over(dict.fromkeys(note for each in found.checked for note in each.notes))
    end(found, fail_on)


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # which reading it will tell


def fix(
    paths: Paths,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would be written, without writing it.")] = False,
    suggest_aliases: Annotated[
        bool,
        typer.Option("--suggest-aliases", help="Also give clashing members of a BackupBatch different aliases."),
    ] = False,
    old: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="What is already stored: targets without alias in here get none, since that would change their spec. "
            "Repeatable.",
        ),
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The same: manifests of what is in the cluster.", exists=True),
    ] = None,
    exclude: Exclude = None,
    gitignore: GitIgnore = False,
) -> None:
    """Write into files what the server would change. Everything else stays the same, including comments and layout.

    Standard input is written to standard output. Exit code 1 if something is left alone because it cannot be written
    safely, or with --diff if something would be written; 2 if something cannot be read.

    For example:

        stash-admission fix --diff manifests/

        stash-admission fix --suggest-aliases backup.yaml

        kustomize build . | stash-admission fix - | kubectl apply -f -

        kubectl get backupconfigurations,backupbatches -A -o yaml | stash-admission fix --old - manifests/
    """
    from app.commands.check.previous import Stored
    from app.commands.fix.report import RESTARTS, fixes, show
    from app.manifest.objects import objects

    stored = [*(old or []), *([inventory] if inventory else [])]
    once(paths, stored)
    but = exclusions(exclude, gitignore=gitignore)
    known = Stored(objects(stored, but=but))
    found = fixes(paths, but, diff=diff, aliases=suggest_aliases, stored=known)
    done = watched(found, lambda each: each.summary(diff=diff))
    show(done, console(), diff=diff)
    if done.writes_aliases and not stored:
        tell(f"Note: {RESTARTS}")
    passed_over(done.skipped)
    for each in (*done.unreadable, *done.left):
        tell(f"Error: {each}")
    tell(done.summary(diff=diff))
    if done.unreadable:
        raise typer.Exit(2)
    if done.left or (diff and done.changed):
        raise typer.Exit(1)


class PlanOutput(StrEnum):
    """What `plan` writes."""

    TEXT = "text"
    JSON = "json"


def plan(
    paths: Paths,
    replicas: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=COUNT", help="Replicas of a StatefulSet, to list its hosts. Repeatable."),
    ] = None,
    nodes: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Nodes of the cluster, to list the hosts of DaemonSets.")
    ] = None,
    inventory: Inventory = None,
    forecast: Annotated[
        bool,
        typer.Option(
            "--forecast", help="Also show the next runs, and how many snapshots there will be in 7, 30 and 365 days."
        ),
    ] = False,
    now: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="With --forecast: when it begins, such as 2026-01-31T03:00:00Z. [default: now]"
        ),
    ] = None,
    time_zone: Annotated[
        str, typer.Option(metavar="NAME", help="With --forecast: the time zone in which the cluster reads schedules.")
    ] = "UTC",
    exclude: Exclude = None,
    gitignore: GitIgnore = False,
    rule: Rules = None,
    config: Config = None,
    output: Annotated[PlanOutput, typer.Option(help="Output format.")] = PlanOutput.TEXT,
) -> None:
    """Show what will happen for objects in files: waves, hosts, and which rule restores each host.

    Objects are planned as the server would store them. Rule levels decide which of them it would refuse.

    Exit code 2 if something cannot be read.

    For example:

        stash-admission plan backup.yaml

        stash-admission plan restore.yaml --replicas db=3 --nodes node-a,node-b

        stash-admission plan --inventory clusters/production/ restore.yaml

        stash-admission plan --forecast --time-zone Europe/Berlin backup.yaml

        stash-admission plan --config config.yaml --rule valid-schedule=warn backup.yaml

        stash-admission plan --output json manifests/ | jq .objects
    """
    from app.commands.plan import json_report, text
    from app.commands.plan.planner import Clock, Cluster
    from app.commands.plan.report import Plans, planned
    from app.commands.terminal.door import data

    once(paths, [config] if config else [])
    but = exclusions(exclude, gitignore=gitignore)
    decides = admission(rule, config, inventory, but)
    named = [each for each in (nodes or "").split(",") if each]
    cluster = Cluster(dict(map(_replicas, replicas or ())), named, decides.cluster)
    clock = Clock(moment("--now", now), zone("--time-zone", time_zone)) if forecast else None
    found: Plans = watched(
        planned(paths, decides, cluster, but, clock), lambda each: f"{len(each.plans)} objects planned"
    )
    if output is PlanOutput.JSON:
        typer.echo(data(json_report.as_json(found.plans)))
    else:
        text.show(found.plans, console())
        if not found.plans:
            tell("No Stash objects were found")
    for name in found.unused(cluster):
        tell(f"Warning: --replicas {name}: these files have no StatefulSet of that name")
    passed_over(found.skipped)
    for each in found.unreadable:
        tell(f"Error: {each}")
    if found.unreadable:
        raise typer.Exit(2)


def _replicas(text: str) -> tuple[str, int]:
    """`db=3` as a name and a count."""
    name, _, count = text.rpartition("=")
    if not name or not (count.isascii() and count.isdigit()) or len(count) > 4:
        fail(f"--replicas {text}: write NAME=COUNT, such as db=3")
    return name, int(count)
