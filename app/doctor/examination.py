"""All of it, one subject after the other, so that what is known is shown before the next one is looked at."""

from collections.abc import Iterator, Sequence

from app.doctor.access import Access
from app.doctor.certificates import certificates
from app.doctor.definitions import definitions
from app.doctor.endpoints import endpoints
from app.doctor.registration import registration
from app.doctor.shipped import RESOURCES
from app.doctor.sight import look
from app.doctor.trial import trial
from certs.failures import Refused
from certs.names import Names
from certs.remarks import Level, Remark

SECONDS = 50
"""For everything."""


def examine(access: Access, names: Names, try_in: str, *, tries: bool) -> Iterator[tuple[str, Sequence[Remark]]]:
    """Headings, each with remarks. With `tries`, also of a dry run in the namespace `try_in`.

    Raises Refused where nothing may be read, and Unavailable where nobody answers.
    """
    access.finish_within(SECONDS)
    sight = look(access, names, RESOURCES, try_in)
    if sight.is_blind:
        remarks = list(trial(access, sight, try_in)) if tries else []
        if all(each.level is Level.NOTE for each in remarks):
            raise Refused("you may not read anything of an installation: docs/doctor.md lists which permissions help")
        yield "Dry run", remarks
        return
    yield "Registration", list(registration(sight))
    yield "Service", list(endpoints(sight))
    yield "Certificates", list(certificates(sight))
    yield "CRDs", list(definitions(sight))
    if tries:
        yield "Dry run", list(trial(access, sight, try_in))
