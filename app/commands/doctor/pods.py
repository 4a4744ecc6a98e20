"""Pods that nobody could make, since a policy of the cluster refuses them."""

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.commands.doctor.state import FAILED_CREATE, InstallationState, Unreadable
from certs.diagnostics import Diagnosis, wrong
from kube.client import Object
from kube.errors import one_line

_MAKERS = {"ReplicaSet": "Deployment", "Job": "Job"}
_MADE_UP = re.compile(r"-[0-9a-z]+$")
"""What a Deployment adds to its name for a ReplicaSet."""
_AT_SOME_TIME = re.compile(r"-\d+$")
"""What a CronJob adds to its name for a Job."""


@dataclass(frozen=True)
class _Policy:
    """Something that refuses pods."""

    words: str
    """A regular expression of what is said then."""
    means: str
    remedy: str
    """With `{space}` to be filled in."""


_IDS = (
    "leave the ids to the platform:\nkubectl apply -k manifests/overlays/openshift\n"
    "or, with Helm, --set openshift=true: docs/install/platforms.md"
)
_POLICIES = (
    _Policy(
        "security context constraint",
        "the security context constraints of OpenShift refuse its pods",
        _IDS,
    ),
    _Policy(r"runAs(User|Group)|fsGroup|supplementalGroups", "a policy refuses the user ids of its pods", _IDS),
    _Policy(
        "violates PodSecurity",
        "Pod Security refuses its pods",
        "let the namespace enforce what the manifests say, which is less on the host's network:\n"
        "kubectl get namespace {space} --show-labels",
    ),
    _Policy(
        "ValidatingAdmissionPolicy|admission webhook|denied the request|denied request",
        "a policy refuses its pods",
        "change what it asks for, or have the policy leave the namespace {space} out",
    ),
    _Policy(
        "exceeded quota",
        "a quota refuses its pods",
        "raise it, or remove it:\nkubectl -n {space} get resourcequotas",
    ),
)


def pods(state: InstallationState) -> Iterator[Diagnosis]:
    """Remarks on what could not make its pods, by the last event of each. None where all could.

    Of Deployments those that the Service selects, once there are any: in a namespace others may be, or have been.
    """
    if isinstance(state.events, Unreadable):
        yield state.events.remark
        return
    space = state.names.namespace
    ours = {each["metadata"]["name"] for each in state.selected}
    for (kind, name), event in _last(state.events).items():
        if kind == "Deployment" and ours and name not in ours:
            continue
        message = one_line(str(event.get("message") or ""))
        policy = next((each for each in _POLICIES if re.search(each.words, message)), None)
        if event["reason"] == FAILED_CREATE and policy is not None:
            line = f"{kind} {space}/{name}: {policy.means}"
            yield wrong(line, policy.remedy.format(space=space), f"the API server says: {message}")


def _last(events: Iterable[Object]) -> dict[tuple[str, str], Object]:
    """The last event of each workload, which are in order of their names."""
    found: dict[tuple[str, str], Object] = {}
    for event in sorted(events, key=_moment):
        about = event.get("involvedObject") or {}
        kind, name = about.get("kind"), about.get("name")
        if kind in _MAKERS and name:
            found[_MAKERS[kind], (_MADE_UP if kind == "ReplicaSet" else _AT_SOME_TIME).sub("", name)] = event
    return dict(sorted(found.items()))


def _moment(event: Object) -> datetime.datetime:
    stamp = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return datetime.datetime.fromisoformat(stamp)
