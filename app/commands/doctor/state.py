"""What exists of an installation, and of what could not be read, why."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from app.commands.doctor.client import Access
from certs.cluster import seen_as_guest
from certs.diagnostics import Diagnosis, note
from certs.issuer import Issuer, keeper
from certs.names import Names
from certs.state import Observed, Target
from kube.client import Object
from kube.errors import Forbidden, Unavailable
from kube.labels import has
from schemas.kinds import GROUP

T = TypeVar("T")
FAILED_CREATE = "FailedCreate"
"""What controllers write as the reason of an event, when a pod could not be made."""
_SUCCESSFUL_CREATE = "SuccessfulCreate"
"""The same when one was."""
_LEASES = ("coordination.k8s.io", "leases")


@dataclass(frozen=True)
class Unreadable:
    """Something that could not be read."""

    what: str
    why: str
    silent: bool = False
    """Whether that is because no answer came."""

    @property
    def remark(self) -> Diagnosis:
        """Nothing is known of it, which is not a fault of it."""
        return note(f"{self.what}: not checked: {self.why}")


Sighted = Object | Unreadable | None
"""An object; None if there is none."""
Listed = list[Object] | Unreadable


@dataclass(frozen=True)
class InstallationState:
    """Everything that was read, at one time."""

    names: Names
    now: datetime.datetime
    """By the API server's clock, which is the one that judges certificates."""
    ahead: datetime.timedelta
    """How far the API server's clock is ahead of ours."""
    mutating: Sighted
    validating: Sighted
    secret: Sighted
    namespace: Sighted
    service: Sighted
    slices: Listed
    deployments: Listed
    cron_jobs: Listed
    events: Listed
    """Of pods that were made, and of those that could not be."""
    definitions: Mapping[str, Sighted]
    """By resource: `backupbatches`."""
    tried_in: Sighted
    """The Namespace in which objects are tried."""
    may_claim: Callable[[str], "bool | Unreadable"]
    """Whether a ServiceAccount of the installation may write claims."""

    @property
    def configurations(self) -> Mapping[Target, Sighted]:
        """Both webhook configurations."""
        return {Target.MUTATING: self.mutating, Target.VALIDATING: self.validating}

    @property
    def seen(self) -> Observed:
        """What can be said of the certificates. What could not be read is missing."""
        found = (
            None if isinstance(each, Unreadable) else each for each in (self.secret, self.mutating, self.validating)
        )
        return seen_as_guest(*found)

    @property
    def keeper(self) -> Issuer:
        """Who keeps the certificates right."""
        return keeper(self.seen, self.names)

    @property
    def selected(self) -> list[Object]:
        """The Deployments whose pods the Service selects, as far as both could be read."""
        selector = self.service["spec"].get("selector") if isinstance(self.service, dict) else None
        if not selector or isinstance(self.deployments, Unreadable):
            return []
        return [each for each in self.deployments if has(_pod_labels(each), selector)]

    @property
    def is_blind(self) -> bool:
        """Whether nothing at all could be read."""
        singles = (self.secret, self.namespace, self.service, self.tried_in, *self.configurations.values())
        lists = (self.slices, self.deployments, self.cron_jobs, self.events)
        return all(isinstance(each, Unreadable) for each in (*singles, *lists, *self.definitions.values()))


def look(access: Access, names: Names, resources: Iterable[str], try_in: str) -> InstallationState:
    """Read everything.

    Raises Refused for credentials that nobody accepts, and Unavailable if not even the first answer comes.
    """
    space, here = names.namespace, f"in namespace {names.namespace}"
    mutating = _configuration(access, Target.MUTATING, names.mutating)
    if isinstance(mutating, Unreadable) and mutating.silent:
        raise Unavailable(mutating.why)
    clock = datetime.datetime.now(datetime.UTC)
    now = access.time or clock
    secret, service = f"{space}/{names.secret}", f"{space}/{names.service}"
    return InstallationState(
        names=names,
        now=now,
        ahead=now - clock,
        mutating=mutating,
        validating=_configuration(access, Target.VALIDATING, names.validating),
        secret=_read(f"Secret {secret}", f"get on secrets {here}", lambda: access.secret(space, names.secret)),
        namespace=_read(f"Namespace {space}", "get on namespaces", lambda: access.namespace(space)),
        service=_read(f"Service {service}", f"get on services {here}", lambda: access.service(space, names.service)),
        slices=_read(
            f"endpoints of Service {service}",
            f"list on endpointslices {here}",
            lambda: access.endpoint_slices(space, names.service),
        ),
        deployments=_read(f"Deployments {here}", f"list on deployments {here}", lambda: access.deployments(space)),
        cron_jobs=_read(f"CronJobs {here}", f"list on cronjobs {here}", lambda: access.cron_jobs(space)),
        events=_read(
            f"events {here}",
            f"list on events {here}",
            lambda: [event for reason in (FAILED_CREATE, _SUCCESSFUL_CREATE) for event in access.events(space, reason)],
        ),
        definitions={each: _definition(access, f"{each}.{GROUP}") for each in resources},
        tried_in=_read(f"Namespace {try_in}", "get on namespaces", lambda: access.namespace(try_in)),
        may_claim=lambda account: _read(
            f"rights of ServiceAccount {space}/{account}",
            "create on subjectaccessreviews",
            lambda: all(access.may(account, space, verb, *_LEASES) for verb in ("get", "create", "update")),
        ),
    )


def _pod_labels(deployment: Object) -> dict[str, str]:
    labels: dict[str, str] = deployment["spec"]["template"]["metadata"].get("labels") or {}
    return labels


def _configuration(access: Access, target: Target, name: str) -> Sighted:
    right = f"get on {target.value.lower()}s"
    return _read(f"{target.value} {name}", right, lambda: access.configuration(target.value, name))


def _definition(access: Access, name: str) -> Sighted:
    return _read(f"CRD {name}", "get on customresourcedefinitions", lambda: access.definition(name))


def _read(what: str, right: str, read: Callable[[], T]) -> T | Unreadable:
    try:
        return read()
    except Forbidden:
        return Unreadable(what, f"grant {right}")
    except Unavailable as error:
        return Unreadable(what, str(error), silent=True)
