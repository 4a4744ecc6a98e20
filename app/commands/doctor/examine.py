"""All of it, one subject after the other, so that what is known is shown before the next one is looked at."""

from collections.abc import Iterator, Sequence

from app.commands.doctor.certificates import certificates
from app.commands.doctor.claims import claims
from app.commands.doctor.client import Access
from app.commands.doctor.definitions import definitions
from app.commands.doctor.dry_run import trial
from app.commands.doctor.endpoints import endpoints
from app.commands.doctor.expected import DEFINED_RESOURCES
from app.commands.doctor.pods import pods
from app.commands.doctor.registration import registration
from app.commands.doctor.state import look
from certs.diagnostics import Diagnosis, Level
from certs.names import Names
from kube.errors import Refused

SECONDS = 50
"""For everything."""


def examine(access: Access, names: Names, try_in: str, *, tries: bool) -> Iterator[tuple[str, Sequence[Diagnosis]]]:
    """Headings, each with remarks. With `tries`, also of a dry run in the namespace `try_in`.

    Raises Refused where nothing may be read, and Unavailable where nobody answers.
    """
    access.finish_within(SECONDS)
    sight = look(access, names, DEFINED_RESOURCES, try_in)
    if sight.is_blind:
        remarks = list(trial(access, sight, try_in)) if tries else []
        if all(each.level is Level.NOTE for each in remarks):
            raise Refused(
                "you may not read anything of an installation: docs/cli/doctor.md lists which permissions help"
            )
        yield "Dry run", remarks
        return
    yield "Registration", list(registration(sight))
    yield "Service", list(endpoints(sight))
    if remarks := list(pods(sight)):
        yield "Pods", remarks
    yield "Certificates", list(certificates(sight))
    if remarks := list(claims(sight)):
        yield "Claims", remarks
    yield "CRDs", list(definitions(sight))
    if tries:
        yield "Dry run", list(trial(access, sight, try_in))
