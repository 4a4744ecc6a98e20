"""What to do next, as a function of what exists and the time.

There is no plan that could be interrupted: whoever comes next looks at what exists, and does the first thing that is
not as it should be. The order is what keeps every call good. First it is settled which CAs there are, then everyone
who calls the webhooks trusts all of them, and only then a certificate is signed.
"""

import datetime

from certs import pem
from certs.ca_rotation import succession
from certs.ca_secret import Authority, is_known
from certs.issuing import issue_leaf
from certs.serving_secret import FILES, Serving
from certs.state import Content, Desired, Foreign, Observed, Step, Target, UpToDate
from certs.trust import renewed_from, stamp


def next_step(seen: Observed, wanted: Desired, now: datetime.datetime) -> Step | UpToDate:
    """The next write, or Rest. Raises Foreign.

    `seen` has to be read in this order: the serving Secret, the configurations, the authority. Then a write to one of
    the first three that has not changed since is never for older CAs than those that its last writer knew.
    """
    _refuse_foreign(seen, wanted)
    serving = Serving.read(seen.serving.data if seen.serving else {})
    authority, line = succession(seen, serving, wanted, now)
    if seen.authority is None or authority.data != seen.authority.data:
        return Step(Target.AUTHORITY, authority.data, line or "damaged data removed")
    bundle = pem.text(authority.certificates)
    for target, webhooks in seen.configurations:
        wrong = [name for name, found in webhooks.items() if found != bundle]
        if wrong:
            line = f"caBundle of {', '.join(wrong)}: {len(authority.certificates)} CA(s)"
            return Step(target, dict.fromkeys(webhooks, bundle), line)
    return _serving_step(serving, authority, wanted, now) or _rest(serving, authority, wanted)


def _serving_step(serving: Serving, authority: Authority, wanted: Desired, now: datetime.datetime) -> Step | None:
    bundle, signing = pem.text(authority.certificates), authority.signing
    why = serving.reason_to_renew(signing.certificate, wanted, now) if signing else None
    if signing and why:
        leaf = issue_leaf(signing, wanted.names, now, wanted.leaf_lifetime)
        data = {"tls.crt": leaf.certificate_pem, "tls.key": leaf.key_pem, "ca.crt": bundle}
        return Step(Target.SERVING, data, f"new certificate, {_dates(Serving.read(data))} ({why})")
    if serving.bundle != bundle:
        data = {**{name: serving.data[name] for name in FILES[:2]}, "ca.crt": bundle}
        return Step(Target.SERVING, data, f"ca.crt: {len(authority.certificates)} CA(s)")
    return None


def _rest(serving: Serving, authority: Authority, wanted: Desired) -> UpToDate:
    pending = f"; a new CA signs from {stamp(authority.since + wanted.settle)} on" if authority.since else ""
    return UpToDate(f"nothing to do, {_dates(serving)}{pending}")


def _dates(serving: Serving) -> str:
    leaf = serving.chain[0]
    return f"valid until {stamp(leaf.not_valid_after_utc)}, renewed from {stamp(renewed_from(leaf))}"


def _refuse_foreign(seen: Observed, wanted: Desired) -> None:
    """A mistyped name must not overwrite what others keep in a Secret of that name."""
    if (content := _unmarked(seen.authority)) and (others := [name for name in content.data if not is_known(name)]):
        raise Foreign(Target.AUTHORITY, f"it has {', '.join(sorted(others))}")
    if content := _unmarked(seen.serving):
        if others := [name for name in content.data if name not in FILES]:
            raise Foreign(Target.SERVING, f"it has {', '.join(sorted(others))}")
        chain = Serving.read(content.data).chain
        if chain and wanted.names[0] not in pem.names(chain[0]):
            raise Foreign(Target.SERVING, f"its certificate is for {', '.join(pem.names(chain[0])) or 'no name'}")


def _unmarked(content: Content | None) -> Content | None:
    return content if content and not content.ours else None
