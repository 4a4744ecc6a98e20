"""kopf's webhook server with two handlers, which needs no cluster here.

kopf starts its webhook server inside an operator that watches a cluster. This starts the server alone, and gives it the
function that the operator would: kopf's own `serve_admission_request`, with a registry that holds the handlers and with
the resources that kopf would have discovered. So each call goes through kopf's code, from aiohttp to the JSON Patch
that kopf finds with jsonpatch. The loop is uvloop, which `kopf run` takes where it is installed.

Handlers say that a member changes the only way that kopf has for lists: the new list. Their ids are the paths.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import signal
import time
from typing import Any

import kopf
import uvloop
from kopf._cogs.structs.ephemera import Memo
from kopf._cogs.structs.references import Insights, Resource
from kopf._core.engines.admission import serve_admission_request
from kopf._core.engines.indexing import OperatorIndexers
from kopf._core.reactor.inventory import ResourceMemories

from bench.peers.listening import HOST, flags, log, ready
from bench.peers.rules import default_aliases, faults, move_rules

RESOURCES = [
    Resource("stash.appscode.com", "v1beta1", "backupbatches", kind="BackupBatch"),
    Resource("stash.appscode.com", "v1beta1", "restorebatches", kind="RestoreBatch"),
]


async def mutate(spec: Any, patch: Any, **_: Any) -> None:
    """Default the aliases and move the rules."""
    members = copy.deepcopy(spec.get("members", []))
    move_rules(members)
    if spec.get("driver", "Restic") == "Restic":
        default_aliases(members)
    patch.spec["members"] = members


async def validate(spec: Any, body: Any, **_: Any) -> None:
    """Refuse aliases and hosts that are shared."""
    if spec.get("driver", "Restic") == "Restic":
        found = faults(spec.get("members", []), body["kind"] == "BackupBatch")
        if found:
            raise kopf.AdmissionError("; ".join(found), code=422)


def registry() -> kopf.OperatorRegistry:
    """The handlers, as kopf keeps them."""
    made = kopf.OperatorRegistry()
    for each in RESOURCES:
        kopf.on.mutate(each.group, each.version, each.plural, id="mutate", registry=made)(mutate)
        kopf.on.validate(each.group, each.version, each.plural, id="validate", registry=made)(validate)
    return made


async def serve(server: Any) -> None:
    """Run kopf's webhook server until cancelled."""
    insights = Insights()
    insights.webhook_resources.update(RESOURCES)
    memo: Any = Memo()
    decide = functools.partial(
        serve_admission_request,
        settings=kopf.OperatorSettings(),
        registry=registry(),
        insights=insights,
        memories=ResourceMemories(),
        memobase=memo,
        indices=OperatorIndexers().indices,
    )

    async def logged(review: Any, *, webhook: Any = None, **others: Any) -> Any:
        started = time.perf_counter()
        answer = await decide(review, webhook=webhook, **others)
        response = answer["response"]
        decision = "refused" if not response["allowed"] else "mutated" if "patch" in response else "allowed"
        log(str(webhook), review["request"], decision, started)
        return answer

    async with server:
        async for _ in server(logged):
            ready()


async def until_told(server: Any) -> None:
    """Serve until SIGTERM or SIGINT."""
    serving = asyncio.ensure_future(serve(server))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    """Serve until told to stop."""
    given = flags("kopf_peer")
    server = kopf.WebhookServer(addr=HOST, port=given.port, certfile=str(given.cert), pkeyfile=str(given.key))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told(server))


if __name__ == "__main__":
    main()
