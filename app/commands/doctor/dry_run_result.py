"""What the replies to the good object and to the bad one show."""

import re
from collections.abc import Iterator

from app.commands.doctor.call_failures import failed_call, failing
from app.commands.doctor.client import Reply
from app.commands.doctor.expected import WEBHOOKS
from app.commands.doctor.state import InstallationState, Unreadable
from app.domain.hosts import LEGACY_ALIAS, Shape
from app.rules.registry import RULES
from certs.diagnostics import Diagnosis, note, ok, wrong
from certs.state import Target
from schemas.kinds import KINDS

TRIED = "BackupConfiguration"
"""The kind of both."""
_RESOURCE = KINDS[TRIED].plural
_ALIAS = LEGACY_ALIAS[Shape.LITERAL]
"""What /mutate writes where the target, a Deployment, has no alias."""
_RULE = re.compile(r"\(([a-z-]+)\)")
_READ = "kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations -o yaml"
_ELSEWHERE = "try where no quota, policy or other webhook is in the way: --try-in NAMESPACE"


def good(reply: Reply, sight: InstallationState) -> Iterator[Diagnosis]:
    """What the reply to the good object shows."""
    if reply.status >= 300:
        yield _refused(reply, sight, "good")
        return
    target = (reply.body.get("spec") or {}).get("target") or {}
    if target.get("alias") == _ALIAS:
        yield ok(f"a good {TRIED} is admitted, and /mutate wrote its alias ({reply.seconds:.2f} s)")
    else:
        yield wrong(
            f"a good {TRIED} is admitted, but /mutate did not write its alias", _why_silent(sight, Target.MUTATING)
        )
    yield from _slow(reply, sight)


def bad(reply: Reply, sight: InstallationState) -> Iterator[Diagnosis]:
    """What the reply to the bad object shows."""
    if reply.status < 300:
        rules = _our_rules(reply.warnings)
        if rules:
            line = f"a bad {TRIED} is admitted with warnings: the rules {', '.join(rules)} do not refuse"
            advice = "so they are set; `stash-admission rules --changed`, run in a replica, says by what"
            yield note(line, advice)
        else:
            line = f"a bad {TRIED} is admitted: /validate did not refuse it"
            yield wrong(line, _why_silent(sight, Target.VALIDATING))
        return
    rules = _our_rules(str(reply.body.get("message") or ""))  # whole: a message in one line is cut
    if rules and any(f'"{each}" denied' in reply.message for each in _webhooks(sight)):
        yield ok(f"a bad {TRIED} is refused, by /validate: {', '.join(rules)} ({reply.seconds:.2f} s)")
        yield from _slow(reply, sight)
    else:
        yield _refused(reply, sight, "bad")


def _refused(reply: Reply, sight: InstallationState, which: str) -> Diagnosis:
    """Of an object that should not be refused, or not in this way."""
    message, ours = reply.message, _webhooks(sight)
    evidence = f"the API server says: {message}"
    if name := failing(message):
        if name in ours:
            return failed_call(message, sight)
        line = f"{name}, a webhook of another program, cannot be called, so no one can create a {TRIED}"
        return wrong(line, f"see whose it is, and whether its server runs:\n{_READ} | grep -n -A 9 {name}", evidence)
    if any(f'"{each}" denied' in message for each in ours):
        remedy = "the server is another version than this command, or another program: see the Deployment's image"
        return wrong(f"a {which} {TRIED} is refused, but not as it should be", remedy, evidence)
    if "resulted in error" in message:
        remedy = f"fix the expression of this matchCondition, ours by applying the manifests again:\n{_READ}"
        return wrong("a matchCondition of a webhook cannot be evaluated", remedy, evidence)
    if "cannot create resource" in message:
        return note(f"dry run: not tried: grant create on {_RESOURCE} in the namespace", _ELSEWHERE, evidence)
    if message.startswith(("404 ", "the server could not find")):
        return note(
            f"dry run: not tried: the API server does not know {TRIED}", "see the remarks on the CRDs", evidence
        )
    return note(
        f"dry run: the {which} {TRIED} is refused by something else, so nothing is proved", _ELSEWHERE, evidence
    )


def _why_silent(sight: InstallationState, target: Target) -> str:
    """What to do where a webhook seems not to be asked."""
    found, title = sight.configurations[target], target.value
    webhooks = found.get("webhooks") or [] if isinstance(found, dict) else []
    if isinstance(found, Unreadable):
        return f"see whether the {title} exists, and whom it calls:\nkubectl get {title.lower()}s -o yaml"
    if not webhooks:
        return f"see the remark on the {title}"
    if any(each.get("failurePolicy") == "Ignore" for each in webhooks):
        log = f"kubectl -n {sight.names.namespace} logs -l app.kubernetes.io/component=webhook --tail 20"
        return (
            "fix what is wrong above; if nothing is, the call fails, and failurePolicy Ignore hides why: set it to "
            f"Fail and look again, or read the logs of the API server and of the replicas:\n{log}"
        )
    return (
        f"see the remarks on the {title}, which may keep objects away; if it was just applied, look again in a minute, "
        "since each API server notices it on its own"
    )


def _webhooks(sight: InstallationState) -> set[str]:
    """The names of our webhooks: as they are registered, or as they are shipped."""
    found = [each for each in sight.configurations.values() if isinstance(each, dict)]
    names = {each["name"] for configuration in found for each in configuration.get("webhooks") or ()}
    return names | set(WEBHOOKS.values())


def _slow(reply: Reply, sight: InstallationState) -> Iterator[Diagnosis]:
    """That the time which the API server waits for is half used up."""
    found = [each for each in sight.configurations.values() if isinstance(each, dict)]
    limits = [each.get("timeoutSeconds", 10) for configuration in found for each in configuration.get("webhooks") or ()]
    if limits and reply.seconds > min(limits) / 2:
        line = f"the dry run took {reply.seconds:.1f} s, and the API server waits {min(limits)} s for a webhook"
        remedy = "see whether other webhooks are slow, and whether the replicas have the CPU that they need:\n"
        yield note(line, f"{remedy}kubectl -n {sight.names.namespace} top pods")


def _our_rules(text: str) -> list[str]:
    return [each for each in dict.fromkeys(_RULE.findall(text)) if each in RULES]
