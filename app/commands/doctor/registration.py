"""The webhook configurations: whether the API server asks us, about what, where, and for how long it waits."""

import json
from collections.abc import Iterator
from typing import Any

from app.commands.doctor.expected import (
    ASKED,
    CONDITIONS,
    OPERATIONS,
    PATHS,
    REPOSITORIES,
    is_asked_about,
    namespace_selector,
)
from app.commands.doctor.state import InstallationState, Unreadable
from certs.diagnostics import Diagnosis, note, ok, wrong
from certs.names import Names
from certs.state import Target
from kube.client import Object
from kube.labels import selects

APPLY = "apply the manifests again (or -k and the overlay in use):\nkubectl apply -f manifests/install.yaml"
_MIN_TIMEOUT_SECONDS, _MAX_TIMEOUT_SECONDS = 2, 10
"""Seconds: a replica that just started may take longer than the one; users wait no longer than the other."""


def registration(sight: InstallationState) -> Iterator[Diagnosis]:
    """Remarks on both configurations."""
    for target, found in sight.configurations.items():
        if isinstance(found, Unreadable):
            yield found.remark
            continue
        name = sight.names.mutating if target is Target.MUTATING else sight.names.validating
        title = f"{target.value} {name}"
        if found is None:
            what = "changed" if target is Target.MUTATING else "refused"
            line = f"{title}: it does not exist, so nothing is {what}"
            yield wrong(line, f"{APPLY}\nthen {sight.keeper.trust()}")
        elif not found.get("webhooks"):
            yield wrong(f"{title}: it has no webhooks", f"{APPLY}\nthen {sight.keeper.trust()}")
        else:
            yield from _configuration(title, found["webhooks"], target, sight)


def is_left_out(configuration: Object, labels: dict[str, str]) -> bool:
    """Whether no webhook of a configuration is asked about objects in a namespace with these labels."""
    webhooks = configuration.get("webhooks") or ()
    return not any(selects(each.get("namespaceSelector"), labels) for each in webhooks)


def _configuration(title: str, webhooks: list[Object], target: Target, sight: InstallationState) -> Iterator[Diagnosis]:
    path, names = PATHS[target], sight.names
    remarks = [remark for each in webhooks for remark in _webhook(f"{title}: {each['name']}", each, path, names)]
    rules = [rule for each in webhooks for rule in each.get("rules") or ()]
    missing = [
        f"{operation} of {resource}"
        for resource, version in ASKED[target].items()
        for operation in OPERATIONS
        if not is_asked_about(rules, operation, resource, version)
    ]
    if missing and not rules:
        line = f"{title}: it asks about nothing, so everything is admitted unchecked"
        remarks.insert(0, wrong(line, _close(names.namespace)))
    elif missing:
        remarks.insert(0, wrong(f"{title}: it does not ask about {', '.join(missing)}", _close(names.namespace)))
    yield from remarks


def _close(namespace: str) -> str:
    job = f"kubectl -n {namespace} create job register-$(date +%s) --from=cronjob/stash-admission-register"
    log = f"kubectl -n {namespace} logs -l app.kubernetes.io/component=registration --tail=5"
    waits = "a Job has them asked when a replica answers; see what it waits for"
    return f"{waits}:\n{log}\nif it has ended, make another:\n{job}"


def _webhook(title: str, webhook: Object, path: str, names: Names) -> Iterator[Diagnosis]:
    remarks = [
        *_where(title, webhook["clientConfig"], path, names),
        *_how(title, webhook),
        *_when(title, webhook, names),
    ]
    yield from remarks or [ok(f"{title} calls {_address(webhook['clientConfig'])}")]


def _where(title: str, client: Object, path: str, names: Names) -> Iterator[Diagnosis]:
    service = client.get("service")
    if service is None:
        yield note(f"{title} calls {client.get('url')}, not a Service: what is there is not checked")
        return
    called, expected = f"{service['namespace']}/{service['name']}", f"{names.namespace}/{names.service}"
    if called != expected:
        other = Names(service["namespace"], names.secret, service["name"], names.mutating, names.validating)
        remedy = f"if that is the one meant, look again:\nstash-admission doctor{other.flags}\nelse {APPLY}"
        yield wrong(f"{title} calls Service {called}, not {expected}", remedy)
    if (found := service.get("path") or "/") != path:
        yield wrong(f"{title} calls the path {found}, where the server does not answer, not {path}", APPLY)


def _how(title: str, webhook: Object) -> Iterator[Diagnosis]:
    if webhook.get("failurePolicy", "Fail") == "Ignore" and webhook["name"] != REPOSITORIES:
        line = f"{title} has failurePolicy Ignore: while the server is down, every object is stored unchecked"
        yield note(line, "set it to Fail, or check what was stored while the server was down")
    seconds = webhook.get("timeoutSeconds", _MAX_TIMEOUT_SECONDS)
    if seconds > _MAX_TIMEOUT_SECONDS:
        yield note(f"{title} has timeoutSeconds {seconds}: while the server is down, every user waits that long", APPLY)
    if seconds < _MIN_TIMEOUT_SECONDS:
        yield note(f"{title} has timeoutSeconds {seconds}: a replica that is busy for a moment answers too late", APPLY)
    reviews = webhook.get("admissionReviewVersions") or ["v1"]
    if next((each for each in reviews if each in ("v1", "v1beta1")), "v1") != "v1":
        yield wrong(f"{title} asks in AdmissionReview {reviews[0]}, which the server does not support", APPLY)


def _when(title: str, webhook: Object, names: Names) -> Iterator[Diagnosis]:
    """What the webhook is kept from being asked about."""
    if (selector := webhook.get("namespaceSelector") or {}) != namespace_selector(names.namespace):
        what = (
            f"leaves out other namespaces than shipped: {_compact(selector)}" if selector else "leaves out no namespace"
        )
        yield note(f"{title} {what}", f"unless you want that, {APPLY}")
    if selector := webhook.get("objectSelector") or {}:
        line = f"{title} leaves out objects by their labels, which anyone may set: {_compact(selector)}"
        yield note(line, f"unless you want that, {APPLY}")
    found = {each["name"]: " ".join(each["expression"].split()) for each in webhook.get("matchConditions") or ()}
    if missing := [name for name, expression in CONDITIONS.items() if found.get(name) != expression]:
        line = f"{title} lacks matchConditions {', '.join(missing)} as shipped: an outage blocks more than necessary"
        yield note(line, f"changes to labels and finalizers, and deletion, wait for the server too, so {APPLY}")
    if more := [name for name in found if name not in CONDITIONS]:
        line = f"{title} has further matchConditions, which may keep objects from being checked: {', '.join(more)}"
        yield note(line, f"unless you want that, {APPLY}")


def _address(client: Object) -> str:
    service = client["service"]
    return f"{service['namespace']}/{service['name']}:{service.get('port', 443)}{service.get('path') or '/'}"


def _compact(selector: Any) -> str:
    return json.dumps(selector, separators=(",", ":"))[:200]
