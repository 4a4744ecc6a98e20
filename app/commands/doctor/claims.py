"""Whether the replicas can claim a backup before they admit it."""

from collections.abc import Iterator
from typing import Any

from app.commands.doctor.registration import APPLY
from app.commands.doctor.state import InstallationState, Unreadable
from certs.diagnostics import Diagnosis, note, ok, wrong
from kube.client import Object

_CLASH = "two replicas may admit what clashes at the same moment"


def claims(state: InstallationState) -> Iterator[Diagnosis]:
    """Remarks on the replicas' rights. None where nobody replicates, or nothing is known of the cluster."""
    if not state.selected or _setting(state.selected[0], "inventory") != "cluster":
        return
    deployment = state.selected[0]
    title = f"Deployment {state.names.namespace}/{deployment['metadata']['name']}"
    if _setting(deployment, "claims") == "off":
        yield note(f"{title}: claims are off, so {_CLASH}")
        return
    account = deployment["spec"]["template"]["spec"].get("serviceAccountName", "default")
    allowed = state.may_claim(account)
    if isinstance(allowed, Unreadable):
        yield allowed.remark
    elif allowed:
        yield ok(f"{title}: its ServiceAccount {account} may write claims")
    else:
        yield wrong(f"{title}: its ServiceAccount {account} may not write Leases, so {_CLASH}", APPLY)


def _setting(deployment: Object, name: str) -> str | None:
    """What a flag, or else a variable of the first container says."""
    container: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    arguments = [*(container.get("command") or ()), *(container.get("args") or ())]
    for at, argument in enumerate(arguments):
        if argument.startswith(f"--{name}="):
            return str(argument).partition("=")[2]
        if argument == f"--{name}" and at + 1 < len(arguments):
            return str(arguments[at + 1])
    variables = {each["name"]: each.get("value") for each in container.get("env") or ()}
    return variables.get(f"STASH_ADMISSION_{name.upper()}")
