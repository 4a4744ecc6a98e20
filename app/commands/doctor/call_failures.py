"""What the API server says when it cannot call a webhook, what that means, and what to do about it.

The sentences are those of Kubernetes 1.37, of Go's packages for TLS and HTTP, and of what clouds put between. A message
is `failed calling webhook "NAME": ` and one of them; the first cause that fits counts.
"""

import re
from dataclasses import dataclass

from app.commands.doctor.certificates import is_good
from app.commands.doctor.registration import APPLY
from app.commands.doctor.state import InstallationState
from certs.diagnostics import Diagnosis, wrong

_FAILED = re.compile(r'failed calling webhook "(?P<name>[^"]*)"')
_ENDPOINTS = (
    "kubectl -n {space} get endpointslices -l kubernetes.io/service-name={service}\nkubectl -n {space} get pods -o wide"
)
_LOGS = "kubectl -n {space} logs -l app.kubernetes.io/component=webhook --tail 20"
_BLOCKED = (
    "let the control plane reach the pods' port 10250: see the firewall (private GKE has this port open), the\n"
    "security groups of the nodes (EKS) and the NetworkPolicies of {space}; if it can reach no pods at all:\n"
    "kubectl apply -k manifests/overlays/host-network"
)


@dataclass(frozen=True)
class Cause:
    """One reason for which calls fail."""

    words: str
    """A regular expression of what the API server says."""
    means: str
    remedy: str
    """With `{space}`, `{service}`, `{host}`, `{apply}` to be filled in, and `{issue}`, `{rename}`, `{trust}`.

    The last three are what to do about the certificate, unless the Secret's is good: then the replicas serve another.
    """


CAUSES = (
    Cause(
        r"proxyconnect|Proxy Authentication Required",
        "the API server calls through a proxy",
        "add .svc to the API server's NO_PROXY: it takes the proxy from its environment",
    ),
    Cause(
        r"no such host|server misbehaving|dial tcp: lookup ",
        "the host that the Service stands for cannot be resolved",
        "its externalName must be a name that resolves:\nkubectl -n {space} get service {service} -o yaml",
    ),
    Cause(
        r"certificate has expired or is not yet valid.* is before ",
        "the certificate that is served is not valid yet",
        "check whether the clock of the API server or of the issuer is wrong; then\n{issue}",
    ),
    Cause(r"certificate has expired or is not yet valid", "the certificate that is served has expired", "{issue}"),
    Cause(
        r"certificate signed by unknown authority|certificate is not trusted|certificate is not standards compliant",
        "no CA in caBundle signed the certificate that is served",
        "{trust}",
    ),
    Cause(
        r"certificate is (not )?valid for|doesn't contain any|relies on legacy Common Name",
        "the certificate that is served is for another name",
        "{rename}",
    ),
    Cause(r"unable to load root certificates", "caBundle cannot be read", "{trust}"),
    Cause(r"x509: ", "the certificate that is served is not accepted", "{issue}"),
    Cause(
        r"[Cc]lient certificate|tls: certificate required|tls: bad certificate|tls: unknown certificate",
        "the server requires a client certificate, and the API server presents none, or another one",
        "start the server without --client-ca, or give the API server a client certificate that this CA signed: a "
        "kubeconfig for {host} in the file of its --admission-control-config-file",
    ),
    Cause(
        r"tls: (handshake failure|protocol version|no cipher|.*does not look like)|server gave HTTP response",
        "what answers does not speak TLS as the API server does",
        "see what listens on the pods' port, which must be the webhooks' (10250), not the management port:\n"
        + _ENDPOINTS,
    ),
    Cause(
        r"no endpoints available for service",
        "no replica is ready",
        "see what keeps the pods from being ready:\n" + _ENDPOINTS,
    ),
    Cause(r'service "[^"]*" not found', "the Service does not exist", "{apply}"),
    Cause(r"no service port \d+ found", "the Service has no such port", "{apply}"),
    Cause(
        r"cannot route to service|unsupported service type",
        "the API server cannot call a Service of this type",
        "delete it:\nkubectl -n {space} delete service {service}\nthen {apply}",
    ),
    Cause(
        r"connection refused",
        "nothing listens there",
        "see whether the replicas run, and on the port that the Service names:\n" + _ENDPOINTS + "\n" + _LOGS,
    ),
    Cause(
        r"no route to host|network is unreachable|[Aa]ddress is not allowed|i/o timeout|Gateway Timeout"
        r"|Service Unavailable",
        "the control plane cannot reach the pods",
        _BLOCKED,
    ),
    Cause(
        r"No agent available",
        "the control plane's tunnel to the nodes is down",
        "see its agents:\nkubectl -n kube-system get pods -o wide | grep -i konnectivity",
    ),
    Cause(
        r"TLS handshake timeout|context deadline exceeded|Client\.Timeout|did not complete within requested timeout",
        "no answer in time: what is sent is dropped on the way, or the replicas are too slow",
        "see whether the replicas answer and what they wait for:\n" + _LOGS + "\nif no call arrives there, " + _BLOCKED,
    ),
    Cause(
        r"\bEOF\b|connection reset|broken pipe|connection was closed|GOAWAY",
        "the connection was closed instead of answered",
        "see whether a replica stopped meanwhile, and why:\nkubectl -n {space} get pods\n" + _LOGS,
    ),
    Cause(
        r"could not find the requested resource|POST /mutate and POST /validate|does not allow this method",
        "nothing answers at the path that is called, or another program does",
        "{apply}\nif it goes on, see what is behind the Service:\n" + _ENDPOINTS,
    ),
    Cause(
        r"too many calls at once|currently unable to handle the request|received too many requests",
        "the replicas get more calls than they take at once",
        "raise --max-in-flight, or start more:\nkubectl -n {space} scale deployment {service} --replicas 4",
    ),
    Cause(
        r"internal error|an error on the server|unable to return a response in the time allotted",
        "the server fails to answer, and its log says why",
        "see the log, and please report it, since it would be a bug in stash-admission:\n" + _LOGS,
    ),
    Cause(
        r"invalid webhook response|undecodable patch|unsupported patch type|did not return more information"
        r"|rejected our request|asked for the client to provide credentials|unknown$",
        "what answers is a program other than stash-admission",
        "see what is behind the Service:\n" + _ENDPOINTS,
    ),
)
_UNKNOWN = Cause("", "it cannot be called", "see whether the replicas are called at all:\n" + _LOGS + "\n" + _ENDPOINTS)


def failing(message: str) -> str | None:
    """The name of the webhook that could not be called; None if that is not what a message says."""
    match = _FAILED.search(message)
    return match["name"] if match else None


def failed_call(message: str, sight: InstallationState) -> Diagnosis:
    """What to say of a call of our webhook that failed."""
    cause = next((each for each in CAUSES if re.search(each.words, message)), _UNKNOWN)
    return wrong(f"{failing(message)}: {cause.means}", _remedy(cause, sight), f"the API server says: {message}")


def _remedy(cause: Cause, sight: InstallationState) -> str:
    keeper, names = sight.keeper, sight.names
    restart = f"kubectl -n {names.namespace} rollout restart deployment"
    served = f"the Secret and caBundle are right, so the replicas serve another certificate:\n{restart}"
    good = is_good(sight)
    return cause.remedy.format(
        space=names.namespace,
        service=names.service,
        host=names.host,
        apply=APPLY,
        issue=served if good else keeper.issue(),
        rename=served if good else keeper.rename(),
        trust=served if good else keeper.trust(),
    )
