"""The command `playground`: a page that checks what is typed into it."""

from typing import Annotated

import typer

from app.cli.console import Config, Rules, fail
from app.cli.manifests import Inventory, admission


def playground(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0 for any free port.")] = 8090,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
    rule: Rules = None,
    config: Config = None,
    inventory: Inventory = None,
) -> None:
    """Serve a page on this machine that shows what the server would do with a manifest: findings, changes, plan.

    The page is served only on 127.0.0.1, and what you type there is neither stored nor sent anywhere else. Stop it
    with Ctrl-C.

    For example:

        stash-admission playground --open

        stash-admission playground --port 0 --rule valid-duration=warn

        stash-admission playground --inventory clusters/production/
    """
    decides = admission(rule, config, inventory)

    from app.commands.playground.serving import listening, serve
    from app.server.listener import CannotServe

    try:
        own, address = listening(port)
    except CannotServe as error:
        fail(str(error))

    def ready() -> None:
        typer.echo(f"{address} (stop with Ctrl-C)")
        if open_it:
            typer.launch(address)

    serve(own, decides, ready)
