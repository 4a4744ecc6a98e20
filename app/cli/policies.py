"""The command `policies`: the rules as policies that the API server evaluates itself."""

from typing import Annotated

import typer

from app.cli.console import Config, Rules, fail, levels, tell
from app.cli.installation import Namespace


def policies(
    warn: Annotated[bool, typer.Option("--warn", help="Only warn, also of what the server refuses.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Only count what the server refuses, in its metrics.")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="Refuse, warn and change as the server does.")] = False,
    rule: Rules = None,
    config: Config = None,
    namespace: Namespace = "stash-admission",
    kubernetes: Annotated[
        str, typer.Option(metavar="VERSION", help="Oldest release of Kubernetes that has to take them.")
    ] = "1.36",
) -> None:
    """Print the rules as policies of Kubernetes, which its API server evaluates without asking anybody.

    They hold while the server is switched off: `--deny` is what to apply before its webhooks are deleted. Not every
    rule can be said in a policy, and messages are shorter: `stash-admission rules` and the documentation of a rule say
    more. Levels are those of `--rule` and `--config`, by namespace.

    The same levels always print the same text.

    For example:

        stash-admission policies --deny | kubectl apply --server-side -f -

        stash-admission policies --audit --config config.yaml --kubernetes 1.34 > policies.yaml
    """
    from app.commands.policies.policy import Mode
    from app.commands.policies.policy import policies as generate
    from app.commands.policies.release import MUTATING, Release, Unsupported
    from app.commands.policies.text import text

    chosen = [mode for mode, wanted in ((Mode.WARN, warn), (Mode.AUDIT, audit), (Mode.DENY, deny)) if wanted]
    if len(chosen) != 1:
        fail("write one of --warn, --audit and --deny")
    try:
        release = Release.parse(kubernetes)
    except Unsupported as error:
        fail(f"--kubernetes: {error}")
    if chosen == [Mode.DENY] and not release.mutates:
        tell(
            f"Kubernetes {release} has no policies that change objects, which 1.{MUTATING} introduced: "
            "nothing is moved, and no alias or order is written"
        )
    typer.echo(text(generate(levels(rule, config), chosen[0], release, namespace)), nl=False)
