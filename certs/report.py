"""What is in use, in words."""

import datetime
from collections.abc import Callable, Iterable, Iterator

from certs import checks, pem
from certs.diagnostics import Diagnosis, Level, wrong
from certs.issuer import keeper
from certs.names import Names
from certs.serving_secret import Serving
from certs.state import CONFIGURATIONS, Observed, Target
from certs.trust import is_signed_by, is_valid


def inventory(
    seen: Observed, names: Names, now: datetime.datetime, title: Callable[[Target], str]
) -> tuple[list[str], bool]:
    """Lines on the certificate and on each `caBundle`, and whether nothing is wrong.

    `title` says what to call an object.
    """
    care, serving = keeper(seen, names), Serving.read(seen.serving.data if seen.serving else {})
    remarks = list(checks.certificate(seen, care, now))
    lines = [title(Target.SERVING), *_indented([*_certificate(serving), *map(_line, remarks)])]
    existing = dict(seen.configurations)
    for target in CONFIGURATIONS:
        lines.append(title(target))
        if target not in existing:
            absent = wrong("it does not exist", "apply the manifests")
            remarks.append(absent)
            lines += _indented([_line(absent)])
        for webhook, bundle in existing.get(target, {}).items():
            found = list(checks.bundle(bundle, serving, care, now))
            remarks += found
            about = [*_cas(bundle, serving, now), *map(_line, found)]
            if checks.covers(bundle, serving, names.host, now):
                about.append("covers the certificate")
            lines += _indented([f"webhook {webhook}", *_indented(about)])
    return lines, all(each.level is not Level.WRONG for each in remarks)


def _line(remark: Diagnosis) -> str:
    return f"{remark.level.value.upper()}: {remark.line}{f': {remark.remedy_in_one_line}' if remark.remedy else ''}"


def _certificate(serving: Serving) -> Iterator[str]:
    if serving.chain:
        yield f"certificate {checks.dates(serving.chain[0])}"
        yield f"names {', '.join(pem.names(serving.chain[0])) or 'none'}"


def _cas(bundle: bytes, serving: Serving, now: datetime.datetime) -> Iterator[str]:
    for each in pem.certificates(bundle):
        role = ", signed the certificate" if serving.chain and is_signed_by(serving.chain[-1], each) else ""
        expired = "" if is_valid(each, now) else ", NOT VALID now"
        yield f"CA {checks.dates(each)}{role}{expired}"


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
