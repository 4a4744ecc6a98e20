"""Waiting until a replica answers, then writing the `rules` of the webhooks.

The manifests have webhooks without rules, which the API server asks about nothing. So whatever comes late, an image or
a certificate, no object waits for it. Rules are a field that no manifest has, so who applies one leaves them alone.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from app.commands.doctor.client import Access
from app.commands.doctor.expected import OPERATIONS, RULES, WEBHOOKS, is_asked_about
from app.commands.register.answering import obstacle
from certs.cluster import bundles
from certs.names import Names
from certs.state import CONFIGURATIONS, Target
from kube.client import Object
from kube.errors import KubeError, Refused

FIELD_MANAGER = "stash-admission-register"
_PAUSE = 1.0
"""Seconds between two looks."""


@dataclass(frozen=True)
class Registrar:
    """Who waits for an installation and registers it."""

    api: Access
    names: Names
    settle: float
    """Seconds for which a replica has answered before anything is written: until every node sends calls to it."""
    longest: float | None = None
    """Seconds to wait for a replica; None for ever."""

    def run(
        self,
        say: Callable[[str], None],
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Return when every webhook has its rules. Says what is waited for, whenever that is something else.

        Raises Refused with the last of these, if it has taken longer than `longest`.
        """
        start, since, said = clock(), None, ""
        while True:
            try:
                lines, waits = self._step(since is not None and clock() >= since + self.settle)
            except KubeError as error:
                lines, waits = [], str(error)
            for line in lines:
                say(line)
            if not waits:
                if lines:
                    return
                since = since if since is not None else clock()
                pause(min(_PAUSE, self.settle))
                continue
            since = None
            if self.longest is not None and clock() >= start + self.longest:
                raise Refused(f"nothing was registered, and everything is admitted unchecked: {waits}")
            if waits != said:
                say(f"waiting: {waits}")
                said = waits
            pause(_PAUSE)

    def _step(self, has_settled: bool) -> tuple[list[str], str | None]:
        """What was done, if anything, and what is waited for."""
        found = {target: self._configuration(target) for target in CONFIGURATIONS}
        missing = [target for target in CONFIGURATIONS if not found[target]]
        if missing:
            return [], f"{self._title(missing[0])} does not exist: apply the manifests"
        for target, each in found.items():
            if WEBHOOKS[target] not in {webhook["name"] for webhook in (each or {}).get("webhooks") or ()}:
                return [], f"{self._title(target)} has no webhook {WEBHOOKS[target]}: apply the manifests"
        lacking = {target: list(_lacking(each)) for target, each in found.items() if each}
        if not any(lacking.values()):
            return ["nothing to do: every webhook has its rules"], None
        if waits := self._obstacle(found):
            return [], waits
        if not has_settled:
            return [], None
        # In this order: who validates an object takes it for one that has been mutated.
        return [self._write(target, found[target], names) for target, names in lacking.items() if names], None

    def _configuration(self, target: Target) -> Object | None:
        return self.api.configuration(target.value, self._name(target))

    def _obstacle(self, found: dict[Target, Any]) -> str | None:
        space, name = self.names.namespace, self.names.service
        service = self.api.service(space, name)
        if service is None:
            return f"Service {space}/{name} does not exist: apply the manifests"
        for target, configuration in found.items():
            trusted = bundles(configuration) or {}
            for each in configuration.get("webhooks") or ():
                port = (each["clientConfig"].get("service") or {}).get("port", 443)
                bundle = trusted[each["name"]]
                if not bundle:
                    return f"{self._title(target)}: {each['name']} has no caBundle yet"
                if waits := obstacle(service, port, self.names.host, bundle):
                    return f"{self._title(target)}: {each['name']}: {waits}"
        return None

    def _write(self, target: Target, configuration: Any, names: list[str]) -> str:
        fields = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": target.value,
            # With it an object that is gone is not made anew.
            "metadata": {"name": self._name(target), "resourceVersion": configuration["metadata"]["resourceVersion"]},
            "webhooks": [
                {"name": each["name"], "rules": RULES[each["name"]]}
                for each in configuration["webhooks"]
                if each["name"] in RULES
            ],
        }
        self.api.apply_configuration(target.value, self._name(target), fields, FIELD_MANAGER)
        return f"{self._title(target)}: {', '.join(names)} {'is' if len(names) == 1 else 'are'} asked from now on"

    def _name(self, target: Target) -> str:
        return self.names.mutating if target is Target.MUTATING else self.names.validating

    def _title(self, target: Target) -> str:
        return f"{target.value} {self._name(target)}"


def _lacking(configuration: Object) -> Iterator[str]:
    """The webhooks that are not asked about all that they are for. More than that is left alone."""
    for each in configuration.get("webhooks") or ():
        if not all(_covered(each.get("rules") or [], rule) for rule in RULES.get(each["name"], ())):
            yield each["name"]


def _covered(found: list[Any], rule: dict[str, Any]) -> bool:
    (version,) = rule["apiVersions"]
    return all(
        is_asked_about(found, operation, resource, version)
        for operation in OPERATIONS
        for resource in rule["resources"]
    )
