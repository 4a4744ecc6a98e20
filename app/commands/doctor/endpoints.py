"""The Service that the API server calls, and who is behind it."""

from collections.abc import Iterator

from app.commands.doctor.registration import APPLY
from app.commands.doctor.state import InstallationState, Listed, Unreadable
from certs.diagnostics import Diagnosis, note, ok, wrong
from kube.client import Object


def endpoints(sight: InstallationState) -> Iterator[Diagnosis]:
    """Remarks on the namespace, the Service and its endpoints."""
    names, service = sight.names, sight.service
    title = f"Service {names.namespace}/{names.service}"
    if sight.namespace is None:
        remedy = f"say with --namespace where it is installed, or {APPLY}"
        yield wrong(f"Namespace {names.namespace}: it does not exist", remedy)
        return
    if isinstance(service, Unreadable):
        yield service.remark
    elif service is None:
        yield wrong(f"{title}: it does not exist", APPLY)
        return
    else:
        remarks = list(_service(title, service, sight))
        yield from remarks
        if service["spec"].get("type") == "ExternalName":
            yield ok(f"{title} stands for {service['spec'].get('externalName')}: what is there is not checked")
            return
        if not remarks and isinstance(sight.slices, Unreadable):
            yield ok(f"{title}: it is as it should be")
    yield from _behind(title, service, sight)


def _service(title: str, service: Object, sight: InstallationState) -> Iterator[Diagnosis]:
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return
    if spec.get("clusterIP") == "None":
        line = f"{title}: it has no address of its own (clusterIP None), and most API servers call no such Service"
        yield wrong(line, f"delete it, then {APPLY}")
    ports = [each.get("port") for each in spec.get("ports") or ()]
    for port in sorted({each for each in _called_ports(sight) if each not in ports}):
        listed = ", ".join(map(str, ports)) or "none"
        yield wrong(f"{title}: it has no port {port}, which a webhook calls; it has {listed}", APPLY)
    if not spec.get("selector"):
        yield note(f"{title}: it has no selector, so its endpoints must be written by hand", f"unless you do, {APPLY}")


def _called_ports(sight: InstallationState) -> Iterator[int]:
    for configuration in sight.configurations.values():
        webhooks = configuration.get("webhooks") if isinstance(configuration, dict) else None
        for service in (each["clientConfig"].get("service") for each in webhooks or ()):
            if service and (service["namespace"], service["name"]) == (sight.names.namespace, sight.names.service):
                yield service.get("port", 443)


def _behind(title: str, service: Object | Unreadable, sight: InstallationState) -> Iterator[Diagnosis]:
    if isinstance(sight.slices, Unreadable):
        yield sight.slices.remark
        return
    every = {tuple(each["addresses"]): each for found in sight.slices for each in found.get("endpoints") or ()}
    # Absent means ready.
    ready = [each for each in every.values() if (each.get("conditions") or {}).get("ready") is not False]
    if not every and isinstance(service, Unreadable):
        return  # there are none either where it stands for something outside of the cluster
    count = f"{len(ready)} of {len(every)} endpoints ready"
    if not ready:
        line = f"{title}: no endpoint is ready, so no call is answered ({count})"
        yield wrong(line, _why_nobody(service, sight.deployments, sight))
    elif len(ready) == 1:
        remedy = f"see whether another one is starting:\nkubectl -n {sight.names.namespace} get pods -o wide"
        yield note(f"{title}: only one endpoint is ready: without it no call is answered ({count})", remedy)
    else:
        yield ok(f"{title}: {count}")


def _why_nobody(service: Object | Unreadable, deployments: Listed, sight: InstallationState) -> str:
    space = sight.names.namespace
    look = f"kubectl -n {space} get pods -o wide\nkubectl -n {space} get events --sort-by=.lastTimestamp"
    selector = None if isinstance(service, Unreadable) else service["spec"].get("selector")
    if isinstance(deployments, Unreadable) or not selector:
        return f"see what keeps the pods from being ready:\n{look}"
    behind = sight.selected
    if not behind:
        return f"no Deployment in {space} makes pods that the Service selects, so {APPLY}"
    name, wanted = behind[0]["metadata"]["name"], behind[0]["spec"].get("replicas", 1)
    if wanted == 0:
        return f"Deployment {name} is scaled to 0:\nkubectl -n {space} scale deployment {name} --replicas 2"
    logs = f"kubectl -n {space} logs deployment/{name} --all-containers --tail 20"
    return f"Deployment {name} wants {wanted} replicas; see what keeps them from being ready:\n{look}\n{logs}"
