"""The certificate, the CAs that it is believed by, and who renews it."""

import datetime
from collections.abc import Iterator

from app.commands.doctor.registration import APPLY
from app.commands.doctor.state import InstallationState, Unreadable
from certs import checks
from certs.diagnostics import Diagnosis, Level, note, ok, wrong
from certs.issuer import StashCerts
from certs.serving_secret import Serving
from certs.state import CONFIGURATIONS
from certs.trust import stamp
from kube.client import Object

_MAX_SKEW = datetime.timedelta(minutes=2)
_MAX_AGE_OF_SUCCESS = datetime.timedelta(days=1)
"""The CronJob runs each hour."""


def certificates(sight: InstallationState) -> Iterator[Diagnosis]:
    """Remarks on the Secret, each `caBundle`, and what renews them."""
    if abs(sight.ahead) > _MAX_SKEW:
        line = f"the API server's clock is {_format_skew(sight.ahead)} ours, and certificates are checked against it"
        yield note(line, "correct the wrong clock: stash-certs rotate issues nothing while a clock is wrong")
    seen, keeper, serving = sight.seen, sight.keeper, None
    title = f"Secret {sight.names.namespace}/{sight.names.secret}"
    if isinstance(sight.secret, Unreadable):
        yield sight.secret.remark
    else:
        serving = Serving.read(seen.serving.data if seen.serving else {})
        remarks = list(checks.certificate(seen, keeper, sight.now))
        yield from (_of(title, each) for each in remarks)
        if not any(each.level is Level.WRONG for each in remarks):
            yield ok(f"{title}: certificate {checks.dates(serving.chain[0])}")
    for target, webhooks in seen.configurations:
        configuration = sight.configurations[target]
        elsewhere = _elsewhere(configuration) if isinstance(configuration, dict) else ()
        name = sight.names.mutating if target is CONFIGURATIONS[0] else sight.names.validating
        for webhook, bundle in webhooks.items():
            if webhook in elsewhere:
                continue
            found = list(checks.bundle(bundle, serving, keeper, sight.now))
            about = f"{target.value} {name}: {webhook}"
            yield from (_of(about, each) for each in found)
            if serving is not None and checks.covers(bundle, serving, sight.names.host, sight.now) and not found:
                yield ok(f"{about}: caBundle covers the certificate")
    if isinstance(keeper, StashCerts):
        yield from _cron_job(sight)


def is_good(sight: InstallationState) -> bool:
    """Whether the Secret holds a certificate that the API server would accept, and every `caBundle` covers it."""
    if isinstance(sight.secret, Unreadable):
        return False
    serving = Serving.read(sight.seen.serving.data if sight.seen.serving else {})
    host, now, bundles = sight.names.host, sight.now, sight.seen.bundles
    return bool(bundles) and all(checks.covers(each, serving, host, now) for each in bundles)


def _elsewhere(configuration: Object) -> list[str]:
    """The webhooks that are no Service's: who is there has a certificate of its own."""
    return [each["name"] for each in configuration.get("webhooks") or () if not each["clientConfig"].get("service")]


def _of(title: str, remark: Diagnosis) -> Diagnosis:
    return Diagnosis(remark.level, f"{title}: {remark.line}", remark.remedy, remark.evidence)


def _cron_job(sight: InstallationState) -> Iterator[Diagnosis]:
    space, jobs = sight.names.namespace, sight.cron_jobs
    if isinstance(jobs, Unreadable):
        yield jobs.remark
        return
    rotating = [each for each in jobs if _rotates(each, sight.names.secret)]
    if not rotating and not isinstance(sight.secret, Unreadable):  # else it may be somebody else's to renew
        remedy = f"run stash-certs rotate{sight.names.flags} yourself, each day, or {APPLY}"
        yield note(
            f"no CronJob in {space} runs stash-certs rotate, so the certificate must be renewed in another way", remedy
        )
    for each in rotating:
        name, success = each["metadata"]["name"], (each.get("status") or {}).get("lastSuccessfulTime")
        title = f"CronJob {space}/{name}"
        born = datetime.datetime.fromisoformat(success or each["metadata"]["creationTimestamp"])
        if each["spec"].get("suspend"):
            resume = f"""kubectl -n {space} patch cronjob {name} -p '{{"spec":{{"suspend":false}}}}'"""
            yield wrong(f"{title}: it is suspended, so the certificate is not renewed", f"resume it:\n{resume}")
        elif sight.now - born > _MAX_AGE_OF_SUCCESS:
            last = f"it last succeeded at {stamp(born)}" if success else "it has never succeeded"
            logs = f"kubectl -n {space} get jobs\nkubectl -n {space} logs job/NAME"
            yield note(f"{title}: {last}", f"see why:\n{logs}")
        else:
            yield ok(f"{title}: {f'last succeeded at {stamp(born)}' if success else 'made less than a day ago'}")


def _rotates(cron_job: Object, secret: str) -> bool:
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    words = [word for each in pod["containers"] for word in [*(each.get("command") or ()), *(each.get("args") or ())]]
    named = [word for word in words if word.startswith("--secret=")]
    return "rotate" in words and named in ([], [f"--secret={secret}"])


def _format_skew(ahead: datetime.timedelta) -> str:
    return f"{abs(ahead).total_seconds() / 60:.0f} minutes {'ahead of' if ahead > datetime.timedelta() else 'behind'}"
